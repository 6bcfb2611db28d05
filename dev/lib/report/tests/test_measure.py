# SPDX-License-Identifier: GPL-2.0
"""Tables of measurements"""

import unittest

from .. import measure


class Bench(unittest.TestCase):
	LINES = ['base 1 1.0 10.0', 'base 1 3.0 20.0', 'base 1 2.0 60.0',
		 'series 1 1.0 5.0', 'series 1 4.0 10.0', 'series 1 1.0 9.0']

	def test_medians(self):
		_, first, second = measure.bench(self.LINES)
		self.assertEqual(first.split(), '1 map 2.0 (1.0 to 3.0) 1.0 (1.0 to 4.0)'
				 ' 0.50 1.00'.split())
		self.assertEqual(second.split(), '1 unmap 20.0 (10.0 to 60.0) 9.0 (5.0 to 10.0)'
				 ' 0.45 0.50'.split())

	def test_order_of_threads(self):
		lines = [f'{variant} {threads} 1 1' for threads in (10, 2)
			 for variant in ('series', 'base')]
		self.assertEqual([line.split()[0] for line in measure.bench(lines)][1:],
				 ['2', '2', '10', '10'])

	def test_nothing(self):
		for lines in ([], self.LINES[:3]):
			with self.assertRaises(measure.Nothing):
				list(measure.bench(lines))

	def test_instructions(self):
		_, unmap = measure.instructions(['base 1 8.0 16.0', 'series 1 4.0 24.0'], 3)
		self.assertEqual(unmap.split(), ['instr.', 'unmap', '2000', '3000', '1.50'])

	def test_no_instructions(self):
		with self.assertRaises(measure.Nothing):
			list(measure.instructions(['base 1 8.0 16.0'], 3))


class Cost(unittest.TestCase):
	def logs(self, *ns):
		return [[f'    # attach_cost: cost of RID, ATS: {n} ns, 192 bytes\r'] for n in ns]

	def test_ratio_of_medians(self):
		_, line = measure.cost(self.logs(100, 900, 200), self.logs(100, 110, 999))
		self.assertEqual(line.split(),
				 ['RID,', 'ATS', '0', '0', '0.55', '192', '192'])

	def test_without_memory(self):
		base, series = ([[f'    # functions_cost: cost of 64 resets: {n} ns\r']]
				for n in (2000, 9000))
		_, line = measure.cost(base, series)
		self.assertEqual(line.split(), ['64', 'resets', '2', '9', '4.50', '-', '-'])

	def test_one_of_two_missing(self):
		base, series = self.logs(4000), [['# functions_cost: cost of reset: 0 ns']]
		one, two = list(measure.cost(base, series))[1:]
		self.assertEqual(one.split(), ['RID,', 'ATS', '4', '-', '-', '192', '-'])
		self.assertEqual(two.split(), ['reset', '-', '0', '-', '-', '-'])

	def test_nothing(self):
		with self.assertRaises(measure.Nothing):
			list(measure.cost(self.logs(1), [['nothing']]))

	def test_flush(self):
		self.assertEqual(
			measure.flush_cost('coherent', ['cost: map 100 unmap 200'],
					   ['x', 'cost: map 101 unmap 190']),
			'coherent, series/base: map 1.010, unmap 0.950')
		with self.assertRaises(measure.Nothing):
			measure.flush_cost('coherent', [], ['cost: map 101 unmap 190'])

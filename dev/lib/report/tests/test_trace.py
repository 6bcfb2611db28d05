# SPDX-License-Identifier: GPL-2.0
"""Counting a trace"""

import tempfile
import unittest

from .. import trace
from ..trace import Count

WAIT = 'vtd_inv_desc invalidate desc type wait high 0x0 low 0x200000025'
TAIL = 'vtd_inv_qi_tail write tail 0x1'


def mark(text):
	"""The trace events of a line written to the parallel port"""
	return [f'parallel_ioport_write write [SW] addr 0x00 val 0x{ord(c):02x}'
		for c in text + '\n']


def descriptor(kind, low):
	return f'vtd_inv_desc invalidate desc type {kind} high 0x40000000 low {low:#x}'


def run(*events, name='rid-1 unmap'):
	return [*mark(f'begin {name}'), *events, *mark('end')]


def only(lines):
	"""The only result of a trace"""
	result, = trace.count(lines)
	return result


class Trace(unittest.TestCase):
	def test_counts_kinds_of_descriptors(self):
		result = only(run(descriptor('iotlb', 0x10031), descriptor('p-iotlb', 0x36),
				  descriptor('device-iotlb', 0x3), descriptor('context', 0x1),
				  WAIT, TAIL))
		self.assertEqual(result.count, Count(2, 1, 1, 1, 1, 'mixed'))
		self.assertEqual((result.topology, result.op), ('rid-1', 'unmap'))

	def test_granularity(self):
		for kind, low, expected in (('iotlb', 0x10012, 'global'),
					    ('iotlb', 0x10022, 'domain'),
					    ('iotlb', 0x10032, 'pages'),
					    ('p-iotlb', 0x10026, 'pasid'),
					    ('p-iotlb', 0x10036, 'pasid-pages')):
			with self.subTest(expected):
				self.assertEqual(
					only(run(descriptor(kind, low))).count.kind,
					expected)

	def test_events_outside_of_a_run_do_not_count(self):
		result = only([WAIT, TAIL, *run(TAIL), WAIT])
		self.assertEqual(result.count, Count(doorbells=1))

	def test_other_registers_of_the_port(self):
		status = 'parallel_ioport_write write [SW] addr 0x02 val 0x62'
		self.assertEqual(only([status, *run(TAIL)]).count.doorbells, 1)

	def test_equal_runs_are_steady(self):
		result = only(run(WAIT) + run(WAIT))
		self.assertEqual((result.runs, result.steady), (2, True))

	def test_largest_of_different_runs(self):
		result = only(run(WAIT, WAIT) + run(WAIT, TAIL))
		self.assertEqual(result.count, Count(waits=2, doorbells=1))
		self.assertFalse(result.steady)

	def test_order_of_first_runs(self):
		lines = run(name='b map') + run(name='a map') + run(name='b map')
		self.assertEqual([r.topology for r in trace.count(lines)], ['b', 'a'])

	def test_lost(self):
		results = trace.count(run(descriptor('p-iotlb', 0x36), name='a unmap') +
				      run(name='a map') +
				      run(descriptor('p-iotlb', 0x36), name='b unmap'))
		kinds = [r.count.kind for r in trace.mark_lost(results, {'a'})]
		self.assertEqual(kinds, ['lost', '-', 'pasid-pages'])

	def test_file(self):
		results = trace.count(run(WAIT, TAIL))
		with tempfile.NamedTemporaryFile('w') as file:
			trace.save(results, file)
			file.flush()
			self.assertEqual(trace.load(file.name),
					 {('rid-1', 'unmap'): results[0]})

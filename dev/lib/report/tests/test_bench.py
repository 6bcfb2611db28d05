# SPDX-License-Identifier: GPL-2.0
"""The report of the benchmark"""

import unittest

from .. import bench


def log(scale):
	"""What the suite prints; SCALE is the time of everything."""
	lines = ['    # several_iommus: bench: flush, IOMMUs=1: 500000 ns\r',
		 f'    # several_iommus: bench: flush, IOMMUs=4: {500000 * scale} ns\r']
	for kind in ('same domain', 'one domain each'):
		for latency in (50, 500):
			lines.append(f'    # several_cpus: bench: {kind}, {latency} us, '
				     f'CPUs=1: {1000 * scale} ns')
	lines += [f'    # interrupts_off: bench: interrupts off, 1 ms, descriptors=1: {scale} ns',
		  f'    # interrupts_off: bench: submissions, descriptors=1: {scale} submissions',
		  f'    # many_attachments: bench: flush, attachments=1: {scale} ns',
		  f'    # many_attachments: bench: attach, attachments=1: {scale} ns',
		  '    # ranges: bench: range, 1000-1fff: 4096 asked, 4096 IOTLB, 8192 device TLB',
		  f'    # ranges: bench: range, 1000-2fff: 8192 asked, {8192 * scale} IOTLB, '
		  '281474976710656 device TLB']
	return bench.Log.parse(lines)


class Bench(unittest.TestCase):
	def text(self, base, series):
		return '\n'.join(bench.report(base, series, ['latencies'], ['counts']))

	def test_ratios(self):
		text = self.text(log(4), log(1))
		self.assertIn('| 4 | 2000 | 500 | 4.00 | 1.00 | 0.25 |', text)
		self.assertIn('| 1 | 250000 | 1000000 | 1.00 | 1.00 | 4.00 |', text)

	def test_submissions(self):
		self.assertIn('| 1 | 4 | 1 |', self.text(log(4), log(1)))

	def test_ranges(self):
		text = self.text(log(4), log(2))
		self.assertIn('| 1000-2fff | 8 KiB | 32 KiB | 16 KiB | everything | everything |',
			      text)
		self.assertIn('IOTLB, invalidated to unmapped: median 2.5 on base, 1.5 on '
			      'series; largest 4 on base, 2 on series.', text)

	def test_other_tables(self):
		text = self.text(log(1), log(1))
		self.assertLess(text.index('    counts'), text.index('    latencies'))

	def test_nothing(self):
		with self.assertRaises(bench.Nothing):
			bench.Log.parse(['ok 1 several_iommus'])

	def test_figure_missing(self):
		one, two = log(1), log(1)
		del two.figures['flush, IOMMUs=4']
		with self.assertRaisesRegex(bench.Nothing, 'flush, IOMMUs'):
			self.text(one, two)


if __name__ == '__main__':
	unittest.main()

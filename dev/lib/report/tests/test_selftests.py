# SPDX-License-Identifier: GPL-2.0
"""Results of the selftests"""

import unittest

from .. import selftests

LOG = '''\
selftest: iommufd
TAP version 13
ok 1 iommufd.map
not ok 2 iommufd.unmap # reason
ok 3 iommufd.dmabuf # SKIP no dma-buf
# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
selftest: end 1
selftest: iommufd_fail_nth
ok 1 basic
selftest: end 134
selftest: splat WARNING: at x.c:1
selftest: done
'''.splitlines()


class Results(unittest.TestCase):
	def test_tests(self):
		self.assertEqual(list(selftests.results(LOG)), [
			('iommufd.iommufd.map', 'ok'), ('iommufd.iommufd.unmap', 'not ok'),
			('iommufd.iommufd.dmabuf', 'skip'), ('iommufd_fail_nth.basic', 'ok'),
			('iommufd_fail_nth.end', 'not ok'), ('kernel.no-splat', 'not ok')])

	def test_log_that_breaks_off(self):
		self.assertEqual(list(selftests.results(LOG[:3])), [
			('iommufd.iommufd.map', 'ok'),
			('kernel.runs-to-the-end', 'not ok')])

	def compare(self, base, series):
		return [str(case) for case in selftests.compare(base.items(), series.items())]

	def test_same(self):
		self.assertEqual(self.compare({'a': 'ok', 'b': 'not ok', 'c': 'skip'},
					      {'a': 'ok', 'b': 'not ok', 'c': 'skip'}),
				 ['ok a'])

	def test_fails_on_the_series_alone(self):
		self.assertEqual(self.compare({'b': 'skip'}, {'a': 'not ok', 'b': 'not ok'}),
				 ['not ok a: it fails', 'not ok b: it fails'])

	def test_passes_on_the_base_alone(self):
		self.assertEqual(self.compare({'a': 'ok', 'b': 'ok', 'c': 'ok'},
					      {'a': 'not ok', 'b': 'skip'}),
				 [f'not ok {name}: it passes on the base' for name in 'abc'])

# SPDX-License-Identifier: GPL-2.0
"""Messages of checkpatch"""

import unittest

from ..checkpatch import complaints

TOTAL = 'total: {} errors, {} warnings, {} checks, 10 lines checked'


def message(level, kind, file):
	"""A message about a line of a file"""
	return [f'{level}:{kind}: some text', f'#12: FILE: {file}:3:', '+code', '']


class Complaints(unittest.TestCase):
	def test_none(self):
		self.assertEqual(list(complaints([TOTAL.format(0, 0, 0)])), [])

	def test_message(self):
		lines = message('CHECK', 'LONG_LINE', 'a.c') + [TOTAL.format(0, 0, 1)]
		self.assertEqual(list(complaints(lines)),
				 ['CHECK:LONG_LINE: some text a.c'])

	def test_exceptions(self):
		lines = message('WARNING', 'FILE_PATH_CHANGES', 'a.c') + \
			message('CHECK', 'OPEN_ENDED_LINE', 'intel/trace.h') + \
			['WARNING:UNKNOWN_COMMIT_ID: no file', TOTAL.format(0, 2, 1)]
		self.assertEqual(list(complaints(lines)), [])

	def test_exception_of_another_file(self):
		lines = message('CHECK', 'OPEN_ENDED_LINE', 'intel/cache.c') + \
			[TOTAL.format(0, 0, 1)]
		self.assertEqual(len(list(complaints(lines))), 1)

	def test_incomplete(self):
		incomplete = ['the report of checkpatch is not complete']
		self.assertEqual(list(complaints([])), incomplete)
		self.assertEqual(list(complaints([TOTAL.format(1, 0, 0)])), incomplete)

	def test_licences_not_checked(self):
		lines = ['Traceback (most recent call last):', TOTAL.format(0, 0, 0)]
		self.assertEqual(len(list(complaints(lines))), 1)


if __name__ == '__main__':
	unittest.main()

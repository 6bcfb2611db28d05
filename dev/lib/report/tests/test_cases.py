# SPDX-License-Identifier: GPL-2.0
"""Printing cases"""

import contextlib
import io
import unittest

from ..cases import Case, show


class Cases(unittest.TestCase):
	def shown(self, *cases):
		out = io.StringIO()
		with contextlib.redirect_stdout(out):
			status = show(cases)
		return status, out.getvalue()

	def test_good(self):
		self.assertEqual(self.shown(Case('a'), 'lost b'), (0, 'ok a\nlost b\n'))

	def test_failure_before_a_good_one(self):
		self.assertEqual(self.shown(Case('a', 'x'), Case('b')),
				 (1, 'not ok a: x\nok b\n'))

	def test_reason_is_one_line(self):
		self.assertEqual(str(Case('a', ' x\n\ty ')), 'not ok a: x y')

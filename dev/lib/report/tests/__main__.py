# SPDX-License-Identifier: GPL-2.0
"""Run the unit tests; print "ok NAME" or "not ok NAME: why" for each."""

import sys
import unittest
from pathlib import Path

from ..cases import Case, show


class Cases(unittest.TestResult):
	"""Collects a case for each test."""

	def __init__(self):
		super().__init__()
		self.cases = []

	def _add(self, test, why=None):
		name = test.id().removeprefix('report.tests.test_')
		self.cases.append(Case(f'report {name}', why))

	def _add_error(self, test, error):
		self._add(test, f'{error[0].__name__}: {error[1]}')

	def addSuccess(self, test):
		self._add(test)

	def addFailure(self, test, err):
		self._add_error(test, err)

	def addError(self, test, err):
		self._add_error(test, err)

	def addSubTest(self, test, subtest, err):
		if err:
			self._add_error(test, err)


here = Path(__file__).resolve().parent
result = Cases()
unittest.defaultTestLoader.discover(here, top_level_dir=here.parents[1]).run(result)
sys.exit(show(result.cases or [Case('report', 'it has no tests')]))

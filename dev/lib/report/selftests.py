# SPDX-License-Identifier: GPL-2.0
"""Results of the selftests of iommufd, compared with those of the base."""

import re

from .cases import Case

PROGRAM = re.compile(r'selftest: (iommufd\S*)')
PROGRAM_END = 'selftest: end'
SPLAT = 'selftest: splat'
DONE = 'selftest: done'
TOTALS = '# Totals: '
RESULT = re.compile(r'(ok|not ok) \d+ ([^#]*?) *(?:#(.*))?$')


def results(lines):
	"""The tests in the order of the log: name and "ok", "skip" or "not ok". A program
	that exited without printing its totals is a failed test, and so is a log that
	breaks off: a panic resets the machine."""
	program, totals, done = '', False, False
	for line in lines:
		start, result = PROGRAM.match(line), RESULT.match(line)
		if start:
			program, totals = start.group(1), False
		elif line.startswith(PROGRAM_END) and not totals:
			yield f'{program}.end', 'not ok'
		elif line.startswith(SPLAT):
			yield 'kernel.no-splat', 'not ok'
		elif line.startswith(TOTALS):
			totals = True
		elif line.startswith(DONE):
			done = True
		elif result:
			status, name, comment = result.groups()
			if status == 'ok' and (comment or '').startswith(' SKIP'):
				status = 'skip'
			yield f'{program}.{name}', status
	if not done:
		yield 'kernel.runs-to-the-end', 'not ok'


def compare(base, series):
	"""The cases of the series. A test that fails on both kernels is left out."""
	base, series = dict(base), list(series)
	passed = {name for name, status in series if status == 'ok'}
	for name, status in series:
		if status == 'ok':
			yield Case(name)
		elif status == 'not ok' and base.get(name) not in ('ok', 'not ok'):
			yield Case(name, 'it fails')
	for name, status in base.items():
		if status == 'ok' and name not in passed:
			yield Case(name, 'it passes on the base')

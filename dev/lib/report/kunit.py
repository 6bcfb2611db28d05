# SPDX-License-Identifier: GPL-2.0
"""Results of a KUnit run, from the kernel's log and kunit.py of its tree.

kunit.py decides which cases have passed. It does not report why a case failed: the
reason is taken from the lines before the result in the log.

Besides the cases, the kernel must have had two CPUs, must have reached its restart,
and must not have logged a warning. A test that provokes a warning which KUnit cannot
suppress announces it first. An announced warning must then appear:

	kunit_info(test, "expect splat: suspicious RCU usage");
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import log as kernel_log
from .cases import Case

KTAP = 'KTAP version'
SUBTEST = re.compile(r'( *)# Subtest: (.*)$')
RESULT = re.compile(r'( *)(ok|not ok) \d+ ?(?:- )?([^#]*?)(?: # (?:SKIP ?(.*)|.*))?$')
PLAN = re.compile(r' *1\.\.\d+')

CPUS = re.compile(r'smp: Brought up \d+ nodes?, (\d+) CPUs?')
END = 'reboot: Restarting system'
STAMP = re.compile(r'^\s*(\[[^]]*\]\s*)*')
SPLAT = re.compile(
	r'(\S+: )?(WARNING|BUG|INFO|Oops|KCSAN|UBSAN|KFENCE)(: | at )'
	r'|Kernel panic|kernel BUG at|general protection fault'
	r'|unreferenced object')
EXPECT = re.compile(r'# [^:]+: expect splat: (.*)')
LEAKS = re.compile(r'leaks: (\d+)')


@dataclass
class Said:
	"""The entries for a test in the log: their place, and for each result with this
	name whether it passed, the lines before it, and why it was skipped."""
	place: int
	results: list = field(default_factory=list)


def ktap(lines):
	"""The lines of the results, without the prefix of the console"""
	prefix = None
	for line in lines:
		if prefix is None:
			if KTAP not in line:
				continue
			prefix = line.index(KTAP)
		yield line[prefix:]


def read_results(lines):
	"""Map the path of each test to its entries in the log."""
	said, groups, before = {}, [], []

	def of(indent, name):
		while groups and len(indent) < groups[-1][0]:
			groups.pop()
		path = tuple(group for _, group in groups) + (name,)
		return said.setdefault(path, Said(len(said)))

	for line in ktap(lines):
		header, result = SUBTEST.match(line), RESULT.match(line)
		if header:
			indent, name = header.groups()
			of(indent, name)
			groups.append((len(indent), name))
			before = []
		elif result:
			indent, status, name, skipped = result.groups()
			of(indent, name).results.append(
				(status == 'ok', before, skipped))
			before = []
		elif KTAP not in line and not PLAN.match(line):
			before.append(line.strip(' #'))
	return said


def reason(status, said):
	"""Why a case did not pass, None if it did. STATUS is that of kunit.py."""
	passed, before, skipped = said.results.pop(0) if said and said.results \
		else (True, [], None)
	if status == 'PASS':
		return None
	if status == 'SKIP':
		return f'skipped: {skipped or "no reason given"}'
	if status == 'ERROR':
		return 'no result: the kernel crashed or hung in it'
	if passed:
		return 'it ran no case'
	for number, line in enumerate(before):
		if 'FAILED' in line:
			return ' '.join(before[number:number + 3])
	return ' '.join(before[:3]) or 'failed with no output'


def group_cases(group, said, path=()):
	"""The cases of a group in the output of kunit.py, in the order of the log. A
	group that failed without a failed case is a case itself."""
	members = [(member['name'], member)
		   for member in group['sub_groups'] + group['test_cases']]
	unknown = Said(len(said))
	members.sort(key=lambda m: said.get((*path, m[0]), unknown).place)
	failed = False
	for number, (name, member) in enumerate(members, 1):
		label = name or (f'case {number}' if path else '(unnamed)')
		here = (*path, label)
		if 'status' in member:
			why = reason(member['status'], said.get((*path, name)))
			cases = [Case('.'.join(here), why)]
		else:
			cases = group_cases(member, said, here)
		for case in cases:
			failed |= case.failed
			yield case
	counts = group['misc']
	if path and not failed and counts['failed']:
		yield Case('.'.join(path), 'it failed, but none of its cases did')
	elif path and not failed and counts['errors']:
		yield Case('.'.join(path), 'the results cannot be read (see the log)')


def parse(tree, lines):
	"""The results in the log according to kunit.py of the tree"""
	with tempfile.TemporaryDirectory() as directory:
		log, results = (Path(directory, name) for name in ('log', 'json'))
		log.write_text('\n'.join(lines) + '\n', encoding='utf-8')
		subprocess.run(
			[sys.executable, '-B', f'{tree}/tools/testing/kunit/kunit.py', 'parse',
			 '--summary', f'--json={results}', log],
			stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
		return json.loads(results.read_text(encoding='utf-8'))


def splats(lines):
	"""The warnings that were not announced, and a text for each announced warning
	that did not appear"""
	pending, found = [], []
	for line in lines:
		line = STAMP.sub('', line.strip())
		announced = EXPECT.match(line)
		if announced:
			pending.append(announced.group(1))
		elif SPLAT.match(line):
			known = [p for p in pending if re.search(p, line)]
			if known:
				pending.remove(known[0])
			else:
				found.append(line)
	return found + [f'expected but not logged: {p}' for p in pending]


def kernel_cases(lines):
	"""The cases of the run as a whole"""
	cpus = max((int(n) for n in CPUS.findall('\n'.join(lines))), default=1)
	yield Case('kernel.two-cpus', None if cpus >= 2 else f'it had {cpus} CPU')
	ended = any(END in line for line in lines)
	last = [line for line in lines if line and not line.startswith('qemu-')]
	yield Case('kernel.end', None if ended else
		   f'the kernel crashed or hung; its last line: {(last or [""])[-1]}')
	found = splats(lines)
	yield Case('kernel.no-splat', None if not found else
		   f'{len(found)}, the first: {found[0]}')


def leak_case(lines):
	"""The case of memory leaks"""
	found = [m.group(1) for m in map(LEAKS.match, lines) if m]
	if not found:
		why = 'the kmemleak scan did not run'
	else:
		why = None if found[-1] == '0' else f'{found[-1]} objects'
	return Case('kernel.leaks', why)


def suite_cases(expected, group, filtered):
	"""The suites that did not run although they are expected to, and those that ran
	although they are not"""
	ran = [member['name'] for member in group['sub_groups'] + group['test_cases']]
	for suite in expected:
		if suite not in ran and not filtered:
			yield Case(suite, 'the suite did not run')
	for suite in ran:
		if suite and suite not in expected:
			yield Case(suite, 'dev/test/suites does not list the suite')
	if not ran:
		yield Case('kunit', 'no suite ran')


def results(tree, log, status, filtered, expected, leaks):
	"""All cases of a run. STATUS is the exit status of kunit.py, FILTERED whether
	only some suites were to run, EXPECTED the names of all suites, LEAKS whether
	the kernel was to look for leaks."""
	lines = [''.join(c for c in line if c.isprintable() or c == '\t')
		 for line in kernel_log.without_foreign_races(kernel_log.read(log))]
	group = parse(tree, lines)
	failed = False
	for source in (group_cases(group, read_results(lines)),
		       suite_cases(expected, group, filtered),
		       kernel_cases(lines)):
		for case in source:
			failed |= case.failed
			yield case
	if status and not failed:
		yield Case('kunit.py', f'it ended with status {status}')
	if leaks:
		yield leak_case(lines)


def left_out(cases, lacking):
	"""Replace the cases that were skipped because the kernel has not one of the
	LACKING symbols by a text each. They count neither as passed nor as failed."""
	reasons = {f'skipped: needs {symbol}' for symbol in lacking}
	for case in cases:
		if case.failed and case.why in reasons:
			yield f'left out {case.name}: {case.why}'
		else:
			yield case


@dataclass
class Defect:
	"""A row of test/defects, and what the cases of its test have shown."""
	name: str
	test: str
	fails: str
	but_not: str
	total: int = 0
	failures: int = 0
	wrong: str = ''

	def expects(self, parameter):
		"""Whether the case with this parameter has to fail"""
		if self.but_not != '-' and re.search(self.but_not, parameter):
			return False
		return not parameter or bool(re.search(self.fails, parameter))

	def note(self, case, parameter):
		"""Take a case of the test into account."""
		self.total += 1
		self.failures += case.failed
		if self.wrong:
			return
		# A case that did not finish has shown nothing.
		if case.failed and re.match('skipped|no result|it ran no case', case.why):
			self.wrong = f'did not finish: {case.name}'
		elif self.fails != '?' and case.failed != self.expects(parameter):
			self.wrong = ('fails, which it should not: ' if case.failed
				      else 'passes: ') + case.name

	def verdict(self):
		"""The case of the defect"""
		why = self.wrong
		if not self.total:
			why = 'it did not run'
		elif not why and self.fails == '?' and not self.failures:
			why = 'passes'
		if why:
			return Case(f'base {self.name} {self.test}', why)
		return Case(f'base {self.name}  {self.test:38} fails in '
			    f'{self.failures:2} of {self.total:2} cases')


def read_defects(path):
	"""The rows of test/defects"""
	with open(path, encoding='utf-8') as file:
		return [Defect(*line.split()) for line in file
			if line.strip() and not line.startswith('#')]


def base_cases(defects, cases):
	"""Compare the cases of the base with its known defects. Of the cases of the
	kernel as a whole, only kernel.end counts: a defect may well cause a warning."""
	ended = others = False
	for case in cases:
		if isinstance(case, str):
			yield case
			continue
		if case.name.startswith('kernel.'):
			ended |= case.name == 'kernel.end' and not case.failed
			continue
		_, test, parameter = (case.name.split('.', 2) + ['', ''])[:3]
		known = [defect for defect in defects
			 if re.fullmatch(defect.test, test)]
		for defect in known:
			defect.note(case, parameter)
		others |= not known
		if case.failed and not known:
			yield Case(f'base {case.name}', 'no defect accounts for it')
	yield from (defect.verdict() for defect in defects)
	if not ended:
		yield Case('base', 'the kernel crashed or hung')
	if not others:
		yield Case('base', 'no other test ran')

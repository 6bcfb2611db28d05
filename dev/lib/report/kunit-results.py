#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the kernel log of a KUnit run into "ok NAME" / "not ok NAME: why".

usage: dev/kunit-results TREE LOG STATUS FILTER <TEST-SOURCES

TREE is the kernel checkout whose own parser reads the results, LOG the log,
STATUS the exit status of kunit.py, FILTER the glob it ran with ("" for all).
The names of the test sources come on standard input: every suite that they
define has to have run.

Beside the cases it demands that the kernel had two CPUs, came to its end,
and warned of nothing. A test that provokes a warning which KUnit cannot
suppress announces it before, and then it has to come:

	kunit_info(test, "expect splat: suspicious RCU usage");
"""

import importlib
import re
import sys

SUITE = re.compile(r'struct kunit_suite\s+\w+\s*=\s*\{(.*?)\n\};', re.S)
SUITE_NAME = re.compile(r'\.name\s*=\s*"([^"]+)"')
CPUS = re.compile(r'smp: Brought up \d+ nodes?, (\d+) CPUs?')
END = 'reboot: Restarting system'
STAMP = re.compile(r'^\s*(\[[^]]*\]\s*)*')
SPLAT = re.compile(
	r'(\S+: )?(WARNING|BUG|INFO|Oops|KCSAN|UBSAN|KFENCE)(: | at )'
	r'|Kernel panic|kernel BUG at|general protection fault'
	r'|unreferenced object')
EXPECT = re.compile(r'# [^:]+: expect splat: (.*)')

failures = 0


def result(name, why=None):
	"""Print one case; a reason makes it a failure."""
	global failures
	if why is None:
		print(f'ok {name}')
		return
	failures += 1
	print(f'not ok {name}: {" ".join(why.split())}')


def reason(parser, test, before):
	"""Why a case without subtests did not pass; None if it did.

	BEFORE is what the parser has taken for its parent's words: it does so
	with those of the first of several cases.
	"""
	status = parser.TestStatus
	if test.status == status.SUCCESS:
		return None
	if test.status == status.SKIPPED:
		return f'skipped: {test.skip_reason or "no reason given"}'
	if test.status == status.FAILURE:
		said = [line.strip(' #') for line in test.log or before]
		for number, line in enumerate(said):
			if 'FAILED' in line:
				return ' '.join(said[number:number + 3])
		return ' '.join(said[:3]) or 'failed without a word'
	if test.status == status.TEST_CRASHED:
		return 'no result: the kernel crashed or hung in it'
	return 'it ran no case'


def report(parser, test, path, before=()):
	"""Print the cases of a test, and its own failure if they had none."""
	if not test.subtests:
		result(path, reason(parser, test, before))
		return
	earlier = failures
	for number, sub in enumerate(test.subtests, 1):
		report(parser, sub, f'{path}.{sub.name or f"case {number}"}',
		       test.log)
	if failures == earlier and test.status != parser.TestStatus.SUCCESS:
		result(path, f'{test.status.name} though no case failed')
	elif failures == earlier and test.counts.errors:
		result(path, 'the results cannot be read (see the log)')


def expected_suites(sources):
	"""The names of all suites that the test sources define."""
	for source in sources:
		with open(source, encoding='utf-8') as file:
			bodies = SUITE.findall(file.read())
		names = [SUITE_NAME.search(body) for body in bodies]
		if not names or None in names:
			sys.exit(f'dev/kunit-results: {source}: cannot find the'
				 ' names of its suites')
		yield from (name.group(1) for name in names)


def splats(log):
	"""The warnings nobody announced, and announcements without warning."""
	pending, found = [], []
	for line in log:
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
	return found + [f'expected but did not come: {p}' for p in pending]


def kernel(log):
	"""What has to hold for the run as a whole."""
	cpus = max((int(n) for n in CPUS.findall('\n'.join(log))), default=1)
	result('kernel.two-cpus', None if cpus >= 2 else f'it had {cpus}')
	ended = any(END in line for line in log)
	last = [line for line in log if line and not line.startswith('qemu-')]
	result('kernel.end', None if ended else
	       f'the kernel crashed or hung; its last line: {(last or [""])[-1]}')
	found = splats(log)
	result('kernel.no-splat', None if not found else
	       f'{len(found)}, the first: {found[0]}')


def main():
	"""Read the log, report everything."""
	tree, log_name, status, pattern = sys.argv[1:]
	sys.dont_write_bytecode = True
	sys.path.insert(0, f'{tree}/tools/testing/kunit')
	parser = importlib.import_module('kunit_parser')
	printer = importlib.import_module('kunit_printer')
	with open(log_name, errors='backslashreplace', encoding='utf-8') as file:
		log = [line.rstrip() for line in file]

	tests = parser.parse_run_tests(log, printer.null_printer).subtests
	for test in tests:
		report(parser, test, test.name or '(unnamed)')
	ran = [test.name for test in tests]
	for suite in expected_suites(sys.stdin.read().splitlines()):
		if suite not in ran and not pattern:
			result(suite, 'the suite did not run')
	if not tests:
		result('kunit', 'no suite ran')
	kernel(log)
	if status != '0' and not failures:
		result('kunit.py', f'it ended with status {status}')
	sys.exit(failures > 0)


main()

# SPDX-License-Identifier: GPL-2.0
"""Results of KUnit runs"""

import json
import tempfile
import unittest
from pathlib import Path
from textwrap import dedent

from .. import kunit
from ..cases import Case

# Recorded, and shortened
LOG = dedent('''\
	[    0.1] smp: Brought up 1 node, 4 CPUs
	KTAP version 1
	1..2
	    KTAP version 1
	    # Subtest: intel_iommu_domain
	    1..4
	        KTAP version 1
	        # Subtest: map_and_unmap
	    # map_and_unmap: EXPECTATION FAILED at domain_kunit.c:100
	    Expected a == b, but
	        a == 1
	        b == 2
	        not ok 1 legacy, ATS
	        ok 2 second stage
	    not ok 1 map_and_unmap
	    ok 2 attach # SKIP no device
	    # silent: pass:0 fail:1 skip:0 total:1
	    not ok 3 silent
	    ok 4 detach
	not ok 1 intel_iommu_domain
	    KTAP version 1
	    # Subtest: intel_iommu_sva
	    1..1
	    ok 1 exit
	ok 2 intel_iommu_sva
	[    9.9] reboot: Restarting system
	''').splitlines()


def counts(**numbers):
	return {name: numbers.get(name, 0) for name in
		('tests', 'passed', 'failed', 'crashed', 'skipped', 'errors')}


def group(name, *members, **numbers):
	"""A group as "kunit.py parse --json" has it"""
	return {'name': name, 'misc': counts(**numbers),
		'sub_groups': [m for m in members if 'misc' in m],
		'test_cases': [m for m in members if 'status' in m]}


def case(name, status='PASS'):
	return {'name': name, 'status': status}


PARSED = group(
	'KUnit Test Group',
	group('intel_iommu_domain',
	      group('map_and_unmap', case('legacy, ATS', 'FAIL'), case('second stage'),
		    failed=1),
	      case('attach', 'SKIP'), case('silent', 'FAIL'), case('detach'), failed=2),
	group('intel_iommu_sva', case('exit')))


def texts(parsed, lines=LOG):
	return [str(c) for c in kunit.group_cases(parsed, kunit.read_results(lines))]


class Results(unittest.TestCase):
	def test_cases(self):
		self.assertEqual(texts(PARSED), [
			'not ok intel_iommu_domain.map_and_unmap.legacy, ATS: map_and_unmap:'
			' EXPECTATION FAILED at domain_kunit.c:100 Expected a == b, but a == 1',
			'ok intel_iommu_domain.map_and_unmap.second stage',
			'not ok intel_iommu_domain.attach: skipped: no device',
			'not ok intel_iommu_domain.silent: silent: pass:0 fail:1 skip:0 total:1',
			'ok intel_iommu_domain.detach',
			'ok intel_iommu_sva.exit'])

	def test_left_out(self):
		skipped = Case('suite.needy', 'skipped: needs CONFIG_A')
		others = [Case('suite.needy', 'skipped: needs CONFIG_B'),
			  Case('suite.first'), Case('suite.second', 'failed')]
		self.assertEqual(list(kunit.left_out([skipped, *others], ['CONFIG_A'])),
				 ['left out suite.needy: skipped: needs CONFIG_A', *others])

	def test_prefix_of_the_console(self):
		lines = [f'[    1.234] {line}' for line in LOG]
		self.assertEqual(texts(PARSED, lines), texts(PARSED))

	def test_no_output(self):
		lines = [line for line in LOG if '# silent' not in line]
		self.assertIn('not ok intel_iommu_domain.silent: failed with no output',
			      texts(PARSED, lines))

	def test_plan_is_no_output(self):
		lines = ['KTAP version 1', '    # Subtest: suite', '    1..1',
			 '    not ok 1 first', 'not ok 1 suite']
		self.assertEqual(texts(group('', group('suite', case('first', 'FAIL'))), lines),
				 ['not ok suite.first: failed with no output'])

	def test_crash(self):
		parsed = group('', group('suite', case('first'), case('', 'ERROR'), crashed=1,
					 errors=1))
		self.assertEqual(texts(parsed)[1], 'not ok suite.case 2: no result: the kernel'
				 ' crashed or hung in it')

	def test_suite_without_cases(self):
		self.assertEqual(texts(group('', case('intel_iommu_sva', 'FAIL'))),
				 ['not ok intel_iommu_sva: it ran no case'])

	def test_group_fails_alone(self):
		self.assertEqual(texts(group('', group('suite', case('first'), failed=1))),
				 ['ok suite.first',
				  'not ok suite: it failed, but none of its cases did'])

	def test_garbled_results(self):
		self.assertEqual(texts(group('', group('suite', case('first'), errors=1)))[1:],
				 ['not ok suite: the results cannot be read (see the log)'])

	def test_suites(self):
		def found(expected, parsed=PARSED, filtered=False):
			return [c.name for c in kunit.suite_cases(expected, parsed, filtered)]
		both = ['intel_iommu_domain', 'intel_iommu_sva']
		self.assertEqual(found(both), [])
		self.assertEqual(found(both + ['iommu_alist']), ['iommu_alist'])
		self.assertEqual(found(both + ['iommu_alist'], filtered=True), [])
		self.assertEqual(found(both[:1]), ['intel_iommu_sva'])
		self.assertEqual(found([], group('')), ['kunit'])


class Kernel(unittest.TestCase):
	def failures(self, *lines):
		return [c.name for c in kunit.kernel_cases([*LOG, *lines]) if c.failed]

	def test_good(self):
		self.assertEqual(self.failures(), [])

	def test_one_cpu(self):
		self.assertEqual([str(c) for c in kunit.kernel_cases(LOG[1:])][0],
				 'not ok kernel.two-cpus: it had 1 CPU')

	def test_no_end(self):
		self.assertIn('not ok kernel.end: the kernel crashed or hung; its last line:'
			      ' ok 2 intel_iommu_sva',
			      [str(c) for c in kunit.kernel_cases(LOG[:-1])])

	def test_splat(self):
		self.assertEqual(self.failures('[ 1.0] BUG: KASAN: slab-out-of-bounds'),
				 ['kernel.no-splat'])

	def test_announced_splat(self):
		announced = '    # case: expect splat: suspicious RCU usage'
		splat = '[ 1.0] WARNING: suspicious RCU usage'
		self.assertEqual(self.failures(announced, splat), [])
		self.assertEqual(self.failures(announced), ['kernel.no-splat'])
		self.assertEqual(kunit.splats([announced]),
				 ['expected but not logged: suspicious RCU usage'])
		self.assertEqual(self.failures(announced, splat, splat), ['kernel.no-splat'])

	def test_first_splat(self):
		lines = [*LOG, 'BUG: first', 'WARNING: second']
		self.assertEqual(str(list(kunit.kernel_cases(lines))[2]),
				 'not ok kernel.no-splat: 2, the first: BUG: first')

	def test_leaks(self):
		self.assertEqual([str(kunit.leak_case(lines)) for lines in
				  ([], ['leaks: 0'], ['leaks: 0', 'leaks: 3'])],
				 ['not ok kernel.leaks: the kmemleak scan did not run',
				  'ok kernel.leaks', 'not ok kernel.leaks: 3 objects'])


# Replaces the kernel's kunit.py: its results are the contents of a file beside it.
PARSER = '''
import pathlib, sys
results = next(a for a in sys.argv if a.startswith("--json=")).partition("=")[2]
here = pathlib.Path(__file__).parent
pathlib.Path(results).write_text((here / "results").read_text())
(here / "seen").write_text(pathlib.Path(sys.argv[-1]).read_text())
'''
LOG_OF_KCSAN = ['=====', 'BUG: KCSAN: data-race in put_page / do_exit', '=====']


class Run(unittest.TestCase):
	def setUp(self):
		directory = tempfile.TemporaryDirectory()
		self.addCleanup(directory.cleanup)
		self.tree = Path(directory.name)
		self.tools = self.tree / 'tools' / 'testing' / 'kunit'
		self.tools.mkdir(parents=True)
		(self.tools / 'kunit.py').write_text(PARSER)

	def run_with(self, parsed, lines=LOG, status=0, leaks=False):
		(self.tools / 'results').write_text(json.dumps(parsed))
		log = self.tree / 'test.log'
		log.write_text('\r\n'.join(lines))
		expected = [member['name'] for member in parsed['sub_groups']]
		return [str(case) for case in kunit.results(
			self.tree, log, status, False, expected, leaks)]

	PASSED = group('', group('intel_iommu_sva', case('exit')))
	KERNEL = ['ok kernel.two-cpus', 'ok kernel.end', 'ok kernel.no-splat']

	def test_good(self):
		self.assertEqual(self.run_with(self.PASSED),
				 ['ok intel_iommu_sva.exit', *self.KERNEL])

	def test_status_of_kunit(self):
		self.assertEqual(self.run_with(self.PASSED, status=1)[4:],
				 ['not ok kunit.py: it ended with status 1'])
		self.assertNotIn('kunit.py', ' '.join(self.run_with(PARSED, status=1)))

	def test_leaks(self):
		lines = ['leaks: 7', *LOG, 'leaks: 0']
		self.assertEqual(self.run_with(self.PASSED, lines, leaks=True)[4:],
				 ['ok kernel.leaks'])

	def test_control_characters(self):
		self.run_with(self.PASSED, ['\x1b[?7l\x07KTAP\tx', *LOG])
		self.assertEqual((self.tools / 'seen').read_text().splitlines()[0],
				 '[?7lKTAP\tx')

	def test_foreign_race_is_no_splat(self):
		self.assertEqual(self.run_with(self.PASSED, LOG + LOG_OF_KCSAN)[1:],
				 self.KERNEL)


class Base(unittest.TestCase):
	END = Case('kernel.end')
	OTHER = Case('suite.other')

	def judge(self, *cases, fails='.', but_not='-', end=(END, OTHER)):
		defect = kunit.Defect('B1', 'test', fails, but_not)
		return [str(c) for c in kunit.base_cases([defect], [*cases, *end])]

	def test_defect_shows(self):
		self.assertEqual(self.judge(Case('suite.test.RID', 'x'),
					    Case('suite.test.PASID'), but_not='PASID'),
				 [f'ok base B1  {"test":38} fails in  1 of  2 cases'])

	def test_defect_of_several_tests(self):
		defect = kunit.Defect('B1', 'test(_more)?', '?', '-')
		cases = [Case('suite.test'), Case('suite.test_more', 'x'),
			 self.END, self.OTHER]
		self.assertEqual([str(c) for c in kunit.base_cases([defect], cases)],
				 [f'ok base B1  {"test(_more)?":38} fails in'
				  '  1 of  2 cases'])

	def test_defect_does_not_show(self):
		self.assertEqual(self.judge(Case('suite.test.RID')),
				 ['not ok base B1 test: passes: suite.test.RID'])

	def test_case_that_should_pass(self):
		self.assertEqual(self.judge(Case('suite.test.RID', 'x'), fails='PASID'),
				 ['not ok base B1 test: fails, which it should not:'
				  ' suite.test.RID'])

	def test_case_without_parameter(self):
		self.assertTrue(self.judge(Case('suite.test', 'x'), fails='PASID')[0]
				.startswith('ok '))

	def test_crash_shows_nothing(self):
		self.assertEqual(self.judge(Case('suite.test', 'no result: the kernel')),
				 ['not ok base B1 test: did not finish: suite.test'])

	def test_matter_of_chance(self):
		cases = [Case('suite.test.a', 'x'), Case('suite.test.b')]
		self.assertTrue(self.judge(*cases, fails='?')[0].startswith('ok '))
		self.assertEqual(self.judge(cases[1], fails='?'),
				 ['not ok base B1 test: passes'])

	def test_test_did_not_run(self):
		self.assertEqual(self.judge(), ['not ok base B1 test: it did not run'])

	def test_unknown_failure(self):
		self.assertIn('not ok base suite.more: no defect accounts for it',
			      self.judge(Case('suite.test', 'x'), Case('suite.more', 'y')))

	def test_kernel_that_ended_stays_ended(self):
		splat = Case('kernel.no-splat', 'x')
		self.assertEqual(len(self.judge(Case('suite.test', 'x'), end=(
			self.END, splat, self.OTHER))), 1)

	def test_kernel_has_to_end(self):
		failing = Case('suite.test', 'x')
		self.assertIn('not ok base: the kernel crashed or hung',
			      self.judge(failing, end=(self.OTHER,)))
		self.assertIn('not ok base: no other test ran',
			      self.judge(failing, end=(self.END,)))

# SPDX-License-Identifier: GPL-2.0
"""Cases and tables of counted boots"""

import tempfile
import unittest
from pathlib import Path

from .. import boots
from ..compare import Row, Runs
from ..least import Least, Topology
from ..trace import Count, Result, mark_lost, save

RID = Topology('rid-1', 1, 1, 0, 0x40000000, 0x1000)
RID2 = Topology('rid-2', 2, 1, 0, 0x40000000, 0x1000)
WASTEFUL = Topology('pasid-4', 4, 1, 16, 0x40000000, 0x1000)
ONE = Least(1, 0, 1, 1, True)
GOOD = Count(1, 0, 0, 1, 1, 'pages')


def result(count, runs=5, steady=True):
	return Result('', 'unmap', count, runs, steady)


def row(base=GOOD, series=GOOD, least=ONE, topology=RID, op='unmap', **options):
	return Row('legacy', topology, op, result(base), result(series, **options), least)


def only(*rows):
	"""The only case of the rows, as text"""
	text, = map(str, boots.count_cases(rows))
	return text


class CountCases(unittest.TestCase):
	def test_least(self):
		self.assertEqual(only(row()),
				 'ok counts legacy rid-1 unmap (1/0/1/1, base 1/0/1/1)')

	def test_above_least(self):
		self.assertEqual(only(row(series=Count(2, 1, 0, 1, 2))),
				 'not ok counts legacy rid-1 unmap: IOTLB 2 not 1'
				 ' device-TLB 1 not 0 doorbells 2 not 1')

	def test_below_least(self):
		self.assertIn('IOTLB 0 not 1', only(row(series=Count(0, 0, 0, 1, 1))))

	def test_above_base(self):
		least = Least(2, 0, 1, 1, False)
		more = Count(1, 0, 0, 2, 2)
		self.assertIn('waits 2 over 1 doorbells 2 over 1',
			      only(row(series=more, least=least)))

	def test_wider_blocks_are_a_choice(self):
		least = Least(2, 0, 1, 1, False)
		self.assertTrue(only(row(series=Count(3, 0, 0, 1, 1), least=least))
				.startswith('ok '))

	def test_missing(self):
		self.assertIn('not measured', only(row(runs=0)))

	def test_runs_that_differ(self):
		self.assertIn('the runs differ', only(row(steady=False)))

	def test_other_descriptors(self):
		self.assertIn('3 other descriptors in between',
			      only(row(series=Count(1, 0, 3, 1, 1))))

	def test_more_than_one_submission(self):
		least = Least(1, 64, 1, 1, True)
		self.assertTrue(only(row(base=Count(1, 64, 0, 2, 2), series=Count(
			1, 64, 0, 2, 2), least=least)).startswith('ok '))

	def test_lost(self):
		lost, case = map(str, boots.count_cases([row(base=Count(17, kind='lost'))]))
		self.assertTrue(lost.startswith('lost counts legacy rid-1 unmap'))
		self.assertEqual(case, 'ok counts legacy rid-1 unmap (1/0/1/1, base lost)')

	def test_lost_and_more_than_one_wait(self):
		least = Least(2, 0, 1, 1, False)
		_, case = map(str, boots.count_cases([row(
			base=Count(kind='lost'), series=Count(2, 0, 0, 2, 1), least=least)]))
		self.assertIn('not ok', case)

	def test_base_has_to_fail(self):
		_, case = map(str, boots.count_cases([row(topology=WASTEFUL)]))
		self.assertIn('not ok counts legacy pasid-4 unmap, and the base fails it',
			      case)

	def test_base_fails(self):
		_, case = map(str, boots.count_cases([row(
			topology=WASTEFUL, base=Count(17, 0, 0, 2, 2))]))
		self.assertEqual(case, 'ok counts legacy pasid-4 unmap, and the base fails it')


class Table(unittest.TestCase):
	def lines(self, *rows):
		return list(boots.table(rows))[3:]

	def test_line(self):
		base, = self.lines(row(base=Count(17, 0, 0, 2, 2, 'domain')))
		self.assertEqual(base.split(), 'legacy 1 device by RID unmap 17* 0 2 2'
				 ' 1 0 1 1 1 0 1 1'.split())

	def test_equal_topologies_share_a_line(self):
		line, = self.lines(row(), row(topology=RID2))
		self.assertIn('1, 2 devices by RID ', line)

	def test_unmap_comes_first_and_free_maps_are_left_out(self):
		free = Least(0, 0, 0, 0, True)
		lines = self.lines(row(op='map', base=Count(), series=Count(), least=free),
				   row(op='map', topology=RID2), row())
		self.assertEqual([line.split()[-13] for line in lines], ['unmap', 'map'])

	def test_map_that_the_base_alone_pays_for(self):
		free = Least(0, 0, 0, 0, True)
		self.assertEqual(len(self.lines(row(op='map', base=Count(1), series=Count(),
						    least=free))), 1)

	def test_marks(self):
		self.assertEqual(boots.cell(result(GOOD, steady=False)).split()[0], '1?')
		self.assertEqual(boots.cell(result(GOOD, runs=0)), 'not measured')
		self.assertEqual(boots.cell(result(Count(kind='lost'))).split(),
				 ['lost', '-', '-', '-'])


class Files(unittest.TestCase):
	def setUp(self):
		directory = tempfile.TemporaryDirectory()
		self.addCleanup(directory.cleanup)
		top = Path(directory.name)
		self.runs = Runs(top, 'boot', ['legacy'], top)
		(top / 'scenarios').write_text('# NAME\nlegacy legacy\nother scalable\n')
		(top / 'topologies').write_text('rid-1 1 1 0 40000000 1000\n'
						'pasid-1 1 1 16 40000000 1000\n')
		(top / 'boot').mkdir()
		for variant in ('base', 'series'):
			boot = self.runs.directory(variant, 'legacy')
			boot.mkdir()
			(boot / 'results').write_text('kernel 7.3.4-base-1 cpus 2\n'
						      f'verified {24 << 20} {8 << 20}\n')
			with open(boot / 'counts.json', 'w', encoding='utf-8') as file:
				save([Result('rid-1', 'unmap', GOOD, 5, True),
				      Result('io', 'io', Count(400, 30), 1, True)], file)
			(top / 'boot' / f'{variant}-legacy.said').touch()

	def test_rows(self):
		rows = list(self.runs.rows())
		self.assertEqual([(r.scenario, r.topology.name, r.op) for r in rows],
				 [('legacy', 'rid-1', 'map'), ('legacy', 'rid-1', 'unmap')])
		self.assertEqual(rows[1].series.count, GOOD)
		self.assertEqual(rows[0].series.runs, 0)

	def test_boot(self):
		(self.runs.runs / 'boot' / 'base-legacy.reused').write_text('result of then')
		self.assertEqual([str(case) for case in boots.boot_cases(self.runs)], [
			'ok boot base legacy (disk 24 MiB, net 8 MiB, 430 descriptors;'
			' result of then)',
			'ok boot series legacy (disk 24 MiB, net 8 MiB, 430 descriptors)'])

	def test_rejected_during_io(self):
		results = mark_lost([Result('io', 'io', Count(400, 30), 1, True)], {'io'})
		counts = self.runs.directory('base', 'legacy') / 'counts.json'
		with open(counts, 'w', encoding='utf-8') as file:
			save(results, file)
		self.assertEqual(str(next(boots.boot_cases(self.runs))),
				 'ok boot base legacy (disk 24 MiB, net 8 MiB, 430'
				 ' descriptors, some of them rejected)')

	def test_boot_that_failed(self):
		said = self.runs.runs / 'boot' / 'base-legacy.said'
		said.write_text('qemu: restarted\nboot-one: x: the kernel: hangs\n')
		self.assertEqual(str(next(boots.boot_cases(self.runs))),
				 'not ok boot base legacy: x: the kernel: hangs')

	def test_boot_that_is_missing(self):
		(self.runs.runs / 'boot' / 'base-legacy.said').unlink()
		self.assertEqual(str(next(boots.boot_cases(self.runs))),
				 'not ok boot base legacy: did not run')

	def test_no_descriptors(self):
		counts = self.runs.directory('base', 'legacy') / 'counts.json'
		counts.write_text('')
		self.assertEqual(str(next(boots.boot_cases(self.runs))),
				 'not ok boot base legacy: no invalidation during I/O')

	def test_demo(self):
		lines = list(boots.demo(self.runs, ['ats: no']))
		self.assertIn('Linux 7.3.4; least = what the specification allows.', lines)
		self.assertIn('left out: ats: no', lines)
		self.assertEqual(lines[-1], 'legacy           base: disk 24 MiB, net 8 MiB, 430'
				 ' descriptors; series: disk 24 MiB, net 8 MiB, 430 descriptors')

# SPDX-License-Identifier: GPL-2.0
"""Errors in kernel logs"""

import unittest

from .. import log

UNIT = '[ 0.1] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap d2008c222f0686 ecap f46'
INTERRUPT = '[ 1.0] DMAR: DRHD: handling fault status reg 10'
QUEUE = '[ 1.0] DMAR: VT-d detected Invalidation Queue Error: Reason f'
HEAD = '[ 1.0] DMAR: QI HEAD: {} Invalidation qw0 = 0x100036, qw1 = 0x{}'
TAIL = '[ 1.0] DMAR: Invalidation Queue Error (IQE) cleared'
# MAMV in the capabilities of UNIT is 18, below the address mask here.
TOO_LARGE = HEAD.format('PASID-based IOTLB', '53')
OTHER = '[ 1.0] usb: something else'


def race(*functions, end='====='):
	"""KCSAN's report of a race between the first function and do_exit(). The other
	functions are the callers of the first one."""
	return ['=====', f'BUG: KCSAN: data-race in {functions[0]} / do_exit', '',
		'write to 0xffff888003a7c1e8 of 1 bytes by interrupt on cpu 0:',
		*(f' {function}+0x13/0x30' for function in functions), '',
		'read to 0xffff888003a7c1e8 of 1 bytes by task 9 on cpu 1:',
		' do_exit+0x1/0x30', *([end] if end else [])]


class Races(unittest.TestCase):
	def judged(self, *functions, **options):
		lines = [OTHER, *race(*functions, **options)]
		kept = list(log.without_foreign_races(lines))
		self.assertEqual(kept[:2], [OTHER, '====='])
		self.assertIn(len(kept), (2, len(lines)))
		return len(kept) > 2

	def test_ours(self):
		self.assertTrue(self.judged('cache_tag_first', 'asm_common_interrupt',
					    'schedule'))

	def test_each_file(self):
		"""One function of each file with code that runs concurrently"""
		for function in ('attachment_link', 'flush_range_init', 'flush_devtlb',
				 'quarantine_clear_present', 'iommu_attach_list_add',
				 'topo_mapper', 'unit_poll', 'mock_dma', 'cache_find',
				 'stress_do_map', 'random_act', 'world_attach',
				 'race_unmap_and_map', 'drv_attach', 'ut_unmap',
				 'fixture_injector', 'alist_stress', 'second_look_flush'):
			self.assertTrue(self.judged(function, 'kthread'), function)

	def test_foreign(self):
		self.assertFalse(self.judged('virtqueue_first', 'put_page',
					     'process_one_work'))

	def test_interrupt_of_our_function(self):
		self.assertFalse(self.judged('virtqueue_second', 'asm_common_interrupt',
					     'qi_submit_sync'))

	def test_caller_is_ours(self):
		self.assertTrue(self.judged('mempool_first', 'qi_submit_sync',
					    'asm_common_interrupt', 'schedule'))

	def test_inside_the_tracer(self):
		self.assertFalse(self.judged(
			'ring_buffer_lock_reserve', 'trace_event_buffer_reserve',
			'trace_event_raw_event_cache_tag_flush', 'cache_tag_flush'))

	def test_sleep(self):
		self.assertFalse(self.judged('schedule_hrtimeout_range_clock',
					     'usleep_range_state', 'topo_attacher'))
		self.assertTrue(self.judged('topo_attacher', 'kthread'))

	def test_our_event(self):
		self.assertTrue(self.judged('trace_event_raw_event_cache_tag_flush',
					    'cache_tag_flush'))

	def test_report_that_is_cut_off(self):
		self.assertTrue(self.judged('kfree_cut', end=None))


class Refused(unittest.TestCase):
	def refused(self, *lines):
		return log.without_refused(lines)

	def test_mask_above_the_maximum(self):
		kept = self.refused(UNIT, INTERRUPT, QUEUE, OTHER, TOO_LARGE, TAIL, OTHER)
		self.assertEqual(kept, ([UNIT, OTHER, OTHER], 1))

	def test_two(self):
		_, refused = self.refused(UNIT, QUEUE, TOO_LARGE, QUEUE, TOO_LARGE)
		self.assertEqual(refused, 2)

	def test_mask_at_the_maximum(self):
		at = HEAD.format('PASID-based IOTLB', '52')
		self.assertEqual(self.refused(UNIT, QUEUE, at, TAIL),
				 ([UNIT, QUEUE, at, TAIL], 0))

	def test_other_descriptor(self):
		other = HEAD.format('IOTLB', '53')
		self.assertEqual(self.refused(UNIT, QUEUE, other),
				 ([UNIT, QUEUE, other], 0))

	def test_error_without_descriptor(self):
		self.assertEqual(self.refused(UNIT, QUEUE), ([UNIT, QUEUE], 0))

	def test_interrupt_alone_is_kept(self):
		self.assertEqual(self.refused(UNIT, INTERRUPT), ([UNIT, INTERRUPT], 0))


class FirstError(unittest.TestCase):
	def test_none(self):
		self.assertIsNone(log.first_error([UNIT, OTHER]))

	def test_first(self):
		warning = '[ 2.0] WARNING: CPU: 0 PID: 1 at drivers/iommu/x.c:1'
		self.assertEqual(log.first_error([OTHER, warning, QUEUE]), warning)

	def test_provoked(self):
		self.assertIsNone(log.first_error([OTHER, '[ 3.0] RESULT provoked',
						   'BUG: KASAN: slab-out-of-bounds']))

	def test_refused(self):
		lines = [UNIT, INTERRUPT, QUEUE, TOO_LARGE, TAIL]
		self.assertIsNone(log.first_error(lines, refusals=True))
		self.assertEqual(log.first_error(lines), INTERRUPT)

	def test_foreign_race(self):
		self.assertIsNone(log.first_error(race('virtqueue_first', 'put_page')))
		self.assertIsNotNone(log.first_error(race('cache_tag_first')))

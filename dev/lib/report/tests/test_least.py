# SPDX-License-Identifier: GPL-2.0
"""The least, compared with numbers worked out by hand"""

import tempfile
import unittest

from ..least import Least, Scenario, Topology, blocks, fits, least, read

FOUR = Topology('pasid-4', 4, 1, 16, 0x40000000, 0x1000)
ACROSS = Topology('across-1g', 1, 1, 0, 0x3ffff000, 0x2000)


def unit(features):
	return Scenario.parse('unit', features)


class Blocks(unittest.TestCase):
	def test_one_page(self):
		self.assertEqual(blocks(0x1000, 0x1000), 1)

	def test_aligned_power_of_two(self):
		self.assertEqual(blocks(0x200000, 0x200000), 1)

	def test_power_of_two_that_is_not_aligned(self):
		self.assertEqual(blocks(0x1000, 0x2000), 2)

	def test_thirteen_pages(self):
		self.assertEqual(blocks(0, 13 * 0x1000), 3)


class Rows(unittest.TestCase):
	def test_file(self):
		with tempfile.NamedTemporaryFile('w') as file:
			file.write('# NAME\n\npasid-4\t4 1\t16 40000000 1000\n')
			file.flush()
			self.assertEqual(read(file.name, Topology), [FOUR])


class Minimum(unittest.TestCase):
	def test_second_stage_does_not_distinguish_pasids(self):
		self.assertEqual(least(unit('scalable,pasid'), FOUR, 'unmap'),
				 Least(1, 0, 1, 1, True))

	def test_first_stage_distinguishes_pasids(self):
		self.assertEqual(least(unit('scalable,pasid,first-stage'), FOUR, 'unmap'),
				 Least(17, 0, 1, 1, True))

	def test_every_device_tlb(self):
		self.assertEqual(least(unit('scalable,pasid,device-iotlb'), FOUR, 'unmap'),
				 Least(1, 68, 1, 1, True))

	def test_map_is_free(self):
		self.assertEqual(least(unit('scalable,device-iotlb'), FOUR, 'map'),
				 Least(0, 0, 0, 0, True))

	def test_map_in_caching_mode(self):
		self.assertEqual(least(unit('scalable,caching'), FOUR, 'map').iotlb, 1)

	def test_first_stage_ignores_caching_mode(self):
		features = 'scalable,caching,first-stage'
		self.assertEqual(least(unit(features), FOUR, 'map').iotlb, 0)

	def test_two_blocks_are_a_choice(self):
		self.assertEqual(least(unit('legacy'), ACROSS, 'unmap'),
				 Least(2, 0, 1, 1, False))

	def test_pasids_need_a_unit_with_pasids(self):
		self.assertFalse(fits(unit('scalable'), FOUR))
		self.assertTrue(fits(unit('scalable,pasid'), FOUR))
		self.assertTrue(fits(unit('legacy'), ACROSS))

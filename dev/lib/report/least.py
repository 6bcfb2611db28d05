# SPDX-License-Identifier: GPL-2.0
"""The smallest numbers of invalidation descriptors and doorbells that the VT-d
specification allows for one map and one unmap, called the least.

They follow from the scenario and the topology alone, not from any kernel.
"""

from dataclasses import dataclass

PAGE = 4096


@dataclass(frozen=True)
class Scenario:
	"""A row of machine/scenarios: an emulated unit."""
	name: str
	features: frozenset

	@classmethod
	def parse(cls, name, features):
		return cls(name, frozenset(features.split(',')))

	def has(self, feature):
		return feature in self.features


@dataclass(frozen=True)
class Topology:
	"""A row of machine/topologies: what is attached to a domain, and the range
	that is mapped."""
	name: str
	devices: int
	rid: int
	pasids: int
	iova: int
	size: int

	@classmethod
	def parse(cls, name, devices, rid, pasids, iova, size):
		return cls(name, int(devices), int(rid), int(pasids), int(iova, 16),
			   int(size, 16))


@dataclass(frozen=True)
class Least:
	"""Numbers of descriptors and doorbells. They are not exact if the range takes
	several blocks: a driver may as well invalidate fewer, larger blocks."""
	iotlb: int
	devtlb: int
	waits: int
	doorbells: int
	exact: bool


def read(path, kind):
	"""Read the rows of a file as objects of KIND."""
	with open(path, encoding='utf-8') as file:
		return [kind.parse(*line.split()) for line in file
			if line.strip() and not line.startswith('#')]


def blocks(iova, size):
	"""The number of blocks that make up the range. A block is a naturally aligned
	power-of-two number of pages, which is what one invalidation covers."""
	number = 0
	while size > 0:
		block = PAGE
		while block * 2 <= size and iova % (block * 2) == 0:
			block *= 2
		iova += block
		size -= block
		number += 1
	return number


def tags(scenario, topology):
	"""The number of tags that the IOTLB distinguishes in a domain.

	Entries of second-stage translation are tagged with the domain ID, those of
	first-stage translation with domain ID and PASID. Requests without PASID have
	PASID 0 for all devices.
	"""
	if scenario.has('first-stage'):
		return topology.rid + topology.pasids
	return 1


def least(scenario, topology, op):
	"""The least for one OP, which is "map" or "unmap"."""
	number = blocks(topology.iova, topology.size)
	iotlb = devtlb = 0
	# Not-present entries are not cached, except for second-stage tables in caching
	# mode.
	if op == 'unmap' or (scenario.has('caching') and not scenario.has('first-stage')):
		iotlb = number * tags(scenario, topology)
	# A device TLB never caches a not-present entry, and distinguishes RID and
	# PASIDs: one descriptor for each of them on each device.
	if op == 'unmap' and scenario.has('device-iotlb'):
		devtlb = number * topology.devices * (topology.rid + topology.pasids)
	# All descriptors fit into one submission, which ends with one wait descriptor.
	once = int(iotlb + devtlb > 0)
	return Least(iotlb, devtlb, once, once, number == 1)


def fits(scenario, topology):
	"""Whether the unit of the scenario can have the topology"""
	return not topology.pasids or scenario.has('pasid')

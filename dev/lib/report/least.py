# SPDX-License-Identifier: GPL-2.0
"""The least that the VT-d specification allows for one map and one unmap.

It follows from the scenario and the topology alone, not from any kernel.
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
	"""Numbers of descriptors and doorbells. They are not exact if several blocks
	are needed: fewer and larger ones are a choice."""
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
	"""The number of naturally aligned powers of two of pages that cover the range
	and nothing else, as an invalidation covers one of these"""
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

	A second-stage entry has the id of the domain as its tag, a first-stage entry
	id and PASID. Requests by RID have PASID 0, whatever the device.
	"""
	if scenario.has('first-stage'):
		return topology.rid + topology.pasids
	return 1


def least(scenario, topology, op):
	"""The least for one OP, which is "map" or "unmap"."""
	number = blocks(topology.iova, topology.size)
	iotlb = devtlb = 0
	# Nothing caches a mapping that was not present, but for second-stage tables
	# in caching mode.
	if op == 'unmap' or (scenario.has('caching') and not scenario.has('first-stage')):
		iotlb = number * tags(scenario, topology)
	# A device TLB distinguishes RID and PASIDs, and never has a mapping that was
	# not present: one descriptor for each address space of each device.
	if op == 'unmap' and scenario.has('device-iotlb'):
		devtlb = number * topology.devices * (topology.rid + topology.pasids)
	# One submission takes all descriptors, and one wait ends it.
	once = int(iotlb + devtlb > 0)
	return Least(iotlb, devtlb, once, once, number == 1)


def fits(scenario, topology):
	"""Whether the unit of the scenario can have the topology"""
	return not topology.pasids or scenario.has('pasid')

# SPDX-License-Identifier: GPL-2.0
"""Count the descriptors and doorbells of an emulated VT-d unit in QEMU's trace.

The guest writes "begin TOPOLOGY OP" and "end" to the parallel port. The events
between the two belong to one run of OP.
"""

import json
import re
from dataclasses import asdict, dataclass, field, replace

MARK = re.compile(r'parallel_ioport_write write \[\w+\] addr 0x00 val (0x[0-9a-f]+)')
DESCRIPTOR = re.compile(r'vtd_inv_desc .* type (.*) high \S+ low (\S+)$')
# A write to the tail register of the queue
DOORBELL = re.compile(r'vtd_inv_qi_tail ')

# Granularity of an invalidation: bits 5:4 of the low word of its descriptor
IOTLB_KINDS = {1: 'global', 2: 'domain'}
PIOTLB_KINDS = {2: 'pasid'}

NO_KIND = '-'
MIXED = 'mixed'
# The unit has rejected invalidations of the measurement.
LOST = 'lost'


@dataclass(frozen=True)
class Count:
	"""Numbers of descriptors and doorbells.

	IOTLB counts IOTLB and PASID-IOTLB descriptors, DEVTLB those for device TLBs,
	OTHER all others but waits. KIND is the granularity of the IOTLB descriptors:
	pages, domain, global, pasid-pages, pasid, mixed, lost or "-".
	"""
	iotlb: int = 0
	devtlb: int = 0
	other: int = 0
	waits: int = 0
	doorbells: int = 0
	kind: str = NO_KIND

	def add(self, kind, low):
		"""Return the count with one more descriptor."""
		if kind == 'wait':
			return replace(self, waits=self.waits + 1)
		if kind.startswith('iotlb'):
			return self._add_iotlb(IOTLB_KINDS.get(low >> 4 & 3, 'pages'))
		if kind.startswith('p-iotlb'):
			return self._add_iotlb(PIOTLB_KINDS.get(low >> 4 & 3, 'pasid-pages'))
		if kind.startswith('device'):
			return replace(self, devtlb=self.devtlb + 1)
		return replace(self, other=self.other + 1)

	def _add_iotlb(self, kind):
		if self.kind not in (NO_KIND, kind):
			kind = MIXED
		return replace(self, iotlb=self.iotlb + 1, kind=kind)

	def ring(self):
		"""Return the count with one more doorbell."""
		return replace(self, doorbells=self.doorbells + 1)


@dataclass
class Measurement:
	"""The counts of all runs of one operation."""
	topology: str
	op: str
	runs: list = field(default_factory=list)

	@property
	def steady(self):
		"""Whether all runs have equal counts"""
		return len(set(self.runs)) == 1

	def largest(self):
		"""The largest numbers of all runs as a count"""
		kinds = {run.kind for run in self.runs}
		numbers = {name: max(getattr(run, name) for run in self.runs)
			   for name in ('iotlb', 'devtlb', 'other', 'waits', 'doorbells')}
		return Count(**numbers, kind=kinds.pop() if len(kinds) == 1 else MIXED)


@dataclass(frozen=True)
class Result:
	"""A measurement as stored in counts.json. COUNT has the largest numbers of all
	runs."""
	topology: str
	op: str
	count: Count
	runs: int
	steady: bool


def count(lines):
	"""Return the results for the lines of a trace, in the order of the first
	runs."""
	measurements = {}
	current = None
	counted = Count()
	text = ''
	for line in lines:
		mark = MARK.match(line)
		if mark:
			value = int(mark.group(1), 16)
			if value != ord('\n'):
				text += chr(value)
				continue
			words, text = text.split(), ''
			if words[:1] == ['begin'] and len(words) == 3:
				current, counted = tuple(words[1:]), Count()
			elif words == ['end'] and current:
				measurements.setdefault(current, Measurement(*current)) \
					.runs.append(counted)
				current = None
		elif current:
			descriptor = DESCRIPTOR.match(line)
			if descriptor:
				counted = counted.add(descriptor.group(1),
						      int(descriptor.group(2), 16))
			elif DOORBELL.match(line):
				counted = counted.ring()
	return [Result(m.topology, m.op, m.largest(), len(m.runs), m.steady)
		for m in measurements.values()]


def mark_lost(results, lost):
	"""Mark the results of the topologies in LOST that have IOTLB descriptors."""
	return [replace(r, count=replace(r.count, kind=LOST))
		if r.topology in lost and r.count.iotlb else r for r in results]


def save(results, file):
	"""Write results as JSON, one per line."""
	for result in results:
		print(json.dumps(asdict(result)), file=file)


def load(path):
	"""Read the results in PATH, as {(topology, op): result}."""
	results = {}
	with open(path, encoding='utf-8') as file:
		for line in file:
			fields = json.loads(line)
			fields['count'] = Count(**fields['count'])
			result = Result(**fields)
			results[result.topology, result.op] = result
	return results

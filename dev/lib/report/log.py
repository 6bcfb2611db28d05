# SPDX-License-Identifier: GPL-2.0
"""Errors in a kernel's log."""

import re

ERROR = re.compile(
	r'BUG:|WARNING:|INFO: |KASAN|KCSAN:|UBSAN|Oops|Kernel panic|Call Trace|stall|hung'
	r'|corruption|unreferenced object|general protection|unable to handle'
	r'|DMAR:.*([Ff]ault|[Ee]rror|timed out)|possible recursive|circular locking'
	r'|suspicious RCU')
# From here on, the guest provokes errors.
PROVOKED = 'RESULT provoked'

# Names in the code of the IOMMU and its tests: anywhere in the line, or as prefixes
OURS = re.compile(
	r'iommu|dmar|cache_tag|pasid|alist|iotlb|devtlb|iova|prq|second_look|single_atc'
	r'| _*(qi|intel|dma|attachment|quarantine|flush_(batch|range|page)|topo|ut'
	r'|fixture|drv|world|unit|mock|stress|random|race|cache)_')
RACE = re.compile(r'BUG: KCSAN: data-race')
ACCESS = re.compile(r' to 0x[0-9a-f]+ of [0-9]+ bytes by ')
ENTRY = re.compile(
	r' ((asm|ring_buffer|trace_buffer|trace_event_buffer)_[a-z_]+'
	r'|schedule_hrtimeout[a-z_]*)\+0x')
FUNCTION = re.compile(r' [A-Za-z_][A-Za-z0-9_.]*\+0x')
RULER = re.compile(r'=====')

# "DMAR: dmar0: reg_base_addr ... cap d2008c222f0686 ecap ..."
UNIT = re.compile(r'DMAR: dmar\d+: reg_base_addr .* cap ([0-9a-f]+)')
# The fault interrupt if its only cause is an error of the queue
INTERRUPT = re.compile(r'DMAR: DRHD: handling fault status reg 10$')
QUEUE_ERROR = re.compile(r'DMAR: VT-d detected Invalidation Queue Error: ')
HEAD = re.compile(r'DMAR: QI HEAD: (.*)')
PIOTLB_HEAD = re.compile(r'PASID-based IOTLB Invalidation .*(?:0x|\s)([0-9a-f]+)$')
CLEARED = re.compile(r'DMAR: Invalidation Queue Error \(IQE\) cleared')


def read(path):
	"""The lines of a log"""
	with open(path, errors='backslashreplace', encoding='utf-8') as file:
		return [line.rstrip() for line in file]


def without_foreign_races(lines):
	"""Leave out the data races that do not involve code of the IOMMU.

	KCSAN reports races of all parts of a kernel. A report that is cut off is kept.
	Code that was interrupted is not involved, nor is code that called the tracer or
	that sleeps: in a stack, these are the functions below the entry of the
	interrupt, of the trace buffer or of the timer.
	"""
	report, ours, below = [], False, False
	for line in lines:
		if RACE.search(line):
			report, ours = [], bool(OURS.search(line))
		elif not report:
			yield line
			continue
		report.append(line)
		if ACCESS.search(line):
			below = False
		if ENTRY.search(line):
			below = True
		if not below and FUNCTION.search(line) and OURS.search(line):
			ours = True
		if RULER.match(line):
			if ours:
				yield from report
			report = []
	yield from report


def without_refused(lines):
	"""Leave out PASID-based IOTLB invalidations that were refused for their address
	mask. Return the other lines and the number of these invalidations.

	The specification allows any mask there for units with scalable mode. QEMU from
	10.0.13 on refuses those above the maximum in the capability register (MAMV).
	Other errors of the queue are kept.
	"""
	kept, interrupts = [], []
	error, largest_mask = None, None
	refused, clearing = 0, False
	for line in lines:
		unit, head = UNIT.search(line), HEAD.search(line)
		if unit:
			largest_mask = int(unit.group(1), 16) >> 48 & 0x3f
		if INTERRUPT.search(line):
			interrupts.append(line)
		elif QUEUE_ERROR.search(line):
			if error:
				kept.append(error)
			error = line
		elif error and head:
			# The error and its descriptor are two lines, with lines of other
			# processors in between.
			piotlb = PIOTLB_HEAD.match(head.group(1))
			if piotlb and largest_mask is not None and \
			   int(piotlb.group(1), 16) & 0x3f > largest_mask:
				refused += 1
				clearing = True
			else:
				kept += [error, line]
			error = None
		elif clearing and CLEARED.search(line):
			clearing = False
		else:
			kept.append(line)
	if error:
		kept.append(error)
	return kept + ([] if refused else interrupts), refused


def first_error(lines, refusals=False):
	"""The first error before those that are provoked, None if there is none. With
	REFUSALS, invalidations refused for their address mask are not errors."""
	before = []
	for line in lines:
		if PROVOKED in line:
			break
		before.append(line)
	judged = list(without_foreign_races(before))
	if refusals:
		judged, _ = without_refused(judged)
	return next((line for line in judged if ERROR.search(line)), None)

# SPDX-License-Identifier: GPL-2.0
"""Cases and tables of the boots with counted descriptors."""

from itertools import groupby

from .cases import Case
from .compare import VARIANTS
from .trace import LOST

# The largest number of descriptors in one submission, FLUSH_BUFFER_SIZE in cache.c.
# More descriptors take several submissions, with a wait and a doorbell each.
AT_ONCE = 64
# A topology for which the base is known to exceed the least
WASTEFUL = 'pasid-4'

WHOLE = ('domain', 'pasid', 'global')
MIB = 1 << 20


def numbers(result):
	"""The numbers of a result as short text"""
	c = result.count
	return f'{c.iotlb}/{c.devtlb}/{c.waits}/{c.doorbells}'


def doubt(result):
	"""Why a result is not a valid measurement; empty if it is"""
	if not result.runs:
		return 'not measured'
	if not result.steady:
		return 'the runs differ'
	if result.count.other:
		return f'{result.count.other} other descriptors in between'
	return ''


def submissions(row):
	"""The number of submissions that the least takes"""
	return (row.least.iotlb + row.least.devtlb + AT_ONCE - 1) // AT_ONCE


def differences(word, *triples):
	"""The text for triples of a name and two numbers"""
	return ' '.join(f'{name} {number} {word} {other}' for name, number, other in triples)


def off_least(row, result):
	"""The numbers of a result that differ from the least, as text; empty if none"""
	c, times = result.count, submissions(row)
	triples = (('IOTLB', c.iotlb, row.least.iotlb),
		 ('device-TLB', c.devtlb, row.least.devtlb),
		 ('waits', c.waits, row.least.waits * times),
		 ('doorbells', c.doorbells, row.least.doorbells * times))
	return differences('not', *(t for t in triples if t[1] != t[2]))


def above_base(row):
	"""The numbers in which the series exceeds the base, as text; empty if none.
	Numbers of descriptors are compared only if the least is exact."""
	series, base = row.series.count, row.base.count
	triples = [('waits', series.waits, base.waits),
		 ('doorbells', series.doorbells, base.doorbells)]
	if row.least.exact:
		triples[:0] = [('IOTLB', series.iotlb, base.iotlb),
			     ('device-TLB', series.devtlb, base.devtlb)]
	return differences('over', *(t for t in triples if t[1] > t[2]))


def above_one(row):
	"""The waits and doorbells of the series as text if they exceed the least, else
	empty. For rows without numbers of the base."""
	c = row.series.count
	if c.waits > row.least.waits or c.doorbells > row.least.doorbells:
		return f'waits {c.waits}, doorbells {c.doorbells}'
	return ''


def fault(row):
	"""Why the numbers of a row are wrong; empty if they are right"""
	if row.lost:
		return (doubt(row.series) or
			row.least.exact and off_least(row, row.series) or
			above_one(row))
	return (doubt(row.base) or doubt(row.series) or
		row.least.exact and off_least(row, row.series) or
		above_base(row))


def count_cases(rows):
	"""The cases of the counts, and texts on lost invalidations of the base"""
	for row in rows:
		name = f'counts {row.scenario} {row.topology.name} {row.op}'
		if row.lost:
			yield f'lost {name}: the unit rejects an invalidation of the base'
		base = LOST if row.lost else numbers(row.base)
		why = fault(row)
		if why:
			yield Case(name, why)
		else:
			yield Case(f'{name} ({numbers(row.series)}, base {base})')
		if row.topology.name == WASTEFUL and row.least.iotlb:
			why = doubt(row.base)
			if not why and not off_least(row, row.base):
				why = 'the base should exceed the least, but does not'
			yield Case(f'{name}, and the base fails it', why or None)


def io_summary(runs, variant, scenario):
	"""The amount of I/O of a boot and the number of descriptors"""
	moved = [0, 0]
	for words in runs.results(variant, scenario):
		if words[0] == 'verified':
			moved = [int(word) // MIB for word in words[1:]]
	result = runs.counts(variant, scenario).get(('io', 'io'))
	descriptors = result.count.iotlb + result.count.devtlb if result else 0
	text = f'disk {moved[0]} MiB, net {moved[1]} MiB, {descriptors} descriptors'
	if result and result.count.kind == LOST:
		text += ', some of them rejected'
	reused = runs.reused(variant, scenario)
	return f'{text}; {reused}' if reused else text


def boot_cases(runs):
	"""The cases of the boots themselves"""
	for scenario in runs.scenarios:
		for variant in VARIANTS:
			name = f'boot {variant} {scenario}'
			why = runs.error(variant, scenario)
			if why:
				yield Case(name, why)
				continue
			moved = io_summary(runs, variant, scenario)
			if ' 0 descriptors' in moved:
				yield Case(name, 'no invalidation during I/O')
			else:
				yield Case(f'{name} ({moved})')


def line(unit, who, op, *cells):
	"""A line of the table"""
	columns = '   '.join(f'{cell:20}' for cell in cells)
	return f'{unit:15}  {who:38}  {op:5}  {columns}'.rstrip()


def four(iotlb, devtlb, waits, doorbells):
	"""Four numbers in the width of a cell"""
	return f'{iotlb:>5} {devtlb:>4} {waits:>4} {doorbells:>4}'


def cell(result):
	"""A result. "*" marks invalidation of more than the pages, "?" runs that
	differ."""
	c = result.count
	if not result.runs:
		return 'not measured'
	if c.kind == LOST:
		return four('lost', '-', '-', '-')
	iotlb = str(c.iotlb)
	if c.kind in WHOLE:
		iotlb += '*'
	if not result.steady:
		iotlb += '?'
	return four(iotlb, c.devtlb, c.waits, c.doorbells)


def cells(row):
	"""The cells of base, series and least"""
	floor = row.least
	return (cell(row.base), cell(row.series),
		four(floor.iotlb, floor.devtlb, floor.waits, floor.doorbells))


def attached(topology):
	"""How the devices of a topology are attached, without their number"""
	text = 'by RID'
	if topology.pasids:
		text += f' and {topology.pasids} PASIDs each'
	if topology.size != 0x1000:
		text += ', 8 KiB across 1 GiB'
	return text


def is_free(row):
	"""Whether base, series and least all need no descriptors for the operation"""
	counts = (row.base.count, row.series.count)
	return not (any(c.iotlb or c.devtlb or c.doorbells for c in counts) or
		    row.least.iotlb or row.least.devtlb)


def table(rows):
	"""The lines of the table. Maps without descriptors are left out, and adjacent
	topologies with equal cells share a line."""
	yield line('', '', '', '       base', '       series', '       least')
	numbers_of = 'IOTLB  dev wait bell'
	yield line('unit', 'attached to the domain', '', *[numbers_of] * 3)
	for scenario, of_scenario in groupby(rows, lambda row: row.scenario):
		yield ''
		unit = scenario
		wanted = [row for row in of_scenario
			  if row.op != 'map' or not is_free(row)]
		wanted.sort(key=lambda row: row.op, reverse=True)
		for (op, how, columns), equal in groupby(wanted, lambda row: (
				row.op, attached(row.topology), cells(row))):
			devices = [str(row.topology.devices) for row in equal]
			plural = '' if devices == ['1'] else 's'
			yield line(unit, f'{", ".join(devices)} device{plural} {how}',
				   op, *columns)
			unit = ''


def kernel_version(runs):
	"""The version of the base that ran"""
	for words in runs.results('base', runs.scenarios[0]):
		if words[0] == 'kernel':
			return words[1].partition('-')[0]
	return ''


def demo(runs, left_out):
	"""The lines of the demo"""
	rows = list(runs.rows())
	yield from f'''
Requests of one map or unmap of 4 KiB to the emulated VT-d unit, in strict mode:
invalidation descriptors for the IOTLB and for device TLBs, wait descriptors,
and doorbells (writes of the queue tail). Counted from QEMU's own trace of
Linux {kernel_version(runs)}; least = what the specification allows.
'''.splitlines()
	yield ''
	yield from table(rows)
	yield ''
	yield '* the whole domain or PASID was invalidated, not only those pages'
	if any(row.lost for row in rows):
		yield 'lost: the unit of this QEMU rejects the invalidation, as its address mask'
		yield '  exceeds CAP.MAMV; the kernel logs it, and the translation stays cached'
	if left_out:
		yield ''
		yield from (f'left out: {text}' for text in left_out)
	yield ''
	yield 'Disk and network I/O through the IOMMU in the same boots, all data verified:'
	yield ''
	for scenario in runs.scenarios:
		base, series = (io_summary(runs, v, scenario) for v in VARIANTS)
		yield f'{scenario:15}  base: {base}; series: {series}'

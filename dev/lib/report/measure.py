# SPDX-License-Identifier: GPL-2.0
"""Tables of what base and series cost."""

import re
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

COST = re.compile(r'.*# \w+_cost: cost of (.*): (\d+) ns(?:, (\d+) bytes)?')
MAP_COST = re.compile(r'cost: map (\d+) unmap (\d+)$')


class Nothing(Exception):
	"""Nothing was measured."""


@dataclass(frozen=True)
class Latency:
	"""A line "VARIANT THREADS MAP UNMAP": mean latencies of dma_map_benchmark, in
	us."""
	variant: str
	threads: int
	map: float
	unmap: float

	@classmethod
	def parse(cls, line):
		variant, threads, *us = line.split()
		return cls(variant, int(threads), *map(float, us))


def spread(values):
	"""Median, smallest and largest value as text"""
	return f'{median(values):7.1f} ({min(values):.1f} to {max(values):.1f})'


def bench(lines):
	"""The table of the latencies"""
	measured = [Latency.parse(line) for line in lines if line.strip()]
	if {m.variant for m in measured} != {'base', 'series'}:
		raise Nothing
	yield (f'{"threads":7}  {"us":5}  {"base":26}  {"series":26}  '
	       f'{"series/base":11}  smallest')
	for threads in sorted({m.threads for m in measured}):
		for op in ('map', 'unmap'):
			base, series = ([getattr(m, op) for m in measured
					 if (m.variant, m.threads) == (variant, threads)]
					for variant in ('base', 'series'))
			yield (f'{threads:<7}  {op:5}  {spread(base):26}  {spread(series):26}  '
			       f'{median(series) / median(base):<11.2f}  '
			       f'{min(series) / min(base):.2f}')


def instructions(lines, shift):
	"""The table of the instructions, from a clock that advances by 2^SHIFT ns for each
	instruction"""
	measured = {m.variant: m for m in map(Latency.parse, lines)}
	if not {'base', 'series'} <= measured.keys():
		raise Nothing
	for op in ('map', 'unmap'):
		base, series = (int(getattr(measured[variant], op) * 1000 / (1 << shift))
				for variant in ('base', 'series'))
		if not base:
			raise Nothing
		yield (f'{"instr.":7}  {op:5}  {base:<26}  {series:<26}  '
		       f'{series / base:.2f}')


@dataclass(frozen=True)
class Cost:
	"""Time, and memory where that is measured, of the operations in a line"""
	ns: int
	bytes: int | None


def costs(lines):
	"""Map the operations in a log to their costs."""
	return {m.group(1): Cost(int(m.group(2)), m.group(3) and int(m.group(3)))
		for m in map(COST.match, lines) if m}


def microseconds(measured):
	"""Median time, None if it was not measured"""
	return median(c.ns for c in measured) / 1000 if measured else None


def rounded(time):
	"""The time as text, "-" if it was not measured"""
	return '-' if time is None else f'{time:.0f}'


def memory(measured):
	"""Median number of bytes as text, "-" if it was not measured"""
	if not measured or any(c.bytes is None for c in measured):
		return '-'
	return f'{median(c.bytes for c in measured):.0f}'


def cost(base, series):
	"""The table of the costs, from the lines of several logs each"""
	measured = []
	for logs in (base, series):
		kinds = defaultdict(list)
		for lines in logs:
			for kind, one in costs(lines).items():
				kinds[kind].append(one)
		measured.append(kinds)
	if not measured[0] or not measured[1]:
		raise Nothing
	yield (f'{"operation":27} {"base, us":>9} {"series, us":>10} {"ratio":>6} '
	       f'{"base, bytes":>11} {"series, bytes":>13}')
	for kind in sorted(measured[0].keys() | measured[1].keys()):
		time = [microseconds(kinds[kind]) for kinds in measured]
		size = [memory(kinds[kind]) for kinds in measured]
		ratio = f'{time[1] / time[0]:.2f}' if all(time) else '-'
		yield (f'{kind:27} {rounded(time[0]):>9} {rounded(time[1]):>10} {ratio:>6} '
		       f'{size[0]:>11} {size[1]:>13}')


def map_cost(lines):
	"""The times of map and unmap in a log, in ns"""
	for found in map(MAP_COST.match, lines):
		if found:
			return tuple(map(int, found.groups()))
	raise Nothing


def flush_cost(label, base, series):
	"""The ratios of the times of map and unmap, series to base, as text"""
	ratios = [s / b for s, b in zip(map_cost(series), map_cost(base))]
	return f'{label}, series/base: map {ratios[0]:.3f}, unmap {ratios[1]:.3f}'

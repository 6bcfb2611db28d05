# SPDX-License-Identifier: GPL-2.0
"""Tables of what base and series cost."""

import re
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

COST = re.compile(r'.*# attach_cost: cost of (.*): (\d+) ns, (\d+) bytes')
MAP_COST = re.compile(r'cost: map (\d+) unmap (\d+)$')


class Nothing(Exception):
	"""Nothing was measured."""


@dataclass(frozen=True)
class Latency:
	"""A line "VARIANT THREADS MAP UNMAP" of dma_map_benchmark, in us."""
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
class Attach:
	"""The cost of one attach and detach."""
	ns: int
	bytes: int


def attaches(lines):
	"""Map the kinds of attaches in a log to their costs."""
	return {m.group(1): Attach(int(m.group(2)), int(m.group(3)))
		for m in map(COST.match, lines) if m}


def cost(base, series):
	"""The table of the cost of attaching, from the lines of several logs each"""
	measured = []
	for logs in (base, series):
		kinds = defaultdict(list)
		for lines in logs:
			for kind, attach in attaches(lines).items():
				kinds[kind].append(attach)
		measured.append(kinds)
	if not measured[0] or not measured[1]:
		raise Nothing
	yield f'{"attach":24} {"time, ratio":>12} {"base, bytes":>12} {"series, bytes":>12}'
	for kind in sorted(measured[0].keys() & measured[1].keys()):
		time = [median(a.ns for a in kinds[kind]) for kinds in measured]
		size = [median(a.bytes for a in kinds[kind]) for kinds in measured]
		yield f'{kind:24} {time[1] / time[0]:12.2f} {size[0]:12.0f} {size[1]:12.0f}'


def map_cost(lines):
	"""The times of map and unmap in a log"""
	for found in map(MAP_COST.match, lines):
		if found:
			return tuple(map(int, found.groups()))
	raise Nothing


def flush_cost(base, series):
	"""The ratio of the times of map and unmap"""
	ratios = [s / b for s, b in zip(map_cost(series), map_cost(base))]
	return f'coherent, series/base: map {ratios[0]:.3f}, unmap {ratios[1]:.3f}'

# SPDX-License-Identifier: GPL-2.0
"""The report of the benchmark: tables in Markdown, and plots by gnuplot."""

import re
import subprocess
from dataclasses import dataclass
from statistics import median

FIGURE = re.compile(r'.*# \w+: bench: (.*): (\d+) (?:ns|submissions)\b')
RANGE = re.compile(r'.*# ranges: bench: range, (\S+): (\d+) asked, (\d+) IOTLB, '
		   r'(\d+) device TLB\b')
WHOLE = 1 << 48


class Nothing(Exception):
	"""Nothing was measured."""


@dataclass(frozen=True)
class Range:
	"""Bytes of an unmap, and those invalidated for it"""
	name: str
	asked: int
	iotlb: int
	devtlb: int

	def ratios(self):
		return self.iotlb / self.asked, self.devtlb / self.asked


@dataclass(frozen=True)
class Log:
	"""What the suite printed on one kernel"""
	figures: dict
	ranges: dict

	@classmethod
	def parse(cls, lines):
		figures, ranges = {}, {}
		for line in lines:
			if found := FIGURE.match(line):
				figures[found.group(1)] = int(found.group(2))
			elif found := RANGE.match(line):
				name, *sizes = found.groups()
				ranges[name] = Range(name, *map(int, sizes))
		if not figures or not ranges:
			raise Nothing('the suite has printed no figures or no ranges')
		return cls(figures, ranges)

	def series(self, name):
		"""Map N to the figure, for figures called "NAME=N"."""
		start = f'{name}='
		return {int(key[len(start):]): value for key, value in self.figures.items()
			if key.startswith(start)}


@dataclass(frozen=True)
class Curve:
	"""A table and plot: figures against a number"""
	file: str
	title: str
	name: str
	x: str
	y: str
	# Converts the figure of N to what is shown
	show: object


def us(_, ns):
	return ns / 1000


def per_second(_, ns):
	return 1e9 / ns


CURVES = (
	Curve('iommus', 'One flush over several IOMMUs of 500 us each', 'flush, IOMMUs',
	      'IOMMUs', 'us', us),
	*(Curve(f'cpus-{kind.split()[0]}-{latency}',
		f'Flushes on one IOMMU of {latency} us, {kind}',
		f'{kind}, {latency} us, CPUs', 'CPUs', 'flushes per second', per_second)
	  for kind in ('same domain', 'one domain each') for latency in (50, 500)),
	Curve('interrupts', 'Longest time with interrupts disabled, 1 ms for each submission',
	      'interrupts off, 1 ms, descriptors', 'invalidations', 'us', us),
	Curve('flush', 'One flush', 'flush, attachments', 'attachments', 'us', us),
	Curve('attach', 'One attachment', 'attach, attachments', 'attachments', 'us', us),
)


def short(value):
	return f'{value:.0f}' if value >= 100 else f'{value:.1f}'


def curve_table(curve, base, series):
	"""The rows of a curve, with the ratios to the first row and to the base"""
	one, two = base.series(curve.name), series.series(curve.name)
	if not one or one.keys() != two.keys():
		raise Nothing(f'the figures "{curve.name}" are not the same on base and series')
	first = min(one)
	yield f'## {curve.title}'
	yield ''
	yield (f'| {curve.x} | base, {curve.y} | series, {curve.y} | base, to first row | '
	       'series, to first row | series/base |')
	yield '|---|---|---|---|---|---|'
	for n in sorted(one):
		b, s = curve.show(n, one[n]), curve.show(n, two[n])
		yield (f'| {n} | {short(b)} | {short(s)} | '
		       f'{b / curve.show(first, one[first]):.2f} | '
		       f'{s / curve.show(first, two[first]):.2f} | {s / b:.2f} |')
	yield ''
	yield f'![{curve.title}]({curve.file}.svg)'
	yield ''


def size(value):
	"""A number of bytes as text"""
	if value >= WHOLE:
		return 'everything'
	for unit, name in ((1 << 30, 'GiB'), (1 << 20, 'MiB'), (1 << 10, 'KiB')):
		if value >= unit:
			return f'{value / unit:.4g} {name}'
	return f'{value} B'


def range_table(base, series):
	"""What is invalidated for each range, and the ratios over all of them"""
	if base.ranges.keys() != series.ranges.keys():
		raise Nothing('the ranges differ')
	yield '## Bytes invalidated for an unmap'
	yield ''
	yield ('| range | unmapped | IOTLB, base | IOTLB, series | device TLB, base | '
	       'device TLB, series |')
	yield '|---|---|---|---|---|---|'
	for name, b in base.ranges.items():
		s = series.ranges[name]
		yield (f'| {name} | {size(b.asked)} | {size(b.iotlb)} | {size(s.iotlb)} | '
		       f'{size(b.devtlb)} | {size(s.devtlb)} |')
	yield ''
	for what, index in (('IOTLB', 0), ('Device TLB', 1)):
		b, s = ([r.ratios()[index] for r in log.ranges.values()]
			for log in (base, series))
		yield (f'{what}, invalidated to unmapped: median {median(b):.3g} on base, '
		       f'{median(s):.3g} on series; largest {max(b):.3g} on base, '
		       f'{max(s):.3g} on series.')
	yield ''


def submission_table(base, series):
	one, two = (log.series('submissions, descriptors') for log in (base, series))
	yield '## Submissions of one flush'
	yield ''
	yield '| invalidations | base | series |'
	yield '|---|---|---|'
	for n in sorted(one):
		yield f'| {n} | {one[n]} | {two[n]} |'
	yield ''


def plot(curve, base, series, directory):
	"""Write DIRECTORY/FILE.svg."""
	def points(log):
		return [f'{n} {curve.show(n, value)}'
			for n, value in sorted(log.series(curve.name).items())]
	script = [
		'set terminal svg size 560,360 background "white"',
		f'set output "{directory / (curve.file + ".svg")}"',
		f'set title "{curve.title}"', f'set xlabel "{curve.x}"',
		f'set ylabel "{curve.y}"', 'set yrange [0:*]', 'set key left top',
		'set grid', *(['set logscale x 8'] if curve.x == 'attachments' else []),
		'$base << E', *points(base), 'E', '$series << E', *points(series), 'E',
		'plot $base with linespoints title "base", '
		'$series with linespoints title "series"']
	subprocess.run(['gnuplot'], input='\n'.join(script) + '\n', text=True, check=True)


def report(base, series, latencies, instructions):
	"""The whole report: the figures of the suite on each kernel, and the tables of
	dma_map_benchmark"""
	yield '# Flushes on base and series'
	yield ''
	yield ('Measured by `make bench` on emulated hardware only. Except for the last '
	       'section, times are those of a clock that advances by 1 ns for each '
	       'instruction of the virtual machine, which executes one CPU at a time. '
	       'Flushes per second are the highest of five measurements.')
	yield ''
	for curve in CURVES:
		yield from curve_table(curve, base, series)
	yield from submission_table(base, series)
	yield from range_table(base, series)
	yield '## Map and unmap'
	yield ''
	for heading, lines in (('Instructions with one thread:', instructions),
			       ('dma_map_benchmark in strict mode:', latencies)):
		yield heading
		yield ''
		for line in lines:
			yield f'    {line.rstrip()}'
		yield ''

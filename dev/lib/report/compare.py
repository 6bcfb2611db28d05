# SPDX-License-Identifier: GPL-2.0
"""Base, series and least side by side."""

from dataclasses import dataclass
from pathlib import Path

from .least import Least, Scenario, Topology, fits, least, read
from .trace import LOST, Count, Result, load

VARIANTS = ('base', 'series')


@dataclass(frozen=True)
class Row:
	"""The results for one operation on one topology with one unit."""
	scenario: str
	topology: Topology
	op: str
	base: Result
	series: Result
	least: Least

	@property
	def lost(self):
		"""Whether the unit rejected invalidations of the base"""
		return self.base.count.kind == LOST


@dataclass(frozen=True)
class Runs:
	"""The boots of one configuration: RUNS/VARIANT-CONFIG-SCENARIO has the results
	of a boot, RUNS/CONFIG/VARIANT-SCENARIO.said its error."""
	runs: Path
	config: str
	scenarios: list
	machine: Path

	def directory(self, variant, scenario):
		return self.runs / f'{variant}-{self.config}-{scenario}'

	def counts(self, variant, scenario):
		"""{(topology, op): result} of a boot, empty if it did not run"""
		path = self.directory(variant, scenario) / 'counts.json'
		return load(path) if path.exists() else {}

	def results(self, variant, scenario):
		"""The RESULT lines of the guest, split into words"""
		path = self.directory(variant, scenario) / 'results'
		return [line.split() for line in path.read_text().splitlines()]

	def error(self, variant, scenario):
		"""The error of a failed boot, None if it passed"""
		path = self.runs / self.config / f'{variant}-{scenario}.said'
		if not path.exists():
			return 'did not run'
		lines = path.read_text().splitlines()
		if not lines:
			return None
		# Without the name of the program
		return lines[-1].partition(': ')[2] or lines[-1]

	def reused(self, variant, scenario):
		"""Where the result comes from, if the boot was not repeated"""
		path = self.runs / self.config / f'{variant}-{scenario}.reused'
		return path.read_text().strip() if path.exists() else ''

	def topologies(self):
		return read(self.machine / 'topologies', Topology)

	def rows(self):
		"""All rows, in the order of scenarios, topologies, map and unmap"""
		for scenario in read(self.machine / 'scenarios', Scenario):
			if scenario.name not in self.scenarios:
				continue
			counts = [self.counts(v, scenario.name) for v in VARIANTS]
			for topology in self.topologies():
				if fits(scenario, topology):
					yield from self._pair(scenario, topology, counts)

	@staticmethod
	def _pair(scenario, topology, counts):
		for op in ('map', 'unmap'):
			missing = Result(topology.name, op, Count(), 0, False)
			base, series = (c.get((topology.name, op), missing) for c in counts)
			yield Row(scenario.name, topology, op, base, series,
				  least(scenario, topology, op))

# SPDX-License-Identifier: GPL-2.0
"""Test cases as the scripts print them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
	"""A test case; WHY is None if it passed, else the reason of the failure."""
	name: str
	why: str | None = None

	@property
	def failed(self):
		return self.why is not None

	def __str__(self):
		if self.failed:
			return f'not ok {self.name}: {" ".join(self.why.split())}'
		return f'ok {self.name}'


def show(cases):
	"""Print the cases and other texts; return the exit status."""
	failed = False
	for case in cases:
		print(case, flush=True)
		failed |= isinstance(case, Case) and case.failed
	return int(failed)

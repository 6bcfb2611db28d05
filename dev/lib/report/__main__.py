# SPDX-License-Identifier: GPL-2.0
"""Commands of the package, which the scripts call as "report COMMAND"."""

import argparse
import sys
from pathlib import Path

from . import bench, boots, checkpatch, compare, kunit, log, measure, selftests, trace
from .cases import Case, show


def fail(text):
	"""Print why the command fails, for the caller to report."""
	print(text)
	return 1


def count(args):
	"""Count the descriptors of a trace."""
	results = trace.count(log.read(args.trace))
	if args.console:
		lost = {words[1]: int(words[2]) for words in
			map(str.split, log.read(args.results)) if words[0] == 'lost'}
		_, refused = log.without_refused(log.read(args.console))
		measured = sum(lost.values())
		if refused < measured:
			return fail(f'the log has {refused} refused invalidations, but '
				    f'the measurements counted {measured}')
		names = {name for name, n in lost.items() if n}
		if refused > measured:
			names.add('io')
		results = trace.mark_lost(results, names)
	with open(args.output, 'w', encoding='utf-8') as file:
		trace.save(results, file)
	return 0


def first_error(args):
	"""Print the first error in a kernel's log, if there is one."""
	error = log.first_error(log.read(args.log), args.refusals)
	if error is not None:
		print(error)
	return 0


def checkpatch_complaints(args):
	"""Print the messages of checkpatch that are no exceptions."""
	for line in checkpatch.complaints(log.read(args.log)):
		print(line)
	return 0


def runs(args):
	return compare.Runs(args.runs, args.config, args.scenarios, args.machine)


def boot(args):
	"""Print the cases of the counted boots."""
	def cases():
		yield from boots.boot_cases(runs(args))
		yield from boots.count_cases(runs(args).rows())
	return show(cases())


def demo(args):
	"""Print the tables of the demo."""
	for line in boots.demo(runs(args), args.left_out):
		print(line)
	return 0


def kunit_cases(args):
	"""Print the cases of a KUnit run."""
	cases = kunit.results(args.tree, args.log, args.status, args.filtered,
			      sys.stdin.read().split(), args.leaks)
	cases = kunit.left_out(cases, args.lacking)
	if args.defects:
		cases = kunit.base_cases(kunit.read_defects(args.defects), cases)
	return show(cases)


def selftest_cases(args):
	"""Print the cases of the selftests."""
	base = selftests.results(log.read(args.base)) if args.base else ()
	return show(selftests.compare(base, selftests.results(log.read(args.log))))


def table(lines):
	"""Print a table; fail if nothing was measured."""
	try:
		for line in lines:
			print(line)
	except measure.Nothing:
		return 1
	return 0


def bench_report(args):
	"""Print the report of the benchmark in Markdown, and write its plots."""
	try:
		base, series = (bench.Log.parse(log.read(path))
				for path in (args.base, args.series))
		lines = list(bench.report(base, series,
					  measure.bench(log.read(args.measured)),
					  measure.instructions(log.read(args.counted),
							       args.shift)))
		for curve in bench.CURVES:
			bench.plot(curve, base, series, args.plots)
	except bench.Nothing as nothing:
		print(f'report: {nothing}', file=sys.stderr)
		return 1
	except measure.Nothing:
		print('report: figures of dma_map_benchmark are missing', file=sys.stderr)
		return 1
	print('\n'.join(lines))
	return 0


def cost(args):
	"""Print the table of the cost of attaching."""
	base, series = ([log.read(path) for path in sorted(args.directory.glob(pattern))]
			for pattern in ('base-*.log', 'series-*.log'))
	return table(measure.cost(base, series))


def flush_cost(args):
	"""Print the ratios of the times of map and unmap, series to base."""
	return table([measure.flush_cost(args.label, log.read(args.base),
					 log.read(args.series))])


def parser():
	"""The commands and their arguments"""
	top = argparse.ArgumentParser(prog='report', description=__doc__)
	commands = top.add_subparsers(required=True)

	def command(run, name, *arguments):
		sub = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
		sub.set_defaults(run=run)
		for argument, options in arguments:
			sub.add_argument(argument, **options)

	path, flag = {'type': Path}, {'action': 'store_true'}
	of_runs = (('--runs', path), ('--config', {}), ('--machine', path),
		   ('scenarios', {'nargs': '+'}))
	command(count, 'count', ('--console', path), ('--results', path),
		('trace', path), ('output', path))
	command(first_error, 'first-error', ('--refusals', flag), ('log', path))
	command(checkpatch_complaints, 'checkpatch', ('log', path))
	command(boot, 'boot', *of_runs)
	command(demo, 'demo', ('--left-out', {'action': 'append', 'default': []}), *of_runs)
	command(kunit_cases, 'kunit', ('--filtered', flag), ('--leaks', flag),
		('--lacking', {'action': 'append', 'default': []}),
		('--defects', path), ('--status', {'type': int, 'default': 0}),
		('tree', path), ('log', path))
	command(selftest_cases, 'selftests', ('--base', path), ('log', path))
	command(bench_report, 'bench', ('--shift', {'type': int}), ('--plots', path),
		('base', path), ('series', path), ('measured', path), ('counted', path))
	command(cost, 'cost', ('directory', path))
	command(flush_cost, 'flush-cost', ('label', {}), ('base', path), ('series', path))
	return top


if __name__ == '__main__':
	arguments = parser().parse_args()
	sys.exit(arguments.run(arguments))

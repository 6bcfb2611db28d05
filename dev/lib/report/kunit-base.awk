#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
# Judge what the suites say of the base against what it is known to get wrong.
#
# usage: dev/kunit-base dev/defects RESULTS
#
# RESULTS are the lines of dev/kunit-results. For each line of dev/defects,
# prints whether just those cases fail that have to; then whatever else fails.
# What the kernel as a whole is held to does not count here: that a defect is
# shown may well end in a warning.

FILENAME == ARGV[1] {
	if (/^#/ || !NF)
		next
	defect[++n] = $1
	test[n] = $2
	must[n] = $3
	but[n] = $4
	next
}

{
	failed = /^not ok /
	# What did not come to its end has shown nothing.
	void = /: (skipped|no result|it ran no case)/
	sub(/^(not )?ok /, "")
	if (failed)
		sub(/: .*/, "")
	if (/^kernel\./) {
		ended += /^kernel\.end/ && !failed
		next
	}
	name = param = $0
	sub(/^[^.]*\./, "", name)
	sub(/\..*/, "", name)
	if (!sub(/^[^.]*\.[^.]*\./, "", param))
		param = ""
	known = 0
	for (i = 1; i <= n; i++) {
		if (test[i] != name)
			continue
		known = 1
		if (void && wrong[i] == "")
			wrong[i] = "came to no end: " $0
		total[i]++
		fails[i] += failed
		if (must[i] == "?")
			continue
		expected = param ~ must[i] || param == ""
		if (but[i] != "-" && param ~ but[i])
			expected = 0
		if (failed != expected && wrong[i] == "")
			wrong[i] = (failed ? "fails, which it should not: " : "passes: ") $0
	}
	others += !known
	if (failed && !known) {
		print "not ok base " $0 ": no defect accounts for it"
		bad = 1
	}
}

END {
	for (i = 1; i <= n; i++) {
		if (!total[i])
			wrong[i] = "it did not run"
		else if (must[i] == "?" && !fails[i])
			wrong[i] = "passes"
		if (wrong[i] != "") {
			printf "not ok base %s %s: %s\n", defect[i], test[i], wrong[i]
			bad = 1
		} else
			printf "ok base %s  %-38s fails in %2d of %2d cases\n",
				defect[i], test[i], fails[i], total[i]
	}
	if (!ended) {
		print "not ok base: the kernel did not come to its end"
		bad = 1
	}
	if (!others) {
		print "not ok base: no other test ran"
		bad = 1
	}
	exit bad
}

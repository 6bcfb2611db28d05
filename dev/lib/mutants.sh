# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Find the case in a log that detects a mutant, and compute the time limit of a run.
# Source it after lib.sh. The file LOG has the cases, TEST_LOG is the kernel's log.

# In the kernel's log, this shows that a suite of this project has started.
BEGUN='# Subtest: (iommu|intel_iommu)_'

# named GLOB NAME: whether GLOB matches the case NAME or the beginning of it. The glob
# "kunit" stands for all KUnit suites. A suite that did not run is not a case.
named()
{
	local glob=$1

	[ "$glob" != kunit ] || glob='*.'
	# shellcheck disable=SC2254 # it is a glob
	case $2 in
	kernel.* | kunit | kunit.py) return 1 ;;
	$glob*) ;;
	*)	return 1 ;;
	esac
}

# failed GLOB: print the first failed case that GLOB matches.
failed()
{
	local name

	while read -r name; do
		if named "$1" "$name"; then
			echo "$name"
			return
		fi
	done < <(sed -nE 's/^not ok ([^:]*): .*/\1/p' "$LOG")
	return 1
}

# detected GLOB: print the case that detects the mutant, if there is one. A crash or
# warning of the kernel counts only if the suites have started.
detected()
{
	failed "$1" && return
	grep -qsE "$BEGUN" "$TEST_LOG" &&
		grep -m 1 -oE '^not ok kernel\.(end|no-splat)' "$LOG"
}

# limit_for SECONDS: print the time limit of a run that takes SECONDS without a
# mutant. Some mutants hang, and the machine may be busier than before.
limit_for()
{
	echo $((60 + 3 * $1))
}

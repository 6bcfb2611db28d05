# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Which case of a log detects a mutant, and the time limit of a run. Source it after
# lib.sh. LOG has the cases, TEST_LOG is the kernel's log.

# A suite of this project has started.
BEGUN='# Subtest: (iommu|intel_iommu)_'

# named GLOB NAME: whether GLOB matches the case NAME. The glob "kunit" stands for
# all KUnit suites. A suite that did not run is not a case.
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

# failed GLOB: print the first of its cases that has failed.
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

# detected GLOB: print the case that detects the mutant, if one does. A kernel that
# fails before the suites start does not detect it.
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

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Which case of a log has noticed a mutant, and how long a run may take. Source it
# after lib.sh. LOG has the cases, TEST_LOG what the kernel said.

# A suite of this project's has begun.
BEGUN='# Subtest: (iommu|intel_iommu)_'

# named GLOB NAME: is it one of the cases that the glob stands for? All of the
# KUnit suites go by the name of kunit. A suite that did not run is no case.
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

# failed GLOB: the first of the cases it stands for that has failed
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

# noticed GLOB: the case that has noticed, if one has. That nothing ran is no
# case, nor is a kernel that fails before the suites begin.
noticed()
{
	failed "$1" && return
	grep -qsE "$BEGUN" "$TEST_LOG" &&
		grep -m 1 -oE '^not ok kernel\.(end|no-splat)' "$LOG"
}

# limit_for SECONDS: what a run gets that takes SECONDS without a mutant. Some
# mutants hang instead of failing, and the machine may be busier than it was.
limit_for()
{
	echo $((60 + 3 * $1))
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by scripts that report cases: the checkouts of series and base, the files that
# the series changes, and the output of a case. Source it after lib.sh. A script calls
# open_check or open_trees after options, and finish at its end.

OUT=$BUILD/check
cases=0
failures=0

# Create the directory $OUT, and lock it against other scripts that use it.
open_check()
{
	mkdir -p "$OUT"
	lock "$OUT.lock"
}

# Call open_check, and set series and base to the paths of their checkouts.
# shellcheck disable=SC2034 # for the scripts that source this
open_trees()
{
	open_check
	series=$("$TOP/dev/tree/print-tree")
	base=$("$TOP/dev/tree/print-tree" --variant base)
}

# ok NAME
ok()
{
	cases=$((cases + 1))
	echo "ok $1"
}

# not_ok NAME WHY
not_ok()
{
	cases=$((cases + 1))
	failures=$((failures + 1))
	echo "not ok $1: $2"
}

# again NAME INPUT...: whether the case has passed before with the same inputs, base and
# script. Only for cases that depend on nothing else. If it has not, the caller runs the
# case and calls ok_now if it passes.
again()
{
	key=$1:$({
		printf '%s\n' "$@" "${base_id:=$(in_series rev-parse base)}"
		cat "$0" "$TOP/dev/lib/check.sh"
	} | sha1sum)
	[ -z "${AS_IS:-}" ] && grep -qsxF "$key" "$OUT/passed"
}

# ok_now NAME: report that the case passes, and record its inputs for again.
ok_now()
{
	ok "$1"
	[ -n "${AS_IS:-}" ] || echo "$key" >>"$OUT/passed"
}

# ok_again NAME: report that the case passed before.
ok_again()
{
	ok "$1 (nothing has changed)"
}

# finish NAME: exit, with status 1 if a case failed or if there was none.
finish()
{
	[ "$cases" -gt 0 ] || not_ok "$1" "it ran no case"
	exit $((failures > 0))
}

in_series()
{
	git -C "$series" "$@"
}

# changed PATTERN...: print the files that differ from the base and exist.
changed()
{
	in_series diff --name-only --diff-filter=d base HEAD -- "$@"
}

in_base()
{
	in_series cat-file -e "base:$1" 2>/dev/null
}

# Print the commits of the series, oldest first: hash and name.
commits()
{
	in_series log --reverse --format='%H %f' base..HEAD |
		awk '{ printf "%s %04d-%s\n", $1, NR, $2 }'
}

# Create a separate checkout at $TREE unless it exists. The caller checks commits out in
# it, one after the other.
each_checkout()
{
	git -C "$TREE" rev-parse -q --verify base >/dev/null 2>&1 && return
	rm -rf "$TREE"
	in_series worktree prune
	in_series worktree add -q --detach "$TREE" base
}

# as_configured BEFORE COMMIT: print 1 if COMMIT has the same configuration as BEFORE,
# which was compiled last in the same object directory.
as_configured()
{
	[ -z "$1" ] || ! in_series diff --quiet "$1" "$2" -- \
		':(glob)**/Kconfig*' ':(glob)**/*.kunitconfig' || echo 1
}

# Print the shell scripts of the harness and the files that they source.
scripts()
{
	{
		grep -rIlE -m 1 '^#!.*\b(ba)?sh\b' dev .ci 2>/dev/null
		find dev -name '*.sh'
	} | sort -u
}

# show FILE: print the output of a tool to standard error.
show()
{
	sed 's/^/  /' "$1" >&2
}

# first FILE REGEX: print the first line that matches, else the last line.
first()
{
	grep -m 1 -E "$2" "$1" || tail -n 1 "$1"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the steps of dev/check share: the two trees, what the series changes
# in them, and how a case is reported. Source it after "set -eu"; the last
# line of a step is "finish". TREES='' in the environment does without trees.

. "$(dirname "$0")/lib.sh"

OUT=$BUILD/check
mkdir -p "$OUT"
lock "$OUT.lock"
# shellcheck disable=SC2034 # for the scripts that source this
if [ -n "${TREES-all}" ]; then
	series=$("$TOP/dev/tree" series)
	base=$("$TOP/dev/tree" base)
fi
cases=0
failures=0

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

# again NAME INPUT...: has the case passed before, with the same inputs? Only for
# what nothing but its inputs can change; the scripts of this step are among
# them. If not, $key is what to keep when it passes.
again()
{
	key=$1:$({
		printf '%s\n' "$@" "${base_id:=$(in_series rev-parse base)}"
		cat "$0" "$TOP/dev/check.sh"
	} | sha1sum)
	[ -z "${AS_IS:-}" ] && grep -qsxF "$key" "$OUT/passed"
}

# ok_now NAME: it passes, and does so again with the same inputs.
ok_now()
{
	ok "$1"
	[ -n "${AS_IS:-}" ] || echo "$key" >>"$OUT/passed"
}

# ok_again NAME
ok_again()
{
	ok "$1 (nothing has changed)"
}

# A step that had nothing to look at has not passed.
finish()
{
	[ "$cases" -gt 0 ] || not_ok "$1" "it found nothing to check"
	exit $((failures > 0))
}

in_series()
{
	git -C "$series" "$@"
}

# changed PATTERN...: the files that differ from the base and still exist.
changed()
{
	in_series diff --name-only --diff-filter=d base HEAD -- "$@"
}

in_base()
{
	in_series cat-file -e "base:$1" 2>/dev/null
}

# The commits of the series, oldest first: hash and name.
commits()
{
	in_series log --reverse --format='%H %f' base..HEAD |
		awk '{ printf "%s %04d-%s\n", $1, NR, $2 }'
}

# A checkout of its own, at $TREE, for going through the commits; its objects
# are kept from one to the next.
each_checkout()
{
	git -C "$TREE" rev-parse -q --verify base >/dev/null 2>&1 && return
	rm -rf "$TREE"
	in_series worktree prune
	in_series worktree add -q --detach "$TREE" base
}

# Whatever starts with a shell's name, and what such files source.
scripts()
{
	{
		grep -rIlE -m 1 '^#!.*\b(ba)?sh\b' dev .ci 2>/dev/null
		find dev -name '*.sh'
	} | sort -u
}

# show FILE: what a tool said, for the reader.
show()
{
	sed 's/^/  /' "$1" >&2
}

# first FILE REGEX: the first line that matches, else the last line.
first()
{
	grep -m 1 -E "$2" "$1" || tail -n 1 "$1"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Results of the base, which hold as long as nothing that they depend on changes:
# kept in build/, so that a new checkout has none. No failure is ever kept.
# Source it after lib.sh. INPUTS is a command that prints all that a result
# depends on.

# What every result depends on, whatever is run: the whole harness but for the
# mutants, and the tools
harness_inputs()
{
	(cd "$TOP" && find dev -type f ! -path 'dev/mutants/*' -print0 |
		sort -z | xargs -0 sha1sum)
	"${QEMU:-qemu-system-x86_64}" --version
	gcc --version
	cut -d ' ' -f 2 "$CACHE/accelerator"
}

# keep RESULT INPUTS...: the file RESULT is good.
keep()
{
	local result=$1
	shift

	"$@" 2>&1 | sha1sum >"$result.inputs"
}

# holds RESULT INPUTS...: a good RESULT is there, and its inputs are the same.
holds()
{
	local result=$1
	shift

	[ -s "$result" ] && [ -s "$result.inputs" ] &&
		[ "$("$@" 2>&1 | sha1sum)" = "$(cat "$result.inputs")" ]
}

# result_of RESULT: for the reader of a result that was not made now
result_of()
{
	echo "result of $(date -r "$1" +%F), same tests and base"
}

# keep_cases RESULT INPUTS...: pass the cases on standard input on, and keep them
# if all have passed.
keep_cases()
{
	local result=$1

	rm -f "$result.inputs"
	tee "$result"
	! grep -q '^not ok ' "$result" && grep -q '^ok ' "$result" && keep "$@"
}

# reuse_cases RESULT INPUTS...: the cases that were kept, if they hold
reuse_cases()
{
	holds "$@" && sed "s/\$/ ($(result_of "$1"))/" "$1"
}

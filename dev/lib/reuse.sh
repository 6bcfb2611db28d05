# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Keep results of the base in build/, and use them again as long as nothing that they
# depend on changes. Failures are not kept. Source it after lib.sh. In the functions,
# INPUTS is a command that prints everything that a result depends on.

# Print what every result depends on: the harness without the mutants, and the tools.
harness_inputs()
{
	(cd "$TOP" && find dev -type f ! -path 'dev/mutants/*' \
		! -name README.md -print0 |
		sort -z | xargs -0 sha1sum)
	"${QEMU:-qemu-system-x86_64}" --version
	gcc --version
	cut -d ' ' -f 2 "$CACHE/accelerator"
}

# keep RESULT INPUTS...: record the inputs of the file RESULT.
keep()
{
	local result=$1
	shift

	"$@" 2>&1 | sha1sum >"$result.inputs"
}

# holds RESULT INPUTS...: whether RESULT exists and its inputs have not changed
holds()
{
	local result=$1
	shift

	[ -s "$result" ] && [ -s "$result.inputs" ] &&
		[ "$("$@" 2>&1 | sha1sum)" = "$(cat "$result.inputs")" ]
}

# result_of RESULT: print a note for a result that is used again, with its date.
result_of()
{
	echo "result of $(date -r "$1" +%F), same tests and base"
}

# keep_cases RESULT INPUTS...: copy the cases on standard input to standard output,
# and keep them if all have passed. Otherwise, or if there are none, fails.
keep_cases()
{
	local result=$1

	rm -f "$result.inputs"
	tee "$result"
	! grep -q '^not ok ' "$result" && grep -q '^ok ' "$result" && keep "$@"
}

# reuse_cases RESULT INPUTS...: print the kept cases; fail if the inputs have changed.
reuse_cases()
{
	holds "$@" && sed "s/\$/ ($(result_of "$1"))/" "$1"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Keep results of the base in build/, and use them again as long as nothing that they
# depend on changes. Failures are not kept. Source it after lib.sh.

# Print what every result depends on: the harness without the mutants, and the tools.
harness_inputs()
{
	(cd "$TOP" && find dev -type f ! -path 'dev/mutants/*' \
		! -name README.md -print0 |
		sort -z | xargs -0 sha1sum)
	"${QEMU_BINARY:-qemu-system-x86_64}" --version
	gcc --version
	[ ! -w /dev/kvm ] || echo kvm
}

# key_of COMMAND...: print a hash of what COMMAND prints, which is everything that a
# result depends on. It is computed before the run, as the inputs may change meanwhile.
key_of()
{
	"$@" 2>&1 | sha1sum
}

# keep RESULT KEY: record the key of the file RESULT.
keep()
{
	echo "$2" >"$1.key"
}

# holds RESULT KEY: whether RESULT exists and has this key
holds()
{
	[ -s "$1" ] && [ -s "$1.key" ] && [ "$2" = "$(cat "$1.key")" ]
}

# result_of RESULT: print a note for a result that is used again, with its date.
result_of()
{
	echo "result of $(date -r "$1" +%F), same tests and base"
}

# keep_cases RESULT KEY: copy the cases on standard input to standard output, and
# keep them if all have passed. Otherwise, or if there are none, fails.
keep_cases()
{
	local result=$1

	rm -f "$result.key"
	tee "$result"
	! grep -q '^not ok ' "$result" && grep -q '^ok ' "$result" && keep "$@"
}

# reuse_cases RESULT KEY: print the kept cases; fail if they have another key.
reuse_cases()
{
	holds "$@" && sed "s/\$/ ($(result_of "$1"))/" "$1"
}

# SPDX-License-Identifier: GPL-2.0
# What every script of the harness shares: where things live, how a failure
# is reported, how a long step shows progress. Source it after "set -eu".

# The checkout, what is built from it, and what outlives it.
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
BUILD=$TOP/build
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/iommu-alist
export TOP BUILD CACHE

JOBS=${JOBS:-$(nproc)}

# Names of the program in messages: "dev/tree", never a full path.
ME=dev/${0##*/}

# One line on standard error, then failure.
die()
{
	printf '%s: %s\n' "$ME" "$*" >&2
	exit 1
}

# Progress, on standard error: standard output is for results.
note()
{
	printf '%s: %s\n' "$ME" "$*" >&2
}

# logged LOG LABEL COMMAND...: run a long COMMAND with its output in LOG. A
# line when it starts, a sign of life each minute, one line if it fails.
logged()
{
	local log=$1 label=$2 start=$SECONDS pid ticker status=0
	shift 2
	mkdir -p "${log%/*}"
	note "$label ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	(
		while sleep 60; do
			note "$label: $(((SECONDS - start) / 60)) min"
		done
	) &
	ticker=$!
	wait "$pid" || status=$?
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	[ "$status" -eq 0 ] ||
		die "$label failed (log: $log): $(grep -iE 'error|fatal|cannot|no space' "$log" | head -n 1 || :)"
}

# as_root COMMAND...: run it with the rights that installing needs.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "installing packages needs root or sudo"
	fi
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
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

# help_if_asked ARGUMENT...: for --help, print the comment at the top of the
# script and end.
help_if_asked()
{
	case ${1:-} in
	-h | --help)
		awk 'NR > 2 && !/^#/ { exit }
			NR > 2 { sub(/^# ?/, ""); print }' "$0"
		exit
		;;
	esac
}

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
# COMMAND is in the foreground, so that an interrupt reaches it.
logged()
{
	local log=$1 label=$2 ticker status
	shift 2
	mkdir -p "${log%/*}"
	note "$label ..."
	ticking "$label" &
	ticker=$!
	set +e
	(set -e; "$@") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	[ "$status" -eq 0 ] ||
		die "$label failed (log: $log): $(first_error "$log")"
}

# begun_anew LOG: what dev/qemu has said there of machines that it began anew.
begun_anew()
{
	grep '^dev/qemu: ' "$1" >&2 || :
}

# The line of a log that says what went wrong, as far as a word can tell.
first_error()
{
	grep -iE -m 1 '^E: |error|fatal|cannot|no space' "$1" || tail -n 1 "$1"
}

# ticking LABEL: the minutes since the start, for as long as this program
# lives. Leaves no sleep behind that would hold a lock or a pipe open.
ticking()
{
	local nap=
	trap 'kill "$nap" 2>/dev/null; exit' TERM
	while kill -0 "$$" 2>/dev/null; do
		sleep 60 >/dev/null 2>&1 &
		nap=$!
		wait "$nap"
		note "$1: $(((SECONDS + 30) / 60)) min"
	done
}

# lock FILE: from here to the end of the program, the only one that holds
# FILE. A program started by the holder does not wait for its parent.
lock()
{
	local fd
	case " ${LOCKS:-} " in *" $1 "*) return ;; esac
	mkdir -p "${1%/*}" || die "cannot write to ${1%/*}"
	exec {fd}>"$1"
	if ! flock -n "$fd"; then
		note "waiting for another run to finish"
		flock "$fd"
	fi
	export LOCKS="${LOCKS:-} $1"
}

# need_space DIR GIB: the file system that DIR is or will be on has room.
need_space()
{
	local dir=$1 free
	while [ ! -d "$dir" ]; do
		dir=$(dirname "$dir")
	done
	free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
	[ "$free" -ge "$2" ] ||
		die "too little disk space for ${1/#"$TOP/"/}: $free GiB free, $2 GiB needed"
}

# tree_of VARIANT: the kernel checkout, which TREE in the environment replaces.
tree_of()
{
	if [ -n "${TREE:-}" ]; then
		printf '%s\n' "$TREE"
	else
		"$TOP/dev/tree" "$1"
	fi
}

# suites_of TREE: the kunitconfig files of this project's suites, as far as
# TREE has these.
suites_of()
{
	local config

	while read -r config; do
		[ ! -f "$1/$config" ] || printf '%s\n' "$1/$config"
	done < <(cd "$TOP" && find drivers -name "*.kunitconfig" | sort)
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

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by all scripts: directories, options, messages, logs of long steps, locks.
# Source it after "set -eu". It only sets variables and defines functions.

# The checkout, its build directory, and the cache that all checkouts share
TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
BUILD=$TOP/build
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/iommu-alist
export TOP BUILD CACHE

JOBS=${JOBS:-$(nproc)}

# The script, and its name in messages
COMMAND=$(cd "$(dirname "$0")" && pwd -P)/${0##*/}
ME=${0##*/}

# shellcheck source=dev/lib/options.sh
. "$TOP/dev/lib/options.sh"

# die TEXT...: print one line on standard error and exit with status 1.
die()
{
	printf '%s: %s\n' "$ME" "$*" >&2
	exit 1
}

# note TEXT...: print progress on standard error. Standard output is for results.
note()
{
	printf '%s: %s\n' "$ME" "$*" >&2
}

# logged LOG LABEL COMMAND...: run a long COMMAND with its output in LOG. Prints
# a line at its start, one each minute, and one if it fails. COMMAND runs in the
# foreground, so that an interrupt reaches it.
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

# restarts LOG: print those messages in LOG that dev/machine/qemu wrote on restarts.
restarts()
{
	grep '^qemu: ' "$1" >&2 || :
}

# first_error LOG: print the line of a log that most likely has the error.
first_error()
{
	grep -iE -m 1 '^E: |error|fatal|cannot|no space' "$1" || tail -n 1 "$1"
}

# ticking LABEL: print the minutes since the start of this program, once a minute until
# it ends. On TERM, the sleep is killed, as it would keep a lock or a pipe open.
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

# descendants PID: print the processes below PID, and PID last.
descendants()
{
	cat /proc/[0-9]*/status 2>/dev/null | awk -v top="$1" '
		/^Pid:/ { pid = $2 }
		/^PPid:/ { children[$2] = children[$2] " " pid }
		function below(pid,	n, i, child)
		{
			n = split(children[pid], child, " ")
			for (i = 1; i <= n; i++)
				below(child[i])
			print pid
		}
		END { below(top) }'
}

# On an interrupt, kill all processes that this program has started, and exit. The
# terminal does not interrupt those in the background.
kill_on_interrupt()
{
	INTERRUPTED=$BASHPID
	trap interrupted INT TERM
}

# shellcheck disable=SC2317 # the trap above calls it
interrupted()
{
	local pids

	trap '' INT TERM
	mapfile -t pids < <(descendants "$INTERRUPTED" | grep -vxF "$INTERRUPTED")
	kill "${pids[@]}" 2>/dev/null || :
	exit 130
}

# lock FILE: hold an exclusive lock on FILE until this program ends. Programs started by
# the holder do not wait for the lock.
lock()
{
	local fd
	case " ${LOCKS:-} " in *" $1 "*) return ;; esac
	mkdir -p "${1%/*}" || die "cannot write to ${1%/*}"
	{ exec {fd}>"$1"; } 2>/dev/null || die "cannot write to $1"
	if ! flock -n "$fd"; then
		note "waiting for another run to finish"
		flock "$fd"
	fi
	export LOCKS="${LOCKS:-} $1"
}

# need_space DIR GIB: exit with an error unless the file system of DIR has that much
# free space. DIR need not exist yet.
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

# tree_of VARIANT: print the path of its kernel checkout, which is TREE if that
# is set.
tree_of()
{
	if [ -n "${TREE:-}" ]; then
		printf '%s\n' "$TREE"
	else
		"$TOP/dev/tree/print-tree" --variant "$1"
	fi
}

# kernel_of VARIANT CONFIG: print the variant whose kernel runs as VARIANT. For the base,
# this is tests, so that the suites, the boots and the measurements share a kernel: the
# driver is the same, and kunit.enable=0 keeps the suites from running.
kernel_of()
{
	case $1,$2 in
	base,common) echo base ;;
	base,*)	echo tests ;;
	*)	printf '%s\n' "$1" ;;
	esac
}

# kunitconfigs TREE: print the paths of those .kunitconfig files of this project
# that TREE has.
kunitconfigs()
{
	local config

	while read -r config; do
		[ ! -f "$1/$config" ] || printf '%s\n' "$1/$config"
	done < <(cd "$TOP" && find drivers -name "*.kunitconfig" | sort)
}

# report COMMAND ARGUMENT...: run a command of the Python package dev/lib/report.
report()
{
	PYTHONPATH=$TOP/dev/lib python3 -B -m report "$@"
}

# as_root COMMAND...: run COMMAND as root.
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

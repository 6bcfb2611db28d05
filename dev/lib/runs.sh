# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Build base and series, boot both with every scenario, and compare the results.
# Source it after lib.sh.

. "$(dirname "$0")/../lib/reuse.sh"

VARIANTS='base series'
RUNS=$BUILD/boot

# features_of SCENARIO: print its features.
features_of()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$TOP/dev/machine/scenarios" || die "no scenario $1"
}

# choose_scenarios [NAME...]: set SCENARIOS to those of the scenarios (default: all)
# that the installed QEMU can emulate, and LACKING to the others, each with the reason.
choose_scenarios()
{
	local name features why status

	SCENARIOS=()
	LACKING=()
	if [ $# -eq 0 ]; then
		# shellcheck disable=SC2046 # names are words
		set -- $(awk '!/^#/ && NF { print $1 }' "$TOP/dev/machine/scenarios")
	fi
	for name; do
		features=$(features_of "$name")
		status=0
		why=$("$TOP/dev/machine/unit" "$features" 2>&1 >/dev/null) || status=$?
		why=$name:${why#unit:}
		case $status in
		0)	SCENARIOS+=("$name") ;;
		3)	LACKING+=("$why")
			note "left out: $why" ;;
		*)	die "$why" ;;
		esac
	done
}

# build_both CONFIG: build both kernels with their initramfs, one after the other,
# as a build uses all processors.
build_both()
{
	local variant

	for variant in $VARIANTS; do
		build_one "$variant" "$1"
	done
}

# build_one VARIANT CONFIG: build the kernel and its initramfs. Takes a lock that this
# script holds until it ends: two runs with CONFIG at once would write to the same disk
# images and logs.
build_one()
{
	local kernel

	lock "$RUNS/$2.lock"
	kernel=$(kernel_of "$1" "$2")
	"$TOP/dev/build/kernel" --variant "$kernel" --config "$2" >/dev/null
	"$TOP/dev/machine/initramfs" --variant "$kernel" --config "$2" >/dev/null
}

# boot_each CONFIG GUEST-JOBS [KEY=VALUE...]: boot each "VARIANT SCENARIO" on standard
# input, $JOBS at once, LIMIT seconds each if that is set. The error of a failed boot is
# in $RUNS/CONFIG/VARIANT-SCENARIO.said, which is empty if the boot passed. With
# REUSE_BASE=1, a boot of the base that passed is not repeated if nothing has changed;
# VARIANT-SCENARIO.reused then has a note on the earlier result.
boot_each()
{
	local config=$1 total=0 line running=0
	shift

	mkdir -p "$RUNS/$config"
	rm -f "$RUNS/$config"/*.said "$RUNS/$config"/*.reused
	kill_on_interrupt
	while read -r line; do
		total=$((total + 1))
		if [ "$running" -ge "$JOBS" ]; then
			wait -n || :
			running=$((running - 1))
		fi
		boot_one "$config" "$line" "$@" &
		running=$((running + 1))
	done
	wait
	note "$total boots"
}

# boot_inputs KERNEL SCENARIO: print what the result of a boot depends on.
boot_inputs()
{
	echo "$2"
	harness_inputs
	cksum "$BUILD/obj/$1/arch/x86/boot/bzImage" \
		"$BUILD/guest/$1/initramfs.cpio"
}

# boot_one CONFIG "VARIANT SCENARIO" GUEST-JOBS [KEY=VALUE...]: one boot of boot_each
boot_one()
{
	local config=$1 variant=${2% *} scenario=${2#* }
	local said=$RUNS/$config/$variant-$scenario.said
	local counts=$RUNS/$variant-$config-$scenario/counts.json
	local key='' reuse=
	shift 2

	[ "$variant $*" != 'base count,io' ] || reuse=${REUSE_BASE:-}
	[ -z "$reuse" ] || key=$(key_of boot_inputs \
		"$(kernel_of "$variant" "$config")-$config" "$scenario")
	if [ -n "$reuse" ] && holds "$counts" "$key"; then
		result_of "$counts" >"${said%.said}.reused"
		: >"$said"
	elif "$TOP/dev/machine/boot-one" --variant "$variant" --config "$config" \
		${LIMIT:+--limit "$LIMIT"} "$scenario" "$@" \
		>/dev/null 2>"$said" </dev/null; then
		cat "$said" >&2
		: >"$said"
		[ -z "$reuse" ] || keep "$counts" "$key"
	else
		[ -s "$said" ] || echo "boot-one: failed with no output" >"$said"
	fi
}

# boot_scenarios CONFIG: boot base and series with each of SCENARIOS.
boot_scenarios()
{
	local scenario

	for scenario in "${SCENARIOS[@]}"; do
		printf '%s\n' "base $scenario" "series $scenario"
	done | boot_each "$1" count,io
}

# boot_error CONFIG VARIANT SCENARIO: print the error of a failed boot, without the name
# of the program. Fails if the boot passed.
boot_error()
{
	local file=$RUNS/$1/$2-$3.said

	[ -f "$file" ] || { echo "did not run"; return; }
	tail -n 1 "$file" | sed 's/^[a-z-]*: //' | grep .
}

# report_runs COMMAND CONFIG [OPTION...]: run COMMAND of dev/lib/report (boot or demo)
# on the boots of SCENARIOS.
report_runs()
{
	local command=$1 config=$2
	shift 2

	report "$command" --runs "$RUNS" --config "$config" \
		--machine "$TOP/dev/machine" "$@" -- "${SCENARIOS[@]}"
}

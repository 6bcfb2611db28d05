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
# that the installed QEMU can emulate, and LACKING to one line for each other with
# the reason.
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

# build_one VARIANT CONFIG
build_one()
{
	"$TOP/dev/build/kernel" --variant "$1" --config "$2" >/dev/null
	"$TOP/dev/machine/initramfs" --variant "$1" --config "$2" >/dev/null
}

# boot_each CONFIG JOBS [KEY=VALUE...]: boot each "VARIANT SCENARIO" on standard
# input, as many at once as there are processors, LIMIT seconds each if that is set.
# The error of a failed boot is in $RUNS/CONFIG/VARIANT-SCENARIO.said, which is empty
# otherwise. With REUSE_BASE=1, a boot of the base that passed is not repeated if
# nothing has changed. Then there is a VARIANT-SCENARIO.reused.
boot_each()
{
	local config=$1 total=0 line running=0
	shift

	mkdir -p "$RUNS/$config"
	rm -f "$RUNS/$config"/*.said "$RUNS/$config"/*.reused
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

boot_one()
{
	local config=$1 variant=${2% *} scenario=${2#* }
	local said=$RUNS/$config/$variant-$scenario.said
	local counts=$RUNS/$variant-$config-$scenario/counts
	local inputs=(boot_inputs "$variant-$config" "$scenario") reuse=
	shift 2

	[ "$variant $*" != 'base count,io' ] || reuse=${REUSE_BASE:-}
	if [ -n "$reuse" ] && holds "$counts" "${inputs[@]}"; then
		result_of "$counts" >"${said%.said}.reused"
		: >"$said"
	elif "$TOP/dev/machine/boot-one" --variant "$variant" --config "$config" \
		${LIMIT:+--limit "$LIMIT"} "$scenario" "$@" \
		>/dev/null 2>"$said" </dev/null; then
		cat "$said" >&2
		: >"$said"
		[ -z "$reuse" ] || keep "$counts" "${inputs[@]}"
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

# said CONFIG VARIANT SCENARIO: print the error of a failed boot, without the name
# of the program. Fails if the boot passed.
said()
{
	local file=$RUNS/$1/$2-$3.said

	[ -f "$file" ] || { echo "did not run"; return; }
	tail -n 1 "$file" | sed 's/^[a-z-]*: //' | grep .
}

# compare CONFIG: print one line for each measurement of SCENARIOS. There are eight
# fields each: IOTLB DEVTLB OTHER WAITS DOORBELLS KIND RUNS STEADY
#
#   SCENARIO TOPOLOGY OP  base's eight  series' eight  LEAST(iotlb devtlb waits doorbells exact)
#
# "- - - - - - 0 0" stands for a measurement that is missing.
compare()
{
	local config=$1 scenario variant

	for scenario in "${SCENARIOS[@]}"; do
		for variant in $VARIANTS; do
			[ -f "$RUNS/$variant-$config-$scenario/counts" ] || continue
			sed "s/^/$variant $scenario /" "$RUNS/$variant-$config-$scenario/counts"
		done
	done | awk -v scenarios=" ${SCENARIOS[*]} " '
	FILENAME == "-" {
		key = $2 " " $3 " " $4
		variant = $1
		$1 = $2 = $3 = $4 = ""
		sub(/^ +/, "")
		counts[variant, key] = $0
		next
	}
	index(scenarios, " " $1 " ") {
		key = $1 " " $2 " " $3
		$1 = $2 = $3 = ""
		sub(/^ +/, "")
		print key, of("base"), of("series"), $0
	}
	function of(variant)
	{
		return (variant, key) in counts ? counts[variant, key] : "- - - - - - 0 0"
	}' - <(awk -f "$TOP/dev/lib/report/least.awk" "$TOP/dev/machine/scenarios" "$TOP/dev/machine/topologies")
}

# io_summary CONFIG VARIANT SCENARIO: print the amount of I/O of that boot and the
# number of descriptors.
io_summary()
{
	local dir=$RUNS/$2-$1-$3 disk net iotlb devtlb

	read -r _ disk net < <(grep '^verified ' "$dir/results")
	read -r _ _ iotlb devtlb _ < <(grep '^io io ' "$dir/counts" || echo 'io io 0 0')
	echo "disk $((disk >> 20)) MiB, net $((net >> 20)) MiB, $((iotlb + devtlb)) descriptors$(
		sed 's/^/; /' "$RUNS/$1/$2-$3.reused" 2>/dev/null)"
}

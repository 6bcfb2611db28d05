# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the demo and the counted boots share: both kernels built, both booted
# with every scenario, and what came out side by side. Source it after lib.sh.

. "$TOP/dev/reuse.sh"

VARIANTS='base series'
RUNS=$BUILD/boot

# features_of SCENARIO: what dev/unit is to ask for.
features_of()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$TOP/dev/scenarios" || die "no such scenario: $1"
}

# choose_scenarios [NAME...]: of these, or of all, set SCENARIOS to those that
# the installed QEMU can emulate, and LACKING to one line for each of the others,
# which says why not.
choose_scenarios()
{
	local name features why status

	SCENARIOS=()
	LACKING=()
	if [ $# -eq 0 ]; then
		# shellcheck disable=SC2046 # names are words
		set -- $(awk '!/^#/ && NF { print $1 }' "$TOP/dev/scenarios")
	fi
	for name; do
		features=$(features_of "$name")
		status=0
		why=$("$TOP/dev/unit" "$features" 2>&1 >/dev/null) || status=$?
		why=$name:${why#dev/unit:}
		case $status in
		0)	SCENARIOS+=("$name") ;;
		2)	LACKING+=("$why")
			note "left out: $why" ;;
		*)	die "$why" ;;
		esac
	done
}

# build_both CONFIG: one after the other, as each uses all processors.
build_both()
{
	local variant

	for variant in $VARIANTS; do
		"$TOP/dev/build" "$variant" "$1" >/dev/null
		"$TOP/dev/initramfs" "$variant" "$1" >/dev/null
	done
}

# boot_each CONFIG JOBS [KEY=VALUE...]: read "VARIANT SCENARIO" lines, boot as
# many at once as there are processors, and leave what each said in
# $RUNS/CONFIG/VARIANT-SCENARIO.said: nothing if all was well. With REUSE_BASE=1,
# the base does not boot again if that went well and nothing has changed; beside
# it is then VARIANT-SCENARIO.reused.
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

# boot_inputs KERNEL SCENARIO: what the result of a boot depends on
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
	elif "$TOP/dev/boot" "$variant" "$config" "$scenario" "$@" \
		>/dev/null 2>"$said" </dev/null; then
		cat "$said" >&2
		: >"$said"
		[ -z "$reuse" ] || keep "$counts" "${inputs[@]}"
	else
		[ -s "$said" ] || echo "dev/boot: failed without a word" >"$said"
	fi
}

# boot_scenarios CONFIG: base and series with each of SCENARIOS, counted.
boot_scenarios()
{
	local scenario

	for scenario in "${SCENARIOS[@]}"; do
		printf '%s\n' "base $scenario" "series $scenario"
	done | boot_each "$1" count,io
}

# said CONFIG VARIANT SCENARIO: the one line of a failed boot, without the name
# of the program; fails if there is nothing to say.
said()
{
	local file=$RUNS/$1/$2-$3.said

	[ -f "$file" ] || { echo "did not run"; return; }
	tail -n 1 "$file" | sed 's/^dev\/[a-z]*: //' | grep .
}

# compare CONFIG: one line for each measurement of SCENARIOS, in the order of
# IOTLB DEVTLB OTHER WAITS DOORBELLS KIND RUNS STEADY (eight fields each):
#
#   SCENARIO TOPOLOGY OP  base's eight  series' eight  LEAST(iotlb devtlb waits doorbells exact)
#
# A kernel that has no such measurement has "- - - - - - 0 0" there.
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
	}' - <(awk -f "$TOP/dev/least.awk" "$TOP/dev/scenarios" "$TOP/dev/topologies")
}

# io_summary CONFIG VARIANT SCENARIO: what the I/O of that boot moved and what
# it cost, in words.
io_summary()
{
	local dir=$RUNS/$2-$1-$3 disk net iotlb devtlb

	read -r _ disk net < <(grep '^verified ' "$dir/results")
	read -r _ _ iotlb devtlb _ < <(grep '^io io ' "$dir/counts" || echo 'io io 0 0')
	echo "disk $((disk >> 20)) MiB, net $((net >> 20)) MiB, $((iotlb + devtlb)) descriptors$(
		sed 's/^/; /' "$RUNS/$1/$2-$3.reused" 2>/dev/null)"
}

# SPDX-License-Identifier: GPL-2.0
# The least that the VT-d specification lets one map and one unmap cost, from
# the topology alone. Nothing here looks at what any kernel did.
#
#   awk -f dev/least.awk dev/scenarios dev/topologies
#
# One line for each scenario, topology and operation:
#
#   SCENARIO TOPOLOGY OP IOTLB DEVTLB WAITS DOORBELLS EXACT
#
# EXACT is 0 where several blocks would be needed and fewer, larger ones are a
# choice: such rows are shown, not judged.

function hex(text,	i, value)
{
	value = 0
	for (i = 1; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value
}

# An invalidation covers a naturally aligned power of two of pages: the number
# of such blocks that cover SIZE bytes at IOVA and nothing else.
function blocks(iova, size,	n, block)
{
	for (n = 0; size > 0; n++) {
		block = 4096
		while (block * 2 <= size && iova % (block * 2) == 0)
			block *= 2
		iova += block
		size -= block
	}
	return n
}

# What the unit's IOTLB can tell apart in one domain: a second-stage entry is
# tagged with the domain's number only, a first-stage entry with number and
# PASID. A request by RID counts as PASID 0, whichever device makes it.
function tags(stage, rid, pasids)
{
	return stage == "second" ? 1 : rid + pasids
}

# A mapping that was not there before is cached by nothing, unless the unit
# says that it caches even that; for first-stage tables none may.
function map_flushes(stage, caching)
{
	return caching && stage == "second"
}

function has(feature, features)
{
	return index("," features ",", "," feature ",") > 0
}

function row(s, t, op,		n, iotlb, devtlb, once)
{
	n = blocks(iova[t], size[t])
	iotlb = devtlb = 0
	if (op == "unmap" || map_flushes(stage[s], caching[s]))
		iotlb = n * tags(stage[s], rid[t], pasids[t])
	# The TLB of a device holds translations by RID and by PASID apart, and
	# never one that was not there: one descriptor for each address space
	# of each device.
	if (op == "unmap" && ats[s])
		devtlb = n * devices[t] * (rid[t] + pasids[t])
	# One queue takes all descriptors in one go, and one wait ends them.
	once = (iotlb + devtlb > 0)
	print s, t, op, iotlb, devtlb, once, once, (n == 1)
}

/^#/ || NF == 0 { next }

FILENAME == ARGV[1] {
	scenarios[++ns] = $1
	stage[$1] = has("first-stage", $2) ? "first" : "second"
	has_pasids[$1] = has("pasid", $2)
	ats[$1] = has("device-iotlb", $2)
	caching[$1] = has("caching", $2)
	next
}

{
	topologies[++nt] = $1
	devices[$1] = $2
	rid[$1] = $3
	pasids[$1] = $4
	iova[$1] = hex($5)
	size[$1] = hex($6)
}

END {
	for (i = 1; i <= ns; i++) {
		for (j = 1; j <= nt; j++) {
			if (pasids[topologies[j]] && !has_pasids[scenarios[i]])
				continue
			row(scenarios[i], topologies[j], "map")
			row(scenarios[i], topologies[j], "unmap")
		}
	}
}

# SPDX-License-Identifier: GPL-2.0
# Leave out of a kernel's log what it says when the emulated unit refuses a
# PASID-based IOTLB invalidation for the size of its address mask.
#
#   awk -f dev/refused.awk LOG	the log without it
#   awk -f dev/refused.awk -v count=1 LOG	how many were refused
#
# The specification lets a unit with scalable mode take any mask there. QEMU
# from 10.0.13 on takes none above the maximum in its capability register
# (MAMV), as it does for the other IOTLB invalidations. Any other error of the
# queue stays in the log.

function digit(text, from_right)
{
	return index("0123456789abcdef",
		substr(text, length(text) - from_right, 1)) - 1
}

# The six bits at the bottom of a number: the address mask of the descriptor
function mask(text)
{
	return digit("0" text, 1) % 4 * 16 + digit(text, 0)
}

function say(line)
{
	if (line != "" && !count)
		print line
}

# "DMAR: dmar0: reg_base_addr ... cap d2008c222f0686 ecap ...": MAMV is in bits
# 53:48
/DMAR: dmar[0-9]+: reg_base_addr / {
	match($0, / cap [0-9a-f]+/)
	cap = substr($0, RSTART + 5, RLENGTH - 5)
	mamv = digit(cap, 13) % 4 * 16 + digit(cap, 12)
}

# The interrupt for an error of the queue and nothing else: what it was about, the
# other lines tell.
/DMAR: DRHD: handling fault status reg 10$/ {
	interrupts[++n] = $0
	next
}

# The error and the descriptor that caused it are two lines, and other processors
# may have their say in between.
/DMAR: VT-d detected Invalidation Queue Error: / {
	say(held)
	held = $0
	next
}

held != "" && /DMAR: QI HEAD: / {
	qw1 = $NF
	sub(/^0x/, "", qw1)
	if (/HEAD: PASID-based IOTLB Invalidation / && mamv != "" && mask(qw1) > mamv) {
		held = ""
		refused++
		cleared = 1
		next
	}
	say(held)
	held = ""
}

cleared && /DMAR: Invalidation Queue Error \(IQE\) cleared/ {
	cleared = 0
	next
}

{ say($0) }

END {
	say(held)
	for (i = 1; i <= n && !refused; i++)
		say(interrupts[i])
	if (count)
		print refused + 0
}

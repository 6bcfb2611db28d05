#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
# A kernel's log without the data races that are not for this project to judge.
#
# KCSAN finds them all over a kernel, in the network stack above all, in base
# and series alike. Those in which nothing of the IOMMU's takes part are left
# out; a report that is cut off is not. What an interrupt came upon takes no
# part, and neither does who hands an event to the tracer: in a stack, that is
# everything below the entry of the interrupt, or of the trace buffer.

BEGIN {
	ours = "iommu|dmar|cache_tag|pasid|alist|iotlb|iova|prq|" \
	       " _*(qi|intel|dma|topo|model|ut|world)_|" \
	       " do_(map|unmap|attach|detach|bind|dma|dirty|guest|host|process|reset)|" \
	       " process_(end|unbind)"
}

/BUG: KCSAN: data-race/ { inside = 1; report = ""; mine = $0 ~ ours }
!inside { print; next }
{ report = report $0 "\n" }
/ to 0x[0-9a-f]+ of [0-9]+ bytes by / { elsewhere = 0 }
/ (asm|ring_buffer|trace_buffer|trace_event_buffer)_[a-z_]+\+0x/ { elsewhere = 1 }
!elsewhere && / [A-Za-z_][A-Za-z0-9_.]*\+0x/ && $0 ~ ours { mine = 1 }
/^=====/ {
	if (mine)
		printf "%s", report
	inside = 0
}

END {
	if (inside)
		printf "%s", report
}

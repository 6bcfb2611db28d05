#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
# A kernel's log without the data races that are not for this project to judge.
#
# KCSAN finds them all over a kernel, in the network stack above all, in base
# and series alike. Those in which nothing of the IOMMU's takes part are left
# out; a report that is cut off is not.

BEGIN {
	ours = "iommu|dmar|qi_|intel_|cache_tag|pasid|alist|iotlb|iova|dma_|" \
	       "topo_|model_|ut_|world_|do_(map|attach|dma|host|process)|process_"
}

/BUG: KCSAN: data-race/ { inside = 1; report = ""; mine = 0 }
!inside { print; next }
{ report = report $0 "\n" }
$0 ~ ours { mine = 1 }
/^=====/ {
	if (mine)
		printf "%s", report
	inside = 0
}

END {
	if (inside)
		printf "%s", report
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-d IOTLB and device-TLB invalidation.
 */
#ifndef _INTEL_IOMMU_CACHE_H
#define _INTEL_IOMMU_CACHE_H

#include <linux/types.h>

struct dmar_domain;

/**
 * struct cache_flush_range - range to invalidate
 * @start: First byte of the range.
 * @end: Last byte of the range.
 * @addr: Start of the naturally aligned block that covers the range.
 * @order: Size of the block in VT-d pages, as a power of two;
 *	%MAX_AGAW_PFN_WIDTH for the whole address space.
 * @ih: Invalidation hint: only leaf entries have changed.
 */
struct cache_flush_range {
	unsigned long start;
	unsigned long end;
	u64 addr;
	unsigned int order;
	bool ih;
};

void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih);
void cache_tag_flush_all(struct dmar_domain *domain);
void cache_tag_flush_range_np(struct dmar_domain *domain, unsigned long start,
			      unsigned long end);

#endif /* _INTEL_IOMMU_CACHE_H */

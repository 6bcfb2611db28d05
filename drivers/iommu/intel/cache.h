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
 * @start: IOVA of the first byte of the range.
 * @end: IOVA of the last byte of the range.
 * @addr: Start of the naturally aligned block that covers the range.
 * @order: Base-2 logarithm of the size of the block in VT-d pages;
 *	%MAX_AGAW_PFN_WIDTH for the whole address space.
 * @ih: Invalidation hint: true if only leaf entries have changed.
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

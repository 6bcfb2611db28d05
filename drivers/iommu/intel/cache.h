/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-d IOTLB and device-TLB invalidation.
 */
#ifndef _INTEL_IOMMU_CACHE_H
#define _INTEL_IOMMU_CACHE_H

#include <linux/types.h>

struct dmar_domain;

/**
 * struct cache_flush_block - naturally aligned block of addresses
 * @addr: Address of the first byte.
 * @order: Base-2 logarithm of the size in VT-d pages; %MAX_AGAW_PFN_WIDTH for
 *	the whole address space.
 */
struct cache_flush_block {
	u64 addr;
	unsigned int order;
};

/**
 * struct cache_flush_range - range to invalidate
 * @start: IOVA of the first byte of the range.
 * @end: IOVA of the last byte of the range.
 * @ih: Invalidation hint: true if only leaf entries have changed.
 * @split: @cover is more than twice as large as the range.
 * @cover: The smallest block that covers the range.
 * @halves: The smallest blocks that cover the parts of the range in either half
 *	of @cover. Valid if @split is set or @cover is larger than 1 GiB. If @cover
 *	is the whole address space, so is halves[0], and halves[1] is not set.
 */
struct cache_flush_range {
	unsigned long start;
	unsigned long end;
	bool ih;
	bool split;
	struct cache_flush_block cover;
	struct cache_flush_block halves[2];
};

void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih);
void cache_tag_flush_all(struct dmar_domain *domain);
void cache_tag_flush_range_np(struct dmar_domain *domain, unsigned long start,
			      unsigned long end);

#endif /* _INTEL_IOMMU_CACHE_H */

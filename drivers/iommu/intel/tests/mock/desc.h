/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoded form of VT-d invalidation requests.
 *
 * The mock IOMMU logs and executes invalidations in this form, independent of
 * the descriptor format or register that requested them, and tests compare
 * against it. The decoder follows the specification and uses none of the
 * driver's definitions, so that it detects wrong fields in driver headers.
 */
#ifndef _INTEL_IOMMU_MOCK_DESC_H
#define _INTEL_IOMMU_MOCK_DESC_H

#include <linux/types.h>

enum mock_inv_type {
	MOCK_INV_CONTEXT,
	MOCK_INV_PASID_CACHE,
	MOCK_INV_IOTLB,
	MOCK_INV_PIOTLB,
	MOCK_INV_DEVTLB,
	MOCK_INV_DEVTLB_PASID,
	MOCK_INV_IEC,
	MOCK_INV_WAIT,
	MOCK_INV_WRITE_BUFFER,
	MOCK_INV_PAGE_RESPONSE,
};

/* Granularities of IOTLB, PASID-based IOTLB and context-cache invalidations */
#define MOCK_GLOBAL	1
#define MOCK_DOMAIN	2	/* PASID-based IOTLB: all pages of the PASID */
#define MOCK_PAGES	3	/* context cache: one device */
/* Granularities of PASID-cache invalidations */
#define MOCK_PC_DOMAIN	0
#define MOCK_PC_PASID	1
#define MOCK_PC_GLOBAL	3

/* Order of a block that covers the whole address space */
#define MOCK_ALL_PAGES	52

/**
 * struct mock_inv - one decoded invalidation request
 * @type: Type of the invalidation.
 * @granularity: Granularity, for the types that have one.
 * @did: Domain id.
 * @sid: Requester id (context-cache and device-TLB invalidations).
 * @fm: Function mask of a context-cache invalidation: 0 to 3.
 * @pasid: PASID; %IOMMU_NO_PASID for a device-TLB invalidation without PASID.
 * @addr: Address of the first byte of the block.
 * @order: Size of the block: log2 of the number of 4 KiB pages, or
 *	%MOCK_ALL_PAGES.
 * @ih: Invalidation hint: only leaf entries have changed, so
 *	paging-structure caches may be kept.
 * @depth: Number of device-TLB invalidations that the device can queue; 0
 *	stands for 32.
 * @pfsid: Requester id of the physical function (device-TLB invalidations).
 * @index: Page request group index of a page group response.
 * @code: Response code of a page group response.
 */
struct mock_inv {
	enum mock_inv_type type;
	u8 granularity;
	u16 did;
	u16 sid;
	u8 fm;
	u32 pasid;
	u64 addr;
	unsigned int order;
	bool ih;
	u8 depth;
	u16 pfsid;
	u16 index;
	u8 code;
};

int mock_decode(const u64 *qw, struct mock_inv *inv);

#endif /* _INTEL_IOMMU_MOCK_DESC_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decoder of VT-d invalidation descriptors, used by the mock IOMMU's queue.
 *
 * Field positions are those of the specification. Reserved bits are checked,
 * because real hardware raises an invalidation queue error for them.
 */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/minmax.h>

#include "desc.h"

static u64 desc_bits(u64 word, unsigned int high, unsigned int low)
{
	return (word >> low) & GENMASK_ULL(high - low, 0);
}

/* Both device-TLB descriptors split the PFSID into two fields. */
static u16 desc_decode_pfsid(u64 qw0)
{
	return desc_bits(qw0, 63, 52) << 4 | desc_bits(qw0, 15, 12);
}

/*
 * Device-TLB descriptors encode the size of the block in the address: with
 * @flag set, the number of trailing ones above bit 11 determines it; without,
 * the block is one page.
 */
static void desc_decode_block(struct mock_inv *inv, u64 qw1, u64 flag)
{
	inv->addr = qw1 & GENMASK_ULL(63, 12);
	inv->order = 0;
	if (!(qw1 & flag))
		return;
	inv->order = min(ffz(inv->addr >> 12) + 1, MOCK_ALL_PAGES);
	inv->addr &= inv->order == MOCK_ALL_PAGES ?
		     0 : GENMASK_ULL(63, 12 + inv->order);
}

/*
 * Decode the second quadword of IOTLB descriptors, which holds address, mask
 * and hint for page-selective granularity and is reserved otherwise.
 * @reserved is set to the mask of its reserved bits.
 */
static int desc_decode_pages(struct mock_inv *inv, u64 qw1, u64 *reserved)
{
	inv->order = MOCK_ALL_PAGES;
	*reserved = ~0ULL;
	if (inv->granularity != MOCK_PAGES)
		return 0;
	*reserved = GENMASK_ULL(11, 7);
	inv->order = desc_bits(qw1, 5, 0);
	inv->ih = qw1 & BIT_ULL(6);
	inv->addr = qw1 & GENMASK_ULL(63, 12);
	/* Software must align the block to its size. */
	if (inv->order >= MOCK_ALL_PAGES ||
	    inv->addr & (GENMASK_ULL(11 + inv->order, 0)))
		return -EINVAL;
	return 0;
}

/**
 * mock_decode() - decode an invalidation descriptor
 * @qw: The descriptor: four quadwords, of which the last two are 0 for a
 *	128-bit descriptor.
 * @inv: Filled with the decoded request.
 *
 * Context: Any.
 * Return: 0, or -EINVAL if the type or granularity is undefined, a block is not
 * aligned to its size, a wait specifies no action, or a reserved bit is set.
 */
int mock_decode(const u64 *qw, struct mock_inv *inv)
{
	u64 reserved0, reserved1 = ~0ULL;
	int ret = 0;

	*inv = (struct mock_inv) { .granularity = desc_bits(qw[0], 5, 4) };
	inv->did = desc_bits(qw[0], 31, 16);

	switch (qw[0] & GENMASK_ULL(3, 0)) {
	case 0x1:
		inv->type = MOCK_INV_CONTEXT;
		inv->sid = desc_bits(qw[0], 47, 32);
		inv->fm = desc_bits(qw[0], 49, 48);
		reserved0 = GENMASK_ULL(63, 50) | GENMASK_ULL(15, 6);
		if (!inv->granularity)
			ret = -EINVAL;
		break;
	case 0x2:
		inv->type = MOCK_INV_IOTLB;
		reserved0 = GENMASK_ULL(63, 32) | GENMASK_ULL(15, 8);
		ret = desc_decode_pages(inv, qw[1], &reserved1);
		if (!inv->granularity)
			ret = -EINVAL;
		break;
	case 0x3:
		inv->type = MOCK_INV_DEVTLB;
		inv->sid = desc_bits(qw[0], 47, 32);
		inv->pfsid = desc_decode_pfsid(qw[0]);
		inv->depth = desc_bits(qw[0], 20, 16);
		inv->pasid = IOMMU_NO_PASID;
		desc_decode_block(inv, qw[1], BIT_ULL(0));
		reserved0 = GENMASK_ULL(51, 48) | GENMASK_ULL(31, 21) |
			    GENMASK_ULL(11, 4);
		reserved1 = GENMASK_ULL(11, 1);
		break;
	case 0x4:
		inv->type = MOCK_INV_IEC;
		reserved0 = GENMASK_ULL(63, 48) | GENMASK_ULL(26, 5);
		break;
	case 0x6:
		inv->type = MOCK_INV_PIOTLB;
		inv->pasid = desc_bits(qw[0], 51, 32);
		reserved0 = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 6);
		ret = desc_decode_pages(inv, qw[1], &reserved1);
		if (inv->granularity < MOCK_DOMAIN)
			ret = -EINVAL;
		break;
	case 0x7:
		inv->type = MOCK_INV_PASID_CACHE;
		inv->pasid = desc_bits(qw[0], 51, 32);
		reserved0 = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 6);
		if (inv->granularity == 2)
			ret = -EINVAL;
		break;
	case 0x8:
		inv->type = MOCK_INV_DEVTLB_PASID;
		inv->sid = desc_bits(qw[0], 31, 16);
		inv->pfsid = desc_decode_pfsid(qw[0]);
		inv->depth = desc_bits(qw[0], 8, 4);
		inv->pasid = desc_bits(qw[0], 51, 32);
		desc_decode_block(inv, qw[1], BIT_ULL(11));
		reserved0 = GENMASK_ULL(11, 9);
		reserved1 = GENMASK_ULL(10, 0);
		break;
	case 0x9:
		inv->type = MOCK_INV_PAGE_RESPONSE;
		inv->granularity = 0;
		inv->did = 0;
		inv->sid = desc_bits(qw[0], 31, 16);
		inv->pasid = qw[0] & BIT_ULL(4) ? desc_bits(qw[0], 51, 32) :
			     IOMMU_NO_PASID;
		inv->code = desc_bits(qw[0], 15, 12);
		inv->index = desc_bits(qw[1], 11, 3);
		reserved0 = GENMASK_ULL(63, 52) | GENMASK_ULL(11, 5);
		reserved1 = GENMASK_ULL(63, 12) | GENMASK_ULL(2, 0);
		break;
	case 0x5:
		inv->type = MOCK_INV_WAIT;
		/* At least one of interrupt, status write and fence is set. */
		if (!(qw[0] & GENMASK_ULL(6, 4)))
			return -EINVAL;
		reserved0 = GENMASK_ULL(31, 8);
		reserved1 = GENMASK_ULL(1, 0);
		break;
	default:
		return -EINVAL;
	}
	if (qw[0] & reserved0 || qw[1] & reserved1 || qw[2] || qw[3])
		return -EINVAL;
	return ret;
}

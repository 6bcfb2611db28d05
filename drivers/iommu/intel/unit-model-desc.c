// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of invalidation descriptors, as the specification lays them out,
 * reserved bits included.
 */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/iommu.h>

#include "unit-model.h"

static u64 desc_bits(u64 word, unsigned int high, unsigned int low)
{
	return (word >> low) & GENMASK_ULL(high - low, 0);
}

/* A size that is the number of trailing ones, if the flag says so. */
static void decode_block(struct model_inv *inv, u64 qw1, u64 flag)
{
	inv->addr = qw1 & GENMASK_ULL(63, 12);
	inv->order = 0;
	if (!(qw1 & flag))
		return;
	inv->order = min(ffz(inv->addr >> 12) + 1, MODEL_ALL_PAGES);
	inv->addr &= inv->order == MODEL_ALL_PAGES ?
		     0 : GENMASK_ULL(63, 12 + inv->order);
}

/* Returns the bits that are reserved in the first and the second word. */
static int decode_pages(struct model_inv *inv, u64 qw1, u64 *reserved)
{
	inv->order = MODEL_ALL_PAGES;
	*reserved = ~0ULL;
	if (inv->granularity != MODEL_PAGES)
		return 0;
	*reserved = GENMASK_ULL(11, 7);
	inv->order = desc_bits(qw1, 5, 0);
	inv->ih = qw1 & BIT_ULL(6);
	inv->addr = qw1 & GENMASK_ULL(63, 12);
	/* Software aligns the block to its size. */
	if (inv->order >= MODEL_ALL_PAGES ||
	    inv->addr & (GENMASK_ULL(11 + inv->order, 0)))
		return -EINVAL;
	return 0;
}

/**
 * model_decode() - take an invalidation descriptor apart
 * @qw: Its four words; the last two are 0 for a descriptor of 128 bits.
 * @inv: What it says.
 *
 * Return: 0; -EINVAL if the type or the granularity is unknown, or something
 * reserved is not 0.
 */
int model_decode(const u64 *qw, struct model_inv *inv)
{
	u64 reserved0, reserved1 = ~0ULL;
	int ret = 0;

	*inv = (struct model_inv) { .granularity = desc_bits(qw[0], 5, 4) };
	inv->did = desc_bits(qw[0], 31, 16);

	switch (qw[0] & GENMASK_ULL(3, 0)) {
	case 0x1:
		inv->type = MODEL_INV_CONTEXT;
		inv->sid = desc_bits(qw[0], 47, 32);
		inv->fm = desc_bits(qw[0], 49, 48);
		reserved0 = GENMASK_ULL(63, 50) | GENMASK_ULL(15, 6);
		if (!inv->granularity)
			ret = -EINVAL;
		break;
	case 0x2:
		inv->type = MODEL_INV_IOTLB;
		reserved0 = GENMASK_ULL(63, 32) | GENMASK_ULL(15, 8);
		ret = decode_pages(inv, qw[1], &reserved1);
		if (!inv->granularity)
			ret = -EINVAL;
		break;
	case 0x3:
		inv->type = MODEL_INV_DEVTLB;
		inv->sid = desc_bits(qw[0], 47, 32);
		inv->pasid = IOMMU_NO_PASID;
		decode_block(inv, qw[1], BIT_ULL(0));
		reserved0 = GENMASK_ULL(51, 48) | GENMASK_ULL(31, 21) |
			    GENMASK_ULL(11, 4);
		reserved1 = GENMASK_ULL(11, 1);
		break;
	case 0x4:
		inv->type = MODEL_INV_IEC;
		reserved0 = GENMASK_ULL(63, 48) | GENMASK_ULL(26, 5);
		break;
	case 0x6:
		inv->type = MODEL_INV_PIOTLB;
		inv->pasid = desc_bits(qw[0], 51, 32);
		reserved0 = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 6);
		ret = decode_pages(inv, qw[1], &reserved1);
		if (inv->granularity < MODEL_DOMAIN)
			ret = -EINVAL;
		break;
	case 0x7:
		inv->type = MODEL_INV_PASID_CACHE;
		inv->pasid = desc_bits(qw[0], 51, 32);
		reserved0 = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 6);
		if (inv->granularity == 2)
			ret = -EINVAL;
		break;
	case 0x8:
		inv->type = MODEL_INV_DEVTLB_PASID;
		inv->sid = desc_bits(qw[0], 31, 16);
		inv->pasid = desc_bits(qw[0], 51, 32);
		decode_block(inv, qw[1], BIT_ULL(11));
		reserved0 = GENMASK_ULL(11, 9);
		reserved1 = GENMASK_ULL(10, 0);
		break;
	case 0x5:
		inv->type = MODEL_INV_WAIT;
		/* For an interrupt, a status, or those behind it: for something. */
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

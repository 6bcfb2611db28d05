// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of cache.c on mock IOMMUs: for each topology, the exact
 * invalidations that an IOMMU receives, in how many submissions and in which
 * order.
 */

#include <linux/hrtimer.h>
#include <linux/idr.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "driver.h"
#include "../trace.h"

/* CAP.MAMV of the mock IOMMUs with page-selective invalidation */
#define CACHE_MAMV	18

/* Second stage */

static const unsigned int cache_dev_counts[] = { 1, 2, 4 };

static void cache_dev_count_desc(const unsigned int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u device(s)", *nr);
}

KUNIT_ARRAY_PARAM(cache_dev_count, cache_dev_counts, cache_dev_count_desc);

/* Devices attached by RID share one invalidation, however many there are. */
static void second_stage_rid(struct kunit *test)
{
	const unsigned int nr = *(const unsigned int *)test->param_value;
	struct iommu_domain *domain;
	unsigned int i;
	u16 did;

	domain = ut_new_domain(test, mock_dev(MOCK_SS_CM, 0), 0);
	for (i = 0; i < nr; i++)
		did = drv_attach(test, domain, mock_dev(MOCK_SS_CM, i),
				 IOMMU_NO_PASID);

	drv_flush(domain, 0x5000, 0x5fff, 1);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB_LEAF(did, 0x5000, 0), WAIT);
	drv_flush(domain, 0x7fff000, 0x8000fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB(did, 0x7fff000, 0),
		       IOTLB(did, 0x8000000, 0), WAIT);
	drv_flush_all(domain);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB_ALL(did), WAIT);
}

/* A flush in legacy mode, in which the queue has descriptors of 128 bits */
static void second_stage_legacy(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_LEGACY, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	u16 did = drv_attach(test, domain, dev, IOMMU_NO_PASID);

	drv_flush(domain, 0x4000, 0x7fff, 0);
	DRV_EXPECT_LOG(test, MOCK_LEGACY, 1, IOTLB(did, 0x4000, 2),
		       DEVTLB(mock_sid(1), 0x4000, 2), WAIT);
}

/* One invalidation for all PASIDs, which second-stage tags do not include */
static void second_stage_pasids(struct kunit *test)
{
	struct iommu_domain *domain;
	unsigned int i;
	ioasid_t p;
	u16 did;

	domain = ut_new_domain(test, mock_dev(MOCK_SS_CM, 0), 0);
	for (i = 0; i < MOCK_DEVS; i++)
		for (p = 0; p <= 16; p++)
			did = drv_attach(test, domain, mock_dev(MOCK_SS_CM, i),
					 p);

	drv_flush(domain, 0x1000, 0x1fff, 1);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB_LEAF(did, 0x1000, 0), WAIT);
}

/* First stage */

/* One invalidation for each PASID, whatever the number of devices. */
static void first_stage_pasids(struct kunit *test)
{
	struct mock_inv want[18] = {};
	struct iommu_domain *domain;
	unsigned int i;
	ioasid_t p;
	u16 did;

	domain = ut_new_domain(test, mock_dev(MOCK_FS_OLD, 0), 0);
	for (i = 0; i < MOCK_DEVS; i++)
		for (p = 17; p--;)
			did = drv_attach(test, domain, mock_dev(MOCK_FS_OLD, i),
					 p);

	for (p = 0; p <= 16; p++)
		want[p] = (struct mock_inv)PIOTLB(did, p, 0x1000, 0);
	want[17].type = MOCK_INV_WAIT;
	drv_flush(domain, 0x1000, 0x1fff, 0);
	drv_expect_log(test, MOCK_FS_OLD, 1, want, ARRAY_SIZE(want));

	for (p = 0; p <= 16; p++)
		want[p] = (struct mock_inv)PIOTLB_ALL(did, p);
	drv_flush_all(domain);
	drv_expect_log(test, MOCK_FS_OLD, 1, want, ARRAY_SIZE(want));
}

/* A flush with many invalidations submits up to 64 of them at once. */
static void first_stage_many_pasids(struct kunit *test)
{
	/* Around the sizes of the on-stack batch and of the per-CPU buffer */
	static const unsigned int counts[] = { 3, 4, 5, 63, 64, 65, 128, 200 };
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	unsigned int c, i, pasids, n = 0;

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		while (n < counts[c])
			drv_attach(test, domain, dev, n++);
		drv_flush(domain, 0, 0xfff, 0);
		KUNIT_EXPECT_EQ(test, iommu->doorbells, DIV_ROUND_UP(n, 64));
		KUNIT_EXPECT_EQ(test, iommu->nr_log, n + DIV_ROUND_UP(n, 64));
		for (i = 0, pasids = 0; i < iommu->nr_log; i++) {
			if (iommu->log[i].type == MOCK_INV_WAIT)
				continue;
			KUNIT_EXPECT_EQ(test, iommu->log[i].type,
					MOCK_INV_PIOTLB);
			KUNIT_EXPECT_EQ(test, iommu->log[i].granularity,
					MOCK_PAGES);
			KUNIT_EXPECT_EQ(test, iommu->log[i].pasid, pasids++);
		}
		KUNIT_EXPECT_EQ(test, iommu->log[iommu->nr_log - 1].type,
				MOCK_INV_WAIT);
	}
}

/* Device TLBs */

/* All IOTLB invalidations precede the first device-TLB invalidation. */
static void ats_order(struct kunit *test)
{
	struct device *ats = mock_dev(MOCK_FS, 1), *other = mock_dev(MOCK_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, ats, 0);
	const u16 sid = mock_sid(1);
	u16 did;

	did = drv_attach(test, domain, ats, IOMMU_NO_PASID);
	drv_attach(test, domain, ats, 3);
	drv_attach(test, domain, other, 3);
	drv_attach(test, domain, other, 5);

	drv_flush(domain, 0x2000, 0x3fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(did, 0, 0x2000, 1),
		       PIOTLB(did, 3, 0x2000, 1), PIOTLB(did, 5, 0x2000, 1),
		       DEVTLB(sid, 0x2000, 1), DEVTLB_PASID(sid, 3, 0x2000, 1),
		       WAIT);
	drv_flush_all(domain);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB_ALL(did, 0),
		       PIOTLB_ALL(did, 3), PIOTLB_ALL(did, 5),
		       DEVTLB_ALL(sid), DEVTLB_PASID_ALL(sid, 3), WAIT);
}

/* Device TLBs with the erratum (dtlb_extra_inval) are invalidated twice. */
static void ats_extra(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	const u16 sid = mock_sid(1);
	int ret;
	u16 did;

	drv_info(dev)->dtlb_extra_inval = 1;
	ret = ut_attach(domain, dev, IOMMU_NO_PASID);
	drv_info(dev)->dtlb_extra_inval = 0;
	KUNIT_ASSERT_EQ(test, ret, 0);
	did = drv_did(domain, dev, IOMMU_NO_PASID);

	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB(sid, 0x1000, 0), DEVTLB(sid, 0x1000, 0), WAIT);

	mock_reset();
	drv_info(dev)->dtlb_extra_inval = 1;
	ret = drv_enable_ats(dev);
	drv_info(dev)->dtlb_extra_inval = 0;
	KUNIT_EXPECT_EQ(test, ret, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, DEVTLB_ALL(sid), DEVTLB_ALL(sid),
		       WAIT);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/**
 * struct cache_queue - invalidation queue depth of a device
 * @name: Name in messages.
 * @iommu: IOMMU of the device.
 * @ats_qdep: Number of invalidations that the device can queue.
 * @depth: Encoding of @ats_qdep in descriptors.
 */
struct cache_queue {
	const char *name;
	enum mock_iommu_id iommu;
	u8 ats_qdep;
	u8 depth;
};

static const struct cache_queue cache_queues[] = {
	{ "1", MOCK_SS, 1, 1 },
	{ "31", MOCK_SS, 31, 31 },
	{ "32", MOCK_SS, 32, 0 },
	{ "legacy, 17", MOCK_LEGACY, 17, 17 },
	{ "legacy, 32", MOCK_LEGACY, 32, 0 },
};

KUNIT_ARRAY_PARAM_DESC(queue, cache_queues, name);

/* Requester id of a physical function; each digit differs from the device's */
#define CACHE_PFSID	0xa5c3

static void cache_check_queue(struct kunit *test, const struct cache_queue *q,
			      unsigned int least)
{
	const struct mock_iommu *iommu = mock_iommu(q->iommu);
	unsigned int i, n = 0;

	for (i = 0; i < iommu->nr_log; i++) {
		const struct mock_inv *inv = &iommu->log[i];

		if (inv->type != MOCK_INV_DEVTLB &&
		    inv->type != MOCK_INV_DEVTLB_PASID)
			continue;
		n++;
		KUNIT_EXPECT_EQ(test, inv->sid, mock_sid(1));
		KUNIT_EXPECT_EQ(test, inv->pfsid, CACHE_PFSID);
		KUNIT_EXPECT_EQ(test, inv->depth, q->depth);
	}
	KUNIT_EXPECT_GE(test, n, least);
}

/**
 * struct cache_saved - properties of a device to be restored
 * @dev: The device.
 * @pfsid: Requester id of its physical function.
 * @ats_qdep: Number of invalidations that it can queue.
 */
struct cache_saved {
	struct device *dev;
	u16 pfsid;
	u8 ats_qdep;
};

static void cache_restore(void *data)
{
	struct cache_saved *saved = data;

	drv_info(saved->dev)->pfsid = saved->pfsid;
	drv_info(saved->dev)->ats_qdep = saved->ats_qdep;
	/* Replace the attachment of the default domain. */
	drv_enable_ats(saved->dev);
}

/*
 * Device-TLB invalidations carry the requester id of the physical function and
 * the queue depth of the device (0 stands for 32), whether they are sent by a
 * flush, after ATS has been enabled, or by a detach.
 */
static void ats_function_and_depth(struct kunit *test)
{
	const struct cache_queue *q = test->param_value;
	struct device *dev = mock_dev(q->iommu, 1);
	struct device_domain_info *info = drv_info(dev);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct cache_saved *saved;

	saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	*saved = (struct cache_saved) {
		.dev = dev,
		.pfsid = info->pfsid,
		.ats_qdep = info->ats_qdep,
	};
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, cache_restore, saved), 0);
	info->pfsid = CACHE_PFSID;
	info->ats_qdep = q->ats_qdep;
	drv_attach(test, domain, dev, IOMMU_NO_PASID);
	if (q->iommu != MOCK_LEGACY)
		drv_attach(test, domain, dev, 3);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	cache_check_queue(test, q, q->iommu == MOCK_LEGACY ? 1 : 2);

	mock_reset();
	KUNIT_EXPECT_EQ(test, drv_enable_ats(dev), 0);
	if (q->iommu != MOCK_LEGACY)
		DRV_EXPECT_LOG(test, q->iommu, 2, DEVTLB_ALL(mock_sid(1)), WAIT,
			       DEVTLB_PASID_ALL(mock_sid(1), 3), WAIT);
	cache_check_queue(test, q, q->iommu == MOCK_LEGACY ? 0 : 2);

	mock_reset();
	if (q->iommu != MOCK_LEGACY)
		drv_detach(test, dev, 3);
	drv_detach(test, dev, IOMMU_NO_PASID);
	cache_check_queue(test, q, q->iommu == MOCK_LEGACY ? 1 : 2);
	kunit_release_action(test, cache_restore, saved);
}

/* No device-TLB invalidation is sent while translation is disabled. */
static void ats_translation_off(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct intel_iommu *iommu = drv_iommu(MOCK_SS);
	u16 did = drv_attach(test, domain, dev, IOMMU_NO_PASID);

	iommu->gcmd &= ~DMA_GCMD_TE;
	drv_flush(domain, 0x1000, 0x1fff, 0);
	iommu->gcmd |= DMA_GCMD_TE;
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/*
 * When ATS is enabled after the attach, the device TLB is invalidated once as a
 * whole. From then on, flushes of the domain and of its nest parent include it.
 * No attachment is added to a domain that the device is no longer attached to.
 */
static void ats_enabled_late(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};
	struct iommu_domain *domain;
	const u16 sid = mock_sid(1);
	u16 did;

	ut_new_guest(test, dev, &guest);
	domain = guest.parent;
	drv_set_ats(dev, false);
	did = drv_attach(test, domain, dev, IOMMU_NO_PASID);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0), WAIT);

	mock_reset();
	drv_set_ats(dev, true);
	KUNIT_EXPECT_EQ(test, drv_enable_ats(dev), 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, DEVTLB_ALL(sid), WAIT);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB(sid, 0x1000, 0), WAIT);

	drv_detach(test, dev, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(domain)));
	drv_flush_all(domain);
	drv_expect_nothing(test, MOCK_FS);

	drv_set_ats(dev, false);
	did = drv_attach(test, guest.domain, dev, IOMMU_NO_PASID);
	drv_set_ats(dev, true);
	KUNIT_EXPECT_EQ(test, drv_enable_ats(dev), 0);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB_ALL(sid), WAIT);
	drv_detach(test, dev, IOMMU_NO_PASID);

	did = drv_attach(test, domain, mock_dev(MOCK_FS, 0), IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, drv_enable_ats(dev), 0);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0), WAIT);
}

#ifdef CONFIG_TRACEPOINTS

/**
 * struct cache_steps - flush between the steps of another operation
 * @domain: Domain that is flushed.
 * @steps: Number of flushes.
 */
struct cache_steps {
	struct iommu_domain *domain;
	unsigned int steps;
};

static void cache_flush_at_step(void *data, const struct dmar_attachment *att)
{
	struct cache_steps *s = data;

	if (att->domain != to_dmar_domain(s->domain))
		return;
	cache_tag_flush_range(to_dmar_domain(s->domain),
			      0x1000 + s->steps * 0x1000,
			      0x1fff + s->steps * 0x1000, 0);
	s->steps++;
}

/*
 * While ATS is being enabled after the attach, flushes include the device TLB
 * as soon as the new attachment has been added, even before the old one is
 * removed. The device TLB is invalidated as a whole after both steps.
 */
static void flush_while_enabling_ats(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct cache_steps s = {
		.domain = ut_new_domain(test, dev, 0),
	};
	const u16 sid = mock_sid(1);
	int ret;
	u16 did;

	drv_set_ats(dev, false);
	did = drv_attach(test, s.domain, dev, IOMMU_NO_PASID);
	drv_set_ats(dev, true);

	mock_reset();
	KUNIT_ASSERT_EQ(test,
			register_trace_cache_tag_assign(cache_flush_at_step,
							&s), 0);
	KUNIT_ASSERT_EQ(test,
			register_trace_cache_tag_unassign(cache_flush_at_step,
							  &s), 0);
	ret = drv_enable_ats(dev);
	unregister_trace_cache_tag_assign(cache_flush_at_step, &s);
	unregister_trace_cache_tag_unassign(cache_flush_at_step, &s);
	tracepoint_synchronize_unregister();

	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, s.steps, 2);
	DRV_EXPECT_LOG(test, MOCK_SS, 3, IOTLB(did, 0x1000, 0),
		       DEVTLB(sid, 0x1000, 0), WAIT, IOTLB(did, 0x2000, 0),
		       DEVTLB(sid, 0x2000, 0), WAIT, DEVTLB_ALL(sid), WAIT);
}

#else

static void flush_while_enabling_ats(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_TRACEPOINTS");
}

#endif

/*
 * A device with a device TLB joins the group of devices that were attached
 * before: one IOTLB invalidation serves all of them, and each device TLB gets
 * an invalidation of its own.
 */
static void ats_joins_group(struct kunit *test)
{
	struct iommu_domain *domain;
	unsigned int i;
	u16 did;

	domain = ut_new_domain(test, mock_dev(MOCK_SS, 0), 0);
	for (i = 0; i < MOCK_DEVS; i++)
		did = drv_attach(test, domain, mock_dev(MOCK_SS, i),
				 IOMMU_NO_PASID);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	/* The device TLB that was added last is invalidated first. */
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB(mock_sid(2), 0x1000, 0),
		       DEVTLB(mock_sid(1), 0x1000, 0), WAIT);

	/* Remove the leader of the group; another member takes its place. */
	drv_detach(test, mock_dev(MOCK_SS, 0), IOMMU_NO_PASID);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB(mock_sid(2), 0x1000, 0),
		       DEVTLB(mock_sid(1), 0x1000, 0), WAIT);
}

/* Several IOMMUs, SVA and nesting */

/*
 * Each IOMMU that the domain is attached through receives one invalidation,
 * with the domain id that the domain has there.
 */
static void several_units(struct kunit *test)
{
	static const enum mock_iommu_id unit[] = {
		MOCK_FS_CM, MOCK_FS, MOCK_FS2,
	};
	struct ida *ida = &drv_iommu(unit[1])->domain_ida;
	struct iommu_domain *domain, *other;
	u16 did[3], other_did;
	int taken;

	domain = ut_new_domain(test, mock_dev(unit[0], 0), SECOND_STAGE);
	other = ut_new_domain(test, mock_dev(unit[0], 0), SECOND_STAGE);
	other_did = drv_attach(test, other, mock_dev(unit[1], 0), 9);
	did[0] = drv_attach(test, domain, mock_dev(unit[0], 0), 3);
	/* Reserve the first IOMMU's id on the second, so that they differ. */
	taken = ida_alloc_range(ida, did[0], did[0], GFP_KERNEL);
	did[1] = drv_attach(test, domain, mock_dev(unit[1], 0), 3);
	if (taken >= 0)
		ida_free(ida, taken);
	KUNIT_EXPECT_NE(test, did[0], did[1]);

	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, unit[0], 1, IOTLB(did[0], 0x1000, 0), WAIT);
	DRV_EXPECT_LOG(test, unit[1], 1, IOTLB(did[1], 0x1000, 0), WAIT);
	drv_expect_nothing(test, unit[2]);

	did[2] = drv_attach(test, domain, mock_dev(unit[2], 0), 3);
	drv_attach(test, domain, mock_dev(unit[0], 0), 4);
	drv_attach(test, domain, mock_dev(unit[1], 1), IOMMU_NO_PASID);
	drv_attach(test, domain, mock_dev(unit[2], MOCK_BRIDGED),
		   IOMMU_NO_PASID);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, unit[0], 1, IOTLB(did[0], 0x1000, 0), WAIT);
	DRV_EXPECT_LOG(test, unit[1], 1, IOTLB(did[1], 0x1000, 0),
		       DEVTLB(mock_sid(1), 0x1000, 0), WAIT);
	DRV_EXPECT_LOG(test, unit[2], 1, IOTLB(did[2], 0x1000, 0), WAIT);

	drv_flush(other, 0x1000, 0x1fff, 0);
	drv_expect_nothing(test, unit[0]);
	DRV_EXPECT_LOG(test, unit[1], 1, IOTLB(other_did, 0x1000, 0), WAIT);
	drv_expect_nothing(test, unit[2]);

	/* An IOMMU receives nothing once its last device has been detached. */
	drv_detach(test, mock_dev(unit[1], 0), 3);
	drv_detach(test, mock_dev(unit[1], 1), IOMMU_NO_PASID);
	drv_flush(domain, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, unit[0], 1, IOTLB(did[0], 0x1000, 0), WAIT);
	drv_expect_nothing(test, unit[1]);
	DRV_EXPECT_LOG(test, unit[2], 1, IOTLB(did[2], 0x1000, 0), WAIT);
}

/* An SVA domain uses the reserved domain id, and one PASID for all devices. */
static void sva(struct kunit *test)
{
	struct iommu_domain *domain;
	struct iommu_sva *sva[2];
	unsigned int i, used = 0;
	ioasid_t pasid;

	/* Give the test an address space. */
	ut_new_user_page(test);
	for (i = 0; i < U8_MAX; i++)
		used += ida_exists(&drv_iommu(MOCK_FS)->domain_ida, i);
	for (i = 0; i < 2; i++) {
		sva[i] = iommu_sva_bind_device(mock_dev(MOCK_FS, i + 1),
					       current->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sva[i]);
	}
	/* No domain id of the IOMMU is allocated. */
	for (i = 0; i < U8_MAX; i++)
		used -= ida_exists(&drv_iommu(MOCK_FS)->domain_ida, i);
	KUNIT_EXPECT_EQ(test, used, 0);

	domain = sva[0]->handle.domain;
	pasid = iommu_sva_get_pasid(sva[0]);
	KUNIT_EXPECT_PTR_EQ(test, sva[1]->handle.domain, domain);
	KUNIT_EXPECT_EQ(test, iommu_sva_get_pasid(sva[1]), pasid);
	drv_flush(domain, 0x7f0000001000, 0x7f0000001fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1,
		       PIOTLB(FLPT_DEFAULT_DID, pasid, 0x7f0000001000, 0),
		       DEVTLB_PASID(mock_sid(1), pasid, 0x7f0000001000, 0),
		       DEVTLB_PASID(mock_sid(2), pasid, 0x7f0000001000, 0),
		       WAIT);
	for (i = 0; i < 2; i++)
		iommu_sva_unbind_device(sva[i]);
}

/*
 * A flush of a nested domain invalidates by its domain id and PASIDs. A flush
 * of the nest parent invalidates by the domain ids of all domains nested on it,
 * and the device TLBs as a whole.
 */
static void nested(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_FS, 1), *b = mock_dev(MOCK_FS, 0);
	struct device *c = mock_dev(MOCK_FS, MOCK_BRIDGED);
	struct iommu_domain *parent, *one, *two;
	struct ut_guest guest = {};
	const u16 sid = mock_sid(1);
	u16 did1, did2, did3, low, high;

	ut_new_guest(test, a, &guest);
	parent = guest.parent;
	one = guest.domain;
	two = ut_new_nested(test, a, &guest, 48);
	did1 = drv_attach(test, one, a, IOMMU_NO_PASID);
	drv_attach(test, one, a, 4);
	did2 = drv_attach(test, two, b, IOMMU_NO_PASID);
	KUNIT_EXPECT_NE(test, did1, did2);
	low = min(did1, did2);
	high = max(did1, did2);

	drv_flush(one, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(did1, 0, 0x1000, 0),
		       PIOTLB(did1, 4, 0x1000, 0), DEVTLB(sid, 0x1000, 0),
		       DEVTLB_PASID(sid, 4, 0x1000, 0), WAIT);
	drv_flush(parent, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(low, 0x1000, 0),
		       IOTLB(high, 0x1000, 0), DEVTLB_ALL(sid),
		       DEVTLB_PASID_ALL(sid, 4), WAIT);

	/* Devices can also be attached to the parent itself. */
	did3 = drv_attach(test, parent, c, IOMMU_NO_PASID);
	drv_flush(parent, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did3, 0x1000, 0),
		       IOTLB(low, 0x1000, 0), IOTLB(high, 0x1000, 0),
		       DEVTLB_ALL(sid), DEVTLB_PASID_ALL(sid, 4), WAIT);

	/* One PASID moves to the other nested domain. */
	KUNIT_EXPECT_EQ(test, drv_replace(test, two, a, 4), did2);
	drv_detach(test, a, IOMMU_NO_PASID);
	drv_detach(test, c, IOMMU_NO_PASID);
	drv_flush(parent, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did2, 0x1000, 0),
		       DEVTLB_PASID_ALL(sid, 4), WAIT);

	drv_detach(test, a, 4);
	drv_detach(test, b, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(parent)));
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(one)));
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(two)));
}

/* Granularity */

/*
 * A block larger than CAP.MAMV allows is split in two if that is enough and it is
 * larger than 1 GiB, the largest page. Otherwise the IOTLB invalidation covers
 * the whole domain id (second stage) or PASID (first stage). Device-TLB
 * invalidations have no such limit.
 */
static void large_blocks(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct iommu_domain *ss = ut_new_domain(test, dev, SECOND_STAGE);
	struct iommu_domain *fs = ut_new_domain(test, dev, 0);
	const u16 sid = mock_sid(1);
	u16 ss_did, fs_did;

	KUNIT_ASSERT_EQ(test, mock_mamv(&mock_iommu(MOCK_FS)->cache),
			CACHE_MAMV);
	ss_did = drv_attach(test, ss, dev, IOMMU_NO_PASID);
	fs_did = drv_attach(test, fs, dev, 2);

	/* The largest block: 1 GiB */
	drv_flush(ss, SZ_1G, 2UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(ss_did, SZ_1G, CACHE_MAMV),
		       DEVTLB(sid, SZ_1G, CACHE_MAMV), WAIT);
	drv_flush(fs, SZ_1G, 2UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(fs_did, 2, SZ_1G, CACHE_MAMV),
		       DEVTLB_PASID(sid, 2, SZ_1G, CACHE_MAMV), WAIT);

	/* Twice that: the IOTLB takes two blocks, the device TLB one. */
	drv_flush(ss, 0, 2UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(ss_did, 0, CACHE_MAMV),
		       IOTLB(ss_did, SZ_1G, CACHE_MAMV),
		       DEVTLB(sid, 0, CACHE_MAMV + 1), WAIT);
	drv_flush(fs, 0, 2UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(fs_did, 2, 0, CACHE_MAMV),
		       PIOTLB(fs_did, 2, SZ_1G, CACHE_MAMV),
		       DEVTLB_PASID(sid, 2, 0, CACHE_MAMV + 1), WAIT);

	/* Four times that */
	drv_flush(ss, 0, 4UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB_ALL(ss_did),
		       DEVTLB(sid, 0, CACHE_MAMV + 2), WAIT);
	drv_flush(fs, 0, 4UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB_ALL(fs_did, 2),
		       DEVTLB_PASID(sid, 2, 0, CACHE_MAMV + 2), WAIT);

	/* One page on each side of a 1 GiB boundary */
	drv_flush(ss, SZ_1G - SZ_4K, SZ_1G + SZ_4K - 1, 1);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB_LEAF(ss_did, SZ_1G - SZ_4K, 0),
		       IOTLB_LEAF(ss_did, SZ_1G, 0),
		       DEVTLB(sid, SZ_1G - SZ_4K, 0), DEVTLB(sid, SZ_1G, 0),
		       WAIT);
	drv_flush(fs, SZ_1G - SZ_4K, SZ_1G + SZ_4K - 1, 1);
	DRV_EXPECT_LOG(test, MOCK_FS, 1,
		       PIOTLB_LEAF(fs_did, 2, SZ_1G - SZ_4K, 0),
		       PIOTLB_LEAF(fs_did, 2, SZ_1G, 0),
		       DEVTLB_PASID(sid, 2, SZ_1G - SZ_4K, 0),
		       DEVTLB_PASID(sid, 2, SZ_1G, 0), WAIT);
}

/* An empty range invalidates the whole domain. */
static void empty_range(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	u16 did = drv_attach(test, domain, dev, IOMMU_NO_PASID);

	drv_flush(domain, ULONG_MAX, 0, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB_ALL(did),
		       DEVTLB_ALL(mock_sid(1)), WAIT);
	drv_flush(domain, 0x2000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB_ALL(did),
		       DEVTLB_ALL(mock_sid(1)), WAIT);
}

static void cache_set_mamv(struct intel_iommu *iommu, u64 mamv)
{
	iommu->cap &= ~GENMASK_ULL(53, 48);
	iommu->cap |= mamv << 48;
}

static void cache_restore_mamv(void *iommu)
{
	cache_set_mamv(iommu, CACHE_MAMV);
}

/*
 * A block that may be a single page is not split, because that would not
 * invalidate the page.
 */
static void no_page_is_split(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS_CM, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct intel_iommu *iommu = drv_iommu(MOCK_SS_CM);
	u16 did = drv_attach(test, domain, dev, IOMMU_NO_PASID);

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, cache_restore_mamv, iommu),
			0);
	cache_set_mamv(iommu, CACHE_MAMV - 1);
	KUNIT_ASSERT_EQ(test, cap_max_amask_val(iommu->cap), CACHE_MAMV - 1);
	drv_flush(domain, SZ_1G, 2UL * SZ_1G - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB_ALL(did), WAIT);
	/* No page is as large as the block that covers this range. */
	drv_flush(domain, SZ_1G - SZ_2M, SZ_1G + SZ_2M - 1, 0);
	DRV_EXPECT_LOG(test, MOCK_SS_CM, 1, IOTLB(did, SZ_1G - SZ_2M, 9),
		       IOTLB(did, SZ_1G, 9), WAIT);
	kunit_release_action(test, cache_restore_mamv, iommu);
}

/**
 * struct cache_cover - blocks that were invalidated, of one type
 * @bytes: Their total size.
 * @count: Number of blocks.
 * @first: Whether a block contains the first byte of the range.
 * @last: Whether a block contains the last byte.
 * @touching: The blocks are naturally aligned, and the second begins where the
 *	first one ends.
 */
struct cache_cover {
	u64 bytes;
	unsigned int count;
	bool first;
	bool last;
	bool touching;
};

static struct cache_cover cache_find_cover(const struct mock_iommu *iommu,
					   enum mock_inv_type type, u64 start,
					   u64 last)
{
	struct cache_cover c = { .touching = true };
	u64 size, end = 0;
	unsigned int i;

	for (i = 0; i < iommu->nr_log; i++) {
		const struct mock_inv *inv = &iommu->log[i];

		if (inv->type != type)
			continue;
		size = (u64)SZ_4K << inv->order;
		if (inv->addr & (size - 1) || (c.count && inv->addr != end))
			c.touching = false;
		end = inv->addr + size;
		c.first |= start >= inv->addr && start < end;
		c.last |= last >= inv->addr && last < end;
		c.bytes += size;
		c.count++;
	}
	return c;
}

static bool cache_cover_is_tight(const struct cache_cover *c, u64 size)
{
	return c->first && c->last && c->touching && c->count >= 1 &&
	       c->count <= 2 && c->bytes <= 2 * size;
}

/*
 * Ranges of random position and size, up to 1 GiB: one or two blocks cover them
 * with at most twice their size, in the IOTLB and in the device TLB.
 */
static void random_ranges(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, SECOND_STAGE);
	unsigned int i, loose = 0, two = 0;

	drv_attach(test, domain, dev, IOMMU_NO_PASID);
	for (i = 0; i < 3000; i++) {
		u64 pages = get_random_u32_inclusive(1, 1 << (i % 19));
		u64 start = ((u64)SZ_1M + get_random_u32_below(1 << 30))
			    << VTD_PAGE_SHIFT;
		struct cache_cover iotlb, devtlb;
		u64 last;

		/* Half of them around a multiple of a large power of two */
		if (i & 1)
			start = round_up(start, (u64)SZ_4K << (i % 29)) -
				get_random_u32_below(pages) * SZ_4K;
		last = start + pages * SZ_4K - 1;
		drv_flush(domain, start, last, 0);
		iotlb = cache_find_cover(iommu, MOCK_INV_IOTLB, start, last);
		devtlb = cache_find_cover(iommu, MOCK_INV_DEVTLB, start, last);
		loose += !cache_cover_is_tight(&iotlb, pages * SZ_4K);
		loose += !cache_cover_is_tight(&devtlb, pages * SZ_4K);
		two += iotlb.count == 2;
	}
	KUNIT_EXPECT_EQ(test, loose, 0);
	KUNIT_EXPECT_GT(test, two, 0);
}

/*
 * Without page-selective invalidation, a second-stage flush invalidates the
 * whole domain id. First-stage flushes do not depend on that capability.
 */
static void no_page_selective(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS_OLD, 0);
	struct iommu_domain *ss = ut_new_domain(test, dev, SECOND_STAGE);
	struct iommu_domain *fs = ut_new_domain(test, dev, 0);
	u16 ss_did = drv_attach(test, ss, dev, IOMMU_NO_PASID);
	u16 fs_did = drv_attach(test, fs, dev, 2);

	drv_flush(ss, 0x1000, 0x1fff, 1);
	DRV_EXPECT_LOG(test, MOCK_FS_OLD, 1, IOTLB_ALL(ss_did), WAIT);
	drv_flush(fs, 0x1000, 0x1fff, 1);
	DRV_EXPECT_LOG(test, MOCK_FS_OLD, 1,
		       PIOTLB_LEAF(fs_did, 2, 0x1000, 0), WAIT);
}

/* New mappings, which replace not-present (np) entries */

/* An IOMMU without caching mode or write buffer receives nothing for a map. */
static void np_ordinary(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);

	drv_attach(test, domain, dev, IOMMU_NO_PASID);
	drv_flush_np(domain, 0x1000, 0x1fff);
	drv_expect_nothing(test, MOCK_SS);
}

/*
 * In caching mode, a map causes the same IOTLB invalidation as an unmap, but no
 * device-TLB invalidations. A map in a first-stage domain causes none, because
 * not-present first-stage entries are never cached.
 */
static void np_caching_mode(struct kunit *test)
{
	struct iommu_domain *ss, *fs;
	struct device *dev;
	unsigned int i;
	ioasid_t p;
	u16 did;

	ss = ut_new_domain(test, mock_dev(MOCK_FS_CM, 0), SECOND_STAGE);
	fs = ut_new_domain(test, mock_dev(MOCK_FS_CM, 0), 0);
	for (i = 0; i < MOCK_DEVS; i++) {
		dev = mock_dev(MOCK_FS_CM, i);
		for (p = 0; p <= 16; p++)
			did = drv_attach(test, ss, dev, p);
		drv_attach(test, fs, dev, 20);
	}

	drv_flush_np(ss, 0x1000, 0x1fff);
	DRV_EXPECT_LOG(test, MOCK_FS_CM, 1, IOTLB(did, 0x1000, 0), WAIT);
	drv_flush_np(fs, 0x1000, 0x1fff);
	drv_expect_nothing(test, MOCK_FS_CM);
}

/*
 * Caching mode applies to nested translations, too: to those of each domain
 * nested on the parent, in addition to those of the parent itself.
 */
static void np_nest_parent(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS_CM, 1);
	struct ut_guest guest = {};
	struct iommu_domain *other;
	u16 did, did1, did2;

	ut_new_guest(test, dev, &guest);
	did1 = drv_attach(test, guest.domain, dev, IOMMU_NO_PASID);
	drv_flush_np(guest.parent, 0x1000, 0x1fff);
	DRV_EXPECT_LOG(test, MOCK_FS_CM, 1, IOTLB(did1, 0x1000, 0), WAIT);

	other = ut_new_nested(test, dev, &guest, 48);
	did2 = drv_attach(test, other, mock_dev(MOCK_FS_CM, 0), IOMMU_NO_PASID);
	drv_attach(test, other, dev, 3);
	did = drv_attach(test, guest.parent, mock_dev(MOCK_FS_CM, MOCK_BRIDGED),
			 IOMMU_NO_PASID);
	KUNIT_EXPECT_NE(test, did1, did2);
	drv_flush_np(guest.parent, 0x1000, 0x1fff);
	DRV_EXPECT_LOG(test, MOCK_FS_CM, 1, IOTLB(did, 0x1000, 0),
		       IOTLB(min(did1, did2), 0x1000, 0),
		       IOTLB(max(did1, did2), 0x1000, 0), WAIT);
	/* The guest invalidates its own tables. */
	drv_flush_np(guest.domain, 0x1000, 0x1fff);
	drv_expect_nothing(test, MOCK_FS_CM);
}

/*
 * The write buffer belongs to the IOMMU: it is flushed once, however many
 * attachments there are, and only if the IOMMU has one.
 */
static void np_write_buffer(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS_OLD, 0);
	struct iommu_domain *ss = ut_new_domain(test, dev, SECOND_STAGE);
	struct iommu_domain *fs = ut_new_domain(test, dev, 0);
	const unsigned int *calls;
	unsigned int before;
	ioasid_t p;

	for (p = 0; p <= 16; p++) {
		drv_attach(test, ss, dev, p);
		drv_attach(test, fs, dev, 20 + p);
	}
	drv_attach(test, ss, mock_dev(MOCK_FS, 0), IOMMU_NO_PASID);

	/* The driver calls the function for both IOMMUs. */
	calls = ut_count_write_buffer_flushes(test);
	before = *calls;
	drv_flush_np(ss, 0x1000, 0x1fff);
	KUNIT_EXPECT_EQ(test, *calls, before + 2);
	DRV_EXPECT_LOG(test, MOCK_FS_OLD, 0, WRITE_BUFFER);
	drv_expect_nothing(test, MOCK_FS);

	before = *calls;
	drv_flush_np(fs, 0x1000, 0x1fff);
	KUNIT_EXPECT_EQ(test, *calls, before + 1);
	DRV_EXPECT_LOG(test, MOCK_FS_OLD, 0, WRITE_BUFFER);
}

/*
 * Without a queue, a flush takes one register-based request for all devices,
 * and the leaf hint does not corrupt the address mask. A flush of page 0 alone
 * covers the whole domain id, because the driver does not write the register
 * for address and mask if both are 0.
 */
static void register_based(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_REGISTERS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	u16 did = drv_attach(test, domain, dev, IOMMU_NO_PASID);

	drv_attach(test, domain, mock_dev(MOCK_REGISTERS, 1), IOMMU_NO_PASID);

	drv_flush(domain, 0x4000, 0x7fff, 1);
	DRV_EXPECT_LOG(test, MOCK_REGISTERS, 1, IOTLB(did, 0x4000, 2));
	drv_flush(domain, 0, 0xfff, 1);
	DRV_EXPECT_LOG(test, MOCK_REGISTERS, 1, IOTLB_ALL(did));
	drv_flush_all(domain);
	DRV_EXPECT_LOG(test, MOCK_REGISTERS, 1, IOTLB_ALL(did));
}

/* Reentrant and concurrent flushes */

/* Number of PASIDs that a flush invalidates in three submissions */
#define CACHE_IRQ_PASIDS	130
/*
 * Latency in ns of each submission, twice the period of the timer, and so long
 * that the timer seldom expires in the rest of the flush
 */
#define CACHE_IRQ_LATENCY	(20 * NSEC_PER_MSEC)

/**
 * struct cache_interrupts - counter of timer interrupts
 * @timer: The timer, pinned to the CPU of the test.
 * @count: Number of its interrupts.
 */
struct cache_interrupts {
	struct hrtimer timer;
	unsigned int count;
};

static enum hrtimer_restart cache_count_interrupt(struct hrtimer *timer)
{
	struct cache_interrupts *c = container_of(timer, struct cache_interrupts,
						  timer);

	c->count++;
	hrtimer_forward_now(timer, ns_to_ktime(CACHE_IRQ_LATENCY / 2));
	return HRTIMER_RESTART;
}

/*
 * Interrupts are disabled while the CPU waits for a submission, which takes
 * longer than the period of the timer. Pending interrupts are handled between
 * two submissions.
 */
static void interrupts_between_submissions(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct cache_interrupts c = {};
	unsigned int before, during;
	ioasid_t p;

	for (p = 1; p <= CACHE_IRQ_PASIDS; p++)
		drv_attach(test, domain, dev, p);
	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = CACHE_IRQ_LATENCY,
	});

	hrtimer_setup_on_stack(&c.timer, cache_count_interrupt, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_PINNED_HARD);
	migrate_disable();
	hrtimer_start(&c.timer, ns_to_ktime(CACHE_IRQ_LATENCY / 2),
		      HRTIMER_MODE_REL_PINNED_HARD);
	before = READ_ONCE(c.count);
	cache_tag_flush_range(to_dmar_domain(domain), 0, 0xfff, 0);
	during = READ_ONCE(c.count) - before;
	migrate_enable();
	hrtimer_cancel(&c.timer);
	destroy_hrtimer_on_stack(&c.timer);

	KUNIT_EXPECT_EQ(test, iommu->doorbells, 3);
	/* One after each submission, the last at the end of the flush */
	KUNIT_EXPECT_GE(test, during, 3);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
}

#ifdef CONFIG_TRACEPOINTS

/**
 * struct cache_reenter - flush that begins within another one
 * @inner: Domain that is flushed by the inner flush.
 * @depth: Number of trace events so far, of both flushes.
 */
struct cache_reenter {
	struct iommu_domain *inner;
	unsigned int depth;
};

static void cache_reenter(void *data, const struct dmar_attachment *att,
			  const struct cache_flush_range *range)
{
	struct cache_reenter *r = data;

	/* At the fifth event, the outer flush has taken the per-CPU buffer. */
	if (++r->depth == 5)
		cache_tag_flush_range(to_dmar_domain(r->inner), 0x9000, 0x9fff,
				      0);
}

/* A flush within a flush on another IOMMU: neither disturbs the other. */
static void flush_within_flush(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_FS, 0), *b = mock_dev(MOCK_FS2, 0);
	struct iommu_domain *outer = ut_new_domain(test, a, 0);
	struct cache_reenter r = {
		.inner = ut_new_domain(test, b, 0),
	};
	u16 did, inner_did;
	ioasid_t p;

	for (p = 1; p <= 6; p++) {
		did = drv_attach(test, outer, a, p);
		inner_did = drv_attach(test, r.inner, b, p);
	}

	KUNIT_ASSERT_EQ(test,
			register_trace_cache_tag_flush_range(cache_reenter, &r),
			0);
	drv_flush(outer, 0x1000, 0x1fff, 0);
	unregister_trace_cache_tag_flush_range(cache_reenter, &r);
	tracepoint_synchronize_unregister();

	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, r.depth, 12);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(did, 1, 0x1000, 0),
		       PIOTLB(did, 2, 0x1000, 0), PIOTLB(did, 3, 0x1000, 0),
		       PIOTLB(did, 4, 0x1000, 0), PIOTLB(did, 5, 0x1000, 0),
		       PIOTLB(did, 6, 0x1000, 0), WAIT);
	/* The buffer is in use: the inner flush has only its on-stack batch. */
	DRV_EXPECT_LOG(test, MOCK_FS2, 2, PIOTLB(inner_did, 1, 0x9000, 0),
		       PIOTLB(inner_did, 2, 0x9000, 0),
		       PIOTLB(inner_did, 3, 0x9000, 0),
		       PIOTLB(inner_did, 4, 0x9000, 0), WAIT,
		       PIOTLB(inner_did, 5, 0x9000, 0),
		       PIOTLB(inner_did, 6, 0x9000, 0), WAIT);

	/* The buffer is free again. */
	drv_flush(r.inner, 0x9000, 0x9fff, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu(MOCK_FS2)->doorbells, 1);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
}

#else

static void flush_within_flush(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_TRACEPOINTS");
}

#endif

/**
 * struct cache_churn - thread that changes an attachment list continually
 * @domain: Domain of the list.
 * @dev: Device whose PASID attachments are added and removed.
 * @rounds: Number of attachments added so far.
 * @errors: Number of failures.
 */
struct cache_churn {
	struct iommu_domain *domain;
	struct device *dev;
	atomic_t rounds;
	unsigned int errors;
};

/* No context or PASID entry changes, so this sends no invalidations. */
static int cache_churn(void *data)
{
	struct cache_churn *churn = data;
	struct dmar_attachment *att;
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		att = drv_add(churn->domain, churn->dev, 100 + i++ % 8);
		if (IS_ERR(att))
			churn->errors++;
		else
			drv_remove(att);
		atomic_inc(&churn->rounds);
		cond_resched();
	}
	return 0;
}

/*
 * While other attachments are added and removed, each flush includes the one
 * that stays. A flush takes at most one additional submission, for device TLBs
 * that were added meanwhile.
 */
static void flush_beside_churn(struct kunit *test)
{
	const struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct cache_churn churn = {
		.domain = domain,
		.dev = mock_dev(MOCK_SS, 2),
	};
	u16 did = drv_attach(test, domain, dev, 5);
	unsigned int missed = 0, unexpected = 0;
	struct task_struct *task;
	u64 i;

	task = kthread_run(cache_churn, &churn, "vtd-churn");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	for (i = 0; i < 500 || atomic_read(&churn.rounds) < 500; i++) {
		const struct mock_inv iotlb = IOTLB(did, i << 12, 0);
		const struct mock_inv devtlb = DEVTLB_PASID(mock_sid(1), 5,
							    i << 12, 0);

		drv_flush(domain, i << 12, (i << 12) + 0xfff, 0);
		missed += !drv_log_has(MOCK_SS, &iotlb) ||
			  !drv_log_has(MOCK_SS, &devtlb);
		unexpected += iommu->doorbells != 1 && iommu->doorbells != 2;
		cond_resched();
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, missed, 0);
	KUNIT_EXPECT_EQ(test, unexpected, 0);
	KUNIT_EXPECT_EQ(test, churn.errors, 0);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE_PARAM(second_stage_rid, cache_dev_count_gen_params),
	KUNIT_CASE(second_stage_legacy),
	KUNIT_CASE(second_stage_pasids),
	KUNIT_CASE(first_stage_pasids),
	KUNIT_CASE(first_stage_many_pasids),
	KUNIT_CASE(ats_order),
	KUNIT_CASE(ats_extra),
	KUNIT_CASE_PARAM(ats_function_and_depth, queue_gen_params),
	KUNIT_CASE(ats_joins_group),
	KUNIT_CASE(ats_translation_off),
	KUNIT_CASE(ats_enabled_late),
	KUNIT_CASE(flush_while_enabling_ats),
	KUNIT_CASE(several_units),
	KUNIT_CASE(sva),
	KUNIT_CASE(nested),
	KUNIT_CASE(large_blocks),
	KUNIT_CASE(empty_range),
	KUNIT_CASE(no_page_is_split),
	KUNIT_CASE(random_ranges),
	KUNIT_CASE(no_page_selective),
	KUNIT_CASE(np_ordinary),
	KUNIT_CASE(np_caching_mode),
	KUNIT_CASE(np_nest_parent),
	KUNIT_CASE(np_write_buffer),
	KUNIT_CASE(register_based),
	KUNIT_CASE(interrupts_between_submissions),
	KUNIT_CASE(flush_within_flush),
	KUNIT_CASE_SLOW(flush_beside_churn),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "intel_iommu_cache",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = cache_cases,
};

kunit_test_suites(&cache_suite);

MODULE_DESCRIPTION("KUnit tests of VT-d cache invalidation");
MODULE_LICENSE("GPL");

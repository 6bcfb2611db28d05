// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dirty tracking and snoop control on mock IOMMUs.
 *
 * Both are properties of a domain that are recorded in the context or PASID
 * entry of each attachment, and can be changed while the domain is in use. The
 * tests check that a change applies to devices attached before, during and
 * after it.
 */

#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>

#include "fixture.h"

/**
 * struct dirty_setup - device that writes to a page of a domain
 * @attached: Domain that the device is attached to.
 * @tracked: Domain with the second stage: @attached, or its nest parent.
 * @iova: Address of the page in @tracked. The device writes to %IOVA.
 * @dev: The device.
 * @pasid: PASID of the attachment, or %IOMMU_NO_PASID.
 */
struct dirty_setup {
	struct iommu_domain *attached;
	struct iommu_domain *tracked;
	u64 iova;
	struct device *dev;
	ioasid_t pasid;
};

static const struct dirty_topology {
	struct ut_topology t;
	bool nested;
} dirty_topologies[] = {
	{ { "second stage", MOCK_SS, 0, IOMMU_NO_PASID } },
	{ { "second stage, PASID, ATS", MOCK_SS, 1, PASID } },
	{ { "second stage, IOMMU has both, ATS", MOCK_FS, 1, IOMMU_NO_PASID } },
	{ { "caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID } },
	{ { "PASID, ATS, caching mode", MOCK_FS_CM, 1, PASID } },
	{ { "nested", MOCK_FS, 0, IOMMU_NO_PASID }, true },
	{ { "nested, PASID, ATS", MOCK_FS, 1, PASID }, true },
	{ { "nested, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID }, true },
	{ { "nested, PASID, caching mode", MOCK_FS_CM, 0, PASID }, true },
};

static void dirty_desc(const struct dirty_topology *t, char *desc)
{
	strscpy(desc, t->t.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(dirty, dirty_topologies, dirty_desc);

static struct dirty_setup dirty_new_setup(struct kunit *test,
					  const struct dirty_topology *t)
{
	struct ut_guest guest = {};
	struct dirty_setup tr = {
		.dev = ut_dev(&t->t),
		.pasid = t->t.pasid,
		.iova = IOVA,
	};

	if (t->nested) {
		ut_new_guest(test, tr.dev, &guest);
		tr.attached = guest.domain;
		tr.tracked = guest.parent;
		tr.iova = GPA(GUEST_DATA);
	} else {
		tr.attached = ut_new_domain(test, tr.dev,
					    IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
		tr.tracked = tr.attached;
		ut_map(test, tr.tracked, ut_new_page(test));
	}
	return tr;
}

static int dirty_set_tracking(struct iommu_domain *domain, bool enable)
{
	return domain->dirty_ops->set_dirty_tracking(domain, enable);
}

/* Test whether the page has been written to since the last call. */
static bool dirty_test_and_clear(const struct dirty_setup *tr)
{
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty;

	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, NULL, &gather);
	tr->tracked->dirty_ops->read_and_clear_dirty(tr->tracked, tr->iova,
						     PAGE_SIZE, 0, &dirty);
	if (!gather.end)
		return false;
	iommu_iotlb_sync(tr->tracked, &gather);
	return true;
}

static void dirty_check_tracked(struct kunit *test,
				const struct dirty_setup *tr)
{
	phys_addr_t pa;
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, mock_dma(tr->dev, tr->pasid, IOVA, true,
					       &pa), 0);
		KUNIT_EXPECT_TRUE(test, dirty_test_and_clear(tr));
		KUNIT_EXPECT_FALSE(test, dirty_test_and_clear(tr));
	}
}

/*
 * Tracking applies to an attached device whose translations were cached before
 * tracking was enabled, and to a device attached while tracking is enabled.
 */
static void dirty_tracking(struct kunit *test)
{
	struct dirty_setup tr = dirty_new_setup(test, test->param_value);
	phys_addr_t pa;

	KUNIT_ASSERT_EQ(test, ut_attach(tr.attached, tr.dev, tr.pasid), 0);
	KUNIT_EXPECT_EQ(test, mock_dma(tr.dev, tr.pasid, IOVA, true, &pa), 0);
	KUNIT_EXPECT_FALSE(test, dirty_test_and_clear(&tr));
	KUNIT_ASSERT_EQ(test, dirty_set_tracking(tr.tracked, true), 0);
	dirty_check_tracked(test, &tr);
	ut_detach(tr.attached, tr.dev, tr.pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(tr.attached, tr.dev, tr.pasid), 0);
	dirty_check_tracked(test, &tr);
	KUNIT_ASSERT_EQ(test, dirty_set_tracking(tr.tracked, false), 0);
	KUNIT_EXPECT_EQ(test, mock_dma(tr.dev, tr.pasid, IOVA, true, &pa), 0);
	KUNIT_EXPECT_FALSE(test, dirty_test_and_clear(&tr));
	ut_detach(tr.attached, tr.dev, tr.pasid);
}

static void dirty_start_tracking(struct ut_injection *in)
{
	if (dirty_set_tracking(in->domain, true))
		in->stale++;
}

static struct ut_injection dirty_new_injection(const struct dirty_setup *tr,
					       const struct dirty_topology *t)
{
	return (struct ut_injection) {
		.act = dirty_start_tracking,
		.domain = tr->tracked,
		.iommu = mock_iommu(t->t.iommu),
	};
}

/* An attach by PASID waits for an invalidation in caching mode only. */
static const void *dirty_attach_gen_params(struct kunit *test, const void *prev,
					   char *desc)
{
	const struct dirty_topology *t;

	do {
		t = dirty_gen_params(test, prev, desc);
		prev = t;
	} while (t && ut_has_pasid(&t->t) && !ut_has_caching_mode(&t->t));
	return t;
}

/* Start tracking at each point where an attach waits for an invalidation. */
static void dirty_tracking_during_attach(struct kunit *test)
{
	struct dirty_setup tr = dirty_new_setup(test, test->param_value);
	struct ut_injection in = dirty_new_injection(&tr, test->param_value);
	unsigned int waits = 0;
	int i, ret;

	/*
	 * Even rounds hold the attach until tracking has been started, odd
	 * rounds let both run concurrently. There are two of each, because a
	 * busy host may miss a wait.
	 */
	for (i = 0; i < 4; i++, in.at = 0) {
		in.no_hold = i % 2;
		do {
			in.at++;
			in.points = 0;
			ret = dirty_set_tracking(tr.tracked, false);
			KUNIT_ASSERT_EQ(test, ret, 0);
			ut_inject_at_waits(test, &in);
			ret = ut_attach(tr.attached, tr.dev, tr.pasid);
			ut_stop_injecting_at_waits(&in);
			KUNIT_ASSERT_EQ(test, ret, 0);
			waits += in.points;
			if (in.points >= in.at)
				dirty_check_tracked(test, &tr);
			ut_detach(tr.attached, tr.dev, tr.pasid);
		} while (in.points >= in.at);
	}
	KUNIT_EXPECT_GT(test, waits, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
}

/*
 * Start tracking while a replace waits for an invalidation. The replaced domain
 * is first-stage, so tracking cannot be enabled in the old PASID entry.
 */
static void dirty_tracking_during_replace(struct kunit *test)
{
	static const struct dirty_topology t = {
		{ "replace", MOCK_FS, 1, PASID }
	};
	struct dirty_setup tr = dirty_new_setup(test, &t);
	struct ut_injection in = dirty_new_injection(&tr, &t);
	struct iommu_attach_handle handle[2];
	struct iommu_domain *old;
	int i, ret;

	old = ut_new_domain(test, tr.dev, 0);
	KUNIT_ASSERT_EQ(test, ut_attach(old, tr.dev, PASID), 0);
	for (i = 0; i < ROUNDS && !in.points; i++) {
		ut_inject_at_waits(test, &in);
		ret = ut_replace(tr.attached, tr.dev, PASID, &handle[0]);
		ut_stop_injecting_at_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		if (in.points)
			dirty_check_tracked(test, &tr);
		KUNIT_ASSERT_EQ(test, ut_replace(old, tr.dev, PASID,
						 &handle[1]), 0);
	}
	KUNIT_EXPECT_GT(test, in.points, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
	ut_detach(old, tr.dev, PASID);
}

static const struct ut_topology snoop_topologies[] = {
	{ "first stage, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID", MOCK_FS, 0, PASID },
	{ "first stage, PASID, ATS", MOCK_FS, 1, PASID },
	{ "first stage, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, caching mode", MOCK_FS_CM, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(snoop, snoop_topologies, name);

/* Enforcing cache coherency applies to existing and to later attachments. */
static void snoop_control(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);

	ut_map(test, domain, ut_new_page(test));
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_FALSE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	KUNIT_ASSERT_TRUE(test, domain->ops->enforce_cache_coherency(domain));
	KUNIT_EXPECT_TRUE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(domain, dev, t->pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(domain, dev, t->pasid);
}

static const struct ut_topology snoop_nested_topologies[] = {
	{ "RID, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
	{ "PASID", MOCK_FS, 0, PASID },
	{ "RID, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(snoop_nested, snoop_nested_topologies, name);

/* Enforcement for a nest parent applies to the domains nested on it. */
static void snoop_control_nested(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	const struct iommu_domain_ops *ops;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_FALSE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	mock_reset();
	ops = guest.parent->ops;
	KUNIT_ASSERT_TRUE(test, ops->enforce_cache_coherency(guest.parent));
	KUNIT_EXPECT_TRUE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	/* Second-stage translations are not tagged with a PASID. */
	KUNIT_EXPECT_EQ(test, ut_count(test, t->iommu, MOCK_INV_IOTLB), 1);
	KUNIT_EXPECT_EQ(test, ut_count(test, t->iommu, MOCK_INV_PIOTLB), 0);
	ut_detach(guest.domain, dev, t->pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, mock_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(guest.domain, dev, t->pasid);
}

static void snoop_enforce(struct ut_injection *in)
{
	if (!in->domain->ops->enforce_cache_coherency(in->domain))
		in->stale++;
}

static const struct ut_topology snoop_replace_topologies[] = {
	{ "no ATS", MOCK_FS, 0, PASID },
	{ "ATS", MOCK_FS, 1, PASID },
	{ "caching mode", MOCK_FS_CM, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(snoop_replace, snoop_replace_topologies, name);

/* Enforcement that begins while a replace waits applies to the new domain. */
static void snoop_control_during_replace(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_attach_handle handle;
	struct iommu_domain *domain, *old;
	struct device *dev = ut_dev(t);
	struct ut_injection in = {
		.act = snoop_enforce,
		.iommu = mock_iommu(t->iommu),
	};
	int i, ret;

	for (i = 0; i < ROUNDS && !in.points; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		old = ut_new_domain(test, dev, t->flags);
		ut_map(test, domain, ut_new_page(test));
		in.domain = domain;
		KUNIT_ASSERT_EQ(test, ut_attach(old, dev, PASID), 0);
		ut_inject_at_waits(test, &in);
		ret = ut_replace(domain, dev, PASID, &handle);
		ut_stop_injecting_at_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		if (in.points)
			KUNIT_EXPECT_TRUE(test,
					  mock_dma_snoops(dev, PASID, IOVA));
		ut_detach(domain, dev, PASID);
	}
	KUNIT_EXPECT_GT(test, in.points, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
}

static struct kunit_case dirty_snoop_cases[] = {
	KUNIT_CASE_PARAM(dirty_tracking, dirty_gen_params),
	KUNIT_CASE_PARAM(dirty_tracking_during_attach, dirty_attach_gen_params),
	KUNIT_CASE(dirty_tracking_during_replace),
	KUNIT_CASE_PARAM(snoop_control, snoop_gen_params),
	KUNIT_CASE_PARAM(snoop_control_nested, snoop_nested_gen_params),
	KUNIT_CASE_PARAM(snoop_control_during_replace,
			 snoop_replace_gen_params),
	{}
};

static struct kunit_suite dirty_snoop_suite = {
	.name = "intel_iommu_dirty_snoop",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = dirty_snoop_cases,
};

kunit_test_suites(&dirty_snoop_suite);

MODULE_DESCRIPTION("KUnit tests of dirty tracking and snoop control on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

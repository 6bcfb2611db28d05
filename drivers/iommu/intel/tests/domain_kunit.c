// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of attach, map, unmap and detach on mock IOMMUs.
 *
 * Once a map has returned, a device must reach the mapped page. Once an unmap
 * or detach has returned, the device must no longer reach the page, either
 * through the page table or through any cache. Some tests also check in which
 * contexts an operation can be called, and what it must not wait for.
 */

#include <linux/irq_work.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "../../iommu-priv.h"
#include "fixture.h"

/* Repeat, so that each round starts with entries cached by the previous one. */
static void map_and_unmap(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	int i;

	for (i = 0; i < 3; i++) {
		ut_check_detached(test, dev, t->pasid);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_attached(test, domain, dev, t->pasid);
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
		ut_unmap(test, domain);
	}
}

/*
 * The domain id of a detached domain is allocated to the next domain, so no
 * cache entries with that id may be left. Each domain is detached with %IOVA
 * still mapped.
 */
static void domain_id_reuse(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	phys_addr_t pa;
	int i;

	for (i = 0; i < 3; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		pa = ut_new_page(test);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_detached(test, dev, t->pasid);
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_detach(domain, dev, t->pasid);
	}
}

/*
 * Attach, replace and detach of a PASID do not wait for an RCU grace period. An
 * attach by RID may: in legacy mode it can disable ATS. Unrelated code that
 * waits for all CPUs may delay an attempt, so a few are made.
 */
static void attach_without_grace_period(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *other = ut_new_domain(test, dev, t->flags);
	struct iommu_attach_handle handle;
	bool waited = true;
	struct ut_reader r;
	int i;

	for (i = 0; i < 3 && waited; i++) {
		ut_start_reader(test, &r);
		KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_EQ(test, ut_replace(other, dev, t->pasid, &handle),
				0);
		ut_detach(other, dev, t->pasid);
		waited = READ_ONCE(r.thread.done);
		ut_stop_reader(&r);
	}
	KUNIT_EXPECT_FALSE(test, waited);
}

/* A map or unmap takes effect on all IOMMUs that have devices of the domain. */
static void domain_on_two_iommus(struct kunit *test)
{
	struct device *near = mock_dev(MOCK_FS, 0);
	struct device *far = mock_dev(MOCK_FS2, 1);
	struct iommu_domain *domain = ut_new_domain(test, near, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, near, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, far, PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(near, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(far, PASID, pa));
	ut_unmap(test, domain);
	ut_check_detached(test, near, IOMMU_NO_PASID);
	ut_check_detached(test, far, PASID);

	ut_detach(domain, near, IOMMU_NO_PASID);
	ut_check_attached(test, domain, far, PASID);
	ut_detach(domain, far, PASID);
}

/*
 * Aligned blocks, and ranges that cross a block boundary. For the third one,
 * the smallest aligned block that covers it is larger than CAP.MAMV allows.
 */
static const struct {
	u64 iova;
	size_t size;
} domain_ranges[] = {
	{ IOVA, 2 * PAGE_SIZE },
	{ IOVA + PAGE_SIZE, 3 * PAGE_SIZE },
	{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
	{ IOVA, SZ_2M },
	{ IOVA + SZ_2M - PAGE_SIZE, SZ_2M + 2 * PAGE_SIZE },
	{ IOVA, SZ_1G },
	{ 0, PAGE_SIZE },
};

/*
 * An unmap of a range of any size and alignment removes all its pages from the
 * caches. On the IOMMU without a queue, this also tests the leaf hint in the
 * IOTLB registers.
 */
static void unmap_ranges(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	/* This memory need not exist: mock DMA does not access it. */
	const phys_addr_t memory = SZ_1G;
	unsigned int i, j;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	for (i = 0; i < ARRAY_SIZE(domain_ranges); i++) {
		const u64 iova = domain_ranges[i].iova;
		const size_t size = domain_ranges[i].size;
		const size_t offset[] = {
			0, PAGE_SIZE, ALIGN_DOWN(size / 2, PAGE_SIZE),
			size - PAGE_SIZE,
		};
		phys_addr_t pa;
		bool hit;

		pa = memory + (iova & (SZ_1G - 1));
		KUNIT_ASSERT_EQ(test, iommu_map(domain, iova, pa, size, PROT,
						GFP_KERNEL), 0);
		for (j = 0; j < ARRAY_SIZE(offset); j++) {
			if (offset[j] >= size)
				continue;
			hit = ut_reaches_at(dev, t->pasid, iova + offset[j],
					    pa + offset[j]);
			KUNIT_EXPECT_TRUE(test, hit);
		}
		KUNIT_ASSERT_EQ(test, iommu_unmap(domain, iova, size), size);
		for (j = 0; j < ARRAY_SIZE(offset); j++) {
			hit = ut_reaches_at(dev, t->pasid, iova + offset[j],
					    pa + offset[j]);
			KUNIT_EXPECT_FALSE_MSG(test, hit,
					       "offset %zx of range %u",
					       offset[j], i);
		}
	}
	ut_detach(domain, dev, t->pasid);
}

/*
 * A map flushes the write buffer of an IOMMU once, however many devices use the
 * domain.
 */
static void map_flushes_write_buffer_once(struct kunit *test)
{
	struct iommu_domain *domain;
	const unsigned int *flushes;
	unsigned int i, before;

	domain = ut_new_domain(test, mock_dev(MOCK_LEGACY_OLD, 0), 0);
	for (i = 0; i < MOCK_DEVS; i++)
		KUNIT_ASSERT_EQ(test,
				ut_attach(domain, mock_dev(MOCK_LEGACY_OLD, i),
					  IOMMU_NO_PASID), 0);

	flushes = ut_count_write_buffer_flushes(test);
	before = *flushes;
	ut_map(test, domain, ut_new_page(test));
	KUNIT_EXPECT_EQ(test, *flushes, before + 1);

	ut_unmap(test, domain);
	for (i = 0; i < MOCK_DEVS; i++)
		ut_detach(domain, mock_dev(MOCK_LEGACY_OLD, i),
			  IOMMU_NO_PASID);
}

/**
 * struct domain_irq_sync - IOTLB synchronisation in hard interrupt context
 * @work: Runs the synchronisation.
 * @domain: Domain that pages were unmapped from.
 * @gather: The unmapped range.
 */
struct domain_irq_sync {
	struct irq_work work;
	struct iommu_domain *domain;
	struct iommu_iotlb_gather gather;
};

static void domain_sync_in_irq(struct irq_work *work)
{
	struct domain_irq_sync *s = container_of(work, typeof(*s), work);

	iommu_iotlb_sync(s->domain, &s->gather);
}

/*
 * The IOTLB can be synchronised in hard interrupt context. Flush queues do so
 * in softirq context, and users of iommu_unmap_fast() in any context.
 */
static void iotlb_sync_in_hardirq(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct domain_irq_sync s = {
		.work = IRQ_WORK_INIT_HARD(domain_sync_in_irq),
		.domain = ut_new_domain(test, dev, t->flags),
	};
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(s.domain, dev, t->pasid), 0);
	ut_map(test, s.domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
	iommu_iotlb_gather_init(&s.gather);
	KUNIT_EXPECT_EQ(test, iommu_unmap_fast(s.domain, IOVA, PAGE_SIZE,
					       &s.gather), PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, irq_work_queue(&s.work));
	irq_work_sync(&s.work);
	ut_check_detached(test, dev, t->pasid);
	ut_detach(s.domain, dev, t->pasid);
}

/*
 * A device in reset reaches nothing. No invalidation is sent to its device TLB,
 * because it would time out.
 */
static void device_reset(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID, pa));

	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(to_pci_dev(dev)), 0);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	ut_check_detached(test, dev, PASID);
	/* A device in reset does not respond. */
	mock_set_removed(dev, true);
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 0);
	mock_set_removed(dev, false);
	pci_dev_reset_iommu_done(to_pci_dev(dev));

	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, PASID);
	ut_detach(domain, dev, PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

static bool domain_no_first_stage(const struct ut_topology *t)
{
	return t->iommu < MOCK_FS;
}

static const void *domain_second_stage_gen_params(struct kunit *test,
						  const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, domain_no_first_stage);
}

/*
 * Attaching a first-stage domain fails on an IOMMU without that stage, and the
 * device keeps the domain that it had.
 */
static void refused_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *before = iommu_get_domain_for_dev(dev);
	struct iommu_domain *other, *fitting;

	/* The driver prefers the first stage if the IOMMU has both. */
	other = ut_new_domain(test, mock_dev(MOCK_FS, 0), 0);
	KUNIT_EXPECT_EQ(test, ut_attach(other, dev, t->pasid), -EINVAL);
	ut_check_attached(test, before, dev, IOMMU_NO_PASID);
	if (ut_has_pasid(t)) {
		ut_check_detached(test, dev, t->pasid);
		return;
	}

	/* If the device was left blocked, unblock it for the next tests. */
	fitting = ut_new_domain(test, dev, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(fitting, dev, t->pasid), 0);
	ut_detach(fitting, dev, t->pasid);
}

static const struct ut_topology domain_identity_topologies[] = {
	{ "legacy", MOCK_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MOCK_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MOCK_SS, 1, IOMMU_NO_PASID },
	{ "second stage, caching mode", MOCK_SS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS", MOCK_FS, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(identity, domain_identity_topologies, name);

/* Switch between translation and pass-through. */
static void identity_domain(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *identity = dev_iommu_ops(dev)->identity_domain;
	phys_addr_t pa = ut_new_page(test);
	int i;

	ut_map(test, domain, pa);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);

		KUNIT_ASSERT_EQ(test, ut_attach(identity, dev, t->pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, IOVA));
		ut_detach(identity, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
	}
}

static bool domain_legacy_ats(const struct ut_topology *t)
{
	return t->iommu < MOCK_SS && t->dev == 1;
}

static const void *domain_legacy_ats_gen_params(struct kunit *test,
						const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, domain_legacy_ats);
}

/*
 * In legacy mode, ATS is disabled in the identity domain. It is enabled for the
 * next domain after the context entry for pass-through has been cleared, which
 * the mock checks, and remains enabled if another domain follows.
 */
static void ats_enabled_after_pass_through(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	const struct mock_cache *cache = &mock_iommu(t->iommu)->cache;
	struct device *dev = ut_dev(t);
	struct iommu_domain *identity = dev_iommu_ops(dev)->identity_domain;
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *other = ut_new_domain(test, dev, t->flags);
	struct iommu_attach_handle handles[2];
	const u16 sid = mock_sid(t->dev);
	int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_replace(identity, dev, t->pasid,
						 &handles[0]), 0);
		KUNIT_EXPECT_FALSE(test, mock_ats_enabled(cache, sid));
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, IOVA));

		KUNIT_ASSERT_EQ(test, ut_replace(domain, dev, t->pasid,
						 &handles[1]), 0);
		KUNIT_EXPECT_TRUE(test, mock_ats_enabled(cache, sid));
		ut_check_attached(test, domain, dev, t->pasid);

		KUNIT_ASSERT_EQ(test, ut_replace(other, dev, t->pasid,
						 &handles[0]), 0);
		KUNIT_EXPECT_TRUE(test, mock_ats_enabled(cache, sid));
		ut_check_attached(test, other, dev, t->pasid);

		KUNIT_ASSERT_EQ(test, ut_replace(domain, dev, t->pasid,
						 &handles[1]), 0);
	}
	ut_detach_handle(domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

static struct kunit_case domain_cases[] = {
	KUNIT_CASE_PARAM(map_and_unmap, ut_topology_gen_params),
	KUNIT_CASE_PARAM(domain_id_reuse, ut_topology_gen_params),
	KUNIT_CASE_PARAM(attach_without_grace_period, ut_pasid_gen_params),
	KUNIT_CASE_PARAM(unmap_ranges, ut_topology_gen_params),
	KUNIT_CASE(domain_on_two_iommus),
	KUNIT_CASE(map_flushes_write_buffer_once),
	KUNIT_CASE_PARAM(iotlb_sync_in_hardirq, ut_topology_gen_params),
	KUNIT_CASE(device_reset),
	KUNIT_CASE_PARAM(refused_attach_changes_nothing,
			 domain_second_stage_gen_params),
	KUNIT_CASE_PARAM(identity_domain, identity_gen_params),
	KUNIT_CASE_PARAM(ats_enabled_after_pass_through,
			 domain_legacy_ats_gen_params),
	{}
};

static struct kunit_suite domain_suite = {
	.name = "intel_iommu_domain",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = domain_cases,
};

kunit_test_suites(&domain_suite);

MODULE_DESCRIPTION("KUnit tests of domains on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

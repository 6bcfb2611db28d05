// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of flushes on mock IOMMUs: the number of invalidations that an
 * unmap requests, and the wait for flushes in progress before ATS is disabled.
 *
 * The tests use domains through the interfaces of the IOMMU core and therefore
 * apply to any version of the driver. To pass, flushes must send no duplicate
 * invalidations and run in RCU read-side critical sections.
 */

#include <linux/delay.h>
#include <linux/pci.h>

#include "../../iommu-priv.h"
#include "fixture.h"

/*
 * Two devices use a domain by RID and by three PASIDs each. An unmap requests
 * one IOTLB invalidation, then one for each device TLB and PASID, and one wait,
 * in one submission.
 */
static void unmap_minimal_invalidations(struct kunit *test)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, 1, 2, 70 };
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct iommu_domain *domain;
	unsigned int i, j;

	domain = ut_new_domain(test, mock_dev(MOCK_SS, 1), 0);
	for (i = 1; i < MOCK_DEVS; i++)
		for (j = 0; j < ARRAY_SIZE(pasids); j++)
			KUNIT_ASSERT_EQ(test,
					ut_attach(domain, mock_dev(MOCK_SS, i),
						  pasids[j]), 0);
	ut_map(test, domain, ut_new_page(test));

	mock_reset();
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, iommu->doorbells, 1);
	KUNIT_EXPECT_EQ(test, iommu->nr_log, 1 + 2 * ARRAY_SIZE(pasids) + 1);
	KUNIT_EXPECT_EQ(test, iommu->log[0].type, MOCK_INV_IOTLB);
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_SS, MOCK_INV_DEVTLB), 2);
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_SS, MOCK_INV_DEVTLB_PASID),
			2 * (ARRAY_SIZE(pasids) - 1));
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_SS, MOCK_INV_WAIT), 1);

	for (i = 1; i < MOCK_DEVS; i++)
		for (j = 0; j < ARRAY_SIZE(pasids); j++)
			ut_detach(domain, mock_dev(MOCK_SS, i), pasids[j]);
}

/**
 * struct flush_ats_disable - operation that disables ATS of a device
 * @name: Name in messages.
 * @iommu: IOMMU of the device.
 * @begin: The operation, as a thread function.
 * @end: Undoes it.
 */
struct flush_ats_disable {
	const char *name;
	enum mock_iommu_id iommu;
	void (*begin)(void *dev);
	void (*end)(struct device *dev);
};

static void flush_reset_work(void *data)
{
	struct device *dev = data;

	pci_dev_reset_iommu_prepare(to_pci_dev(dev));
}

static void flush_reset_done(struct device *dev)
{
	pci_dev_reset_iommu_done(to_pci_dev(dev));
}

/* In legacy mode, an attach to the blocking domain disables ATS. */
static void flush_block_work(void *data)
{
	struct device *dev = data;

	ut_attach(dev_iommu_ops(dev)->blocked_domain, dev, IOMMU_NO_PASID);
}

static void flush_unblock(struct device *dev)
{
	ut_detach(dev_iommu_ops(dev)->blocked_domain, dev, IOMMU_NO_PASID);
}

static const struct flush_ats_disable flush_ats_disables[] = {
	{ "reset", MOCK_SS, flush_reset_work, flush_reset_done },
	{ "blocking domain", MOCK_LEGACY, flush_block_work, flush_unblock },
};

KUNIT_ARRAY_PARAM_DESC(ats_disable, flush_ats_disables, name);

/*
 * Before ATS is disabled, the driver waits for flushes in progress: they may
 * still invalidate the device TLB, which would time out. Flushes run in RCU
 * read-side critical sections.
 */
static void ats_disable_waits_for_flush(struct kunit *test)
{
	const struct flush_ats_disable *d = test->param_value;
	struct device *dev = mock_dev(d->iommu, 1);
	struct ut_thread waiter;
	struct ut_reader r;

	ut_start_reader(test, &r);
	ut_start(test, &waiter, d->begin, dev);
	msleep(500);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(waiter.done));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(r.thread.done));
	KUNIT_EXPECT_TRUE(test, mock_ats_enabled(&mock_iommu(d->iommu)->cache,
						 pci_dev_id(to_pci_dev(dev))));
	ut_stop_reader(&r);
	ut_join(&waiter);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(waiter.done));
	d->end(dev);
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE(unmap_minimal_invalidations),
	KUNIT_CASE_PARAM(ats_disable_waits_for_flush, ats_disable_gen_params),
	{}
};

static struct kunit_suite flush_suite = {
	.name = "intel_iommu_flush",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = flush_cases,
};

kunit_test_suites(&flush_suite);

MODULE_DESCRIPTION("KUnit tests of flushes on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of a driver start with translation enabled, as in a kdump kernel.
 *
 * DMA that the old kernel has set up works until the device is attached to a
 * domain, and is refused afterwards. The core defers that attach until the
 * device has a driver.
 */

#include "fixture.h"
#include "mock/kdump.h"

static const struct ut_topology kdump_topologies[] = {
	{ "legacy", MOCK_KDUMP, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MOCK_KDUMP, 1, IOMMU_NO_PASID },
	{ "legacy, behind a bridge", MOCK_KDUMP, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "second stage", MOCK_KDUMP_SM, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MOCK_KDUMP_SM, 1, IOMMU_NO_PASID },
	{ "second stage, behind a bridge", MOCK_KDUMP_SM, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(kdump, kdump_topologies, name);

/* Attach replaces the copied entry, and invalidates it in the caches. */
static void copied_tables_replaced(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	int i;

	KUNIT_ASSERT_TRUE(test, mock_kdump_worked_early(t->iommu));
	/* Probing the device has not ended its DMA. */
	KUNIT_EXPECT_TRUE(test, mock_kdump_reaches(t->iommu, t->dev));
	domain = ut_new_domain(test, dev, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_FALSE(test, mock_kdump_reaches(t->iommu, t->dev));
		ut_check_attached(test, domain, dev, t->pasid);
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
		KUNIT_EXPECT_FALSE(test, mock_kdump_reaches(t->iommu, t->dev));
	}
}

static struct kunit_case kdump_cases[] = {
	KUNIT_CASE_PARAM(copied_tables_replaced, kdump_gen_params),
	{}
};

static int kdump_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_CRASH_DUMP))
		kunit_skip(test, "needs CONFIG_CRASH_DUMP");
	return ut_init(test);
}

static struct kunit_suite kdump_suite = {
	.name = "intel_iommu_kdump",
	.suite_init = ut_suite_init,
	.init = kdump_init,
	.test_cases = kdump_cases,
};

kunit_test_suites(&kdump_suite);

MODULE_DESCRIPTION("KUnit test of mock Intel IOMMUs in a kdump kernel");
MODULE_LICENSE("GPL");

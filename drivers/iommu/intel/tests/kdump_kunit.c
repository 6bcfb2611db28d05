// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of driver initialisation with translation enabled, as in a kdump
 * kernel.
 *
 * DMA that the old kernel has set up works until the device is attached to a
 * domain, and is refused afterwards. The core defers that attach until the
 * device has a driver. Until then, its DMA must not share cached translations
 * with domains of the new kernel.
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

static bool kdump_reaches(const struct ut_topology *t, unsigned int dev)
{
	return mock_kdump_reaches(t->iommu, dev, IOMMU_NO_PASID);
}

/* An attach replaces the copied entry and invalidates its translations. */
static void copied_tables_replaced(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	int i;

	KUNIT_ASSERT_TRUE(test, mock_kdump_worked_early(t->iommu));
	/* Probing the device has not ended its DMA. */
	KUNIT_EXPECT_TRUE(test, kdump_reaches(t, t->dev));
	domain = ut_new_domain(test, dev, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_FALSE(test, kdump_reaches(t, t->dev));
		ut_check_attached(test, domain, dev, t->pasid);
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
		KUNIT_EXPECT_FALSE(test, kdump_reaches(t, t->dev));
	}
}

/* Index of a device with DMA of the old kernel in flight during the test */
#define KDUMP_IN_FLIGHT	2

static const struct ut_topology kdump_id_topologies[] = {
	{ "legacy", MOCK_KDUMP, 0, IOMMU_NO_PASID },
	{ "second stage", MOCK_KDUMP_SM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(kdump_id, kdump_id_topologies, name);

/*
 * Domains of the new kernel do not get the domain ids of copied tables. DMA in
 * flight fills the caches with translations that are tagged with these ids, and
 * DMA of either kernel must not hit cached translations of the other. PASIDs
 * exist in scalable mode only.
 */
static void copied_domain_ids_reserved(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	const ioasid_t *pasids = mock_kdump_pasids;
	unsigned int i, n = t->iommu == MOCK_KDUMP_SM ? MOCK_KDUMP_PASIDS : 1;
	struct iommu_domain *domains[MOCK_KDUMP_PASIDS];
	phys_addr_t pages[MOCK_KDUMP_PASIDS];
	struct device *dev = ut_dev(t);

	for (i = 0; i < n; i++) {
		domains[i] = ut_new_domain(test, dev, 0);
		pages[i] = ut_new_page(test);
		KUNIT_ASSERT_EQ(test, ut_attach(domains[i], dev, pasids[i]), 0);
		ut_map(test, domains[i], pages[i]);
	}
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, mock_kdump_reaches(t->iommu,
							   KDUMP_IN_FLIGHT,
							   pasids[i]));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasids[i], pages[i]));

	/* The same in the other order: the new domains are used first. */
	for (i = 0; i < n; i++) {
		ut_unmap(test, domains[i]);
		ut_map(test, domains[i], pages[i]);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasids[i], pages[i]));
	}
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, mock_kdump_reaches(t->iommu,
							   KDUMP_IN_FLIGHT,
							   pasids[i]));

	while (i--) {
		ut_unmap(test, domains[i]);
		ut_detach(domains[i], dev, pasids[i]);
		ut_check_detached(test, dev, pasids[i]);
	}
}

static struct kunit_case kdump_cases[] = {
	KUNIT_CASE_PARAM(copied_tables_replaced, kdump_gen_params),
	KUNIT_CASE_PARAM(copied_domain_ids_reserved, kdump_id_gen_params),
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

MODULE_DESCRIPTION("KUnit tests of a kdump kernel on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of units made of memory that another kernel has left switched on.
 * Its devices go on until they are attached, which is put off until they have a
 * driver, and not any longer.
 */

#include "unit-model-kunit.h"

static const struct ut_topology kdump_topologies[] = {
	{ "legacy", MODEL_KDUMP, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MODEL_KDUMP, 1, IOMMU_NO_PASID },
	{ "legacy, behind a bridge", MODEL_KDUMP, MODEL_BRIDGED,
	  IOMMU_NO_PASID },
	{ "second stage", MODEL_KDUMP_SM, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MODEL_KDUMP_SM, 1, IOMMU_NO_PASID },
	{ "second stage, behind a bridge", MODEL_KDUMP_SM, MODEL_BRIDGED,
	  IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(kdump, kdump_topologies, name);

/* What the caches hold of the entries that were copied is gone as well. */
static void nothing_is_left(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct model_unit *unit = model_unit(t->unit);
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	int i;

	KUNIT_ASSERT_TRUE(test, unit->left_reached);
	/* It has been probed since. */
	KUNIT_EXPECT_TRUE(test, model_kdump_reaches(unit, t->dev));
	domain = ut_new_domain(test, dev, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_FALSE(test, model_kdump_reaches(unit, t->dev));
		ut_check_attached(test, domain, dev, t->pasid);
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
		KUNIT_EXPECT_FALSE(test, model_kdump_reaches(unit, t->dev));
	}
}

static struct kunit_case kdump_cases[] = {
	KUNIT_CASE_PARAM(nothing_is_left, kdump_gen_params),
	{}
};

static int kdump_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_CRASH_DUMP))
		kunit_skip(test, "needs a kernel that can follow one that has crashed");
	return ut_init(test);
}

static struct kunit_suite kdump_suite = {
	.name = "intel_iommu_unit_kdump",
	.suite_init = ut_suite_init,
	.init = kdump_init,
	.test_cases = kdump_cases,
};

kunit_test_suites(&kdump_suite);

MODULE_DESCRIPTION("KUnit test of Intel IOMMU units that another kernel has left on");
MODULE_LICENSE("GPL");

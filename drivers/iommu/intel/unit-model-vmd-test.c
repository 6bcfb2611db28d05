// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of a device that hides another one behind itself, as VMD does, on
 * units made of memory. The other is attached with it, and asks under its id:
 * what it leaves behind must not be missing from what the first one has.
 */

#include <linux/pci.h>

#include "unit-model-kunit.h"

static const struct ut_topology vmd_topologies[] = {
	{ "legacy", MODEL_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MODEL_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MODEL_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no queue", MODEL_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage", MODEL_SS, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MODEL_SS, 1, IOMMU_NO_PASID },
	{ "first stage", MODEL_FS, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(vmd, vmd_topologies, name);

KUNIT_DEFINE_ACTION_WRAPPER(remove_hidden, model_vmd_remove, struct pci_bus *);

static struct pci_bus *hide_another(struct kunit *test, struct device *dev)
{
	struct pci_bus *bus = model_vmd_create(dev);

	KUNIT_ASSERT_NOT_NULL(test, bus);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, remove_hidden, bus), 0);
	KUNIT_ASSERT_FALSE(test, list_empty(&bus->devices));
	KUNIT_ASSERT_PTR_EQ(test,
			    list_first_entry(&bus->devices, struct pci_dev,
					     bus_list)->dev.iommu_group,
			    dev->iommu_group);
	return bus;
}

/* It comes when there is a domain, and goes. */
static void comes_and_goes(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct pci_bus *bus;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_check_attached(test, domain, dev, t->pasid);
	bus = hide_another(test, dev);
	ut_check_attached(test, domain, dev, t->pasid);
	kunit_release_action(test, remove_hidden, bus);
	ut_check_attached(test, domain, dev, t->pasid);
	ut_detach(domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/* It goes from one domain to the next together with the first. */
static void moves_along(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	int i;

	hide_another(test, dev);
	for (i = 0; i < 3; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_attached(test, domain, dev, t->pasid);
		ut_map(test, domain, ut_new_page(test));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
	}
}

static struct kunit_case vmd_cases[] = {
	KUNIT_CASE_PARAM(comes_and_goes, vmd_gen_params),
	KUNIT_CASE_PARAM(moves_along, vmd_gen_params),
	{}
};

static int vmd_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_VMD))
		kunit_skip(test, "needs a kernel that knows of VMD");
	return ut_init(test);
}

static struct kunit_suite vmd_suite = {
	.name = "intel_iommu_unit_vmd",
	.suite_init = ut_suite_init,
	.init = vmd_init,
	.test_cases = vmd_cases,
};

kunit_test_suites(&vmd_suite);

MODULE_DESCRIPTION("KUnit tests of Intel IOMMU units with a VMD");
MODULE_LICENSE("GPL");

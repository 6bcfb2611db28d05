// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of VMD sub-devices on mock IOMMUs.
 *
 * A VMD device has sub-devices, whose requests carry its requester id. They are
 * in the same group and are attached along with it. Releasing a sub-device must
 * not release resources of the VMD device.
 */

#include <linux/pci.h>

#include "fixture.h"

static const struct ut_topology vmd_topologies[] = {
	{ "legacy", MOCK_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MOCK_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no queue", MOCK_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage", MOCK_SS, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MOCK_SS, 1, IOMMU_NO_PASID },
	{ "first stage", MOCK_FS, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(vmd, vmd_topologies, name);

KUNIT_DEFINE_ACTION_WRAPPER(vmd_remove_action, mock_vmd_remove,
			    struct pci_bus *);

static struct pci_bus *vmd_add_subdevice(struct kunit *test, struct device *dev)
{
	struct pci_bus *bus = mock_vmd_create(dev);

	KUNIT_ASSERT_NOT_NULL(test, bus);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, vmd_remove_action, bus),
			0);
	KUNIT_ASSERT_FALSE(test, list_empty(&bus->devices));
	KUNIT_ASSERT_PTR_EQ(test,
			    list_first_entry(&bus->devices, struct pci_dev,
					     bus_list)->dev.iommu_group,
			    dev->iommu_group);
	return bus;
}

/* A sub-device is added and removed while a domain is attached. */
static void subdevice_hotplug(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct pci_bus *bus;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_check_attached(test, domain, dev, t->pasid);
	bus = vmd_add_subdevice(test, dev);
	ut_check_attached(test, domain, dev, t->pasid);
	kunit_release_action(test, vmd_remove_action, bus);
	ut_check_attached(test, domain, dev, t->pasid);
	ut_detach(domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/* A sub-device changes domains along with its VMD device. */
static void subdevice_domain_change(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	int i;

	vmd_add_subdevice(test, dev);
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
	KUNIT_CASE_PARAM(subdevice_hotplug, vmd_gen_params),
	KUNIT_CASE_PARAM(subdevice_domain_change, vmd_gen_params),
	{}
};

static int vmd_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_VMD))
		kunit_skip(test, "needs CONFIG_VMD");
	return ut_init(test);
}

static struct kunit_suite vmd_suite = {
	.name = "intel_iommu_vmd",
	.suite_init = ut_suite_init,
	.init = vmd_init,
	.test_cases = vmd_cases,
};

kunit_test_suites(&vmd_suite);

MODULE_DESCRIPTION("KUnit tests of VMD sub-devices on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

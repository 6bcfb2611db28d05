// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of VMD sub-devices on mock IOMMUs.
 *
 * A VMD device has sub-devices, whose requests carry its requester id. They are
 * in the same group and are attached along with it. Releasing a sub-device must
 * not release resources of the VMD device. Sub-devices are in a PCI segment of
 * their own, so a sub-device may have the bus, device and function number of
 * another device.
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

/* @i selects the BDF number and the capabilities, as in mock_vmd_create(). */
static struct pci_bus *vmd_add_subdevice(struct kunit *test, struct device *dev,
					 unsigned int i)
{
	struct pci_bus *bus = mock_vmd_create(dev, i);

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
	bus = vmd_add_subdevice(test, dev, 0);
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

	vmd_add_subdevice(test, dev, 0);
	for (i = 0; i < 3; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_attached(test, domain, dev, t->pasid);
		ut_map(test, domain, ut_new_page(test));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
	}
}

/* Index of the ATS device that has the same BDF number as the sub-device */
#define VMD_NUMBER	1

/* &ut_topology.dev is the index of the VMD device. */
static const struct ut_topology vmd_number_topologies[] = {
	{ "legacy", MOCK_LEGACY, 0, IOMMU_NO_PASID },
	{ "second stage", MOCK_SS, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MOCK_SS, 2, IOMMU_NO_PASID },
	{ "first stage", MOCK_FS, 0, IOMMU_NO_PASID },
	{ "first stage, page requests", MOCK_FS2, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(vmd_number, vmd_number_topologies, name);

/*
 * Check that the ATS device @dev works, and that an unmap ends after @dev has
 * been removed: the driver must not mistake a present sub-device with the same
 * BDF number for @dev.
 */
static void vmd_check_ats_device(struct kunit *test, enum mock_iommu_id id,
				 struct device *dev)
{
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct mock_iommu *iommu = mock_iommu(id);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	mock_set_removed(dev, true);
	ut_unmap(test, domain);
	KUNIT_EXPECT_GT(test, iommu->timeouts, 0);
	KUNIT_EXPECT_LE(test, iommu->timeouts, 2);
	mock_set_removed(dev, false);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
}

/* A sub-device is added with the BDF number of an existing ATS device. */
static void subdevice_number_taken(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct pci_bus *bus = vmd_add_subdevice(test, ut_dev(t), VMD_NUMBER);

	vmd_check_ats_device(test, t->iommu, mock_dev(t->iommu, VMD_NUMBER));
	kunit_release_action(test, vmd_remove_action, bus);
	vmd_check_ats_device(test, t->iommu, mock_dev(t->iommu, VMD_NUMBER));
}

/*
 * Plug the ATS device in again: the driver may have rejected it, or the test
 * may have been aborted while it was unplugged. This runs after the sub-device
 * has been removed.
 */
static void vmd_replug_action(void *topology)
{
	const struct ut_topology *t = topology;

	mock_unplug(t->iommu, VMD_NUMBER);
	mock_plug(t->iommu, VMD_NUMBER);
}

/* An ATS device is added with the BDF number of an existing sub-device. */
static void subdevice_number_reused(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev;

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, vmd_replug_action,
					       (void *)t), 0);
	mock_unplug(t->iommu, VMD_NUMBER);
	vmd_add_subdevice(test, ut_dev(t), VMD_NUMBER);
	KUNIT_ASSERT_EQ(test, mock_plug(t->iommu, VMD_NUMBER), 0);
	dev = mock_dev(t->iommu, VMD_NUMBER);
	KUNIT_ASSERT_NOT_NULL(test, dev->iommu_group);
	vmd_check_ats_device(test, t->iommu, dev);
}

static struct kunit_case vmd_cases[] = {
	KUNIT_CASE_PARAM(subdevice_hotplug, vmd_gen_params),
	KUNIT_CASE_PARAM(subdevice_domain_change, vmd_gen_params),
	KUNIT_CASE_PARAM(subdevice_number_taken, vmd_number_gen_params),
	KUNIT_CASE_PARAM(subdevice_number_reused, vmd_number_gen_params),
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

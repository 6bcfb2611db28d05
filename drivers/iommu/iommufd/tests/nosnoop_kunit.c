// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the detection of devices that can bypass the CPU caches
 *
 * Each test uses a fake PCI function with a Device Control register in memory,
 * and chooses which bits are implemented and whether the function answers.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "../iommufd_private.h"

/* Offset of the PCI Express capability */
#define PCIE_CAP	0x40

/**
 * struct fake_function - PCI function with a Device Control register
 * @bus: Bus whose operations access the register
 * @pdev: The function
 * @control: Value of Device Control
 * @writable: Bits of @control that can be written
 * @writes: Number of writes to @control
 * @absent: Reads return all ones, and writes are lost
 * @fail_writes: Writes fail
 */
struct fake_function {
	struct pci_bus bus;
	struct pci_dev pdev;
	u16 control;
	u16 writable;
	unsigned int writes;
	bool absent;
	bool fail_writes;
};

static struct fake_function *to_fake_function(struct pci_bus *bus)
{
	return container_of(bus, struct fake_function, bus);
}

static int fake_read(struct pci_bus *bus, unsigned int devfn, int where,
		     int size, u32 *value)
{
	struct fake_function *fn = to_fake_function(bus);

	if (fn->absent)
		PCI_SET_ERROR_RESPONSE(value);
	else
		*value = where == PCIE_CAP + PCI_EXP_DEVCTL ? fn->control : 0;
	return PCIBIOS_SUCCESSFUL;
}

static int fake_write(struct pci_bus *bus, unsigned int devfn, int where,
		      int size, u32 value)
{
	struct fake_function *fn = to_fake_function(bus);

	if (where != PCIE_CAP + PCI_EXP_DEVCTL)
		return PCIBIOS_SUCCESSFUL;
	fn->writes++;
	if (fn->fail_writes)
		return PCIBIOS_SET_FAILED;
	if (!fn->absent)
		fn->control = (fn->control & ~fn->writable) |
			      (value & fn->writable);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
};

static bool nosnoop_is_reliable(void)
{
	return true;
}

static bool nosnoop_is_not_reliable(void)
{
	return false;
}

static void fake_disable_pm(void *dev)
{
	pm_runtime_disable(dev);
	pm_runtime_set_suspended(dev);
	pm_runtime_put_noidle(dev);
}

/* Create an active PCI Express function whose Device Control is 0 and read-only. */
static struct fake_function *fake_function(struct kunit *test)
{
	struct fake_function *fn = kunit_kzalloc(test, sizeof(*fn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fn);
	fn->bus.ops = &fake_ops;
	fn->pdev.bus = &fn->bus;
	fn->pdev.pcie_cap = PCIE_CAP;
	fn->pdev.class = PCI_CLASS_NETWORK_ETHERNET << 8;
	device_initialize(&fn->pdev.dev);
	fn->pdev.dev.bus = &pci_bus_type;
	KUNIT_ASSERT_EQ(test, 0, pm_runtime_set_active(&fn->pdev.dev));
	/* Keeps the PCI core from suspending the function when it is idle */
	pm_runtime_get_noresume(&fn->pdev.dev);
	pm_runtime_enable(&fn->pdev.dev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_disable_pm,
							   &fn->pdev.dev));
	return fn;
}

/* Enable No Snoop cannot be set, although all other bits can. */
static void hardwired_bit_means_incapable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	fn->control = PCI_EXP_DEVCTL_CERE;
	fn->writable = (u16)~PCI_EXP_DEVCTL_NOSNOOP_EN;
	KUNIT_EXPECT_FALSE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
	KUNIT_EXPECT_EQ(test, PCI_EXP_DEVCTL_CERE, fn->control);
}

/* The bit is clear but can be set. It is cleared again. */
static void writable_bit_means_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	fn->control = PCI_EXP_DEVCTL_CERE;
	fn->writable = 0xffff;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
	KUNIT_EXPECT_EQ(test, PCI_EXP_DEVCTL_CERE, fn->control);
}

/* A bit that is set is neither tested nor cleared. */
static void set_bit_means_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	fn->control = PCI_EXP_DEVCTL_NOSNOOP_EN;
	fn->writable = 0xffff;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
	KUNIT_EXPECT_EQ(test, PCI_EXP_DEVCTL_NOSNOOP_EN, fn->control);
	KUNIT_EXPECT_EQ(test, 0, fn->writes);
}

static void absent_counts_as_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	fn->absent = true;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
}

/* A write that fails does not prove that the bit is hardwired. */
static void failed_write_counts_as_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	fn->fail_writes = true;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
}

/* Runtime PM cannot resume the function. */
static void failed_resume_counts_as_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	kunit_release_action(test, fake_disable_pm, &fn->pdev.dev);
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
	KUNIT_EXPECT_EQ(test, 0, fn->writes);
}

/* In a virtual machine, and without self-snoop, no function is tested. */
static void unreliable_bit_counts_as_capable(struct kunit *test)
{
	struct fake_function *fn = fake_function(test);

	kunit_activate_static_stub(test, iommufd_nosnoop_bit_is_reliable,
				   nosnoop_is_not_reliable);
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&fn->pdev.dev));
	KUNIT_EXPECT_EQ(test, 0, fn->writes);
}

/*
 * Conventional functions, virtual functions and those of some classes count as
 * capable, and their bit is not written.
 */
static void untested_count_as_capable(struct kunit *test)
{
	static const u32 classes[] = { PCI_CLASS_DISPLAY_VGA,
				       PCI_CLASS_DISPLAY_3D,
				       PCI_CLASS_ACCELERATOR_PROCESSING,
				       PCI_CLASS_MULTIMEDIA_HD_AUDIO };
	struct fake_function *conventional = fake_function(test);
	struct fake_function *classed = fake_function(test);
	struct fake_function *virtual = fake_function(test);
	int i;

	conventional->pdev.pcie_cap = 0;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&conventional->pdev.dev));
	KUNIT_EXPECT_EQ(test, 0, conventional->writes);

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		classed->pdev.class = classes[i] << 8;
		KUNIT_EXPECT_TRUE_MSG(test,
				      iommufd_pci_can_nosnoop(&classed->pdev.dev),
				      "class %x", classes[i]);
		KUNIT_EXPECT_EQ(test, 0, classed->writes);
	}

	virtual->pdev.is_virtfn = 1;
	KUNIT_EXPECT_TRUE(test, iommufd_pci_can_nosnoop(&virtual->pdev.dev));
	KUNIT_EXPECT_EQ(test, 0, virtual->writes);
}

static void other_bus_means_incapable(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "no-pci");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_EXPECT_FALSE(test, iommufd_pci_can_nosnoop(dev));
}

static struct kunit_case nosnoop_cases[] = {
	KUNIT_CASE(hardwired_bit_means_incapable),
	KUNIT_CASE(writable_bit_means_capable),
	KUNIT_CASE(set_bit_means_capable),
	KUNIT_CASE(absent_counts_as_capable),
	KUNIT_CASE(failed_write_counts_as_capable),
	KUNIT_CASE(failed_resume_counts_as_capable),
	KUNIT_CASE(unreliable_bit_counts_as_capable),
	KUNIT_CASE(untested_count_as_capable),
	KUNIT_CASE(other_bus_means_incapable),
	{}
};

/* The tests usually run in a virtual machine, where the bit is not reliable. */
static int nosnoop_init(struct kunit *test)
{
	kunit_activate_static_stub(test, iommufd_nosnoop_bit_is_reliable,
				   nosnoop_is_reliable);
	return 0;
}

static struct kunit_suite nosnoop_suite = {
	.name = "iommufd_nosnoop",
	.init = nosnoop_init,
	.test_cases = nosnoop_cases,
};

kunit_test_suite(nosnoop_suite);

MODULE_DESCRIPTION("KUnit tests for the detection of no-snoop devices");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");

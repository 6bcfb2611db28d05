// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detection of devices that can bypass the CPU caches
 *
 * A PCI Express function can set the No Snoop attribute in its requests. If the
 * IOMMU does not override the attribute, such requests bypass the CPU caches.
 * iommufd calls iommufd_pci_can_nosnoop() when a device is bound. If it returns
 * true, iommufd flushes CPU caches for those domains of the device that do not
 * enforce coherency.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cpufeature.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "iommufd_private.h"

/**
 * iommufd_nosnoop_bit_is_reliable() - Test whether a hardwired bit is a proof
 *
 * An Enable No Snoop bit that is hardwired to 0 does not prove that a device
 * needs no flushes in a virtual machine. There, a virtual function cannot be
 * told from other functions; its bit is reserved, and that of its physical
 * function applies. The hypervisor may also discard writes to the bit.
 *
 * KVM lets a guest map memory as uncached if the IOMMU does not enforce
 * coherency. On processors without self-snoop, such accesses bypass the caches
 * like no-snoop DMA, so flushes are needed whatever the device does.
 *
 * Context: Any. Called by other files in KUnit tests only.
 *
 * Return: True if devices whose bit is hardwired need no flushes.
 */
VISIBLE_IF_KUNIT bool iommufd_nosnoop_bit_is_reliable(void)
{
	KUNIT_STATIC_STUB_REDIRECT(iommufd_nosnoop_bit_is_reliable);
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_SELFSNOOP) &&
	       !boot_cpu_has(X86_FEATURE_HYPERVISOR);
#else
	return false;
#endif
}
EXPORT_SYMBOL_IF_KUNIT(iommufd_nosnoop_bit_is_reliable);

/*
 * A function that never sets the attribute may hardwire Enable No Snoop to 0
 * (PCI Express Base Specification, Device Control Register). The current value
 * is no indication: the reset value is 1, drivers clear it, and the user of the
 * device can set it again.
 */
static bool nosnoop_is_hardwired(struct pci_dev *pdev)
{
	u16 control;

	/* A device that does not answer reads as all ones. */
	if (pcie_capability_read_word(pdev, PCI_EXP_DEVCTL, &control) ||
	    control & PCI_EXP_DEVCTL_NOSNOOP_EN)
		return false;

	if (pcie_capability_set_word(pdev, PCI_EXP_DEVCTL,
				     PCI_EXP_DEVCTL_NOSNOOP_EN) ||
	    pcie_capability_read_word(pdev, PCI_EXP_DEVCTL, &control))
		return false;
	if (!(control & PCI_EXP_DEVCTL_NOSNOOP_EN))
		return true;

	pcie_capability_clear_word(pdev, PCI_EXP_DEVCTL,
				   PCI_EXP_DEVCTL_NOSNOOP_EN);
	return false;
}

/* Devices that select snooping by other means, such as their own page tables */
static bool nosnoop_has_other_control(struct pci_dev *pdev)
{
	return pdev->class >> 16 == PCI_BASE_CLASS_DISPLAY ||
	       pdev->class >> 16 == PCI_BASE_CLASS_ACCELERATOR ||
	       pdev->class >> 8 == PCI_CLASS_MULTIMEDIA_HD_AUDIO;
}

/**
 * iommufd_pci_can_nosnoop() - Test whether a device can send no-snoop requests
 * @dev: Device to test, which no user may have access to meanwhile
 *
 * When in doubt, the device counts as capable:
 *
 * - Conventional PCI functions do not have the control bit. Some of those that
 *   are integrated in the root complex do not snoop.
 * - The bit of a virtual function is reserved. The one of its physical function
 *   applies, which therefore must not be changed if it has virtual functions.
 * - Graphics devices, accelerators and audio controllers have other controls
 *   for snooping. Whether the bit overrides these is not known for all of them.
 * - In a virtual machine, and on processors without self-snoop, all PCI devices
 *   count as capable.
 *
 * Devices that are not on a PCI bus do not have the attribute.
 *
 * Context: May sleep. May resume @dev, and set its Enable No Snoop bit
 * temporarily.
 *
 * Return: False if @dev never bypasses the CPU caches.
 */
bool iommufd_pci_can_nosnoop(struct device *dev)
{
	struct pci_dev *pdev;
	bool hardwired;

	if (!dev_is_pci(dev))
		return false;

	pdev = to_pci_dev(dev);
	if (!iommufd_nosnoop_bit_is_reliable() || !pci_is_pcie(pdev) ||
	    pdev->is_virtfn || pci_num_vf(pdev) ||
	    nosnoop_has_other_control(pdev))
		return true;

	/* A function below a suspended bridge does not answer. */
	if (pm_runtime_resume_and_get(dev))
		return true;
	hardwired = nosnoop_is_hardwired(pdev);
	pm_runtime_put(dev);
	return !hardwired;
}
EXPORT_SYMBOL_IF_KUNIT(iommufd_pci_can_nosnoop);

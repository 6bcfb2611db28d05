/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock PCI devices behind the mock IOMMUs.
 *
 * Each mock IOMMU has a PCI segment of its own with %MOCK_DEVS endpoints, others
 * that can be plugged in, and conventional PCI devices behind a bridge. Their
 * configuration space is memory. The devices do DMA when a test requests it;
 * their requests pass through a mock device TLB and the translation of the mock
 * IOMMU.
 */
#ifndef _INTEL_IOMMU_MOCK_PCI_H
#define _INTEL_IOMMU_MOCK_PCI_H

#include <linux/pci.h>

#include "unit.h"

/* Endpoints of each IOMMU; all except the first have the ATS capability. */
#define MOCK_DEVS	3
/* Index of a conventional PCI device; mock_sid() gives its requester id */
#define MOCK_BRIDGED	MOCK_DEVS
/*
 * Bus, device and function number of that device, 01:01.0. Its requests carry
 * 01:00.0 instead, because the bridge takes ownership of them.
 */
#define MOCK_BRIDGED_ID	0x108
#define MOCK_BRIDGE	(MOCK_BRIDGED + 1)
/* Another device behind the bridge, which is absent before mock_plug() */
#define MOCK_BRIDGED2	(MOCK_BRIDGE + 1)
/* More endpoints with ATS, each of which is absent before mock_plug() */
#define MOCK_EXTRA	(MOCK_BRIDGED2 + 1)
#define MOCK_EXTRAS	6
#define MOCK_SLOTS	(MOCK_EXTRA + MOCK_EXTRAS)

int mock_pci_create(struct mock_iommu *iommu);
struct device *mock_dev(enum mock_iommu_id id, unsigned int i);
u16 mock_sid(unsigned int i);
void mock_set_removed(struct device *dev, bool removed);
void mock_sleep(struct device *dev, bool keep);
void mock_wake(struct device *dev);
void mock_unplug(enum mock_iommu_id id, unsigned int i);
int mock_plug(enum mock_iommu_id id, unsigned int i);

int mock_dma(struct device *dev, ioasid_t pasid, u64 addr, bool write,
	     phys_addr_t *pa);
void mock_request_page(struct device *dev, ioasid_t pasid, u64 addr, u16 index,
		       bool last);
bool mock_dma_snoops(struct device *dev, ioasid_t pasid, u64 addr);

struct pci_bus *mock_vmd_create(struct device *dev, unsigned int i);
void mock_vmd_remove(struct pci_bus *bus);

#endif /* _INTEL_IOMMU_MOCK_PCI_H */

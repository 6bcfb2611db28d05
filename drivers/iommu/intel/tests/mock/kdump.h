/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock IOMMUs in the state that a crashed kernel leaves to the kdump kernel:
 * translation is enabled, and devices do DMA through tables of the old kernel.
 *
 * The kdump suite uses these functions to check that such DMA works until the
 * device is attached to a domain and is refused afterwards, and that the DMA
 * does not share cached translations with the domains of the new kernel.
 */
#ifndef _INTEL_IOMMU_MOCK_KDUMP_H
#define _INTEL_IOMMU_MOCK_KDUMP_H

#include "unit.h"

/* PASIDs of the old kernel in scalable mode; the first is %IOMMU_NO_PASID. */
#define MOCK_KDUMP_PASIDS	4
extern const ioasid_t mock_kdump_pasids[MOCK_KDUMP_PASIDS];

void mock_kdump_early_dma(void);
bool mock_kdump_worked_early(enum mock_iommu_id id);
bool mock_kdump_reaches(enum mock_iommu_id id, unsigned int i, ioasid_t pasid);

#endif /* _INTEL_IOMMU_MOCK_KDUMP_H */

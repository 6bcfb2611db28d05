/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock IOMMUs in the state that a crashed kernel leaves to the kdump kernel:
 * translation is enabled, and devices do DMA through tables of the old kernel.
 *
 * The kdump suite uses these functions to check that such DMA works until the
 * device is attached to a domain, and is refused afterwards.
 */
#ifndef _INTEL_IOMMU_MOCK_KDUMP_H
#define _INTEL_IOMMU_MOCK_KDUMP_H

#include "unit.h"

void mock_kdump_early_dma(void);
bool mock_kdump_worked_early(enum mock_iommu_id id);
bool mock_kdump_reaches(enum mock_iommu_id id, unsigned int i);

#endif /* _INTEL_IOMMU_MOCK_KDUMP_H */

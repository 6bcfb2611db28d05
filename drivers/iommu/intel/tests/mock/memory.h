/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model of memory as seen by mock IOMMUs that do not snoop the CPU caches.
 */
#ifndef _INTEL_IOMMU_MOCK_MEMORY_H
#define _INTEL_IOMMU_MOCK_MEMORY_H

#include <linux/types.h>

int mock_memory_init(void) __init;
int mock_memory_read(u64 pa, u64 *value);

#endif /* _INTEL_IOMMU_MOCK_MEMORY_H */

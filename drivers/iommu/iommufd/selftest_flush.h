/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracking of CPU cache flushes for the mock domains of iommufd's selftest
 */
#ifndef __IOMMUFD_SELFTEST_FLUSH_H
#define __IOMMUFD_SELFTEST_FLUSH_H

#include <linux/generic_pt/iommu.h>

struct io_pagetable;

/**
 * struct mock_flush - flush tracking of a non-coherent mock domain
 * @ops: Page table operations that record mapping and unmapping and call
 *	 @table_ops; installed in the domain's page table.
 * @table_ops: Original operations of the page table.
 */
struct mock_flush {
	struct pt_iommu_ops ops;
	const struct pt_iommu_ops *table_ops;
};

void mock_flush_watch(struct mock_flush *flush, struct pt_iommu *pt);
int mock_flush_check(struct iommu_domain *domain, unsigned long iova,
		     size_t length);
int mock_flush_counts(u64 *pages, u64 *nr_violations, bool reset);
void iommufd_test_writes(struct io_pagetable *iopt, unsigned long iova,
			 size_t length);
int mock_flush_init(void);
void mock_flush_exit(void);

#endif

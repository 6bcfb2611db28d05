/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of one operation, and their results. */
#ifndef IOMMU_ALIST_CHECKS_H
#define IOMMU_ALIST_CHECKS_H

/**
 * struct checks - results of one kind of check
 * @error: Description of the first failure, NULL if there is none.
 * @operations: Number of operations checked.
 * @steps: Number of steps explored.
 */
struct checks {
	const char *error;
	unsigned long operations, steps;
};

extern struct checks checks;

/* Record that the check of the current operation has failed. */
void check_failed(const char *why);

/* Check the operation that has been recorded in @nr_stores stores. */
void check_walks(unsigned int nr_stores);
void check_model(unsigned int nr_stores);

#endif /* IOMMU_ALIST_CHECKS_H */

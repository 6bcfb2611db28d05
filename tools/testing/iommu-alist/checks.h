/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of one operation, and their results. */
#ifndef IOMMU_ALIST_CHECKS_H
#define IOMMU_ALIST_CHECKS_H

/**
 * struct checks - results of a kind of check
 * @error: What is wrong, NULL if nothing is.
 * @operations: Number of operations checked.
 * @steps: Number of steps explored.
 */
struct checks {
	const char *error;
	unsigned long operations, steps;
};

extern struct checks checks;

/* Report the operation that is being checked as wrong. */
void check_failed(const char *why);

/* Check the operation that has been recorded in @nr_stores stores. */
void check_walks(unsigned int nr_stores);
void check_attach(unsigned int nr_stores);

#endif /* IOMMU_ALIST_CHECKS_H */

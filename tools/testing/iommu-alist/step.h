/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Record the stores of a writer, and replay them between the loads of a reader.
 *
 *	step_record_begin();
 *	... the writer's operation ...
 *	step_record_end();
 *	step_explore(fn, data);
 *
 * The writer's stores do not depend on readers. They are recorded once, as
 * differences of the memory that step_set_arena() was given, and then undone or
 * applied in any number. step_explore() calls fn for every choice of how many
 * stores are visible at each of its loads.
 *
 * Stores through WRITE_ONCE() and the like are recorded in program order. Plain
 * stores between two of them are recorded in the order of their addresses.
 */
#ifndef IOMMU_ALIST_STEP_H
#define IOMMU_ALIST_STEP_H

#include <stdbool.h>
#include <stddef.h>

/* Hooks of READ_ONCE() and WRITE_ONCE() */
void step_load(void);
void step_store(const void *p, size_t size);

/*
 * The memory that writers change. @is_read says whether a reader may load
 * anything in the 8 bytes at this offset; stores to others are not steps.
 */
void step_set_arena(void *p, size_t size, bool (*is_read)(size_t offset));

void step_record_begin(void);
/* Return the number of stores. All of them are applied. */
unsigned int step_record_end(void);
/* Make exactly the first @n stores visible. */
void step_apply(unsigned int n);
unsigned int step_applied(void);
void step_explore(void (*fn)(void *data), void *data);

#endif /* IOMMU_ALIST_STEP_H */

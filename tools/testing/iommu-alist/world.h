/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachment lists of all shapes, and the operations on them. A shape is built
 * anew for each operation, whose stores are then recorded.
 */
#ifndef IOMMU_ALIST_WORLD_H
#define IOMMU_ALIST_WORLD_H

#include <linux/iommu-alist.h>

#define IOMMUS		2
/* Groups of an IOMMU have tags 2, 4 and 6. New groups have the odd tags. */
#define MAX_GROUPS	3
#define MAX_TAG		7
#define MAX_ELMS	6

/**
 * struct world - a list and its elements
 * @arena: The memory that operations change: the list, and elements, the first
 *	@nr of which are or were on the list.
 * @nr: Number of elements.
 * @tags: Tag that each element has on the list.
 * @added: Element that the operation adds, NULL for none.
 * @removed: Element that the operation removes, NULL for none.
 */
struct world {
	struct {
		struct iommu_attach_list list;
		struct iommu_attach_elm elms[MAX_ELMS];
	} arena;
	unsigned int nr;
	unsigned int tags[MAX_ELMS];
	struct iommu_attach_elm *added, *removed;
};

extern struct world world;
extern struct iommu_device world_iommus[IOMMUS];

static inline struct iommu_attach_list *world_list(void)
{
	return &world.arena.list;
}

static inline unsigned int world_index(const struct iommu_attach_elm *elm)
{
	return elm - world.arena.elms;
}

static inline unsigned int world_iommu(const struct iommu_attach_elm *elm)
{
	return elm->iommu - world_iommus;
}

/* An element that is on the list before and after the operation */
static inline bool world_stays(const struct iommu_attach_elm *elm)
{
	return world_index(elm) < world.nr && elm != world.added &&
	       elm != world.removed;
}

/* Append a field of some bits to a key that identifies a state. */
static inline u64 world_pack(u64 key, unsigned int value, unsigned int bits)
{
	assert(value < 1ULL << bits);
	assert(key < 1ULL << (63 - bits));
	return key << bits | value;
}

/* A number for the group of an element */
static inline unsigned int world_group(const struct iommu_attach_elm *elm)
{
	return world_iommu(elm) * MAX_TAG + world.tags[world_index(elm)] - 1;
}

enum world_op {
	WORLD_ADD,
	WORLD_REMOVE,
	WORLD_REPLACE,
};

/* Print the shape and the operation. */
void world_print(void);

/*
 * Call @check for each operation of this kind on each list with up to @max
 * elements, including the one that the operation adds. The operation has been
 * recorded in @nr_stores stores.
 */
void world_for_each(enum world_op op, unsigned int max,
		    void (*check)(unsigned int nr_stores));

#endif /* IOMMU_ALIST_WORLD_H */

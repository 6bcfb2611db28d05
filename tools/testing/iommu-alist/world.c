// SPDX-License-Identifier: GPL-2.0-only
/* Shapes of attachment lists and operations, see world.h. */

#include "world.h"

/**
 * struct group - elements with the same IOMMU and tag
 * @iommu: Number of the IOMMU.
 * @tag: The tag.
 * @atc_leads: The leader, which is added first, has an ATC.
 * @atcs: Number of other elements with an ATC.
 * @plain: Number of other elements without an ATC.
 */
struct group {
	unsigned int iommu, tag;
	bool atc_leads;
	unsigned int atcs, plain;
};

struct world world;
struct iommu_device world_iommus[IOMMUS];
static struct device world_devices[MAX_ELMS];

static struct group groups[IOMMUS * MAX_GROUPS];
static unsigned int nr_groups;

static void (*world_check)(unsigned int nr_stores);

static bool inside(const void *word, const void *member, size_t size)
{
	return word >= member && word < member + size;
}

static bool list_is_read(const void *word, const struct iommu_attach_list *list)
{
	return !inside(word, &list->groups, sizeof(list->groups)) &&
	       !inside(word, &list->devices, sizeof(list->devices)) &&
	       !inside(word, &list->elms.prev, sizeof(list->elms.prev)) &&
	       !inside(word, &list->tags.prev, sizeof(list->tags.prev));
}

static bool elm_is_read(const void *word, const struct iommu_attach_elm *elm)
{
	return !inside(word, &elm->group_node, sizeof(elm->group_node)) &&
	       !inside(word, &elm->device_node, sizeof(elm->device_node)) &&
	       !inside(word, &elm->node.prev, sizeof(elm->node.prev)) &&
	       !inside(word, &elm->tag_node.prev, sizeof(elm->tag_node.prev)) &&
	       !inside(word, &elm->list, sizeof(elm->list)) &&
	       !inside(word, &elm->rcu, sizeof(elm->rcu));
}

/*
 * Whether walks may read anything in this word: all but the trees, the links that
 * point backwards, and the members that are for writers.
 */
static bool world_is_read(size_t offset)
{
	const void *word = (const char *)&world.arena + offset;
	size_t elms = offsetof(typeof(world.arena), elms);
	size_t i;

	if (offset < elms)
		return list_is_read(word, &world.arena.list);
	i = (offset - elms) / sizeof(struct iommu_attach_elm);
	return elm_is_read(word, &world.arena.elms[i]);
}

static struct iommu_attach_elm *world_new(unsigned int iommu, unsigned int tag,
					  bool atc)
{
	struct iommu_attach_elm *elm = &world.arena.elms[world.nr];

	assert(world.nr < MAX_ELMS);
	iommu_attach_elm_init(elm, &world_iommus[iommu],
			      &world_devices[world.nr], world.nr, atc);
	world.tags[world.nr++] = tag;
	return elm;
}

static void world_add(struct iommu_attach_elm *elm)
{
	int ret = iommu_attach_list_add(world_list(), elm,
					world.tags[world_index(elm)]);

	assert(!ret);
}

static void world_build(void)
{
	const struct group *g;
	unsigned int i, n;

	memset(&world, 0, sizeof(world));
	step_set_arena(&world.arena, sizeof(world.arena), world_is_read);
	iommu_attach_list_init(world_list());
	for (i = 0; i < nr_groups; i++) {
		g = &groups[i];
		world_add(world_new(g->iommu, g->tag, g->atc_leads));
		for (n = 0; n < g->atcs; n++)
			world_add(world_new(g->iommu, g->tag, true));
		for (n = 0; n < g->plain; n++)
			world_add(world_new(g->iommu, g->tag, false));
	}
}

/* Record the addition of world.added, the removal of world.removed, or both. */
static void world_do(void)
{
	unsigned int nr_stores;

	step_record_begin();
	if (world.added)
		world_add(world.added);
	if (world.removed)
		iommu_attach_list_remove(world_list(), world.removed);
	nr_stores = step_record_end();
	world_check(nr_stores);
}

static void world_do_add(unsigned int iommu, unsigned int tag)
{
	unsigned int atc;

	for (atc = 0; atc < 2; atc++) {
		world_build();
		world.added = world_new(iommu, tag, atc);
		world_do();
	}
}

/* Add an element to each group, and in each gap between groups. */
static void world_do_adds(void)
{
	unsigned int iommu, tag, i, nr;

	for (iommu = 0; iommu < IOMMUS; iommu++) {
		nr = 0;
		for (i = 0; i < nr_groups; i++)
			nr += groups[i].iommu == iommu;
		for (tag = 1; tag <= 2 * nr + 1; tag++)
			if (tag % 2 == 0 || nr < MAX_GROUPS)
				world_do_add(iommu, tag);
	}
}

static void world_do_removals(bool replace)
{
	struct iommu_attach_elm *elm;
	unsigned int i, nr, atc;

	world_build();
	nr = world.nr;
	for (i = 0; i < nr; i++) {
		for (atc = 0; atc < 1 + replace; atc++) {
			world_build();
			elm = &world.arena.elms[i];
			if (replace)
				world.added = world_new(world_iommu(elm),
							world.tags[i], atc);
			world.removed = elm;
			world_do();
		}
	}
}

static void world_do_all(enum world_op op)
{
	switch (op) {
	case WORLD_ADD:
		world_do_adds();
		break;
	case WORLD_REMOVE:
		world_do_removals(false);
		break;
	case WORLD_REPLACE:
		world_do_removals(true);
		break;
	}
}

/* Do all operations on all lists that extend the present groups. */
static void world_extend(enum world_op op, unsigned int left)
{
	struct group *g = &groups[nr_groups];
	const struct group *last = nr_groups ? g - 1 : NULL;
	unsigned int iommu, members;

	world_do_all(op);
	if (!left || nr_groups == IOMMUS * MAX_GROUPS)
		return;
	for (iommu = last ? last->iommu : 0; iommu < IOMMUS; iommu++) {
		g->iommu = iommu;
		g->tag = last && last->iommu == iommu ? last->tag + 2 : 2;
		if (g->tag > 2 * MAX_GROUPS)
			continue;
		nr_groups++;
		for (members = 0; members < left; members++) {
			for (g->atcs = 0; g->atcs <= members; g->atcs++) {
				g->plain = members - g->atcs;
				g->atc_leads = false;
				world_extend(op, left - 1 - members);
				g->atc_leads = true;
				world_extend(op, left - 1 - members);
			}
		}
		nr_groups--;
	}
}

void world_for_each(enum world_op op, unsigned int max,
		    void (*check)(unsigned int nr_stores))
{
	world_check = check;
	nr_groups = 0;
	world_extend(op, op == WORLD_REMOVE ? max : max - 1);
}

static void world_print_elm(const char *what, const struct iommu_attach_elm *elm)
{
	if (elm)
		printf(" %s%u:%u%s", what, world_iommu(elm),
		       world.tags[world_index(elm)], elm->has_atc ? "a" : "");
}

void world_print(void)
{
	unsigned int i;

	printf("# list:");
	for (i = 0; i < world.nr; i++)
		if (&world.arena.elms[i] != world.added)
			world_print_elm("", &world.arena.elms[i]);
	printf("; operation:");
	world_print_elm("+", world.added);
	world_print_elm("-", world.removed);
	printf("\n");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check that walks visit what they have to, in every interleaving with one
 * operation of a writer.
 *
 * A flush visits each IOMMU and, from there, its tags and its ATCs. Between any
 * two of its loads, any number of the writer's stores may become visible, in
 * program order; the litmus tests in Documentation/litmus-tests/iommu-alist
 * check that barriers enforce this order where it matters.
 */

#include "checks.h"
#include "flush.h"

/**
 * struct walk - state of a flush, and what it has visited
 * @flush: The flush.
 * @iommus: IOMMUs visited, one bit each.
 * @groups: Groups visited, one bit each.
 * @atcs: Elements whose ATCs were visited, one bit each.
 * @after: The flush began after the operation.
 * @nr: Number of the writer's stores that are visible.
 */
struct walk {
	struct flush flush;
	unsigned int iommus, groups, atcs;
	bool after;
	unsigned int nr;
};

#define MAX_STATES	BIT(17)

static struct walk queue[MAX_STATES];
static unsigned int nr_queued;

/* Queue a state unless it is known. */
static void add_state(const struct walk *walk)
{
	u64 key = flush_pack(&walk->flush);

	key = world_pack(key, walk->iommus, IOMMUS);
	key = world_pack(key, walk->groups, IOMMUS * MAX_TAG);
	key = world_pack(key, walk->atcs, MAX_ELMS);
	key = world_pack(key, walk->after, 1);
	key = world_pack(key, walk->nr, 6);
	if (!states_add(key))
		return;
	assert(nr_queued < MAX_STATES);
	queue[nr_queued++] = *walk;
}

static void visit(unsigned int *visited, unsigned int bit, const char *why)
{
	if (*visited & BIT(bit))
		check_failed(why);
	*visited |= BIT(bit);
}

static void visit_group(struct walk *walk, const struct iommu_attach_elm *elm)
{
	if (elm->iotlb_tag == world.tags[world_index(elm)])
		visit(&walk->groups, world_group(elm),
		      "a group is visited twice");
	else
		check_failed("an element is visited before it has a tag");
}

static void visit_atc(struct walk *walk, const struct iommu_attach_elm *elm)
{
	if (elm->has_atc)
		visit(&walk->atcs, world_index(elm), "an ATC is visited twice");
	else
		check_failed("an element without an ATC is visited");
}

/* Called for each choice of visible stores */
static void step(void *data)
{
	struct walk walk = *(const struct walk *)data;
	enum flush_at at = walk.flush.at;
	struct iommu_attach_elm *elm;

	checks.steps++;
	elm = flush_advance(&walk.flush);
	if (elm && elm == world.removed && walk.after)
		check_failed("an element is visited after its removal");
	if (elm && at == FLUSH_IOMMUS)
		visit(&walk.iommus, world_iommu(elm),
		      "an IOMMU is visited twice");
	else if (elm && at == FLUSH_TAGS)
		visit_group(&walk, elm);
	else if (elm)
		visit_atc(&walk, elm);
	walk.nr = step_applied();
	add_state(&walk);
}

/* If an element replaces another one, their group is there all the time. */
static void check_visited(const struct walk *walk,
			  const struct iommu_attach_elm *elm)
{
	bool added = elm == world.added;
	bool stays = world_stays(elm) || (added && walk->after);
	bool group_stays = stays || (added && world.removed);

	if (group_stays && !(walk->iommus & BIT(world_iommu(elm))))
		check_failed("an IOMMU is missed");
	if (group_stays && !(walk->groups & BIT(world_group(elm))))
		check_failed("a group is missed");
	if (stays && elm->has_atc && !(walk->atcs & BIT(world_index(elm))))
		check_failed("an ATC is missed");
}

void check_walks(unsigned int nr_stores)
{
	struct walk walk = {};
	unsigned int i, n;

	states_clear();
	nr_queued = 0;
	flush_begin(&walk.flush, FLUSH_DONE);
	for (i = 0; i <= nr_stores; i++) {
		walk.nr = i;
		walk.after = i == nr_stores;
		add_state(&walk);
	}
	for (i = 0; i < nr_queued && !checks.error; i++) {
		walk = queue[i];
		step_apply(walk.nr);
		if (walk.flush.at != FLUSH_DONE)
			step_explore(step, &walk);
		else
			for (n = 0; n < world.nr; n++)
				check_visited(&walk, &world.arena.elms[n]);
	}
}

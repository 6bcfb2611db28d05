// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check that no stale translation survives an unmap that is concurrent with an
 * attach or a detach, in a model of a driver and its hardware.
 *
 * Attach adds an element to the list, and then makes the device's entry present.
 * Detach makes it non-present, invalidates what may have been cached through it,
 * and then removes the element. The unmap changes the page table, and flushes the
 * domain in one of two ways:
 *
 * - IOTLB and ATC invalidations are queued together. After they have completed,
 *   the flush repeats those of the ATCs if one has been added.
 * - ATC invalidations are queued after those of the IOTLBs have completed.
 *
 * At any time, a device whose entry is present may fill the IOTLB and its ATC,
 * and the IOMMU may execute the next invalidation in its queue. A translation and
 * the fill of a cache are one step, as invalidations wait for translations in
 * progress. The model has the caches that the element uses: check_walks() covers
 * those of the others.
 */

#include "checks.h"
#include "flush.h"

enum phase {
	/* The page table has not been changed yet. */
	PHASE_MAPPED,
	PHASE_BEGIN,
	/* First pass over the list, with IOTLBs */
	PHASE_FIRST,
	PHASE_WAIT,
	/* Second pass, with ATCs only */
	PHASE_SECOND,
	PHASE_SECOND_WAIT,
	PHASE_ENDED,
};

enum cached {
	CACHED_NOTHING,
	CACHED_OLD,
	CACHED_NEW,
};

/**
 * struct model - state of the attach or detach, the unmap and the hardware
 * @nr: Number of stores to the list that are visible.
 * @present: The entry of the device is present.
 * @cleaned: The entry has been non-present, and nothing is cached through it.
 * @phase: Progress of the unmap.
 * @flush: The walk of the unmap over the list.
 * @begin: Value returned by iommu_attach_list_flush_begin(), minus atcs_added.
 * @iotlb_queued: An invalidation of the IOTLB is queued.
 * @atc_queued: An invalidation of the device's ATC is queued.
 * @iotlb: What the IOTLB holds for the page and the tag of the new element.
 * @atc: What the ATC of the device holds for the page.
 */
struct model {
	unsigned int nr;
	bool present, cleaned;
	enum phase phase;
	struct flush flush;
	unsigned int begin;
	bool iotlb_queued, atc_queued;
	enum cached iotlb, atc;
};

#define MAX_STATES	BIT(19)

static struct model queue[MAX_STATES];
static unsigned int nr_queued;
/* Which of the two kinds of flush */
static bool together;
/* The element that is added or removed */
static const struct iommu_attach_elm *subject;
/* Another element has the same tag, and its device uses the IOTLB. */
static bool shared;
static unsigned int atcs_added;

static void add_state(const struct model *model)
{
	u64 key = flush_pack(&model->flush);

	key = world_pack(key, model->nr, 6);
	key = world_pack(key, model->present, 1);
	key = world_pack(key, model->cleaned, 1);
	key = world_pack(key, model->phase, 3);
	key = world_pack(key, model->begin, 1);
	key = world_pack(key, model->iotlb_queued, 1);
	key = world_pack(key, model->atc_queued, 1);
	key = world_pack(key, model->iotlb, 2);
	key = world_pack(key, model->atc, 2);
	if (!states_add(key))
		return;
	assert(nr_queued < MAX_STATES);
	queue[nr_queued++] = *model;
}

static void visit(struct model *model, enum flush_at at,
		  const struct iommu_attach_elm *elm)
{
	if (at == FLUSH_TAGS && world_group(elm) == world_group(subject))
		model->iotlb_queued = true;
	if (at == FLUSH_ATCS && elm == subject)
		model->atc_queued = true;
}

static void walk(struct model *model)
{
	enum flush_at at = model->flush.at;
	struct iommu_attach_elm *elm = flush_advance(&model->flush);

	if (elm)
		visit(model, at, elm);
	if (model->flush.at == FLUSH_DONE)
		model->phase++;
}

static void begin_second(struct model *model)
{
	flush_begin(&model->flush, FLUSH_TAGS);
	model->phase = PHASE_SECOND;
}

/* Do the next step of the unmap. Called for each choice of visible stores. */
static void step(void *data)
{
	struct model model = *(const struct model *)data;

	checks.steps++;
	switch (model.phase) {
	case PHASE_MAPPED:
		model.phase = PHASE_BEGIN;
		break;
	case PHASE_BEGIN:
		model.begin = iommu_attach_list_flush_begin(world_list()) -
			      atcs_added;
		flush_begin(&model.flush, together ? FLUSH_DONE : FLUSH_ATCS);
		model.phase = PHASE_FIRST;
		break;
	case PHASE_FIRST:
	case PHASE_SECOND:
		walk(&model);
		break;
	case PHASE_WAIT:
		iommu_attach_list_iotlb_done(world_list());
		if (!together ||
		    iommu_attach_list_atc_added(world_list(),
						model.begin + atcs_added))
			begin_second(&model);
		else
			model.phase = PHASE_ENDED;
		break;
	case PHASE_SECOND_WAIT:
		model.phase = PHASE_ENDED;
		break;
	case PHASE_ENDED:
		break;
	}
	model.nr = step_applied();
	add_state(&model);
}

static bool waits(const struct model *model)
{
	return (model->phase == PHASE_WAIT ||
		model->phase == PHASE_SECOND_WAIT) &&
	       (model->iotlb_queued || model->atc_queued);
}

/* Complete the attach. Some of its stores may have become visible in step(). */
static void attach(struct model model, unsigned int nr_stores)
{
	model.nr = nr_stores;
	model.present = true;
	add_state(&model);
}

/* The next step of the detach. Its stores become visible in step(). */
static void detach(struct model model)
{
	if (model.present) {
		model.present = false;
	} else {
		model.cleaned = true;
		model.iotlb = CACHED_NOTHING;
		model.atc = CACHED_NOTHING;
	}
	add_state(&model);
}

/* The IOMMU executes what is queued, in order: IOTLB before ATC. */
static void execute(struct model model)
{
	if (model.iotlb_queued) {
		model.iotlb_queued = false;
		model.iotlb = CACHED_NOTHING;
		add_state(&model);
	} else if (model.atc_queued) {
		model.atc_queued = false;
		model.atc = CACHED_NOTHING;
		add_state(&model);
	}
}

/* A device uses the page: that of the element, or another one with its tag. */
static void use(struct model model)
{
	if (!model.present && !shared)
		return;
	if (model.iotlb == CACHED_NOTHING)
		model.iotlb = model.phase == PHASE_MAPPED ? CACHED_OLD :
							    CACHED_NEW;
	add_state(&model);
	if (!model.present || !subject->has_atc ||
	    model.atc != CACHED_NOTHING)
		return;
	model.atc = model.iotlb;
	add_state(&model);
}

static void check_end(const struct model *model)
{
	if (model->iotlb == CACHED_OLD)
		check_failed("a stale translation is in the IOTLB");
	if (model->atc == CACHED_OLD)
		check_failed("a stale translation is in the ATC");
}

static void explore(unsigned int nr_stores)
{
	struct model model = {
		.present = subject == world.removed,
		.cleaned = subject == world.added,
	};
	unsigned int i;

	states_clear();
	nr_queued = 0;
	step_apply(0);
	atcs_added = world_list()->atcs_added;
	add_state(&model);
	for (i = 0; i < nr_queued && !checks.error; i++) {
		model = queue[i];
		if (model.phase == PHASE_ENDED) {
			check_end(&model);
			continue;
		}
		if (subject == world.added)
			attach(model, nr_stores);
		else if (!model.cleaned)
			detach(model);
		execute(model);
		use(model);
		step_apply(model.nr);
		if (waits(&model))
			continue;
		if (model.cleaned)
			step_explore(step, &model);
		else
			step(&model);
	}
}

void check_model(unsigned int nr_stores)
{
	unsigned int i;

	subject = world.added ? world.added : world.removed;
	shared = false;
	for (i = 0; i < world.nr; i++)
		if (world_stays(&world.arena.elms[i]))
			shared |= world_group(&world.arena.elms[i]) ==
				  world_group(subject);
	together = false;
	explore(nr_stores);
	together = true;
	explore(nr_stores);
}

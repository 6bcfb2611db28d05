// SPDX-License-Identifier: GPL-2.0-only
/* Steps of a flush and sets of states, see flush.h. */

#include "flush.h"

#define SETS_BITS	20
#define SETS_SIZE	BIT(SETS_BITS)

static u64 states[SETS_SIZE];
/* Slots in use, to clear only these */
static unsigned int used[SETS_SIZE / 2], nr_used;

void flush_begin(struct flush *flush, enum flush_at skip)
{
	*flush = (struct flush) {
		.at = FLUSH_IOMMUS,
		.skip = skip,
		.iommus.list = world_list(),
	};
}

static void flush_enter(struct flush *flush, enum flush_at at)
{
	if (at == flush->skip)
		at = at == FLUSH_TAGS ? FLUSH_ATCS : FLUSH_IOMMUS;
	flush->at = at;
	flush->inner = (struct iommu_attach_walk) {
		.list = world_list(),
		.first = flush->iommus.elm,
	};
}

struct iommu_attach_elm *flush_advance(struct flush *flush)
{
	struct iommu_attach_elm *elm = NULL;

	switch (flush->at) {
	case FLUSH_IOMMUS:
		elm = iommu_attach_walk_next_iommu(&flush->iommus);
		if (elm)
			flush_enter(flush, FLUSH_TAGS);
		else
			flush->at = FLUSH_DONE;
		break;
	case FLUSH_TAGS:
		elm = iommu_attach_walk_next_tag(&flush->inner);
		if (!elm)
			flush_enter(flush, FLUSH_ATCS);
		break;
	case FLUSH_ATCS:
		elm = iommu_attach_walk_next_atc(&flush->inner);
		if (!elm)
			flush_enter(flush, FLUSH_IOMMUS);
		break;
	case FLUSH_DONE:
		break;
	}
	return elm;
}

static unsigned int pack_elm(const struct iommu_attach_elm *elm)
{
	return elm ? world_index(elm) + 1 : 0;
}

u64 flush_pack(const struct flush *flush)
{
	u64 key = flush->at;

	key = world_pack(key, flush->skip, 2);
	key = world_pack(key, pack_elm(flush->iommus.elm), 3);
	key = world_pack(key, pack_elm(flush->inner.first), 3);
	key = world_pack(key, pack_elm(flush->inner.elm), 3);
	return world_pack(key, pack_elm(flush->inner.leader), 3);
}

void states_clear(void)
{
	while (nr_used)
		states[used[--nr_used]] = 0;
}

bool states_add(u64 key)
{
	unsigned int i = (key + 1) * 0x9e3779b97f4a7c15ULL >> (64 - SETS_BITS);

	while (states[i] && states[i] != key + 1)
		i = (i + 1) % SETS_SIZE;
	if (states[i])
		return false;
	assert(nr_used < SETS_SIZE / 2);
	states[i] = key + 1;
	used[nr_used++] = i;
	return true;
}

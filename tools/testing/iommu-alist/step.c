// SPDX-License-Identifier: GPL-2.0-only
/* Recording and replaying stores, see step.h. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "step.h"

#define MAX_ARENA	8192
#define MAX_STORES	63
#define MAX_LOADS	64
#define WORD		sizeof(uint64_t)

/* One store of up to a word */
struct store {
	size_t offset, size;
	unsigned char before[WORD], after[WORD];
};

static enum { STEP_IDLE, STEP_RECORDING, STEP_REPLAYING } step_mode;

static unsigned char *arena;
static size_t arena_size;
static bool (*arena_is_read)(size_t offset);
/* The arena after the last recorded store */
static unsigned char shadow[MAX_ARENA];

static struct store stores[MAX_STORES];
static unsigned int nr_stores, applied;

/* Number of stores that are visible at each load of the explored function */
static unsigned int visible[MAX_LOADS];
static unsigned int nr_visible, loads;

void step_set_arena(void *p, size_t size, bool (*is_read)(size_t offset))
{
	assert(size <= MAX_ARENA && size % WORD == 0);
	arena = p;
	arena_size = size;
	arena_is_read = is_read;
}

static void record(size_t offset, size_t size)
{
	struct store *store = &stores[nr_stores];

	if (!memcmp(shadow + offset, arena + offset, size))
		return;
	if (arena_is_read(offset / WORD * WORD)) {
		assert(nr_stores < MAX_STORES);
		store->offset = offset;
		store->size = size;
		memcpy(store->before, shadow + offset, size);
		memcpy(store->after, arena + offset, size);
		applied = ++nr_stores;
	}
	memcpy(shadow + offset, arena + offset, size);
}

/*
 * Record the plain stores since the last hook, in the order of their addresses,
 * except for those to @skip_size bytes at @skip.
 */
static void record_plain(size_t skip, size_t skip_size)
{
	size_t offset;

	for (offset = 0; offset < arena_size; offset += WORD) {
		if (offset + WORD <= skip || offset >= skip + skip_size) {
			record(offset, WORD);
			continue;
		}
		if (skip > offset)
			record(offset, skip - offset);
		if (skip + skip_size < offset + WORD)
			record(skip + skip_size,
			       offset + WORD - skip - skip_size);
	}
}

void step_store(const void *p, size_t size)
{
	size_t offset = (const unsigned char *)p - arena;

	if (step_mode != STEP_RECORDING)
		return;
	if (offset >= arena_size) {
		record_plain(arena_size, 0);
		return;
	}
	record_plain(offset, size);
	record(offset, size);
}

void step_record_begin(void)
{
	memcpy(shadow, arena, arena_size);
	nr_stores = 0;
	applied = 0;
	step_mode = STEP_RECORDING;
}

unsigned int step_record_end(void)
{
	record_plain(arena_size, 0);
	step_mode = STEP_IDLE;
	return nr_stores;
}

void step_apply(unsigned int n)
{
	const struct store *store;

	while (applied < n) {
		store = &stores[applied++];
		memcpy(arena + store->offset, store->after, store->size);
	}
	while (applied > n) {
		store = &stores[--applied];
		memcpy(arena + store->offset, store->before, store->size);
	}
}

unsigned int step_applied(void)
{
	return applied;
}

/* A load that was not reached before sees the same stores as the one before. */
void step_load(void)
{
	if (step_mode != STEP_REPLAYING)
		return;
	assert(loads < MAX_LOADS);
	if (loads == nr_visible)
		visible[nr_visible++] = applied;
	step_apply(visible[loads++]);
}

/*
 * Depth first: let the last load that can see one more store do so, and run
 * again. The loads after it then start from there.
 */
void step_explore(void (*fn)(void *data), void *data)
{
	const unsigned int begin = applied;

	nr_visible = 0;
	for (;;) {
		step_apply(begin);
		loads = 0;
		step_mode = STEP_REPLAYING;
		fn(data);
		step_mode = STEP_IDLE;
		nr_visible = loads;
		while (nr_visible && visible[nr_visible - 1] == nr_stores)
			nr_visible--;
		if (!nr_visible)
			break;
		visible[nr_visible - 1]++;
	}
	step_apply(begin);
}

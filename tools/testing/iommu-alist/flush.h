/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flush as a sequence of steps, and sets of states that have been reached.
 *
 * Each step is one iteration of a loop over the attachment list. The state of a
 * flush after a step is all that later steps depend on.
 */
#ifndef IOMMU_ALIST_FLUSH_H
#define IOMMU_ALIST_FLUSH_H

#include "world.h"

enum flush_at {
	FLUSH_IOMMUS,
	FLUSH_TAGS,
	FLUSH_ATCS,
	FLUSH_DONE,
};

/**
 * struct flush - state of a flush
 * @at: Current loop.
 * @skip: Loop to leave out, %FLUSH_TAGS or %FLUSH_ATCS; %FLUSH_DONE for none.
 * @iommus: State of the loop over IOMMUs.
 * @inner: State of the loop over tags or ATCs.
 */
struct flush {
	enum flush_at at, skip;
	struct iommu_attach_walk iommus, inner;
};

void flush_begin(struct flush *flush, enum flush_at skip);
/*
 * Do one step of the loop that @flush->at specifies. Return the element that is
 * visited, NULL at the end of the loop.
 */
struct iommu_attach_elm *flush_advance(struct flush *flush);
/* Return a number that identifies the state. */
u64 flush_pack(const struct flush *flush);

/* Empty the set of states. */
void states_clear(void);
/* Add a state to the set. Return false if it has been added before. */
bool states_add(u64 key);

#endif /* IOMMU_ALIST_FLUSH_H */

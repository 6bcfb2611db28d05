// SPDX-License-Identifier: GPL-2.0
/*
 * VT-d IOTLB and device-TLB invalidation.
 *
 * Copyright (C) 2024 Intel Corporation
 *
 * Author: Lu Baolu <baolu.lu@linux.intel.com>
 *
 * A flush walks the attachment list of the domain (see attach.c) under RCU, in
 * any context except NMI. It takes no lock of the domain, and accesses only the
 * attachments and the IOMMUs, because the devices may have been released.
 *
 * For each IOMMU the flush sends one or two IOTLB invalidations per tag that the
 * hardware distinguishes, followed by one or two device-TLB invalidations per
 * attachment with ATS. All of these are submitted together if they fit into one
 * batch.
 *
 * A flush submits to all IOMMUs before it waits for them, so it normally takes as
 * long as the slowest IOMMU. Each slot of a queue is freed by the flush that
 * occupies it. To prevent flushes from waiting for each other's slots, a flush
 * never waits for free slots while it has submissions in flight: if one of the
 * queues is full, the flush first completes its submissions in flight. It does the
 * same if a device is known not to answer.
 *
 * On one IOMMU, only one submission of a flush is in flight at a time: if it
 * contains invalidations for a device that does not answer, the flush has to
 * know before it submits more of them.
 *
 * If the time-out of a device aborts one of the submissions, the whole flush is
 * repeated and waits for each IOMMU separately, with qi_submit_sync(), which
 * deals with devices that do not answer.
 *
 * The external functions and the trace events have the prefix cache_tag_ of the
 * cache tags that the attachments replaced. It was kept so that callers do not
 * change.
 */

#include <linux/iommu.h>
#include <linux/percpu.h>

#include "attach.h"
#include "cache.h"
#include "iommu.h"
#include "trace.h"

/*
 * Numbers of descriptors and of submissions in flight that are kept on the
 * stack. Few flushes need more.
 */
#define FLUSH_STACK_DESCS	4
#define FLUSH_STACK_SUBS	2

/*
 * The same for the per-CPU buffer. A submission takes up to a quarter of the
 * queue, so that others find room.
 */
#define FLUSH_BUFFER_DESCS	64
#define FLUSH_BUFFER_SUBS	16

/**
 * struct flush_buffer - memory for a flush that needs more than its stack
 * @busy: A flush is using the buffer.
 * @descs: Descriptors.
 * @subs: Submissions in flight.
 *
 * A flush must not allocate memory. There is one buffer per CPU, which a flush
 * keeps until it ends. Another flush that runs on the CPU meanwhile, in an
 * interrupt or after preemption, uses only its stack.
 */
struct flush_buffer {
	int busy;
	struct qi_desc descs[FLUSH_BUFFER_DESCS];
	struct qi_submission subs[FLUSH_BUFFER_SUBS];
};

static DEFINE_PER_CPU(struct flush_buffer, flush_buffer);

/**
 * struct flush_batch - descriptors to be submitted, and submissions in flight
 * @iommu: IOMMU that the descriptors are for.
 * @descs: Descriptors that have not been submitted.
 * @subs: Submissions in flight, with interrupts disabled if there are any.
 * @max_descs: Number of descriptors that fit in @descs.
 * @max_subs: Number of submissions that fit in @subs.
 * @nr_descs: Number of descriptors in @descs.
 * @nr_subs: Number of submissions in @subs.
 * @buffer: Buffer that contains @descs and @subs; NULL if they are on the stack.
 * @flags: Interrupt state to restore when no submission is in flight.
 * @sync: Submit with qi_submit_sync(), which completes each submission before
 *	the next.
 * @aborted: A submission has been aborted, so the flush has to be repeated.
 * @stack_descs: Initial storage of @descs.
 * @stack_subs: Initial storage of @subs.
 */
struct flush_batch {
	struct intel_iommu *iommu;
	struct qi_desc *descs;
	struct qi_submission *subs;
	unsigned int max_descs;
	unsigned int max_subs;
	unsigned int nr_descs;
	unsigned int nr_subs;
	struct flush_buffer *buffer;
	unsigned long flags;
	bool sync;
	bool aborted;
	struct qi_desc stack_descs[FLUSH_STACK_DESCS];
	struct qi_submission stack_subs[FLUSH_STACK_SUBS];
};

static void flush_batch_begin(struct flush_batch *batch, bool sync)
{
	batch->descs = batch->stack_descs;
	batch->subs = batch->stack_subs;
	batch->max_descs = FLUSH_STACK_DESCS;
	batch->max_subs = FLUSH_STACK_SUBS;
	batch->nr_descs = 0;
	batch->nr_subs = 0;
	batch->buffer = NULL;
	batch->sync = sync;
	batch->aborted = false;
}

/*
 * Move from the stack to the buffer of this CPU. Returns false if the buffer is in
 * use, by this flush or another.
 */
static noinline bool flush_batch_grow(struct flush_batch *batch)
{
	struct flush_buffer *buffer = raw_cpu_ptr(&flush_buffer);

	/* Pairs with the release in flush_batch_end(). */
	if (batch->buffer || cmpxchg_acquire(&buffer->busy, 0, 1))
		return false;
	memcpy(buffer->descs, batch->descs, sizeof(batch->stack_descs));
	memcpy(buffer->subs, batch->subs, sizeof(batch->stack_subs));
	batch->descs = buffer->descs;
	batch->subs = buffer->subs;
	batch->max_descs = FLUSH_BUFFER_DESCS;
	batch->max_subs = FLUSH_BUFFER_SUBS;
	batch->buffer = buffer;
	return true;
}

/* Look once at each submission in flight, and remove those that are complete. */
static void flush_batch_poll(struct flush_batch *batch)
{
	unsigned int i = 0;
	int ret;

	while (i < batch->nr_subs) {
		ret = qi_poll(&batch->subs[i]);
		if (ret == -EINPROGRESS) {
			i++;
			continue;
		}
		if (ret == -EAGAIN)
			batch->aborted = true;
		if (i < --batch->nr_subs)
			batch->subs[i] = batch->subs[batch->nr_subs];
	}
}

/* Wait for all submissions in flight. */
static void flush_batch_wait(struct flush_batch *batch)
{
	if (!batch->nr_subs)
		return;
	for (;;) {
		flush_batch_poll(batch);
		if (!batch->nr_subs)
			break;
		cpu_relax();
	}
	local_irq_restore(batch->flags);
}

/* Whether submissions have to be completed before the next one. */
static bool flush_batch_must_wait(struct flush_batch *batch)
{
	if (!batch->nr_subs)
		return false;
	if (batch->subs[batch->nr_subs - 1].iommu == batch->iommu)
		return true;
	return batch->nr_subs == batch->max_subs && !flush_batch_grow(batch);
}

/* Queue the descriptors, or return -EBUSY. */
static int flush_batch_queue(struct flush_batch *batch)
{
	int ret;

	if (batch->sync)
		return -EBUSY;

	if (!batch->nr_subs)
		local_irq_save(batch->flags);
	ret = qi_submit(batch->iommu, batch->descs, batch->nr_descs,
			&batch->subs[batch->nr_subs]);
	if (!ret)
		batch->nr_subs++;
	else if (!batch->nr_subs)
		local_irq_restore(batch->flags);
	return ret;
}

static void flush_batch_submit(struct flush_batch *batch)
{
	if (!batch->nr_descs)
		return;
	if (flush_batch_must_wait(batch))
		flush_batch_wait(batch);
	if (flush_batch_queue(batch)) {
		flush_batch_wait(batch);
		qi_submit_sync(batch->iommu, batch->descs, batch->nr_descs, 0);
	}
	batch->nr_descs = 0;
}

static void flush_batch_end(struct flush_batch *batch)
{
	flush_batch_wait(batch);
	if (!batch->buffer)
		return;
	/* Pairs with the acquire in flush_batch_grow(). */
	smp_store_release(&batch->buffer->busy, 0);
}

/* Returns a cleared descriptor: some qi_desc_*() set only two of its words. */
static struct qi_desc *flush_batch_next(struct flush_batch *batch)
{
	struct qi_desc *desc;

	if (batch->nr_descs == batch->max_descs && !flush_batch_grow(batch))
		flush_batch_submit(batch);
	desc = &batch->descs[batch->nr_descs++];
	*desc = (struct qi_desc) {};
	return desc;
}

/* The largest page that IOMMUs cache: 1 GiB */
#define FLUSH_MAX_PAGE_ORDER	18

static const struct cache_flush_block flush_block_all = {
	.order = MAX_AGAW_PFN_WIDTH,
};

/*
 * Split a range at the middle of the block that covers it. Each half touches the
 * middle, so the smallest block that covers it, and is aligned because the
 * middle is, has less than twice its size. A range contains whole pages, and none
 * of them is split: a page that contained the middle would be at least as large
 * as the covering block.
 */
static void flush_range_split(struct cache_flush_range *range)
{
	unsigned int order = range->cover.order;
	u64 middle, left, right;

	middle = range->end & GENMASK_ULL(63, VTD_PAGE_SHIFT + order - 1);
	left = (middle - range->start - 1) >> VTD_PAGE_SHIFT;
	right = (range->end - middle) >> VTD_PAGE_SHIFT;

	range->halves[0].order = fls64(left);
	range->halves[0].addr =
		middle - nrpages_to_size(1ULL << range->halves[0].order);
	range->halves[1].order = fls64(right);
	range->halves[1].addr = middle;
}

/*
 * Find the blocks to invalidate for a range. One block may be much larger than
 * the range, as for two pages on either side of a multiple of 1 GiB. Two blocks
 * together never have more than twice the size of the range. A second
 * invalidation is sent only if one block has more, or is too large for the IOMMU.
 * An empty range, as that of an empty gather, invalidates everything.
 */
static void flush_range_init(struct cache_flush_range *range,
			     unsigned long start, unsigned long last, bool ih)
{
	u64 pages = ((u64)last >> VTD_PAGE_SHIFT) -
		    ((u64)start >> VTD_PAGE_SHIFT) + 1;
	unsigned int order;

	order = fls_long((start ^ last) >> VTD_PAGE_SHIFT);
	range->start = start;
	range->end = last;
	range->ih = ih;
	if (start > last || order >= BITS_PER_LONG - VTD_PAGE_SHIFT) {
		range->split = false;
		range->cover = flush_block_all;
		range->halves[0] = flush_block_all;
		return;
	}
	range->split = (1ULL << order) > 2 * pages;
	range->cover.order = order;
	range->cover.addr = start & ~(nrpages_to_size(1UL << order) - 1);
	if (range->split || order > FLUSH_MAX_PAGE_ORDER)
		flush_range_split(range);
}

/*
 * Test whether paging-structure caches may be preserved. A page mapped by a nest
 * parent may hold a first-stage table of the guest, and first-stage
 * paging-structure caches may hold the host address of that page. It has not
 * been established that these caches are invalidated if the hint is set.
 */
static bool flush_keeps_tables(const struct dmar_attachment *att,
			       const struct cache_flush_range *range)
{
	return range->ih && att->kind != DMAR_ATTACH_NEST_PARENT;
}

/*
 * Test whether the IOMMU can invalidate @block alone rather than the whole
 * domain or PASID. First-stage translations can always be selected by page. For
 * these, the specification (CAP_REG, field MAMV) requires hardware to accept
 * any address mask, but QEMU rejects masks above MAMV: the queue error would be
 * logged, and the whole PASID invalidated.
 */
static bool flush_block_selectable(const struct dmar_attachment *att,
				   const struct cache_flush_block *block)
{
	const struct intel_iommu *iommu = dmar_attachment_iommu(att);

	if (att->kind != DMAR_ATTACH_FIRST_STAGE && !cap_pgsel_inv(iommu->cap))
		return false;
	return block->order < MAX_AGAW_PFN_WIDTH &&
	       block->order <= cap_max_amask_val(iommu->cap);
}

/*
 * Return the blocks to invalidate in the IOTLB, and their number in @count. A
 * covering block that is too large for the IOMMU is replaced by its halves if it
 * is larger than any page and the IOMMU can select both; otherwise everything is
 * invalidated.
 */
static const struct cache_flush_block *
flush_iotlb_blocks(const struct dmar_attachment *att,
		   const struct cache_flush_range *range, unsigned int *count)
{
	*count = 1;
	if (!range->split && flush_block_selectable(att, &range->cover))
		return &range->cover;
	if (!range->split && range->cover.order <= FLUSH_MAX_PAGE_ORDER)
		return &flush_block_all;
	if (!flush_block_selectable(att, &range->halves[0]) ||
	    !flush_block_selectable(att, &range->halves[1]))
		return &flush_block_all;
	*count = 2;
	return range->halves;
}

static void flush_desc_piotlb(struct qi_desc *desc,
			      const struct dmar_attachment *att,
			      const struct cache_flush_block *block, bool ih)
{
	if (block->order == MAX_AGAW_PFN_WIDTH)
		qi_desc_piotlb_all(att->did, att->elm.pasid, desc);
	else
		qi_desc_piotlb(att->did, att->elm.pasid, block->addr,
			       block->order, ih, desc);
}

static void flush_desc_iotlb(struct qi_desc *desc,
			     const struct dmar_attachment *att,
			     const struct cache_flush_block *block, bool ih)
{
	struct intel_iommu *iommu = dmar_attachment_iommu(att);

	if (block->order == MAX_AGAW_PFN_WIDTH)
		qi_desc_iotlb(iommu, att->did, 0, 0, DMA_TLB_DSI_FLUSH, desc);
	else
		qi_desc_iotlb(iommu, att->did, block->addr | ih, block->order,
			      DMA_TLB_PSI_FLUSH, desc);
}

/*
 * IOMMUs without an invalidation queue support legacy mode only, where the
 * IOTLB is invalidated by domain id. The invalidation hint is optional and not
 * used.
 */
static void flush_iotlb_register(const struct dmar_attachment *att,
				 const struct cache_flush_block *block)
{
	struct intel_iommu *iommu = dmar_attachment_iommu(att);

	/* __iommu_flush_iotlb() does not accept address 0 with order 0. */
	if (block->order != MAX_AGAW_PFN_WIDTH && (block->addr || block->order))
		__iommu_flush_iotlb(iommu, att->did, block->addr, block->order,
				    DMA_TLB_PSI_FLUSH);
	else
		__iommu_flush_iotlb(iommu, att->did, 0, 0, DMA_TLB_DSI_FLUSH);
}

static void flush_iotlb_block(struct flush_batch *batch,
			      const struct dmar_attachment *att,
			      const struct cache_flush_block *block, bool ih)
{
	if (!batch->iommu->qi)
		flush_iotlb_register(att, block);
	else if (att->kind == DMAR_ATTACH_FIRST_STAGE)
		flush_desc_piotlb(flush_batch_next(batch), att, block, ih);
	else
		flush_desc_iotlb(flush_batch_next(batch), att, block, ih);
}

static void flush_iotlb(struct flush_batch *batch,
			const struct dmar_attachment *att,
			const struct cache_flush_range *range)
{
	const struct cache_flush_block *blocks;
	unsigned int i, count;

	blocks = flush_iotlb_blocks(att, range, &count);
	for (i = 0; i < count; i++)
		flush_iotlb_block(batch, att, &blocks[i],
				  flush_keeps_tables(att, range));
}

static void flush_desc_devtlb(struct qi_desc *desc,
			      const struct dmar_attachment *att,
			      const struct cache_flush_block *block)
{
	if (att->elm.pasid == IOMMU_NO_PASID)
		qi_desc_dev_iotlb(att->sid, att->pfsid, att->ats_qdep,
				  block->addr, block->order, desc);
	else
		qi_desc_dev_iotlb_pasid(att->sid, att->pfsid, att->elm.pasid,
					att->ats_qdep, block->addr,
					block->order, desc);
}

static void flush_devtlb_block(struct flush_batch *batch,
			       const struct dmar_attachment *att,
			       const struct cache_flush_block *block)
{
	flush_desc_devtlb(flush_batch_next(batch), att, block);
	if (att->dtlb_extra_inval)
		flush_desc_devtlb(flush_batch_next(batch), att, block);
	trace_cache_tag_flush_devtlb(att, block->addr, block->order);
}

/*
 * A device TLB caches the combined result of both stages by first-stage address,
 * so entries cannot be selected by second-stage address.
 */
static void flush_devtlb(struct flush_batch *batch,
			 const struct dmar_attachment *att,
			 const struct cache_flush_range *range)
{
	if (att->kind == DMAR_ATTACH_NEST_PARENT) {
		flush_devtlb_block(batch, att, &flush_block_all);
	} else if (range->split) {
		flush_devtlb_block(batch, att, &range->halves[0]);
		flush_devtlb_block(batch, att, &range->halves[1]);
	} else {
		flush_devtlb_block(batch, att, &range->cover);
	}
}

static void flush_iommu_devtlbs(struct iommu_attach_list *list,
				struct iommu_attach_elm *first,
				const struct cache_flush_range *range,
				struct flush_batch *batch)
{
	struct intel_iommu *iommu = batch->iommu;
	struct iommu_attach_elm *elm;

	/*
	 * The specification recommends against submitting device-TLB
	 * invalidations while translation is disabled.
	 */
	if (!iommu->qi || !(iommu->gcmd & DMA_GCMD_TE))
		return;
	iommu_attach_for_each_atc(elm, first, list)
		flush_devtlb(batch, to_dmar_attachment(elm), range);
}

/* Invalidate translations that have been removed or changed. */
static void flush_iommu(struct iommu_attach_list *list,
			struct iommu_attach_elm *first,
			const struct cache_flush_range *range,
			struct flush_batch *batch)
{
	struct iommu_attach_elm *elm;

	iommu_attach_for_each_tag(elm, first, list) {
		flush_iotlb(batch, to_dmar_attachment(elm), range);
		trace_cache_tag_flush_range(to_dmar_attachment(elm), range);
	}
	flush_iommu_devtlbs(list, first, range, batch);
}

/*
 * Make translations that have been added visible to the hardware. In caching
 * mode, the IOTLB may cache not-present entries of second-stage tables (VT-d
 * specification, section 6.1). Other IOMMUs may require a write-buffer flush,
 * once per IOMMU (section 6.8). Device TLBs do not cache not-present entries.
 */
static void flush_iommu_np(struct iommu_attach_list *list,
			   struct iommu_attach_elm *first,
			   const struct cache_flush_range *range,
			   struct flush_batch *batch)
{
	bool write_buffer = true;
	struct iommu_attach_elm *elm;
	struct dmar_attachment *att;

	if (cap_caching_mode(batch->iommu->cap)) {
		iommu_attach_for_each_tag(elm, first, list) {
			att = to_dmar_attachment(elm);
			if (att->kind == DMAR_ATTACH_FIRST_STAGE)
				continue;
			flush_iotlb(batch, att, range);
			trace_cache_tag_flush_range_np(att, range);
			write_buffer = false;
		}
	}
	if (write_buffer)
		iommu_flush_write_buffer(batch->iommu);
}

typedef void flush_iommu_fn(struct iommu_attach_list *list,
			    struct iommu_attach_elm *first,
			    const struct cache_flush_range *range,
			    struct flush_batch *batch);

/*
 * Call @flush for each IOMMU, and wait for all of them or, if @sync is set, for
 * each one before the next. Returns false if the time-out of a device has
 * aborted any of the invalidations.
 */
static noinline bool flush_iommus_once(struct iommu_attach_list *list,
				       const struct cache_flush_range *range,
				       flush_iommu_fn *flush, bool sync)
{
	struct iommu_attach_elm *first;
	/* Clearing the arrays would cost more than a typical flush uses. */
	struct flush_batch batch __uninitialized;

	flush_batch_begin(&batch, sync);
	iommu_attach_list_for_each_iommu(first, list) {
		batch.iommu = dmar_attachment_iommu(to_dmar_attachment(first));
		flush(list, first, range, &batch);
		flush_batch_submit(&batch);
	}
	flush_batch_end(&batch);
	return !batch.aborted;
}

static void flush_iommus(struct iommu_attach_list *list,
			 const struct cache_flush_range *range,
			 flush_iommu_fn *flush)
{
	if (unlikely(!flush_iommus_once(list, range, flush, false)))
		flush_iommus_once(list, range, flush, true);
}

/**
 * cache_tag_flush_range() - invalidate cached translations of a range
 * @domain: Domain whose mappings have changed.
 * @start: IOVA of the first byte of the range.
 * @end: IOVA of the last byte of the range.
 * @ih: Invalidation hint: nonzero if only leaf entries have changed, so that
 *	paging-structure caches need not be invalidated.
 *
 * When this returns, no IOMMU and no device that @domain is attached to uses a
 * stale translation of the range. The same holds for the devices of domains
 * nested on @domain. More than the range may be invalidated. Failed
 * invalidations are logged.
 *
 * Context: Any except NMI. Interrupts are disabled while submissions are in
 * flight. If a flush completes them in several rounds, interrupts are enabled
 * between the rounds unless the caller has disabled them.
 */
void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih)
{
	struct iommu_attach_list *list = &domain->attachments;
	struct cache_flush_range range __uninitialized;
	unsigned int begin;

	flush_range_init(&range, start, end, ih);
	begin = iommu_attach_list_flush_begin(list);
	flush_iommus(list, &range, flush_iommu);
	if (unlikely(iommu_attach_list_atc_added(list, begin)))
		flush_iommus(list, &range, flush_iommu_devtlbs);
	iommu_attach_list_flush_end(list);
}

/**
 * cache_tag_flush_all() - invalidate all cached translations of a domain
 * @domain: The domain.
 *
 * Context: As cache_tag_flush_range().
 */
void cache_tag_flush_all(struct dmar_domain *domain)
{
	cache_tag_flush_range(domain, 0, ULONG_MAX, 0);
}

/**
 * cache_tag_flush_range_np() - make new translations visible to the hardware
 * @domain: Domain that has new mappings.
 * @start: IOVA of the first byte of the range.
 * @end: IOVA of the last byte of the range.
 *
 * Needed for IOMMUs in caching mode, and for IOMMUs whose write buffer has to
 * be flushed by software. Has no effect on other IOMMUs.
 *
 * Context: As cache_tag_flush_range().
 */
void cache_tag_flush_range_np(struct dmar_domain *domain, unsigned long start,
			      unsigned long end)
{
	struct iommu_attach_list *list = &domain->attachments;
	struct cache_flush_range range __uninitialized;

	flush_range_init(&range, start, end, false);
	iommu_attach_list_flush_begin(list);
	flush_iommus(list, &range, flush_iommu_np);
	iommu_attach_list_flush_end(list);
}

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
 * For each IOMMU the flush sends one IOTLB invalidation per tag that the
 * hardware distinguishes, followed by one device-TLB invalidation per
 * attachment with ATS. All of these are submitted together if they fit into one
 * batch.
 *
 * A flush waits for each IOMMU before it continues with the next, although
 * iommu-alist.h recommends queueing to all IOMMUs first. qi_submit_sync() both
 * queues and waits: while it polls for completion, it handles errors and
 * resubmits what a time-out has aborted.
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

/* Number of descriptors on the stack. Few domains need more per IOMMU. */
#define FLUSH_STACK_SIZE	4

/*
 * Number of descriptors in the per-CPU buffer: a quarter of the queue, so that
 * one flush does not occupy the queue completely.
 */
#define FLUSH_BUFFER_SIZE	64

/**
 * struct flush_buffer - per-CPU buffer for descriptors
 * @busy: A flush on this CPU is using the buffer.
 * @descs: The descriptors.
 *
 * A flush must not allocate memory. The buffer belongs to the flush that has
 * interrupts disabled on the CPU. If that flush logs an error to a console that
 * maps memory for DMA, another flush may run nested inside it. The nested flush
 * finds the buffer busy and uses only its stack.
 */
struct flush_buffer {
	bool busy;
	struct qi_desc descs[FLUSH_BUFFER_SIZE];
};

static DEFINE_PER_CPU(struct flush_buffer, flush_buffer);

/**
 * struct flush_batch - descriptors to be submitted to one IOMMU
 * @iommu: The IOMMU.
 * @descs: The descriptors, in @stack or in @buffer.
 * @size: Number of descriptors that fit in @descs.
 * @count: Number of descriptors in @descs.
 * @buffer: Buffer of this CPU after @stack has become full, otherwise NULL.
 * @flags: Interrupt state to restore when @buffer is released.
 * @stack: Initial storage of @descs.
 */
struct flush_batch {
	struct intel_iommu *iommu;
	struct qi_desc *descs;
	unsigned int size;
	unsigned int count;
	struct flush_buffer *buffer;
	unsigned long flags;
	struct qi_desc stack[FLUSH_STACK_SIZE];
};

static void flush_batch_begin(struct flush_batch *batch,
			      struct intel_iommu *iommu)
{
	batch->iommu = iommu;
	batch->descs = batch->stack;
	batch->size = FLUSH_STACK_SIZE;
	batch->count = 0;
	batch->buffer = NULL;
}

static void flush_batch_submit(struct flush_batch *batch)
{
	if (batch->count)
		qi_submit_sync(batch->iommu, batch->descs, batch->count, 0);
	batch->count = 0;
}

/*
 * Switch back to the descriptors on the stack, and restore the interrupt state
 * so that pending interrupts can be handled.
 */
static void flush_batch_release_buffer(struct flush_batch *batch)
{
	batch->buffer->busy = false;
	batch->buffer = NULL;
	batch->descs = batch->stack;
	batch->size = FLUSH_STACK_SIZE;
	local_irq_restore(batch->flags);
}

/*
 * Move the descriptors from the stack to the buffer of this CPU. If they are
 * already in the buffer, or another flush is using it, submit them instead.
 * Interrupts are enabled between two submissions unless the caller of the flush
 * has disabled them.
 */
static noinline void flush_batch_make_room(struct flush_batch *batch)
{
	struct flush_buffer *buffer;
	unsigned long flags;

	if (batch->buffer) {
		flush_batch_submit(batch);
		flush_batch_release_buffer(batch);
		return;
	}

	/* Interrupts stay off until flush_batch_release_buffer(). */
	local_irq_save(flags);
	buffer = this_cpu_ptr(&flush_buffer);
	if (buffer->busy) {
		local_irq_restore(flags);
		flush_batch_submit(batch);
		return;
	}
	buffer->busy = true;
	memcpy(buffer->descs, batch->stack, sizeof(batch->stack));
	batch->descs = buffer->descs;
	batch->size = FLUSH_BUFFER_SIZE;
	batch->buffer = buffer;
	batch->flags = flags;
}

static void flush_batch_end(struct flush_batch *batch)
{
	flush_batch_submit(batch);
	if (batch->buffer)
		flush_batch_release_buffer(batch);
}

/* Returns a cleared descriptor: some qi_desc_*() set only two of its words. */
static struct qi_desc *flush_batch_next(struct flush_batch *batch)
{
	struct qi_desc *desc;

	if (batch->count == batch->size)
		flush_batch_make_room(batch);
	desc = &batch->descs[batch->count++];
	*desc = (struct qi_desc) {};
	return desc;
}

/*
 * Compute the smallest naturally aligned block of a power-of-two number of
 * pages that covers @start to @last.
 */
static void flush_range_init(struct cache_flush_range *range,
			     unsigned long start, unsigned long last, bool ih)
{
	unsigned int order;

	order = fls_long((start ^ last) >> VTD_PAGE_SHIFT);
	if (order >= BITS_PER_LONG - VTD_PAGE_SHIFT)
		order = MAX_AGAW_PFN_WIDTH;

	*range = (struct cache_flush_range) {
		.start = start,
		.end = last,
		.order = order,
		.ih = ih,
	};
	if (order != MAX_AGAW_PFN_WIDTH)
		range->addr = start & ~(nrpages_to_size(1UL << order) - 1);
}

/*
 * Test whether the IOMMU can invalidate the block alone rather than the whole
 * domain or PASID. First-stage translations can always be selected by page. For
 * these, the specification (CAP_REG, field MAMV) requires hardware to accept
 * any address mask, but QEMU rejects masks above MAMV: qi_submit_sync() would
 * log an error and invalidate the whole PASID.
 */
static bool flush_page_selective(const struct dmar_attachment *att,
				 const struct cache_flush_range *range)
{
	const struct intel_iommu *iommu = dmar_attachment_iommu(att);

	if (att->kind != DMAR_ATTACH_FIRST_STAGE && !cap_pgsel_inv(iommu->cap))
		return false;
	return range->order < MAX_AGAW_PFN_WIDTH &&
	       range->order <= cap_max_amask_val(iommu->cap);
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

static void flush_desc_iotlb(struct qi_desc *desc,
			     const struct dmar_attachment *att,
			     const struct cache_flush_range *range)
{
	struct intel_iommu *iommu = dmar_attachment_iommu(att);
	bool by_page = flush_page_selective(att, range);

	if (att->kind == DMAR_ATTACH_FIRST_STAGE) {
		if (by_page)
			qi_desc_piotlb(att->did, att->elm.pasid, range->addr,
				       range->order, range->ih, desc);
		else
			qi_desc_piotlb_all(att->did, att->elm.pasid, desc);
	} else {
		if (by_page)
			qi_desc_iotlb(iommu, att->did,
				      range->addr | flush_keeps_tables(att, range),
				      range->order, DMA_TLB_PSI_FLUSH, desc);
		else
			qi_desc_iotlb(iommu, att->did, 0, 0, DMA_TLB_DSI_FLUSH,
				      desc);
	}
}

static void flush_desc_devtlb(struct qi_desc *desc,
			      const struct dmar_attachment *att, u64 addr,
			      unsigned int order)
{
	if (att->elm.pasid == IOMMU_NO_PASID)
		qi_desc_dev_iotlb(att->sid, att->pfsid, att->ats_qdep, addr,
				  order, desc);
	else
		qi_desc_dev_iotlb_pasid(att->sid, att->pfsid, att->elm.pasid,
					att->ats_qdep, addr, order, desc);
}

static void flush_devtlb(struct flush_batch *batch,
			 const struct dmar_attachment *att,
			 const struct cache_flush_range *range)
{
	unsigned int order = range->order;
	u64 addr = range->addr;

	/*
	 * A device TLB caches the combined result of both stages by first-stage
	 * address, so entries cannot be selected by second-stage address.
	 */
	if (att->kind == DMAR_ATTACH_NEST_PARENT) {
		order = MAX_AGAW_PFN_WIDTH;
		addr = 0;
	}

	flush_desc_devtlb(flush_batch_next(batch), att, addr, order);
	if (att->dtlb_extra_inval)
		flush_desc_devtlb(flush_batch_next(batch), att, addr, order);
	trace_cache_tag_flush_devtlb(att, addr, order);
}

/*
 * IOMMUs without an invalidation queue support legacy mode only, where the
 * IOTLB is invalidated by domain id. The invalidation hint is optional and not
 * used.
 */
static void flush_iotlb_register(const struct dmar_attachment *att,
				 const struct cache_flush_range *range)
{
	struct intel_iommu *iommu = dmar_attachment_iommu(att);

	/* __iommu_flush_iotlb() does not accept address 0 with order 0. */
	if (flush_page_selective(att, range) && (range->addr || range->order))
		__iommu_flush_iotlb(iommu, att->did, range->addr, range->order,
				    DMA_TLB_PSI_FLUSH);
	else
		__iommu_flush_iotlb(iommu, att->did, 0, 0, DMA_TLB_DSI_FLUSH);
}

static void flush_iotlb(struct flush_batch *batch,
			const struct dmar_attachment *att,
			const struct cache_flush_range *range)
{
	if (batch->iommu->qi)
		flush_desc_iotlb(flush_batch_next(batch), att, range);
	else
		flush_iotlb_register(att, range);
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
 * Call @flush for each IOMMU, and wait for it before the next call, for the
 * reason given at the top of this file.
 */
static void flush_each_iommu(struct iommu_attach_list *list,
			     const struct cache_flush_range *range,
			     flush_iommu_fn *flush)
{
	struct iommu_attach_elm *first;
	struct flush_batch batch;

	iommu_attach_list_for_each_iommu(first, list) {
		flush_batch_begin(&batch,
				  dmar_attachment_iommu(to_dmar_attachment(first)));
		flush(list, first, range, &batch);
		flush_batch_end(&batch);
	}
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
 * Context: Any except NMI. Waits for the IOMMUs one at a time, with interrupts
 * disabled.
 */
void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih)
{
	struct iommu_attach_list *list = &domain->attachments;
	struct cache_flush_range range;
	unsigned int begin;

	flush_range_init(&range, start, end, ih);
	begin = iommu_attach_list_flush_begin(list);
	flush_each_iommu(list, &range, flush_iommu);
	if (unlikely(iommu_attach_list_atc_added(list, begin)))
		flush_each_iommu(list, &range, flush_iommu_devtlbs);
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
	struct cache_flush_range range;

	flush_range_init(&range, start, end, false);
	iommu_attach_list_flush_begin(list);
	flush_each_iommu(list, &range, flush_iommu_np);
	iommu_attach_list_flush_end(list);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation of the IOTLBs and device TLBs that hold a domain's translations.
 *
 * The domain's attachment list, see attach.c, says what has to be invalidated. A
 * flush walks it under RCU, without a lock, in any context but NMI, and touches
 * nothing but the list and the units: the devices it speaks to may be gone.
 *
 * For each unit, the flush sends one IOTLB invalidation per tag that the
 * hardware distinguishes, then one device-TLB invalidation per attachment with
 * ATS, in one submission where the batch holds them all.
 */

#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/iommu.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "attach.h"
#include "cache.h"
#include "iommu.h"
#include "trace.h"

/* Descriptors that a flush has on its stack. Few domains need more for a unit. */
#define FLUSH_STACK_SIZE	4

/*
 * Descriptors that a submission can hold where it takes more. A quarter of the
 * queue, so that one flush cannot claim a unit for itself.
 */
#define FLUSH_BUFFER_SIZE	64

/**
 * struct flush_buffer - room for more descriptors than the stack has
 * @busy: A flush of this CPU is using it.
 * @descs: The room.
 *
 * A flush cannot allocate: there is one for each CPU, owned by the flush that
 * has interrupts off on it. Should that flush have to report an error, to a
 * console that maps memory for DMA, it is in for a second one, which finds the
 * buffer busy and makes do with its stack.
 */
struct flush_buffer {
	bool busy;
	struct qi_desc descs[FLUSH_BUFFER_SIZE];
};

static DEFINE_PER_CPU(struct flush_buffer, flush_buffer);

/**
 * struct flush_batch - descriptors for one unit, not submitted yet
 * @iommu: The unit.
 * @descs: The descriptors, in @stack or in @buffer.
 * @size: How many there is room for.
 * @count: How many there are.
 * @buffer: This CPU's, once @stack was full.
 * @flags: What the interrupts were before @buffer was taken.
 * @stack: The room to begin with.
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

/* Composing invalidations */

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

/* Go on in this CPU's buffer, or submit what there is. */
static noinline void flush_batch_make_room(struct flush_batch *batch)
{
	struct flush_buffer *buffer;
	unsigned long flags;

	if (batch->buffer) {
		flush_batch_submit(batch);
		return;
	}

	/* Makes this CPU's buffer ours. */
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
	if (!batch->buffer)
		return;
	batch->buffer->busy = false;
	local_irq_restore(batch->flags);
}

/* A cleared descriptor: not all of qi_desc_*() write all four words. */
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
 * The block that covers @start and @last: naturally aligned, and a power of two
 * of pages in size.
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
 * Can the unit invalidate the block as such, or only with all the rest?
 * First-stage translations can always be selected by page. The specification
 * (CAP_REG, field MAMV) has the unit accept any address mask for them, but
 * QEMU's rejects one above MAMV, and the invalidation would be lost.
 */
static bool flush_by_page(const struct dmar_attachment *att,
			  const struct cache_flush_range *range)
{
	struct intel_iommu *iommu = dmar_attachment_unit(att);

	if (att->kind != DMAR_ATTACH_FIRST_STAGE && !cap_pgsel_inv(iommu->cap))
		return false;
	return range->order < MAX_AGAW_PFN_WIDTH &&
	       range->order <= cap_max_amask_val(iommu->cap);
}

static void desc_iotlb(struct qi_desc *desc, const struct dmar_attachment *att,
		       const struct cache_flush_range *range)
{
	struct intel_iommu *iommu = dmar_attachment_unit(att);
	bool by_page = flush_by_page(att, range);

	if (att->kind == DMAR_ATTACH_FIRST_STAGE) {
		if (by_page)
			qi_desc_piotlb(att->did, att->pasid, range->addr,
				       range->order, range->ih, desc);
		else
			qi_desc_piotlb_all(att->did, att->pasid, desc);
	} else {
		if (by_page)
			qi_desc_iotlb(iommu, att->did, range->addr | range->ih,
				      range->order, DMA_TLB_PSI_FLUSH, desc);
		else
			qi_desc_iotlb(iommu, att->did, 0, 0, DMA_TLB_DSI_FLUSH,
				      desc);
	}
}

static void desc_devtlb(struct qi_desc *desc, const struct dmar_attachment *att,
			u64 addr, unsigned int order)
{
	if (att->pasid == IOMMU_NO_PASID)
		qi_desc_dev_iotlb(att->sid, att->pfsid, att->ats_qdep, addr,
				  order, desc);
	else
		qi_desc_dev_iotlb_pasid(att->sid, att->pfsid, att->pasid,
					att->ats_qdep, addr, order, desc);
}

static void flush_devtlb(struct flush_batch *batch,
			 const struct dmar_attachment *att,
			 const struct cache_flush_range *range)
{
	unsigned int order = range->order;
	u64 addr = range->addr;

	/*
	 * The device caches the result of both stages, by first-stage address.
	 * Which of its entries a second-stage address has gone into is not
	 * known.
	 */
	if (att->kind == DMAR_ATTACH_NEST_PARENT) {
		order = MAX_AGAW_PFN_WIDTH;
		addr = 0;
	}

	desc_devtlb(flush_batch_next(batch), att, addr, order);
	if (att->dtlb_extra_inval)
		desc_devtlb(flush_batch_next(batch), att, addr, order);
	trace_cache_tag_flush_devtlb(att, addr, order);
}

/*
 * Without a queue there is only legacy mode, hence only invalidation by domain
 * id. No invalidation hint: it is always right not to give one.
 */
static void flush_iotlb_register(const struct dmar_attachment *att,
				 const struct cache_flush_range *range)
{
	struct intel_iommu *iommu = dmar_attachment_unit(att);

	/* __iommu_flush_iotlb() takes 0 in both for no address at all. */
	if (flush_by_page(att, range) && (range->addr || range->order))
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
		desc_iotlb(flush_batch_next(batch), att, range);
	else
		flush_iotlb_register(att, range);
}

/* Flushing */

static void flush_unit_devtlbs(struct iommu_attach_list *list,
			       struct iommu_attach_elm *first,
			       const struct cache_flush_range *range,
			       struct flush_batch *batch)
{
	struct intel_iommu *iommu = batch->iommu;
	struct iommu_attach_elm *elm;

	/*
	 * The specification advises against device-TLB invalidations while
	 * translation is disabled.
	 */
	if (!iommu->qi || !(iommu->gcmd & DMA_GCMD_TE))
		return;
	iommu_attach_unit_for_each_atc(elm, first, list)
		flush_devtlb(batch, to_dmar_attachment(elm), range);
}

/* All caches that may hold a translation which is not valid any more. */
static void flush_unit(struct iommu_attach_list *list,
		       struct iommu_attach_elm *first,
		       const struct cache_flush_range *range,
		       struct flush_batch *batch)
{
	struct iommu_attach_elm *elm;

	iommu_attach_unit_for_each_tag(elm, first, list) {
		flush_iotlb(batch, to_dmar_attachment(elm), range);
		trace_cache_tag_flush_range(to_dmar_attachment(elm), range);
	}
	flush_unit_devtlbs(list, first, range, batch);
}

/*
 * What may keep hardware from seeing a translation that has become valid: in
 * caching mode, IOTLB entries that say not present, which first-stage
 * translation has none of; otherwise the unit's write buffer, once. Device TLBs
 * do not hold entries that say not present.
 */
static void flush_unit_np(struct iommu_attach_list *list,
			  struct iommu_attach_elm *first,
			  const struct cache_flush_range *range,
			  struct flush_batch *batch)
{
	bool write_buffer = true;
	struct iommu_attach_elm *elm;
	struct dmar_attachment *att;

	if (cap_caching_mode(batch->iommu->cap)) {
		iommu_attach_unit_for_each_tag(elm, first, list) {
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

typedef void flush_unit_fn(struct iommu_attach_list *list,
			   struct iommu_attach_elm *first,
			   const struct cache_flush_range *range,
			   struct flush_batch *batch);

/* Returns when all units have completed what @flush has asked of them. */
static void flush_units(struct iommu_attach_list *list,
			const struct cache_flush_range *range,
			flush_unit_fn *flush)
{
	struct iommu_attach_elm *first;
	struct flush_batch batch;

	iommu_attach_list_for_each_unit(first, list) {
		flush_batch_begin(&batch,
				  dmar_attachment_unit(to_dmar_attachment(first)));
		flush(list, first, range, &batch);
		flush_batch_end(&batch);
	}
}

/**
 * cache_tag_flush_range() - make hardware forget translations
 * @domain: The domain whose mappings have changed; for a nested domain, whose
 *	user says so.
 * @start: First byte.
 * @end: Last byte.
 * @ih: Nonzero if only leaf entries have changed, so that caches of the tables
 *	above them may stay.
 *
 * When this returns, no unit and no device that @domain is attached to uses a
 * translation of the range from before the call, nor does any that a domain
 * nested on @domain is attached to. More than the range may be invalidated. A
 * unit that refuses an invalidation says so in the log.
 *
 * Context: Any but NMI. Waits for the hardware with interrupts off, unit by
 * unit.
 */
void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih)
{
	struct iommu_attach_list *list = &domain->attachments;
	struct cache_flush_range range;
	unsigned int begin;

	flush_range_init(&range, start, end, ih);
	begin = iommu_attach_list_flush_begin(list);
	flush_units(list, &range, flush_unit);
	if (unlikely(iommu_attach_list_atc_added(list, begin)))
		flush_units(list, &range, flush_unit_devtlbs);
	iommu_attach_list_flush_end(list);
}

/**
 * cache_tag_flush_all() - make hardware forget all translations of a domain
 * @domain: The domain.
 *
 * Context: As cache_tag_flush_range().
 */
void cache_tag_flush_all(struct dmar_domain *domain)
{
	cache_tag_flush_range(domain, 0, ULONG_MAX, 0);
}

/**
 * cache_tag_flush_range_np() - make hardware see new translations
 * @domain: The domain that has got new mappings.
 * @start: First byte.
 * @end: Last byte.
 *
 * For units that cache entries which are not present (caching mode), and for
 * those whose write buffer software has to flush. No work for others.
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
	flush_units(list, &range, flush_unit_np);
	iommu_attach_list_flush_end(list);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What iommufd's selftest knows about CPU caches: for each page, whether a CPU
 * may have written it since it was flushed, whether a non-coherent mock domain
 * has it mapped, and whether one has had it mapped since it was flushed.
 *
 * What must not happen is counted and warned about: that a page is mapped into a
 * non-coherent domain without having been flushed since it was pinned or written;
 * that a page is unpinned for the last time while such a domain has it mapped, or
 * without having been flushed since such a domain had it mapped. That a page which
 * is mapped all the time is left unflushed after it was written is seen when a
 * test asks.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmalloc.h>
#include <asm/nosnoop.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iommufd_test.h"
#include "selftest_flush.h"

/* The most that is looked at in one go */
#define MAX_LENGTH	SZ_16M

/* By pfn: flushed since it was pinned or written */
static unsigned long *clean;
/* By pfn: a non-coherent domain had it mapped since it was flushed */
static unsigned long *overwritten;
/* By pfn: how often non-coherent domains have it mapped, in mock pages */
static atomic_t *mapped;
static unsigned long npfns;
/* There has been a non-coherent domain, so pages may have been flushed. */
static bool watching;
static atomic64_t flushed_pages;
static atomic64_t violations;

static void violation(const char *what, unsigned long pfn)
{
	atomic64_inc(&violations);
	WARN(1, "iommufd selftest: pfn %lx is %s\n", pfn, what);
}

/* Called when the CPU caches have been rid of the pages. */
void iommufd_test_flushed(unsigned long pfn, unsigned long nr)
{
	atomic64_add(nr, &flushed_pages);
	for (; nr && pfn < npfns; nr--, pfn++) {
		clear_bit(pfn, overwritten);
		set_bit(pfn, clean);
	}
}

/*
 * Nobody else has pinned the page, who may have it mapped. The pages of a large
 * folio share one count: there it is that nobody is known to have it mapped.
 */
static bool is_last_pin(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (PageCompound(page))
		return !atomic_read(&mapped[pfn]);
	return page_ref_count(page) / GUP_PIN_COUNTING_BIAS == 1;
}

/* Called right before the pages are given back to whom they belong. */
void iommufd_test_unpinned(unsigned long pfn, unsigned long nr)
{
	if (!READ_ONCE(watching))
		return;
	for (; nr && pfn < npfns; nr--, pfn++) {
		bool last = is_last_pin(pfn);

		if (last && atomic_read(&mapped[pfn]))
			violation("unpinned, but still mapped", pfn);
		if (last && test_and_clear_bit(pfn, overwritten))
			violation("unpinned, but not flushed", pfn);
		if (!atomic_read(&mapped[pfn]))
			clear_bit(pfn, clean);
	}
}

/* Of what is known here, 0 if nothing is mapped */
static unsigned long mapped_pfn(struct iommu_domain *domain, unsigned long iova)
{
	unsigned long pfn = PHYS_PFN(domain->ops->iova_to_phys(domain, iova));

	return pfn < npfns ? pfn : 0;
}

/* Called for what a domain maps and the kernel is about to write or has written. */
static void mark_written(struct iommu_domain *domain, unsigned long iova,
			 unsigned long last_iova)
{
	unsigned long cur = ALIGN_DOWN(iova, MOCK_PAGE_SIZE);

	for (; cur <= last_iova; cur += MOCK_PAGE_SIZE) {
		unsigned long pfn = mapped_pfn(domain, cur);

		if (pfn)
			clear_bit(pfn, clean);
	}
}

static void mark_area_written(struct iopt_area *area, unsigned long iova,
			      unsigned long last_iova)
{
	struct iopt_pages *pages = area->pages;
	unsigned long first = iopt_area_iova_to_index(area, iova);
	unsigned long last = iopt_area_iova_to_index(area, last_iova);
	struct interval_tree_node *node;

	if (iopt_is_dmabuf(pages))
		return;

	/* Other areas may map other parts of the pages, and all that overlap. */
	guard(mutex)(&pages->mutex);
	for (node = interval_tree_iter_first(&pages->domains_itree, first, last);
	     node; node = interval_tree_iter_next(node, first, last)) {
		struct iopt_area *other =
			container_of(node, struct iopt_area, pages_node);
		unsigned long skip = max(first, node->start) - node->start;
		unsigned long nr = min(last, node->last) -
				   max(first, node->start) + 1;
		unsigned long start = iopt_area_iova(other) -
				      other->page_offset + skip * PAGE_SIZE;

		mark_written(other->storage_domain,
			     max(start, iopt_area_iova(other)),
			     min(start + nr * PAGE_SIZE - 1,
				 iopt_area_last_iova(other)));
	}
}

/**
 * iommufd_test_writes() - The kernel writes to a range of an IOAS
 * @iopt: The IOAS
 * @iova: Where it writes
 * @length: How much, at least 1
 *
 * To be called before what has to flush it.
 */
void iommufd_test_writes(struct io_pagetable *iopt, unsigned long iova,
			 size_t length)
{
	struct iopt_area_contig_iter iter;
	unsigned long last_iova;
	struct iopt_area *area;

	if (!length || length > MAX_LENGTH ||
	    check_add_overflow(iova, length - 1, &last_iova))
		return;

	guard(rwsem_read)(&iopt->iova_rwsem);
	iopt_for_each_contig_area(&iter, area, iopt, iova, last_iova) {
		if (!area->pages->writable)
			return;
		mark_area_written(area, iter.cur_iova,
				  min(last_iova, iopt_area_last_iova(area)));
	}
}

static struct mock_flush *to_mock_flush(struct pt_iommu *pt)
{
	return container_of(pt->ops, struct mock_flush, ops);
}

static int mock_map_range(struct pt_iommu *pt, dma_addr_t iova,
			  phys_addr_t paddr, dma_addr_t len, unsigned int prot,
			  gfp_t gfp, size_t *mapped_len)
{
	size_t before = *mapped_len, done;
	int rc;

	rc = to_mock_flush(pt)->table_ops->map_range(pt, iova, paddr, len, prot,
						     gfp, mapped_len);
	if (prot & IOMMU_MMIO)
		return rc;
	for (done = 0; done < *mapped_len - before; done += MOCK_PAGE_SIZE) {
		unsigned long pfn = PHYS_PFN(paddr + done);

		if (pfn >= npfns)
			break;
		atomic_inc(&mapped[pfn]);
		if (!test_bit(pfn, clean))
			violation("mapped, but not flushed", pfn);
	}
	return rc;
}

/* Until now the device may have written past what is in a cache. */
static size_t mock_unmap_range(struct pt_iommu *pt, dma_addr_t iova,
			       dma_addr_t len,
			       struct iommu_iotlb_gather *iotlb_gather)
{
	dma_addr_t done;

	for (done = 0; done < len; done += MOCK_PAGE_SIZE) {
		unsigned long pfn = mapped_pfn(&pt->domain, iova + done);

		/* MMIO was not counted when it was mapped. */
		if (pfn && atomic_dec_if_positive(&mapped[pfn]) >= 0)
			set_bit(pfn, overwritten);
	}
	return to_mock_flush(pt)->table_ops->unmap_range(pt, iova, len,
							 iotlb_gather);
}

/**
 * mock_flush_watch() - Hold a mock domain to what is promised of CPU caches
 * @flush: Storage that lives as long as the domain
 * @pt: The domain's page table, initialised and empty
 *
 * For a domain that does not enforce coherency.
 */
void mock_flush_watch(struct mock_flush *flush, struct pt_iommu *pt)
{
	if (!ARCH_CAN_FLUSH_NOSNOOP)
		return;
	WRITE_ONCE(watching, true);
	flush->table_ops = pt->ops;
	flush->ops = *pt->ops;
	flush->ops.map_range = mock_map_range;
	flush->ops.unmap_range = mock_unmap_range;
	pt->ops = &flush->ops;
}

/**
 * mock_flush_check() - Has all that a domain has mapped been flushed?
 * @domain: A mock domain, of which no MMIO is looked at
 * @iova: Where to begin
 * @length: How far to look
 *
 * Return: 0, -EIO if the kernel has written to a page that has not been flushed
 * since, -EINVAL, or -EOPNOTSUPP if the architecture flushes nothing.
 */
int mock_flush_check(struct iommu_domain *domain, unsigned long iova,
		     size_t length)
{
	unsigned long end;

	if (!ARCH_CAN_FLUSH_NOSNOOP)
		return -EOPNOTSUPP;
	if (length > MAX_LENGTH || check_add_overflow(iova, length, &end))
		return -EINVAL;

	for (; iova < end; iova += MOCK_PAGE_SIZE) {
		unsigned long pfn = mapped_pfn(domain, iova);

		if (pfn && !test_bit(pfn, clean))
			return -EIO;
	}
	return 0;
}

/**
 * mock_flush_counts() - Say how much was flushed
 * @pages: How many pages were flushed since boot
 * @wrong: How often something went wrong since the last reset
 * @reset: Start to count anew what goes wrong
 *
 * Return: 0, or -EOPNOTSUPP if the architecture flushes nothing.
 */
int mock_flush_counts(u64 *pages, u64 *wrong, bool reset)
{
	if (!ARCH_CAN_FLUSH_NOSNOOP)
		return -EOPNOTSUPP;
	*pages = atomic64_read(&flushed_pages);
	*wrong = reset ? atomic64_xchg(&violations, 0) :
			 atomic64_read(&violations);
	return 0;
}

int __init mock_flush_init(void)
{
	int nid;

	if (!ARCH_CAN_FLUSH_NOSNOOP)
		return 0;
	for_each_online_node(nid)
		npfns = max(npfns, node_end_pfn(nid));
	clean = vcalloc(BITS_TO_LONGS(npfns), sizeof(*clean));
	overwritten = vcalloc(BITS_TO_LONGS(npfns), sizeof(*overwritten));
	mapped = vcalloc(npfns, sizeof(*mapped));
	if (!clean || !overwritten || !mapped) {
		mock_flush_exit();
		return -ENOMEM;
	}
	return 0;
}

void mock_flush_exit(void)
{
	npfns = 0;
	vfree(clean);
	vfree(overwritten);
	vfree(mapped);
}

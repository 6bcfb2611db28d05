// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracking of CPU cache flushes for iommufd's selftest
 *
 * Records for each page whether the kernel may have written to it since the
 * last flush, how often non-coherent mock domains map it, and whether one has
 * unmapped it since the last flush. iommufd reports flushes and unpins, the
 * selftest reports the writes of in-kernel users, and mock_flush_watch() hooks
 * into the page table of a mock domain.
 *
 * The following violations are counted and trigger a warning:
 *
 * - A page is mapped into a non-coherent domain without having been flushed
 *   since it was pinned or written.
 * - The last pin of a page is dropped while a non-coherent domain maps it, or
 *   without a flush since such a domain has unmapped it.
 *
 * A missing flush of a page that is written while it is mapped is not detected
 * automatically. Tests call mock_flush_check() to detect it.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmalloc.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iommufd_test.h"
#include "selftest_flush.h"

/* Longest range, in bytes, that one call checks or records as written */
#define MAX_LENGTH	SZ_16M

/* Per pfn: flushed since the page was pinned or written */
static unsigned long *clean;
/* Per pfn: unmapped from a non-coherent domain since the last flush */
static unsigned long *overwritten;
/* Per pfn: number of mock pages in it that non-coherent domains map */
static atomic_t *mapped;
static unsigned long npfns;
/* Set by the first non-coherent domain; unpins are not checked before that */
static bool watching;
static atomic64_t flushed_pages;
static atomic64_t violations;

static void flush_violation(const char *what, unsigned long pfn)
{
	atomic64_inc(&violations);
	WARN(1, "iommufd selftest: pfn %lx is %s\n", pfn, what);
}

/* iommufd has flushed the pages from the CPU caches. */
void iommufd_test_flushed(unsigned long pfn, unsigned long nr)
{
	atomic64_add(nr, &flushed_pages);
	for (; nr && pfn < npfns; nr--, pfn++) {
		clear_bit(pfn, overwritten);
		set_bit(pfn, clean);
	}
}

/*
 * Test whether the pin about to be dropped is the last one of the page. The
 * pages of a large folio share a pin count. A pin of such a page is taken for
 * the last one if no non-coherent domain maps the page.
 */
static bool flush_is_last_pin(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (PageCompound(page))
		return !atomic_read(&mapped[pfn]);
	return page_ref_count(page) / GUP_PIN_COUNTING_BIAS == 1;
}

/* iommufd is about to unpin the pages. */
void iommufd_test_unpinned(unsigned long pfn, unsigned long nr)
{
	if (!READ_ONCE(watching))
		return;
	for (; nr && pfn < npfns; nr--, pfn++) {
		bool last = flush_is_last_pin(pfn);

		if (last && atomic_read(&mapped[pfn]))
			flush_violation("unpinned while mapped", pfn);
		if (last && test_and_clear_bit(pfn, overwritten))
			flush_violation("unpinned without a flush", pfn);
		if (!atomic_read(&mapped[pfn]))
			clear_bit(pfn, clean);
	}
}

/* The pfn mapped at @iova, or 0 if none is mapped or it is not tracked */
static unsigned long flush_mapped_pfn(struct iommu_domain *domain,
				      unsigned long iova)
{
	unsigned long pfn = PHYS_PFN(domain->ops->iova_to_phys(domain, iova));

	return pfn < npfns ? pfn : 0;
}

/* Mark the pages that a domain maps in a range as written by the kernel. */
static void flush_mark_written(struct iommu_domain *domain, unsigned long iova,
			       unsigned long last_iova)
{
	unsigned long cur = ALIGN_DOWN(iova, MOCK_PAGE_SIZE);

	for (; cur <= last_iova; cur += MOCK_PAGE_SIZE) {
		unsigned long pfn = flush_mapped_pfn(domain, cur);

		if (pfn)
			clear_bit(pfn, clean);
	}
}

static void flush_mark_area_written(struct iopt_area *area, unsigned long iova,
				    unsigned long last_iova)
{
	struct iopt_pages *pages = area->pages;
	unsigned long first = iopt_area_iova_to_index(area, iova);
	unsigned long last = iopt_area_iova_to_index(area, last_iova);
	struct interval_tree_node *node;

	if (iopt_is_dmabuf(pages))
		return;

	/* Include other areas that map parts of the same pages. */
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

		flush_mark_written(other->storage_domain,
				   max(start, iopt_area_iova(other)),
				   min(start + nr * PAGE_SIZE - 1,
				       iopt_area_last_iova(other)));
	}
}

/**
 * iommufd_test_writes() - Record that the kernel writes to a range of an IOAS
 * @iopt: io_pagetable of the IOAS
 * @iova: Start of the range
 * @length: Length of the range in bytes
 *
 * Called before the iommufd function that has to flush the written data. An
 * empty range, or one longer than MAX_LENGTH, is not recorded. The record ends
 * at the first gap or read-only area.
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
		flush_mark_area_written(area, iter.cur_iova,
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
			flush_violation("mapped without a flush", pfn);
	}
	return rc;
}

/* Until the unmap, a device may have written to the page, bypassing caches. */
static size_t mock_unmap_range(struct pt_iommu *pt, dma_addr_t iova,
			       dma_addr_t len,
			       struct iommu_iotlb_gather *iotlb_gather)
{
	dma_addr_t done;

	for (done = 0; done < len; done += MOCK_PAGE_SIZE) {
		unsigned long pfn = flush_mapped_pfn(&pt->domain, iova + done);

		/* mock_map_range() does not count MMIO. */
		if (pfn && atomic_dec_if_positive(&mapped[pfn]) >= 0)
			set_bit(pfn, overwritten);
	}
	return to_mock_flush(pt)->table_ops->unmap_range(pt, iova, len,
							 iotlb_gather);
}

/**
 * mock_flush_watch() - Start to track a mock domain
 * @flush: Storage with the lifetime of the domain
 * @pt: Page table of the domain, initialised and empty
 *
 * Called for each mock domain that does not enforce coherency. From then on,
 * violations for the pages that the domain maps are counted.
 */
void mock_flush_watch(struct mock_flush *flush, struct pt_iommu *pt)
{
	if (!IS_ENABLED(CONFIG_ARCH_HAS_NOSNOOP_FLUSH))
		return;
	WRITE_ONCE(watching, true);
	flush->table_ops = pt->ops;
	flush->ops = *pt->ops;
	flush->ops.map_range = mock_map_range;
	flush->ops.unmap_range = mock_unmap_range;
	pt->ops = &flush->ops;
}

/**
 * mock_flush_check() - Check that all pages in a range have been flushed
 * @domain: Mock domain that does not map MMIO in the range
 * @iova: Start of the range
 * @length: Length of the range in bytes
 *
 * Return: 0, -EIO if the kernel has written to a mapped page without flushing
 * it afterwards, -EINVAL if the range is invalid or longer than MAX_LENGTH, or
 * -EOPNOTSUPP if the architecture cannot flush CPU caches.
 */
int mock_flush_check(struct iommu_domain *domain, unsigned long iova,
		     size_t length)
{
	unsigned long end;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_NOSNOOP_FLUSH))
		return -EOPNOTSUPP;
	if (length > MAX_LENGTH || check_add_overflow(iova, length, &end))
		return -EINVAL;

	for (; iova < end; iova += MOCK_PAGE_SIZE) {
		unsigned long pfn = flush_mapped_pfn(domain, iova);

		if (pfn && !test_bit(pfn, clean))
			return -EIO;
	}
	return 0;
}

/**
 * mock_flush_counts() - Read the flush counters
 * @pages: Number of pages flushed since boot, on return
 * @nr_violations: Number of violations since the last reset, on return
 * @reset: Reset the number of violations to zero
 *
 * Return: 0, or -EOPNOTSUPP if the architecture cannot flush CPU caches.
 */
int mock_flush_counts(u64 *pages, u64 *nr_violations, bool reset)
{
	if (!IS_ENABLED(CONFIG_ARCH_HAS_NOSNOOP_FLUSH))
		return -EOPNOTSUPP;
	*pages = atomic64_read(&flushed_pages);
	*nr_violations = reset ? atomic64_xchg(&violations, 0) :
				 atomic64_read(&violations);
	return 0;
}

int __init mock_flush_init(void)
{
	int nid;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_NOSNOOP_FLUSH))
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

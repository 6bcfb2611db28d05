// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model of memory as seen by mock IOMMUs that do not snoop the CPU caches.
 *
 * An IOMMU without coherent page walks sees a change of a table only after the
 * driver has written back the cache line with clflush_cache_range(). On real
 * hardware a cache may write back a line at any time, which hides a missing
 * call. Here, a kprobe on that function copies the lines, and the mock IOMMUs
 * read only the copies. A copy keeps the old contents when its line changes,
 * even if the page is freed and allocated again.
 *
 * The cache layer (cache.c) reads tables through mock_memory_read().
 */

#define pr_fmt(fmt)	"mock IOMMU: " fmt

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/cacheflush.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "memory.h"

#define MEMORY_LINE		64
#define MEMORY_LINES		(PAGE_SIZE / MEMORY_LINE)
/* log2 of the number of pages that can have copies */
#define MEMORY_ORDER		13
#define MEMORY_PAGES		BIT(MEMORY_ORDER)

/**
 * struct memory_page - copies of the lines of a page
 * @pfn: The page frame; 0 for none.
 * @written: Lines that have been written back.
 * @data: Contents of these lines when they were written back last.
 */
struct memory_page {
	unsigned long pfn;
	DECLARE_BITMAP(written, MEMORY_LINES);
	u8 data[PAGE_SIZE];
};

/* Hash table with linear probing, indexed by page frame. Entries are never removed. */
static struct memory_page *memory_pages;

/* Set if a line could not be copied because memory_pages was full. */
static bool memory_full;

/*
 * Protects memory_pages and memory_full. The kprobe takes it in an exception
 * that counts as an NMI, so it is an arch_spinlock_t, which lockdep does not
 * track. The probed function is never called while it is held.
 */
static arch_spinlock_t memory_lock = __ARCH_SPIN_LOCK_UNLOCKED;

/* Return the entry of a page, or an empty one for it; NULL if the table is full. */
static struct memory_page *memory_find(unsigned long pfn)
{
	unsigned int i, at = hash_long(pfn, MEMORY_ORDER);
	struct memory_page *page;

	for (i = 0; i < MEMORY_PAGES; i++) {
		page = &memory_pages[(at + i) % MEMORY_PAGES];
		if (page->pfn == pfn || !page->pfn)
			return page;
	}
	return NULL;
}

/* Hidden from KCSAN, like the other accesses of the mock hardware */
static __no_kcsan void memory_copy_line(unsigned long addr)
{
	unsigned long pfn = PHYS_PFN(__pa(addr));
	unsigned int at = offset_in_page(addr) & ~(MEMORY_LINE - 1), i;
	struct memory_page *page = memory_find(pfn);

	if (!page) {
		memory_full = true;
		return;
	}
	page->pfn = pfn;
	__set_bit(at / MEMORY_LINE, page->written);
	for (i = at; i < at + MEMORY_LINE; i += sizeof(u64))
		*(u64 *)(page->data + i) =
			READ_ONCE(*(u64 *)((addr & PAGE_MASK) + i));
}

/*
 * Called on each entry to clflush_cache_range(addr, size). Because of
 * memory_after(), the kprobe is a breakpoint. Its handler runs with interrupts
 * off, so no interrupt handler can call the function meanwhile.
 */
static int memory_write_back(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long addr = regs_get_kernel_argument(regs, 0);
	unsigned int size = regs_get_kernel_argument(regs, 1);
	unsigned long end = addr + size;

	/* Tables are in the direct map. */
	if (!size || !virt_addr_valid(addr))
		return 0;
	arch_spin_lock(&memory_lock);
	for (addr &= ~(MEMORY_LINE - 1UL); addr < end; addr += MEMORY_LINE)
		memory_copy_line(addr);
	arch_spin_unlock(&memory_lock);
	return 0;
}

/* Empty; a kprobe with a post_handler is not optimised into a jump. */
static void memory_after(struct kprobe *probe, struct pt_regs *regs,
			 unsigned long flags)
{
}

static struct kprobe memory_probe = {
	.symbol_name = "clflush_cache_range",
	.pre_handler = memory_write_back,
	.post_handler = memory_after,
};

/**
 * mock_memory_read() - read memory without snooping the CPU caches
 * @pa: Physical address, aligned to 8 bytes.
 * @value: Set to the contents as of the last write-back.
 *
 * Context: Any but NMI.
 * Return: 0; -ENODATA if a cache line of the page was never written back, so that
 * its contents are undefined; -EIO if copies may be missing.
 */
int mock_memory_read(u64 pa, u64 *value)
{
	unsigned int at = offset_in_page(pa);
	const struct memory_page *page;
	unsigned long flags;
	bool written, full;

	local_irq_save(flags);
	arch_spin_lock(&memory_lock);
	page = memory_find(PHYS_PFN(pa));
	/* All tables consist of pages, and hardware may read ahead. */
	written = page && page->pfn && bitmap_full(page->written, MEMORY_LINES);
	*value = written ? *(const u64 *)(page->data + at) : 0;
	full = memory_full;
	arch_spin_unlock(&memory_lock);
	local_irq_restore(flags);
	if (full || memory_probe.nmissed)
		return -EIO;
	return written ? 0 : -ENODATA;
}

/*
 * Wait until the kprobe takes effect: an emulated CPU may continue to run the
 * unmodified code for some time.
 */
static int __init memory_test_probe(void)
{
	u64 *page = (u64 *)get_zeroed_page(GFP_KERNEL), value;
	int i, ret = -ENOMEM;

	for (i = 0; page && i < 1000; i++) {
		*page = i + 1;
		clflush_cache_range(page, PAGE_SIZE);
		ret = mock_memory_read(__pa(page), &value);
		if (!ret && value == i + 1)
			break;
		ret = -EIO;
		cond_resched();
	}
	free_page((unsigned long)page);
	return ret;
}

/**
 * mock_memory_init() - start to track cache lines that are written back
 *
 * Context: May sleep. Called once, before the driver is initialised.
 * Return: 0, or a negative error code.
 */
int __init mock_memory_init(void)
{
	int ret;

	memory_pages = vcalloc(MEMORY_PAGES, sizeof(*memory_pages));
	if (!memory_pages)
		return -ENOMEM;
	ret = register_kprobe(&memory_probe);
	if (ret)
		goto out_free;
	ret = memory_test_probe();
	if (!ret)
		return 0;
	unregister_kprobe(&memory_probe);
out_free:
	vfree(memory_pages);
	return ret;
}

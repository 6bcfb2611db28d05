// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock IOMMUs in the state that a crashed kernel leaves to the kdump kernel.
 *
 * Before the driver initialises IOMMUs, root, context, PASID and page tables
 * are built for %MOCK_KDUMP and %MOCK_KDUMP_SM, and translation is enabled.
 * From then until device_initcall, elfcorehdr_addr is set as in a kdump kernel,
 * so that the driver copies the tables instead of disabling translation.
 */

#include <linux/crash_dump.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/io.h>

#include "kdump.h"
#include "pci.h"

/* DMA address of the one page that the old kernel has mapped */
#define KDUMP_ADDR	0x40000000UL
/*
 * Domain id of requests without PASID. Requests with mock_kdump_pasids[i] have
 * the domain id KDUMP_DID + i. Both kernels allocate ids from 2 on.
 */
#define KDUMP_DID	2
/* Number of page table levels, and its encoding in context and PASID entries */
#define KDUMP_LEVELS	4
#define KDUMP_WIDTH	2
#define KDUMP_READ_WRITE	3
/* PASID granular translation type (PGTT): second stage */
#define KDUMP_SECOND_STAGE	(2 << 6)
/*
 * The PASID directory has 1024 entries, which fill two pages; KDUMP_PDTS
 * encodes its size in context entries. Each directory entry points to a table
 * of 64 PASID entries.
 */
#define KDUMP_DIRECTORY_ORDER	1
#define KDUMP_PDTS		(3 << 9)
#define KDUMP_PASIDS_PER_TABLE	64

static const enum mock_iommu_id kdump_ids[] = { MOCK_KDUMP, MOCK_KDUMP_SM };

/*
 * PASIDs that the old kernel has attached, each to a domain of its own:
 * requests without PASID, a PASID in the same PASID table, one in another
 * table, and one in a table referenced from the second page of the directory
 */
const ioasid_t mock_kdump_pasids[MOCK_KDUMP_PASIDS] = {
	IOMMU_NO_PASID, 5, KDUMP_PASIDS_PER_TABLE, 40000,
};

/* Physical address of the page that the old kernel has mapped */
static phys_addr_t kdump_page;

/* Whether all devices of an IOMMU reached the page before they were probed */
static bool kdump_worked_early[MOCK_IOMMUS];

static u64 *__init kdump_new_table(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL);
}

/* Build page tables that map one page; NULL on allocation failure. */
static u64 *__init kdump_new_page_table(void)
{
	u64 *table = kdump_new_table(), *upper;
	unsigned int level;

	if (!table)
		return NULL;
	table[(KDUMP_ADDR >> 12) & 0x1ff] = kdump_page | KDUMP_READ_WRITE;
	for (level = 2; level <= KDUMP_LEVELS; level++) {
		upper = kdump_new_table();
		if (!upper)
			return NULL;
		upper[(KDUMP_ADDR >> (9 * level + 3)) & 0x1ff] =
			virt_to_phys(table) | KDUMP_READ_WRITE;
		table = upper;
	}
	return table;
}

/* Add a PASID entry, allocating its table if needed; returns an error code. */
static int __init kdump_add_pasid(u64 *directory, ioasid_t pasid, u16 did,
				  u64 *page_table)
{
	u64 *entry = &directory[pasid / KDUMP_PASIDS_PER_TABLE];
	u64 *table = *entry ? phys_to_virt(*entry & ~1ULL) : kdump_new_table();

	if (!table)
		return -ENOMEM;
	*entry = virt_to_phys(table) | 1;
	table += pasid % KDUMP_PASIDS_PER_TABLE * 8;
	table[0] = virt_to_phys(page_table) | KDUMP_SECOND_STAGE |
		   KDUMP_WIDTH << 2 | 1;
	table[1] = did;
	return 0;
}

/* Build a PASID directory with all PASIDs; NULL on allocation failure. */
static u64 *__init kdump_new_pasid_table(u64 *page_table)
{
	u64 *directory = (u64 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
						 KDUMP_DIRECTORY_ORDER);
	unsigned int i;

	if (!directory)
		return NULL;
	for (i = 0; i < MOCK_KDUMP_PASIDS; i++)
		if (kdump_add_pasid(directory, mock_kdump_pasids[i],
				    KDUMP_DID + i, page_table))
			return NULL;
	return directory;
}

/* Get a context entry, allocating its table if needed; NULL on failure. */
static u64 *__init kdump_context(u64 *root, u16 sid, bool scalable)
{
	u64 *entry = &root[2 * (sid >> 8)];
	u64 *table = *entry ? phys_to_virt(*entry & ~1ULL) : kdump_new_table();

	if (!table)
		return NULL;
	*entry = virt_to_phys(table) | 1;
	return table + (sid & 0xff) * (scalable ? 4 : 2);
}

static int __init kdump_add_context(u64 *root, u16 sid, u64 *pasid_table,
				    u64 *page_table)
{
	u64 *context = kdump_context(root, sid, pasid_table);

	if (!context)
		return -ENOMEM;
	if (pasid_table) {
		context[0] = virt_to_phys(pasid_table) | KDUMP_PDTS | 1;
	} else {
		context[0] = virt_to_phys(page_table) | 1;
		context[1] = KDUMP_DID << 8 | KDUMP_WIDTH;
	}
	return 0;
}

/* Build the tables of one IOMMU and enable translation. */
static int __init kdump_init_one(struct mock_iommu *iommu)
{
	bool scalable = iommu->ecap & MOCK_ECAP_SMTS;
	u64 *root, *page, *page_table, *pasid_table = NULL;
	unsigned int i;
	int ret;

	root = kdump_new_table();
	page = kdump_page ? phys_to_virt(kdump_page) : kdump_new_table();
	if (!root || !page)
		return -ENOMEM;
	kdump_page = virt_to_phys(page);
	page_table = kdump_new_page_table();
	if (!page_table)
		return -ENOMEM;
	if (scalable) {
		pasid_table = kdump_new_pasid_table(page_table);
		if (!pasid_table)
			return -ENOMEM;
	}
	for (i = 0; i <= MOCK_BRIDGED; i++) {
		ret = kdump_add_context(root, mock_sid(i), pasid_table,
					page_table);
		if (ret)
			return ret;
	}
	ret = kdump_add_context(root, MOCK_BRIDGED_ID, pasid_table, page_table);
	if (ret)
		return ret;
	mock_enable_translation(iommu, virt_to_phys(root) |
				       (scalable ? MOCK_ROOT_SCALABLE : 0));
	return 0;
}

/**
 * mock_kdump_reaches() - whether DMA set up by the old kernel still works
 * @id: %MOCK_KDUMP or %MOCK_KDUMP_SM.
 * @i: Index of the device, as for mock_dev(). The PCI core need not have found
 *	the device yet.
 * @pasid: PASID of the request, one of mock_kdump_pasids[].
 *
 * Context: Any but NMI.
 * Return: Whether a write of the device reaches the old kernel's page.
 */
bool mock_kdump_reaches(enum mock_iommu_id id, unsigned int i, ioasid_t pasid)
{
	struct mock_iommu *iommu = mock_iommu(id);
	struct mock_entry entry;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	mock_do_commands(iommu);
	ret = mock_translate(&iommu->cache, mock_sid(i), pasid, KDUMP_ADDR,
			     true, false, &entry);
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
	return !ret && entry.pa == kdump_page;
}

/**
 * mock_kdump_early_dma() - test DMA of devices that have not been probed yet
 *
 * DMA that a crashed kernel has set up continues until a driver of the new
 * kernel stops it. Called once, after the IOMMU driver has been initialised and
 * before the devices are created. mock_kdump_worked_early() reports the result.
 *
 * Context: Any but NMI.
 */
void mock_kdump_early_dma(void)
{
	unsigned int i, j;
	bool worked;

	for (i = 0; i < ARRAY_SIZE(kdump_ids); i++) {
		worked = true;
		for (j = 0; j <= MOCK_BRIDGED; j++)
			worked &= mock_kdump_reaches(kdump_ids[i], j,
						     IOMMU_NO_PASID);
		kdump_worked_early[kdump_ids[i]] = worked;
	}
}

/**
 * mock_kdump_worked_early() - result of mock_kdump_early_dma()
 * @id: %MOCK_KDUMP or %MOCK_KDUMP_SM.
 *
 * Context: Any.
 * Return: Whether the DMA of all devices reached the old kernel's page.
 */
bool mock_kdump_worked_early(enum mock_iommu_id id)
{
	return kdump_worked_early[id];
}

#ifdef CONFIG_CRASH_DUMP
static unsigned long long kdump_elfcorehdr_addr __initdata;
static bool kdump_begun __initdata;

static void __init kdump_begin(void)
{
	kdump_elfcorehdr_addr = elfcorehdr_addr;
	elfcorehdr_addr = 0;
	kdump_begun = true;
}

static int __init kdump_end(void)
{
	if (kdump_begun)
		elfcorehdr_addr = kdump_elfcorehdr_addr;
	return 0;
}
device_initcall(kdump_end);
#else
static void __init kdump_begin(void)
{
}
#endif

/* Called just before rootfs_initcall, where the driver initialises IOMMUs. */
static int __init kdump_init(void)
{
	unsigned int i;
	int ret;

	if (!mock_present())
		return 0;
	for (i = 0; i < ARRAY_SIZE(kdump_ids); i++) {
		ret = kdump_init_one(mock_iommu(kdump_ids[i]));
		if (ret)
			return ret;
	}
	kdump_begin();
	return 0;
}
fs_initcall_sync(kdump_init);

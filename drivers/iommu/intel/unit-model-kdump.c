// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel that has crashed leaves to the next one: a unit that translates,
 * by tables of which nobody knows what they are for, and devices that still
 * write to where they were told to.
 *
 * This kernel is taken for the next one from before the driver looks for units
 * until device_initcall, and not any longer.
 */

#include <linux/crash_dump.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/io.h>

#include "unit-model.h"

#define ADDR		0x40000000UL
#define DID		100
/* Level 4; 48 bits wide */
#define TOP_LEVEL	4
#define WIDTH		2
#define READ_WRITE	3
#define SCALABLE_ROOT	BIT_ULL(10)
#define SECOND_STAGE	(2 << 6)

/* The same for all units */
static phys_addr_t left_page;

static u64 *new_table(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL);
}

/* A page table with a single page, NULL without memory. */
static u64 *make_page_table(void)
{
	u64 *table = new_table(), *upper;
	unsigned int level;

	if (!table)
		return NULL;
	table[(ADDR >> 12) & 0x1ff] = left_page | READ_WRITE;
	for (level = 2; level <= TOP_LEVEL; level++) {
		upper = new_table();
		if (!upper)
			return NULL;
		upper[(ADDR >> (9 * level + 3)) & 0x1ff] =
			virt_to_phys(table) | READ_WRITE;
		table = upper;
	}
	return table;
}

/* The directory of a table in which the requests without PASID are described. */
static u64 *make_pasid_table(u64 *page_table)
{
	u64 *directory = new_table(), *table = new_table();

	if (!directory || !table)
		return NULL;
	directory[0] = virt_to_phys(table) | 1;
	table[0] = virt_to_phys(page_table) | SECOND_STAGE | WIDTH << 2 | 1;
	table[1] = DID;
	return directory;
}

/* The entry of a requester id; NULL without memory. */
static u64 *new_context(u64 *root, u16 sid, bool scalable)
{
	u64 *entry = &root[2 * (sid >> 8)];
	u64 *table = *entry ? phys_to_virt(*entry & ~1ULL) : new_table();

	if (!table)
		return NULL;
	*entry = virt_to_phys(table) | 1;
	return table + (sid & 0xff) * (scalable ? 4 : 2);
}

static int add_context(u64 *root, u16 sid, u64 *pasid_table, u64 *page_table)
{
	u64 *context = new_context(root, sid, pasid_table);

	if (!context)
		return -ENOMEM;
	if (pasid_table) {
		context[0] = virt_to_phys(pasid_table) | 1;
	} else {
		context[0] = virt_to_phys(page_table) | 1;
		context[1] = DID << 8 | WIDTH;
	}
	return 0;
}

/**
 * model_kdump_init() - make what another kernel has left to a unit
 * @unit: The unit, whose root table is set.
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
int model_kdump_init(struct model_unit *unit)
{
	bool scalable = unit->ecap & MODEL_ECAP_SMTS;
	u64 *root, *page, *page_table, *pasid_table = NULL;
	unsigned int i;
	int ret;

	root = new_table();
	page = left_page ? phys_to_virt(left_page) : new_table();
	if (!root || !page)
		return -ENOMEM;
	left_page = virt_to_phys(page);
	page_table = make_page_table();
	if (!page_table)
		return -ENOMEM;
	if (scalable) {
		pasid_table = make_pasid_table(page_table);
		if (!pasid_table)
			return -ENOMEM;
	}
	unit->root = virt_to_phys(root) | (scalable ? SCALABLE_ROOT : 0);
	for (i = 0; i <= MODEL_BRIDGED; i++) {
		ret = add_context(root, model_sid(i), pasid_table, page_table);
		if (ret)
			return ret;
	}
	return add_context(root, MODEL_BRIDGED_ID, pasid_table, page_table);
}

/**
 * model_kdump_reaches() - does a device write to where another kernel told it to?
 * @unit: The unit.
 * @i: Which of its devices; the kernel need not have found it yet.
 *
 * Context: Any but NMI.
 * Return: Whether it does, and not somewhere else.
 */
bool model_kdump_reaches(struct model_unit *unit, unsigned int i)
{
	struct model_entry entry;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&unit->lock, flags);
	model_do_commands(unit);
	ret = model_translate(unit, model_sid(i), IOMMU_NO_PASID, ADDR, true,
			      false, &entry);
	raw_spin_unlock_irqrestore(&unit->lock, flags);
	return !ret && entry.pa == left_page;
}

#ifdef CONFIG_CRASH_DUMP
static unsigned long long elfcorehdr_before;

/* The driver comes next, at rootfs_initcall. */
static int __init unit_model_crash(void)
{
	elfcorehdr_before = elfcorehdr_addr;
	if (model_present())
		elfcorehdr_addr = 0;
	return 0;
}
fs_initcall_sync(unit_model_crash);

static int __init unit_model_recover(void)
{
	elfcorehdr_addr = elfcorehdr_before;
	return 0;
}
device_initcall(unit_model_recover);
#endif

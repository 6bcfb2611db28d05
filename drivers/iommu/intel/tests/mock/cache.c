// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address translation and caches of a mock IOMMU.
 *
 * Translation follows the specification for legacy mode and for the
 * first-stage, second-stage, nested and pass-through types of scalable mode.
 * One array holds IOTLB entries, paging-structure caches and device TLBs. An
 * entry stays until it is invalidated or its device TLB is cleared.
 */

#include <linux/bits.h>
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/minmax.h>

#include "cache.h"
#include "memory.h"

#define CACHE_ADDRESS	GENMASK_ULL(51, 12)
#define CACHE_RIDS_PER_BUS	256
/* Fault processing disable, in context and PASID entries, present or not */
#define CACHE_FPD	BIT_ULL(1)

/**
 * struct cache_translation - how requests of one device and PASID are
 * translated
 * @tag: Tag of the IOTLB entries.
 * @pass_through: Addresses are not translated.
 * @s1_table: Address of the uppermost first-stage table.
 * @s2_table: Address of the uppermost second-stage table.
 * @s1_level: Level of the table at @s1_table.
 * @s2_level: Level of the table at @s2_table.
 * @track_dirty: The second stage has dirty bits, which writes set.
 * @snoop: Page snoop: all accesses are coherent.
 * @quiet: Fault reporting is disabled.
 */
struct cache_translation {
	struct mock_tag tag;
	bool pass_through;
	u64 s1_table;
	u64 s2_table;
	unsigned int s1_level;
	unsigned int s2_level;
	bool track_dirty;
	bool snoop;
	bool quiet;
};

/*
 * KCSAN does not see the memory accesses of real hardware. The accesses of the
 * mock hardware are hidden from it as well, because concurrent accesses by the
 * driver are not data races.
 */
static __no_kcsan u64 cache_read_phys(u64 pa)
{
	return READ_ONCE(*(u64 *)phys_to_virt(pa));
}

/*
 * Set the dirty bit of a page-table entry atomically. Returns false if the
 * entry no longer equals @pte, in which case the walk has to be repeated.
 */
static __no_kcsan bool cache_set_dirty(u64 pa, u64 pte)
{
	u64 *entry = phys_to_virt(pa);

	return cmpxchg(entry, pte, pte | BIT_ULL(9)) == pte;
}

/**
 * mock_violation() - record a violation of the specification
 * @cache: Cache of the IOMMU concerned.
 * @what: Description of the violation, a string literal.
 * @value: Number that qualifies @what.
 *
 * Context: Lock of the mock IOMMU held.
 */
void mock_violation(struct mock_cache *cache, const char *what, u64 value)
{
	if (cache->violations.count++)
		return;
	cache->violations.first = what;
	cache->violations.value = value;
}

/**
 * mock_mamv() - largest address mask of page-selective invalidations
 * @cache: Cache of the IOMMU.
 *
 * Context: Any.
 * Return: CAP.MAMV: log2 of the number of 4 KiB pages of the largest block.
 */
unsigned int mock_mamv(const struct mock_cache *cache)
{
	return (cache->cap >> MOCK_CAP_MAMV_SHIFT) & 0x3f;
}

static u64 cache_read(struct mock_cache *cache, u64 pa, bool no_snoop)
{
	u64 value;
	int ret;

	if (!no_snoop)
		return cache_read_phys(pa);
	ret = mock_memory_read(pa, &value);
	if (ret == -ENODATA)
		mock_violation(cache, "table not written back", pa);
	else if (ret)
		mock_violation(cache, "mock memory too small", pa);
	return value;
}

/* TLBs and paging-structure caches */

static u64 cache_block_size(unsigned int order)
{
	return order == MOCK_ALL_PAGES ? 0 : 4096ULL << order;
}

static bool cache_block_contains(u64 start, unsigned int order, u64 addr)
{
	return order == MOCK_ALL_PAGES ||
	       addr - start < cache_block_size(order);
}

static u64 cache_entry_pa(const struct mock_entry *e, u64 addr)
{
	return e->pa + (addr & (cache_block_size(e->order) - 1));
}

static bool cache_same_tag(const struct mock_tag *a, const struct mock_tag *b)
{
	return a->form == b->form && a->did == b->did &&
	       (a->form == MOCK_FORM_SS || a->pasid == b->pasid);
}

static struct mock_entry *cache_find(struct mock_cache *cache,
				     const struct mock_tag *tag,
				     unsigned int level, u64 addr)
{
	unsigned int i;

	for (i = 0; i < cache->nr_entries; i++) {
		struct mock_entry *e = &cache->entries[i];

		if (e->level == level && cache_same_tag(&e->tag, tag) &&
		    cache_block_contains(e->addr, e->order, addr))
			return e;
	}
	return NULL;
}

static void cache_insert(struct mock_cache *cache, const struct mock_entry *new)
{
	if (cache->nr_entries == MOCK_MAX_ENTRIES) {
		mock_violation(cache, "mock TLB too small", 0);
		return;
	}
	cache->entries[cache->nr_entries++] = *new;
}

/* Invalidation */

/*
 * Test whether a translation lies within the invalidated block. The
 * specification does not require hardware to drop a translation that is larger
 * than the block.
 */
static bool cache_within(const struct mock_entry *e, const struct mock_inv *inv)
{
	return cache_block_contains(inv->addr, inv->order, e->addr) &&
	       e->order <= inv->order;
}

static bool cache_overlaps(const struct mock_entry *e,
			   const struct mock_inv *inv)
{
	return cache_block_contains(inv->addr, inv->order, e->addr) ||
	       cache_block_contains(e->addr, e->order, inv->addr);
}

/*
 * A page-selective invalidation drops translations within the block, and
 * paging-structure entries that overlap it.
 */
static bool cache_drops_pages(const struct mock_entry *e,
			      const struct mock_inv *inv)
{
	if (e->level)
		return !inv->ih && cache_overlaps(e, inv);
	return cache_within(e, inv);
}

/*
 * Whether an IOTLB invalidation of pages drops a nested entry. An address of
 * the second stage cannot select one, as nested entries are tagged with their
 * first-stage address. To be on the safe side, an invalidation that
 * preserves paging structures does not drop those of the first stage here,
 * although the tables that they refer to are pages of the second stage.
 */
static bool cache_drops_nested(const struct mock_entry *e,
			       const struct mock_inv *inv)
{
	return !e->level || !inv->ih;
}

/*
 * IOTLB invalidations select by domain id. They apply to second-stage and to
 * nested entries.
 */
static bool cache_drops_iotlb(const struct mock_entry *e,
			      const struct mock_inv *inv)
{
	if (e->tag.form == MOCK_FORM_DEVTLB)
		return false;
	if (inv->granularity == MOCK_GLOBAL)
		return true;
	if (e->tag.did != inv->did || e->tag.form == MOCK_FORM_FS)
		return false;
	if (inv->granularity == MOCK_DOMAIN)
		return true;
	return e->tag.form == MOCK_FORM_NESTED ? cache_drops_nested(e, inv) :
						 cache_drops_pages(e, inv);
}

/* PASID-based IOTLB invalidations apply to entries with a first stage. */
static bool cache_drops_piotlb(const struct mock_entry *e,
			       const struct mock_inv *inv)
{
	if (e->tag.form != MOCK_FORM_FS && e->tag.form != MOCK_FORM_NESTED)
		return false;
	if (e->tag.did != inv->did || e->tag.pasid != inv->pasid)
		return false;
	return inv->granularity == MOCK_DOMAIN || cache_drops_pages(e, inv);
}

static bool cache_same_device(const struct mock_entry *e,
			      const struct mock_inv *inv)
{
	return e->tag.form == MOCK_FORM_DEVTLB && e->tag.did == inv->sid;
}

/*
 * An invalidation with PASID 0 selects requests with that PASID, not those
 * without a PASID; the mock devices issue no requests with PASID 0.
 */
static bool cache_drops_devtlb(const struct mock_entry *e,
			       const struct mock_inv *inv)
{
	if (inv->type == MOCK_INV_DEVTLB_PASID && !inv->pasid)
		return false;
	return cache_same_device(e, inv) && e->tag.pasid == inv->pasid &&
	       cache_within(e, inv);
}

static void cache_drop_entries(struct mock_cache *cache,
			       const struct mock_inv *inv,
			       bool (*drops)(const struct mock_entry *e,
					     const struct mock_inv *inv))
{
	unsigned int i = 0;

	while (i < cache->nr_entries)
		if (drops(&cache->entries[i], inv))
			cache->entries[i] = cache->entries[--cache->nr_entries];
		else
			i++;
}

/*
 * Invalidate a device TLB. The device immediately requests each dropped
 * translation again. If the driver has not invalidated the IOTLB first, the
 * stale translation thus returns to the device TLB.
 */
static void cache_drop_devtlb(struct mock_cache *cache,
			      const struct mock_inv *inv)
{
	struct mock_entry e, again;
	unsigned int i = 0, n = cache->nr_entries;

	while (i < n) {
		e = cache->entries[i];
		if (!cache_drops_devtlb(&e, inv)) {
			i++;
			continue;
		}
		/* Entries from @n on are new and must not be dropped. */
		cache->entries[i] = cache->entries[--n];
		cache->entries[n] = cache->entries[--cache->nr_entries];
		if (!mock_translate(cache, inv->sid, inv->pasid, e.addr, false,
				    true, &again))
			mock_devtlb_insert(cache, inv->sid, inv->pasid, e.addr,
					   &again);
	}
}

/* @fm: number of upper bits of the function number to ignore, 0 to 3 */
static bool cache_same_function(u16 a, u16 b, u8 fm)
{
	static const u16 ignored[] = { 0, 4, 6, 7 };

	return ((a ^ b) & ~ignored[fm]) == 0;
}

static void cache_drop_contexts(struct mock_cache *cache,
				const struct mock_inv *inv)
{
	unsigned int i = 0;
	bool drop;

	while (i < cache->nr_contexts) {
		const struct mock_context *c = &cache->contexts[i];

		drop = inv->granularity == MOCK_GLOBAL || c->did == inv->did;
		if (inv->granularity == MOCK_PAGES)
			drop &= cache_same_function(c->sid, inv->sid, inv->fm);
		if (drop)
			cache->contexts[i] =
				cache->contexts[--cache->nr_contexts];
		else
			i++;
	}
}

static void cache_drop_pasids(struct mock_cache *cache,
			      const struct mock_inv *inv)
{
	unsigned int i = 0;
	bool drop;

	while (i < cache->nr_pasids) {
		const struct mock_pasid *p = &cache->pasids[i];

		drop = !p->present || p->did == inv->did;
		if (inv->granularity == MOCK_PC_PASID)
			drop &= p->pasid == inv->pasid;
		if (drop || inv->granularity == MOCK_PC_GLOBAL)
			cache->pasids[i] = cache->pasids[--cache->nr_pasids];
		else
			i++;
	}
}

/*
 * Flush the write buffer. With RWBF, writes of the driver may become visible to
 * the IOMMU only at the next flush. The mock models this for context entries
 * and second-stage page-table entries that change from not present to present:
 * cached not-present entries stand for the old contents of memory, and a flush
 * drops them.
 */
static void cache_flush_write_buffer(struct mock_cache *cache)
{
	unsigned int i;

	if (!(cache->cap & MOCK_CAP_RWBF))
		return;
	for (i = 0; i < cache->nr_entries;)
		if (cache->entries[i].present)
			i++;
		else
			cache->entries[i] = cache->entries[--cache->nr_entries];
	for (i = 0; i < cache->nr_contexts;)
		if (cache->contexts[i].present)
			i++;
		else
			cache->contexts[i] =
				cache->contexts[--cache->nr_contexts];
}

/**
 * mock_inv_permitted() - check an invalidation against the capabilities
 * @cache: Cache of the IOMMU.
 * @inv: Requested invalidation.
 *
 * Records a violation if software must not request @inv: page-selective
 * invalidation without CAP.PSI, a block larger than CAP.MAMV, or a device-TLB
 * invalidation for a device with ATS disabled.
 *
 * Context: Lock of the mock IOMMU held.
 * Return: Whether @inv is permitted.
 */
bool mock_inv_permitted(struct mock_cache *cache, const struct mock_inv *inv)
{
	const unsigned int before = cache->violations.count;

	switch (inv->type) {
	case MOCK_INV_IOTLB:
		/* CAP.MAMV does not limit PASID-based invalidations. */
		if (inv->granularity != MOCK_PAGES)
			break;
		if (!(cache->cap & MOCK_CAP_PSI))
			mock_violation(cache, "page selection without CAP.PSI",
				       0);
		else if (inv->order > mock_mamv(cache))
			mock_violation(cache, "block larger than CAP.MAMV",
				       inv->order);
		break;
	case MOCK_INV_DEVTLB:
	case MOCK_INV_DEVTLB_PASID:
		if (!mock_ats_enabled(cache, inv->sid))
			mock_violation(cache,
				       "device-TLB invalidation without ATS",
				       inv->sid);
		break;
	default:
		break;
	}
	return cache->violations.count == before;
}

/**
 * mock_invalidate() - execute an invalidation
 * @cache: Cache of the IOMMU.
 * @inv: Requested invalidation.
 *
 * Drops the entries that the specification requires hardware to drop, and no
 * others.
 *
 * Context: Lock of the mock IOMMU held.
 */
void mock_invalidate(struct mock_cache *cache, const struct mock_inv *inv)
{
	mock_inv_permitted(cache, inv);

	switch (inv->type) {
	case MOCK_INV_CONTEXT:
		cache_drop_contexts(cache, inv);
		cache_flush_write_buffer(cache);
		break;
	case MOCK_INV_PASID_CACHE:
		cache_drop_pasids(cache, inv);
		break;
	case MOCK_INV_IOTLB:
		cache_drop_entries(cache, inv, cache_drops_iotlb);
		cache_flush_write_buffer(cache);
		break;
	case MOCK_INV_WRITE_BUFFER:
		cache_flush_write_buffer(cache);
		break;
	case MOCK_INV_PIOTLB:
		cache_drop_entries(cache, inv, cache_drops_piotlb);
		break;
	case MOCK_INV_DEVTLB:
	case MOCK_INV_DEVTLB_PASID:
		cache_drop_devtlb(cache, inv);
		break;
	default:
		break;
	}
}

/* Walking page tables */

static int cache_walk_s2_page(struct mock_cache *cache,
			      const struct cache_translation *tr, u64 addr,
			      struct mock_entry *result);

/*
 * Walk the tables of one stage. The walk begins at the lowest table that the
 * paging-structure cache holds and caches each table that it passes. The table
 * addresses of a nested first stage are guest addresses, which the second stage
 * translates.
 *
 * Returns -ENOENT if a second-stage entry is not present, which hardware in
 * caching mode may cache, -EFAULT if the request is refused for another reason,
 * and -EAGAIN if the entry changed before its dirty bit was set.
 */
static int cache_walk(struct mock_cache *cache,
		      const struct cache_translation *tr, bool second, u64 addr,
		      bool write, struct mock_entry *result)
{
	const unsigned int top = second ? tr->s2_level : tr->s1_level;
	struct mock_entry cached = { .tag = tr->tag, .present = true };
	u64 table = second ? tr->s2_table : tr->s1_table, pte, pte_pa;
	bool nested = !second && tr->tag.form == MOCK_FORM_NESTED;
	struct mock_entry *known, below;
	unsigned int level, shift;
	int ret;

	/* All PASIDs of a domain id share its second-stage tables. */
	if (second)
		cached.tag.form = MOCK_FORM_SS;
	cached.write = true;

	for (level = 1; level < top; level++) {
		known = cache_find(cache, &cached.tag, level, addr);
		if (known) {
			table = known->pa;
			cached.write = known->write;
			break;
		}
	}
	if (level == top && nested) {
		ret = cache_walk_s2_page(cache, tr, table, &below);
		if (ret)
			return ret;
		table = below.pa;
	}

	for (;; level--) {
		shift = 12 + 9 * (level - 1);
		pte_pa = table + ((addr >> shift) & 0x1ff) * 8;
		pte = cache_read(cache, pte_pa,
				 cache->no_snoop_walk && !nested);
		if (!(pte & (second ? 3 : 1)))
			return second ? -ENOENT : -EFAULT;
		cached.write &= !!(pte & BIT_ULL(1));
		cached.order = shift - 12;
		cached.addr = addr & ~(cache_block_size(cached.order) - 1);
		if (level == 1 || pte & BIT_ULL(7))
			break;
		table = pte & CACHE_ADDRESS;
		if (nested) {
			ret = cache_walk_s2_page(cache, tr, table, &below);
			if (ret)
				return ret;
			table = below.pa;
		}
		cached.level = level - 1;
		cached.pa = table;
		cache_insert(cache, &cached);
	}
	if (write && !cached.write)
		return -EFAULT;
	if (second && tr->track_dirty && write && !cache_set_dirty(pte_pa, pte))
		return -EAGAIN;
	cached.level = 0;
	cached.snoop = second && pte & BIT_ULL(11);
	cached.pa = pte & CACHE_ADDRESS & ~(cache_block_size(cached.order) - 1);
	*result = cached;
	return 0;
}

/* Translate the guest physical address of a first-stage table. */
static int cache_walk_s2_page(struct mock_cache *cache,
			      const struct cache_translation *tr, u64 addr,
			      struct mock_entry *result)
{
	int ret = cache_walk(cache, tr, true, addr, false, result);

	if (ret)
		return ret;
	result->pa = cache_entry_pa(result, addr) & CACHE_ADDRESS;
	return 0;
}

/* Walk both stages. The result covers the smaller of the two pages. */
static int cache_walk_nested(struct mock_cache *cache,
			     const struct cache_translation *tr, u64 addr,
			     bool write, struct mock_entry *result)
{
	struct mock_entry s1, s2;
	int ret;

	ret = cache_walk(cache, tr, false, addr, write, &s1) ?:
	      cache_walk(cache, tr, true, cache_entry_pa(&s1, addr), write,
			 &s2);
	if (ret)
		return ret;
	*result = s1;
	result->write &= s2.write;
	result->order = min(s1.order, s2.order);
	result->addr = addr & ~(cache_block_size(result->order) - 1);
	result->pa = cache_entry_pa(&s2, cache_entry_pa(&s1, addr)) &
		     ~(cache_block_size(result->order) - 1);
	return 0;
}

static int cache_walk_tables(struct mock_cache *cache,
			     const struct cache_translation *tr, u64 addr,
			     bool write, struct mock_entry *result)
{
	switch (tr->tag.form) {
	case MOCK_FORM_SS:
		return cache_walk(cache, tr, true, addr, write, result);
	case MOCK_FORM_FS:
		return cache_walk(cache, tr, false, addr, write, result);
	default:
		return cache_walk_nested(cache, tr, addr, write, result);
	}
}

/* Context and PASID entries */

/*
 * Not-present entries are cached in caching mode, and with RWBF for the reason
 * given at cache_flush_write_buffer().
 */
static bool cache_keeps_absent(const struct mock_cache *cache)
{
	return cache->cap & (MOCK_CAP_CM | MOCK_CAP_RWBF);
}

static bool cache_is_scalable(const struct mock_cache *cache)
{
	return (cache->root & MOCK_ROOT_MODE) == MOCK_ROOT_SCALABLE;
}

/*
 * Legacy mode has one context table per bus with 256 entries of 16 bytes.
 * Scalable mode has two, each with 128 entries of 32 bytes, of which the upper
 * 16 bytes are reserved.
 */
static void cache_read_context(struct mock_cache *cache, u16 sid, bool no_snoop,
			       struct mock_context *context)
{
	unsigned int devfn = sid & 0xff, size = 16;
	u64 root = (cache->root & CACHE_ADDRESS) + (sid >> 8) * 16;
	u64 table;

	*context = (struct mock_context) { .sid = sid };
	if (cache_is_scalable(cache)) {
		root += devfn >= CACHE_RIDS_PER_BUS / 2 ? 8 : 0;
		devfn %= CACHE_RIDS_PER_BUS / 2;
		size = 32;
	}
	table = cache_read(cache, root, no_snoop);
	if (!(table & 1))
		return;
	table = (table & CACHE_ADDRESS) + devfn * size;
	context->lo = cache_read(cache, table, no_snoop);
	context->hi = cache_read(cache, table + 8, no_snoop);
	context->present = context->lo & 1;
	if (context->present && !cache_is_scalable(cache))
		context->did = (context->hi >> 8) & 0xffff;
}

static int cache_get_context(struct mock_cache *cache, u16 sid,
			     struct mock_context *context)
{
	unsigned int i;

	for (i = 0; i < cache->nr_contexts; i++)
		if (cache->contexts[i].sid == sid) {
			*context = cache->contexts[i];
			return context->present ? 0 : -EFAULT;
		}

	cache_read_context(cache, sid, cache->no_snoop, context);
	if (context->present || cache_keeps_absent(cache)) {
		if (cache->nr_contexts < MOCK_MAX_CONTEXTS)
			cache->contexts[cache->nr_contexts++] = *context;
		else
			mock_violation(cache, "mock context cache too small",
				       0);
	}
	return context->present ? 0 : -EFAULT;
}

/*
 * The PASID directory has 128 << PDTS entries. Each points to a table of 64
 * entries of 64 bytes.
 */
static void cache_read_pasid(struct mock_cache *cache,
			     const struct mock_context *context, ioasid_t pasid,
			     struct mock_pasid *entry)
{
	u64 directory = context->lo & CACHE_ADDRESS, table;
	int i;

	*entry = (struct mock_pasid) { .sid = context->sid, .pasid = pasid };
	if (pasid >> 6 >= 128 << ((context->lo >> 9) & 7))
		return;
	table = cache_read(cache, directory + (pasid >> 6) * 8,
			   cache->no_snoop);
	if (!(table & 1))
		return;
	table = (table & CACHE_ADDRESS) + (pasid & 63) * 64;
	for (i = 0; i < ARRAY_SIZE(entry->val); i++)
		entry->val[i] = cache_read(cache, table + i * 8,
					   cache->no_snoop);
	entry->present = entry->val[0] & 1;
	if (entry->present)
		entry->did = entry->val[1] & 0xffff;
}

static int cache_get_pasid(struct mock_cache *cache,
			   const struct mock_context *context, ioasid_t pasid,
			   struct mock_pasid *entry)
{
	unsigned int i;

	for (i = 0; i < cache->nr_pasids; i++) {
		struct mock_pasid *p = &cache->pasids[i];

		if (p->sid == context->sid && p->pasid == pasid) {
			*entry = *p;
			return entry->present ? 0 : -EFAULT;
		}
	}

	cache_read_pasid(cache, context, pasid, entry);
	if (entry->present || cache_keeps_absent(cache)) {
		if (cache->nr_pasids < MOCK_MAX_PASIDS)
			cache->pasids[cache->nr_pasids++] = *entry;
		else
			mock_violation(cache, "mock PASID cache too small", 0);
	}
	return entry->present ? 0 : -EFAULT;
}

/* Test whether the context entry permits translation requests of the device. */
static bool cache_context_has_ats(const struct mock_cache *cache,
				  const struct mock_context *context)
{
	if (cache_is_scalable(cache))
		return context->lo & BIT_ULL(2);
	return ((context->lo >> 2) & 3) == 1;
}

static int cache_parse_context(const struct mock_context *context,
			       struct cache_translation *tr)
{
	unsigned int type = (context->lo >> 2) & 3;

	tr->tag.form = MOCK_FORM_SS;
	tr->tag.did = context->did;
	tr->s2_table = context->lo & CACHE_ADDRESS;
	tr->s2_level = 2 + (context->hi & 7);
	tr->pass_through = type == 2;
	return type < 3 ? 0 : -EFAULT;
}

static int cache_parse_pasid(const struct mock_pasid *entry,
			     struct cache_translation *tr)
{
	tr->tag.did = entry->did;
	tr->tag.pasid = entry->pasid;
	tr->s2_table = entry->val[0] & CACHE_ADDRESS;
	tr->s2_level = 2 + ((entry->val[0] >> 2) & 7);
	tr->s1_table = entry->val[2] & CACHE_ADDRESS;
	tr->s1_level = entry->val[2] & BIT_ULL(2) ? 5 : 4;
	tr->track_dirty = entry->val[0] & BIT_ULL(9);
	tr->snoop = entry->val[1] & BIT_ULL(24);

	/* PGTT: PASID granular translation type */
	switch ((entry->val[0] >> 6) & 7) {
	case 1:
		tr->tag.form = MOCK_FORM_FS;
		return 0;
	case 2:
		tr->tag.form = MOCK_FORM_SS;
		return 0;
	case 3:
		tr->tag.form = MOCK_FORM_NESTED;
		return 0;
	case 4:
		tr->pass_through = true;
		return 0;
	}
	return -EFAULT;
}

/* Look up how requests of a device with a PASID are translated. */
static int cache_describe(struct mock_cache *cache, u16 sid, ioasid_t pasid,
			  bool ats, struct cache_translation *tr)
{
	struct mock_context context;
	struct mock_pasid entry;
	int ret;

	*tr = (struct cache_translation) {};
	ret = cache_get_context(cache, sid, &context);
	tr->quiet = context.lo & CACHE_FPD;
	if (ret || (ats && !cache_context_has_ats(cache, &context)))
		return -EFAULT;
	if (!cache_is_scalable(cache))
		return pasid == IOMMU_NO_PASID ?
		       cache_parse_context(&context, tr) : -EFAULT;

	ret = cache_get_pasid(cache, &context, pasid, &entry);
	tr->quiet = entry.val[0] & CACHE_FPD;
	return ret ?: cache_parse_pasid(&entry, tr);
}

/* Look a translation up in the IOTLB; fill the IOTLB by a walk if it misses. */
static int cache_lookup(struct mock_cache *cache,
			const struct cache_translation *tr, u64 addr,
			bool write, struct mock_entry *result)
{
	struct mock_entry *hit = cache_find(cache, &tr->tag, 0, addr);
	int ret;

	if (hit && !hit->present)
		return -EFAULT;
	/* A write walks again to get permission or to set the dirty bit. */
	if (hit && (!write ||
		    (hit->write && (hit->dirty || !tr->track_dirty)))) {
		*result = *hit;
		return 0;
	}
	do {
		ret = cache_walk_tables(cache, tr, addr, write, result);
	} while (ret == -EAGAIN);
	if (ret) {
		/* First-stage entries that are not present are never cached. */
		if (cache_keeps_absent(cache) && ret == -ENOENT)
			cache_insert(cache, &(struct mock_entry) {
				.tag = tr->tag,
				.addr = addr & CACHE_ADDRESS,
			});
		return -EFAULT;
	}
	result->tag = tr->tag;
	result->dirty = write;
	result->snoop |= tr->snoop;
	if (hit)
		*hit = *result;
	else
		cache_insert(cache, result);
	return 0;
}

/**
 * mock_translate() - translate a request
 * @cache: Cache of the IOMMU.
 * @sid: Requester id of the device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: Address of the request.
 * @write: Request write permission.
 * @ats: Translation request of ATS: the device caches the result.
 * @result: Filled with a translation of a block around @addr.
 *
 * Context: Lock of the mock IOMMU held.
 * Return: 0, or -EFAULT if the request is refused.
 */
int mock_translate(struct mock_cache *cache, u16 sid, ioasid_t pasid, u64 addr,
		   bool write, bool ats, struct mock_entry *result)
{
	struct cache_translation tr;
	int ret;

	ret = cache_describe(cache, sid, pasid, ats, &tr);
	if (!ret && tr.pass_through)
		*result = (struct mock_entry) {
			.addr = addr & CACHE_ADDRESS,
			.pa = addr & CACHE_ADDRESS,
			.write = true,
			.present = true,
		};
	else if (!ret)
		ret = cache_lookup(cache, &tr, addr, write, result);
	/* Writes through a device TLB cannot set the dirty bit later. */
	if (!ret && ats && tr.track_dirty && !result->dirty)
		result->write = false;
	if (ret && !tr.quiet)
		cache->refused++;
	return ret;
}

/**
 * mock_context_present() - whether a context entry is present
 * @cache: Cache of the IOMMU.
 * @sid: Requester id.
 *
 * Context: Any. The root table has been set.
 * Return: Whether the entry is present as the CPUs see it, whatever the context
 * cache holds.
 */
bool mock_context_present(struct mock_cache *cache, u16 sid)
{
	struct mock_context context;

	cache_read_context(cache, sid, false, &context);
	return context.present;
}

/*
 * Test whether the requests of a device are passed through in legacy mode. That
 * excludes ATS, because translation requests fail.
 */
static bool cache_passes_through(struct mock_cache *cache, u16 sid)
{
	struct mock_context context;

	if (!cache->root || cache_is_scalable(cache))
		return false;
	cache_read_context(cache, sid, cache->no_snoop, &context);
	return context.present && ((context.lo >> 2) & 3) == 2;
}

/* Device TLBs */

static struct mock_tag cache_devtlb_tag(u16 sid, ioasid_t pasid)
{
	return (struct mock_tag) {
		.form = MOCK_FORM_DEVTLB,
		.did = sid,
		.pasid = pasid,
	};
}

/**
 * mock_ats_enabled() - whether a device has ATS enabled
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 *
 * Context: Any.
 * Return: The state that mock_set_ats() has set last.
 */
bool mock_ats_enabled(const struct mock_cache *cache, u16 sid)
{
	return test_bit(sid, cache->ats);
}

/**
 * mock_set_ats() - enable or disable ATS of a device
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 * @enable: Whether ATS is enabled from now on.
 *
 * The device TLB is empty when ATS becomes enabled. From then on, the device
 * sends translation requests, so enabling ATS while a context entry for
 * pass-through is present is a violation.
 *
 * Context: Lock of the mock IOMMU held.
 */
void mock_set_ats(struct mock_cache *cache, u16 sid, bool enable)
{
	if (enable && !mock_ats_enabled(cache, sid)) {
		mock_devtlb_clear(cache, sid);
		if (cache_passes_through(cache, sid))
			mock_violation(cache, "ATS with pass-through", sid);
	}
	assign_bit(sid, cache->ats, enable);
}

/**
 * mock_serves_translated() - whether translated requests of a device are served
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 *
 * The IOMMU does not translate them, but it refuses them if the context entry
 * is not present or does not permit device TLBs.
 *
 * Context: Lock of the mock IOMMU held.
 * Return: Whether the IOMMU accepts them.
 */
bool mock_serves_translated(struct mock_cache *cache, u16 sid)
{
	struct mock_context context;

	if (!cache_get_context(cache, sid, &context) &&
	    cache_context_has_ats(cache, &context))
		return true;
	if (!(context.lo & CACHE_FPD))
		cache->refused++;
	return false;
}

/**
 * mock_devtlb_clear() - empty a device TLB
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 *
 * Context: Lock of the mock IOMMU held.
 */
void mock_devtlb_clear(struct mock_cache *cache, u16 sid)
{
	const struct mock_inv all = {
		.sid = sid,
		.order = MOCK_ALL_PAGES,
	};

	cache_drop_entries(cache, &all, cache_same_device);
}

/**
 * mock_devtlb_find() - look a translation up in a device TLB
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: Address of the request.
 * @write: Write permission is needed.
 * @result: Filled with the translation.
 *
 * Context: Lock of the mock IOMMU held.
 * Return: Whether the device TLB holds a translation with the permission.
 */
bool mock_devtlb_find(struct mock_cache *cache, u16 sid, ioasid_t pasid,
		      u64 addr, bool write, struct mock_entry *result)
{
	const struct mock_tag tag = cache_devtlb_tag(sid, pasid);
	struct mock_entry *hit = cache_find(cache, &tag, 0, addr);

	if (!hit || (write && !hit->write))
		return false;
	*result = *hit;
	return true;
}

/**
 * mock_devtlb_insert() - cache a translation in a device TLB
 * @cache: Cache of the device's IOMMU.
 * @sid: Requester id of the device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: Address of the request.
 * @entry: Translation of the request. The device TLB keeps it for the 4 KiB
 *	page of @addr only.
 *
 * Context: Lock of the mock IOMMU held.
 */
void mock_devtlb_insert(struct mock_cache *cache, u16 sid, ioasid_t pasid,
			u64 addr, const struct mock_entry *entry)
{
	struct mock_entry new = *entry, *old;

	new.tag = cache_devtlb_tag(sid, pasid);
	new.pa = cache_entry_pa(entry, addr) & CACHE_ADDRESS;
	new.addr = addr & CACHE_ADDRESS;
	new.order = 0;
	/* Replace a read-only translation of the same page. */
	old = cache_find(cache, &new.tag, 0, addr);
	if (old)
		*old = new;
	else
		cache_insert(cache, &new);
}

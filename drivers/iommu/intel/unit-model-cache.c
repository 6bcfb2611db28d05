// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation as the specification describes it, and caches that forget only
 * what they are told to.
 *
 * One array holds IOTLB entries, paging-structure caches and device TLBs of a
 * unit; it is searched from front to back. Callers hold &model_unit.lock.
 */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/io.h>

#include "unit-model.h"

#define ADDRESS		GENMASK_ULL(51, 12)
#define RIDS_PER_BUS	256
/* Of a context or PASID entry, present or not */
#define FAULT_DISABLED	BIT_ULL(1)

/* What a context or PASID entry says about translating. */
struct translation {
	struct model_tag tag;
	bool pass_through;
	u64 s1_table;
	u64 s2_table;
	unsigned int s1_level;
	unsigned int s2_level;
	bool track_dirty;
	bool snoop;
	bool quiet; /* nobody wants to know of faults */
};

/*
 * What hardware reads and writes is no access of the kernel's, with which others
 * could race.
 */
static __no_kcsan u64 read_phys(u64 pa)
{
	return READ_ONCE(*(u64 *)phys_to_virt(pa));
}

/* As an atomic operation: false if the entry has changed meanwhile. */
static __no_kcsan bool set_dirty(u64 pa, u64 pte)
{
	u64 *entry = phys_to_virt(pa);

	return cmpxchg(entry, pte, pte | BIT_ULL(9)) == pte;
}

static u64 entry_size(unsigned int order)
{
	return order == MODEL_ALL_PAGES ? 0 : 4096ULL << order;
}

static bool same_tag(const struct model_tag *a, const struct model_tag *b)
{
	return a->form == b->form && a->did == b->did &&
	       (a->form == MODEL_FORM_SS || a->pasid == b->pasid);
}

static bool covers(u64 addr, unsigned int order, u64 what)
{
	return order == MODEL_ALL_PAGES || what - addr < entry_size(order);
}

/* TLBs and paging-structure caches */

static struct model_entry *entry_find(struct model_unit *unit,
				      const struct model_tag *tag,
				      unsigned int level, u64 addr)
{
	unsigned int i;

	for (i = 0; i < unit->nr_entries; i++) {
		struct model_entry *e = &unit->entries[i];

		if (e->level == level && same_tag(&e->tag, tag) &&
		    covers(e->addr, e->order, addr))
			return e;
	}
	return NULL;
}

static void entry_insert(struct model_unit *unit, const struct model_entry *new)
{
	if (unit->nr_entries == MODEL_MAX_ENTRIES) {
		model_complain(unit, "the model's caches are too small", 0);
		return;
	}
	unit->entries[unit->nr_entries++] = *new;
}

/*
 * Is a translation within the block that is invalidated? One that is larger
 * than the block need not be dropped.
 */
static bool within(const struct model_entry *e, const struct model_inv *inv)
{
	return covers(inv->addr, inv->order, e->addr) &&
	       e->order <= inv->order;
}

/* Does the block say anything about what a table of a lower level holds? */
static bool touches(const struct model_entry *e, const struct model_inv *inv)
{
	return covers(inv->addr, inv->order, e->addr) ||
	       covers(e->addr, e->order, inv->addr);
}

static bool obliged_pages(const struct model_entry *e,
			  const struct model_inv *inv)
{
	if (e->level)
		return !inv->ih && touches(e, inv);
	return within(e, inv);
}

/*
 * By domain id: second-stage entries, and nested ones, of whose second stage
 * nothing but the domain id is known.
 */
static bool obliged_iotlb(const struct model_entry *e,
			  const struct model_inv *inv)
{
	if (e->tag.form == MODEL_FORM_DEVTLB)
		return false;
	if (inv->granularity == MODEL_GLOBAL)
		return true;
	if (e->tag.did != inv->did || e->tag.form == MODEL_FORM_FS)
		return false;
	return inv->granularity == MODEL_DOMAIN ||
	       e->tag.form == MODEL_FORM_NESTED || obliged_pages(e, inv);
}

/* By domain id and PASID: entries with a first stage. */
static bool obliged_piotlb(const struct model_entry *e,
			   const struct model_inv *inv)
{
	if (e->tag.form != MODEL_FORM_FS && e->tag.form != MODEL_FORM_NESTED)
		return false;
	if (e->tag.did != inv->did || e->tag.pasid != inv->pasid)
		return false;
	return inv->granularity == MODEL_DOMAIN || obliged_pages(e, inv);
}

static bool same_device(const struct model_entry *e,
			const struct model_inv *inv)
{
	return e->tag.form == MODEL_FORM_DEVTLB && e->tag.did == inv->sid;
}

/* A PASID of zero is a PASID, which devices of this model do not use. */
static bool obliged_devtlb(const struct model_entry *e,
			   const struct model_inv *inv)
{
	if (inv->type == MODEL_INV_DEVTLB_PASID && !inv->pasid)
		return false;
	return same_device(e, inv) && e->tag.pasid == inv->pasid &&
	       within(e, inv);
}

static void invalidate_entries(struct model_unit *unit,
			       const struct model_inv *inv,
			       bool (*obliged)(const struct model_entry *e,
					       const struct model_inv *inv))
{
	unsigned int i = 0;

	while (i < unit->nr_entries)
		if (obliged(&unit->entries[i], inv))
			unit->entries[i] = unit->entries[--unit->nr_entries];
		else
			i++;
}

/*
 * A device may ask for what it has just been told to forget, at once: whatever
 * is still in the IOTLB then, it has again.
 */
static void invalidate_devtlb(struct model_unit *unit,
			      const struct model_inv *inv)
{
	struct model_entry e, again;
	unsigned int i = 0, n = unit->nr_entries;

	while (i < n) {
		e = unit->entries[i];
		if (!obliged_devtlb(&e, inv)) {
			i++;
			continue;
		}
		/* What comes again goes behind those that were there. */
		unit->entries[i] = unit->entries[--n];
		unit->entries[n] = unit->entries[--unit->nr_entries];
		if (!model_translate(unit, inv->sid, inv->pasid, e.addr, false,
				     true, &again))
			model_devtlb_insert(unit, inv->sid, inv->pasid, e.addr,
					    &again);
	}
}

/* Function mask: how many of the low bits of the function do not count. */
static bool same_function(u16 a, u16 b, u8 fm)
{
	static const u16 ignored[] = { 0, 4, 6, 7 };

	return ((a ^ b) & ~ignored[fm]) == 0;
}

static void invalidate_contexts(struct model_unit *unit,
				const struct model_inv *inv)
{
	unsigned int i = 0;
	bool drop;

	while (i < unit->nr_contexts) {
		const struct model_context *c = &unit->contexts[i];

		drop = inv->granularity == MODEL_GLOBAL || c->did == inv->did;
		if (inv->granularity == MODEL_PAGES)
			drop &= same_function(c->sid, inv->sid, inv->fm);
		if (drop)
			unit->contexts[i] = unit->contexts[--unit->nr_contexts];
		else
			i++;
	}
}

static void invalidate_pasids(struct model_unit *unit,
			      const struct model_inv *inv)
{
	unsigned int i = 0;
	bool drop;

	while (i < unit->nr_pasids) {
		const struct model_pasid *p = &unit->pasids[i];

		drop = !p->present || p->did == inv->did;
		if (inv->granularity == MODEL_PC_PASID)
			drop &= p->pasid == inv->pasid;
		if (drop || inv->granularity == MODEL_PC_GLOBAL)
			unit->pasids[i] = unit->pasids[--unit->nr_pasids];
		else
			i++;
	}
}

/* Reaches memory late, with a write buffer: until then, nothing is there. */
static void invalidate_held_back(struct model_unit *unit)
{
	unsigned int i;

	if (!(unit->cap & MODEL_CAP_RWBF))
		return;
	for (i = 0; i < unit->nr_entries;)
		if (unit->entries[i].present)
			i++;
		else
			unit->entries[i] = unit->entries[--unit->nr_entries];
	for (i = 0; i < unit->nr_contexts;)
		if (unit->contexts[i].present)
			i++;
		else
			unit->contexts[i] = unit->contexts[--unit->nr_contexts];
}

/**
 * model_mamv() - the largest address mask that a unit reports
 * @unit: The unit.
 *
 * Return: CAP.MAMV: the order of the largest block, in pages.
 */
unsigned int model_mamv(const struct model_unit *unit)
{
	return (unit->cap >> MODEL_CAP_MAMV_SHIFT) & 0x3f;
}

/**
 * model_permits() - may software ask for an invalidation?
 * @unit: The unit.
 * @inv: What it asks for. If it must not, the test is told.
 *
 * Context: &model_unit.lock held.
 * Return: Whether it may.
 */
bool model_permits(struct model_unit *unit, const struct model_inv *inv)
{
	const unsigned int before = unit->complaints;

	switch (inv->type) {
	case MODEL_INV_IOTLB:
		/* PASID-based ones have no limits. */
		if (inv->granularity != MODEL_PAGES)
			break;
		if (!(unit->cap & MODEL_CAP_PSI))
			model_complain(unit, "no pages can be selected", 0);
		else if (inv->order > model_mamv(unit))
			model_complain(unit, "block larger than MAMV",
				       inv->order);
		break;
	case MODEL_INV_DEVTLB:
	case MODEL_INV_DEVTLB_PASID:
		if (!model_ats_enabled(unit, inv->sid))
			model_complain(unit, "device TLB of a device with ATS off",
				       inv->sid);
		break;
	default:
		break;
	}
	return unit->complaints == before;
}

/**
 * model_invalidate() - forget what an invalidation obliges the unit to forget
 * @unit: The unit.
 * @inv: The invalidation.
 *
 * Context: &model_unit.lock held.
 */
void model_invalidate(struct model_unit *unit, const struct model_inv *inv)
{
	model_permits(unit, inv);

	switch (inv->type) {
	case MODEL_INV_CONTEXT:
		invalidate_contexts(unit, inv);
		invalidate_held_back(unit);
		break;
	case MODEL_INV_PASID_CACHE:
		invalidate_pasids(unit, inv);
		break;
	case MODEL_INV_IOTLB:
		invalidate_entries(unit, inv, obliged_iotlb);
		invalidate_held_back(unit);
		break;
	case MODEL_INV_WRITE_BUFFER:
		invalidate_held_back(unit);
		break;
	case MODEL_INV_PIOTLB:
		invalidate_entries(unit, inv, obliged_piotlb);
		break;
	case MODEL_INV_DEVTLB:
	case MODEL_INV_DEVTLB_PASID:
		invalidate_devtlb(unit, inv);
		break;
	default:
		break;
	}
}

/* Walking page tables */

static int translate_s2(struct model_unit *unit, const struct translation *tr,
			u64 addr, bool write, struct model_entry *result);

/*
 * One stage. Begins at the table of the lowest level that is still remembered,
 * and remembers each table it comes by. Returns -ENOENT where a second stage has
 * nothing, which caching mode remembers, -EFAULT if refused otherwise.
 */
static int walk(struct model_unit *unit, const struct translation *tr,
		bool second, u64 addr, bool write, struct model_entry *result)
{
	const unsigned int top = second ? tr->s2_level : tr->s1_level;
	struct model_entry cached = { .tag = tr->tag, .present = true };
	u64 table = second ? tr->s2_table : tr->s1_table, pte, pte_pa;
	bool nested = !second && tr->tag.form == MODEL_FORM_NESTED;
	struct model_entry *known, below;
	unsigned int level, shift;
	int ret;

	/* Second-stage tables are shared by all that have the domain id. */
	if (second)
		cached.tag.form = MODEL_FORM_SS;
	cached.write = true;

	for (level = 1; level < top; level++) {
		known = entry_find(unit, &cached.tag, level, addr);
		if (known) {
			table = known->pa;
			cached.write = known->write;
			break;
		}
	}
	/* The address of the uppermost table is a guest's, as are the others. */
	if (level == top && nested) {
		ret = translate_s2(unit, tr, table, false, &below);
		if (ret)
			return ret;
		table = below.pa;
	}

	for (;; level--) {
		shift = 12 + 9 * (level - 1);
		pte_pa = table + ((addr >> shift) & 0x1ff) * 8;
		pte = read_phys(pte_pa);
		if (!(pte & (second ? 3 : 1)))
			return second ? -ENOENT : -EFAULT;
		cached.write &= !!(pte & BIT_ULL(1));
		cached.order = shift - 12;
		cached.addr = addr & ~(entry_size(cached.order) - 1);
		if (level == 1 || pte & BIT_ULL(7))
			break;
		table = pte & ADDRESS;
		if (nested) {
			ret = translate_s2(unit, tr, table, false, &below);
			if (ret)
				return ret;
			table = below.pa;
		}
		cached.level = level - 1;
		cached.pa = table;
		entry_insert(unit, &cached);
	}
	if (write && !cached.write)
		return -EFAULT;
	/* Accessed and dirty, where the second stage keeps them. */
	if (second && tr->track_dirty && write && !set_dirty(pte_pa, pte))
		return -EAGAIN;
	cached.level = 0;
	cached.snoop = second && pte & BIT_ULL(11);
	cached.pa = pte & ADDRESS & ~(entry_size(cached.order) - 1);
	*result = cached;
	return 0;
}

static u64 entry_pa(const struct model_entry *e, u64 addr)
{
	return e->pa + (addr & (entry_size(e->order) - 1));
}

/* The page that @addr is in, of the second stage beneath a first one */
static int translate_s2(struct model_unit *unit, const struct translation *tr,
			u64 addr, bool write, struct model_entry *result)
{
	int ret = walk(unit, tr, true, addr, write, result);

	if (ret)
		return ret;
	result->pa = entry_pa(result, addr) & ADDRESS;
	return 0;
}

/* Both stages; the result is valid for the smaller of the two pages. */
static int walk_nested(struct model_unit *unit, const struct translation *tr,
		       u64 addr, bool write, struct model_entry *result)
{
	struct model_entry s1, s2;
	int ret;

	ret = walk(unit, tr, false, addr, write, &s1) ?:
	      walk(unit, tr, true, entry_pa(&s1, addr), write, &s2);
	if (ret)
		return ret;
	*result = s1;
	result->write &= s2.write;
	result->order = min(s1.order, s2.order);
	result->addr = addr & ~(entry_size(result->order) - 1);
	result->pa = entry_pa(&s2, entry_pa(&s1, addr)) &
		     ~(entry_size(result->order) - 1);
	return 0;
}

static int walk_tables(struct model_unit *unit, const struct translation *tr,
		       u64 addr, bool write, struct model_entry *result)
{
	switch (tr->tag.form) {
	case MODEL_FORM_SS:
		return walk(unit, tr, true, addr, write, result);
	case MODEL_FORM_FS:
		return walk(unit, tr, false, addr, write, result);
	default:
		return walk_nested(unit, tr, addr, write, result);
	}
}

/* Context and PASID entries */

/* Is it remembered of an entry that it was not present? */
static bool keeps_absent(const struct model_unit *unit)
{
	return unit->cap & (MODEL_CAP_CM | MODEL_CAP_RWBF);
}

static bool scalable(const struct model_unit *unit)
{
	return (unit->root & GENMASK_ULL(11, 10)) == BIT_ULL(10);
}

/*
 * Scalable mode: two tables of 128 entries for each bus, a context entry of
 * four words of which the last two are not used.
 */
static void read_context(struct model_unit *unit, u16 sid,
			 struct model_context *context)
{
	unsigned int devfn = sid & 0xff, size = 16;
	u64 root = (unit->root & ADDRESS) + (sid >> 8) * 16;
	u64 table;

	*context = (struct model_context) { .sid = sid };
	if (scalable(unit)) {
		root += devfn >= RIDS_PER_BUS / 2 ? 8 : 0;
		devfn %= RIDS_PER_BUS / 2;
		size = 32;
	}
	table = read_phys(root);
	if (!(table & 1))
		return;
	table = (table & ADDRESS) + devfn * size;
	context->lo = read_phys(table);
	context->hi = read_phys(table + 8);
	context->present = context->lo & 1;
	/* In scalable mode it is the PASID entry that has a domain id. */
	if (context->present && !scalable(unit))
		context->did = (context->hi >> 8) & 0xffff;
}

static int get_context(struct model_unit *unit, u16 sid,
		       struct model_context *context)
{
	unsigned int i;

	for (i = 0; i < unit->nr_contexts; i++)
		if (unit->contexts[i].sid == sid) {
			*context = unit->contexts[i];
			return context->present ? 0 : -EFAULT;
		}

	read_context(unit, sid, context);
	if (context->present || keeps_absent(unit)) {
		if (unit->nr_contexts < MODEL_MAX_CONTEXTS)
			unit->contexts[unit->nr_contexts++] = *context;
		else
			model_complain(unit, "the model's context cache is too small", 0);
	}
	return context->present ? 0 : -EFAULT;
}

/* A directory of tables of 64 entries, each of eight words. */
static void read_pasid(const struct model_context *context, ioasid_t pasid,
		       struct model_pasid *entry)
{
	u64 directory = context->lo & ADDRESS, table;
	int i;

	*entry = (struct model_pasid) { .sid = context->sid, .pasid = pasid };
	table = read_phys(directory + (pasid >> 6) * 8);
	if (!(table & 1))
		return;
	table = (table & ADDRESS) + (pasid & 63) * 64;
	for (i = 0; i < ARRAY_SIZE(entry->val); i++)
		entry->val[i] = read_phys(table + i * 8);
	entry->present = entry->val[0] & 1;
	if (entry->present)
		entry->did = entry->val[1] & 0xffff;
}

static int get_pasid(struct model_unit *unit,
		     const struct model_context *context, ioasid_t pasid,
		     struct model_pasid *entry)
{
	unsigned int i;

	for (i = 0; i < unit->nr_pasids; i++) {
		struct model_pasid *p = &unit->pasids[i];

		if (p->sid == context->sid && p->pasid == pasid) {
			*entry = *p;
			return entry->present ? 0 : -EFAULT;
		}
	}

	read_pasid(context, pasid, entry);
	if (entry->present || keeps_absent(unit)) {
		if (unit->nr_pasids < MODEL_MAX_PASIDS)
			unit->pasids[unit->nr_pasids++] = *entry;
		else
			model_complain(unit, "the model's PASID cache is too small", 0);
	}
	return entry->present ? 0 : -EFAULT;
}

/* Does the context entry let the device have a TLB? */
static bool may_translate(const struct model_unit *unit,
			  const struct model_context *context)
{
	if (scalable(unit))
		return context->lo & BIT_ULL(2);
	return ((context->lo >> 2) & 3) == 1;
}

static int describe_legacy(const struct model_context *context,
			   struct translation *tr)
{
	unsigned int type = (context->lo >> 2) & 3;

	tr->tag.form = MODEL_FORM_SS;
	tr->tag.did = context->did;
	tr->s2_table = context->lo & ADDRESS;
	tr->s2_level = 2 + (context->hi & 7);
	tr->pass_through = type == 2;
	return type < 3 ? 0 : -EFAULT;
}

static int describe_scalable(const struct model_pasid *entry,
			     struct translation *tr)
{
	tr->tag.did = entry->did;
	tr->tag.pasid = entry->pasid;
	tr->s2_table = entry->val[0] & ADDRESS;
	tr->s2_level = 2 + ((entry->val[0] >> 2) & 7);
	tr->s1_table = entry->val[2] & ADDRESS;
	tr->s1_level = entry->val[2] & BIT_ULL(2) ? 5 : 4;
	tr->track_dirty = entry->val[0] & BIT_ULL(9);
	tr->snoop = entry->val[1] & BIT_ULL(24);

	switch ((entry->val[0] >> 6) & 7) {
	case 1:
		tr->tag.form = MODEL_FORM_FS;
		return 0;
	case 2:
		tr->tag.form = MODEL_FORM_SS;
		return 0;
	case 3:
		tr->tag.form = MODEL_FORM_NESTED;
		return 0;
	case 4:
		tr->pass_through = true;
		return 0;
	}
	return -EFAULT;
}

/* What is said about requests of a device with a PASID? */
static int describe(struct model_unit *unit, u16 sid, ioasid_t pasid, bool ats,
		    struct translation *tr)
{
	struct model_context context;
	struct model_pasid entry;
	int ret;

	*tr = (struct translation) {};
	ret = get_context(unit, sid, &context);
	tr->quiet = context.lo & FAULT_DISABLED;
	if (ret || (ats && !may_translate(unit, &context)))
		return -EFAULT;
	if (!scalable(unit))
		return pasid == IOMMU_NO_PASID ?
		       describe_legacy(&context, tr) : -EFAULT;

	ret = get_pasid(unit, &context, pasid, &entry);
	tr->quiet = entry.val[0] & FAULT_DISABLED;
	return ret ?: describe_scalable(&entry, tr);
}

static int lookup(struct model_unit *unit, const struct translation *tr,
		  u64 addr, bool write, struct model_entry *result)
{
	struct model_entry *hit = entry_find(unit, &tr->tag, 0, addr);
	int ret;

	if (hit && !hit->present)
		return -EFAULT;
	/* An entry without the right, or the dirty bit, is looked up anew. */
	if (hit && (!write || (hit->write && (hit->dirty || !tr->track_dirty)))) {
		*result = *hit;
		return 0;
	}
	do {
		ret = walk_tables(unit, tr, addr, write, result);
	} while (ret == -EAGAIN);
	if (ret) {
		/* First-stage entries that are not present are never cached. */
		if (keeps_absent(unit) && ret == -ENOENT)
			entry_insert(unit, &(struct model_entry) {
				.tag = tr->tag,
				.addr = addr & ADDRESS,
			});
		return -EFAULT;
	}
	result->tag = tr->tag;
	result->dirty = write;
	result->snoop |= tr->snoop;
	if (hit)
		*hit = *result;
	else
		entry_insert(unit, result);
	return 0;
}

/**
 * model_translate() - translate a request as the unit does
 * @unit: The unit.
 * @sid: Who asks.
 * @pasid: Its PASID, %IOMMU_NO_PASID for a request without one.
 * @addr: What it asks for.
 * @write: To write there.
 * @ats: It is for a translation to keep.
 * @result: The page it may access.
 *
 * Context: &model_unit.lock held.
 * Return: 0, or -EFAULT if the request is refused.
 */
int model_translate(struct model_unit *unit, u16 sid, ioasid_t pasid, u64 addr,
		    bool write, bool ats, struct model_entry *result)
{
	struct translation tr;
	int ret;

	ret = describe(unit, sid, pasid, ats, &tr);
	if (!ret && tr.pass_through)
		*result = (struct model_entry) {
			.addr = addr & ADDRESS,
			.pa = addr & ADDRESS,
			.write = true,
			.present = true,
		};
	else if (!ret)
		ret = lookup(unit, &tr, addr, write, result);
	/* A device may only write what is known to be dirty. */
	if (!ret && ats && tr.track_dirty && !result->dirty)
		result->write = false;
	if (ret && !tr.quiet)
		unit->refused++;
	return ret;
}

static struct model_tag devtlb_tag(u16 sid, ioasid_t pasid)
{
	return (struct model_tag) {
		.form = MODEL_FORM_DEVTLB,
		.did = sid,
		.pasid = pasid,
	};
}

/**
 * model_devtlb_clear() - a device begins with an empty TLB
 * @unit: The unit of the device.
 * @sid: The device.
 *
 * Context: Any but NMI.
 */
void model_devtlb_clear(struct model_unit *unit, u16 sid)
{
	const struct model_inv all = {
		.sid = sid,
		.order = MODEL_ALL_PAGES,
	};
	unsigned long flags;

	raw_spin_lock_irqsave(&unit->lock, flags);
	invalidate_entries(unit, &all, same_device);
	raw_spin_unlock_irqrestore(&unit->lock, flags);
}

/**
 * model_devtlb_find() - look into a device's own TLB
 * @unit: The unit of the device.
 * @sid: The device.
 * @pasid: PASID of the request.
 * @addr: What it is for.
 * @write: To write there.
 * @result: What was found.
 *
 * Context: &model_unit.lock held.
 * Return: Whether it has been found.
 */
bool model_devtlb_find(struct model_unit *unit, u16 sid, ioasid_t pasid,
		       u64 addr, bool write, struct model_entry *result)
{
	const struct model_tag tag = devtlb_tag(sid, pasid);
	struct model_entry *hit = entry_find(unit, &tag, 0, addr);

	if (!hit || (write && !hit->write))
		return false;
	*result = *hit;
	return true;
}

/**
 * model_devtlb_insert() - remember a translation in a device's own TLB
 * @unit: The unit of the device.
 * @sid: The device.
 * @pasid: PASID of the request.
 * @addr: What it was for.
 * @entry: The answer: kept for the page of @addr only.
 *
 * Context: &model_unit.lock held.
 */
void model_devtlb_insert(struct model_unit *unit, u16 sid, ioasid_t pasid,
			 u64 addr, const struct model_entry *entry)
{
	struct model_entry new = *entry, *old;

	new.tag = devtlb_tag(sid, pasid);
	new.pa = entry_pa(entry, addr) & ADDRESS;
	new.addr = addr & ADDRESS;
	new.order = 0;
	/* One that it has read by, and now has the right to write by. */
	old = entry_find(unit, &new.tag, 0, addr);
	if (old)
		*old = new;
	else
		entry_insert(unit, &new);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation of a mock IOMMU and the caches that it fills.
 *
 * struct mock_cache is the translating part of a mock IOMMU: it walks the
 * tables that the driver has written, starting at the root table, and caches
 * what it reads in a context cache, a PASID cache, an IOTLB, paging-structure
 * caches and device TLBs. The caches keep entries as long as the specification
 * allows: an entry is never evicted, and an invalidation removes only the
 * entries that the specification requires hardware to remove.
 *
 * The register layer (unit.c) executes invalidations on it, and the PCI layer
 * (pci.c) issues DMA through it and sets which devices have ATS enabled.
 */
#ifndef _INTEL_IOMMU_MOCK_CACHE_H
#define _INTEL_IOMMU_MOCK_CACHE_H

#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/types.h>

#include "desc.h"

/* Bits of the capability register that caches and translation depend on */
#define MOCK_CAP_RWBF		BIT_ULL(4)
#define MOCK_CAP_CM		BIT_ULL(7)
#define MOCK_CAP_PSI		BIT_ULL(39)
#define MOCK_CAP_MAMV_SHIFT	48

/* Mode bits of the root table address that select scalable mode */
#define MOCK_ROOT_SCALABLE	BIT_ULL(10)
#define MOCK_ROOT_MODE		GENMASK_ULL(11, 10)

/* Kinds of TLB entries, and the members of their tags that are compared */
enum mock_form {
	MOCK_FORM_SS,		/* domain id */
	MOCK_FORM_FS,		/* domain id and PASID */
	MOCK_FORM_NESTED,	/* domain id and PASID */
	MOCK_FORM_DEVTLB,	/* requester id and PASID */
};

/**
 * struct mock_tag - tag of a TLB entry
 * @form: Kind of translation, which selects the members that are compared.
 * @did: Domain id; requester id for %MOCK_FORM_DEVTLB.
 * @pasid: PASID; not compared for %MOCK_FORM_SS.
 */
struct mock_tag {
	enum mock_form form;
	u16 did;
	u32 pasid;
};

/**
 * struct mock_entry - entry of a TLB or of a paging-structure cache
 * @tag: Tag of the entry.
 * @level: 0 for a translation; for a paging-structure cache entry, the level
 *	of the page table at @pa.
 * @addr: Input address of the first byte that is translated.
 * @order: Size: log2 of the number of 4 KiB pages.
 * @pa: Output address for @addr.
 * @write: Write permission.
 * @dirty: The dirty bit in the page table is set, so that a write need not set
 *	it again.
 * @snoop: Accesses are coherent even if the device requests otherwise.
 * @present: Clear for a cached not-present entry, which exists only if
 *	%MOCK_CAP_CM or %MOCK_CAP_RWBF is set.
 */
struct mock_entry {
	struct mock_tag tag;
	unsigned int level;
	u64 addr;
	unsigned int order;
	u64 pa;
	bool write;
	bool dirty;
	bool snoop;
	bool present;
};

/**
 * struct mock_context - entry of the context cache
 * @sid: Requester id.
 * @did: Domain id; 0 in scalable mode, where the PASID entry holds it.
 * @present: Clear for a cached not-present entry.
 * @lo: First quadword of the context entry.
 * @hi: Second quadword of the context entry.
 */
struct mock_context {
	u16 sid;
	u16 did;
	bool present;
	u64 lo, hi;
};

/**
 * struct mock_pasid - entry of the PASID cache
 * @sid: Requester id.
 * @did: Domain id.
 * @pasid: PASID.
 * @present: Clear for a cached not-present entry.
 * @val: First three quadwords of the PASID-table entry.
 */
struct mock_pasid {
	u16 sid;
	u16 did;
	u32 pasid;
	bool present;
	u64 val[3];
};

#define MOCK_MAX_ENTRIES	2048
#define MOCK_MAX_CONTEXTS	16
#define MOCK_MAX_PASIDS		128
#define MOCK_SIDS		0x10000

/**
 * struct mock_violations - violations of the specification by the driver
 * @count: Number of violations.
 * @first: Description of the first one, valid if @count is not 0.
 * @value: Number that qualifies @first, such as a register value.
 *
 * Violations are recorded instead of printed, because a slow console would
 * delay the emulated hardware. An overflow of one of the mock's own arrays is
 * recorded as well. Every test checks at its end that there are no violations.
 */
struct mock_violations {
	unsigned int count;
	const char *first;
	u64 value;
};

/**
 * struct mock_cache - translation and caches of one mock IOMMU
 * @cap: Capability register, constant.
 * @no_snoop: Context and PASID tables are read without snooping; constant.
 * @no_snoop_walk: Page tables are read without snooping, except those of
 *	guests; constant.
 * @root: Root table address with its mode bits, as latched by the set root
 *	table pointer command.
 * @entries: IOTLB, device TLBs and paging-structure caches in one array, which
 *	is searched from front to back.
 * @nr_entries: Number of valid @entries.
 * @contexts: Context cache.
 * @nr_contexts: Number of valid @contexts.
 * @pasids: PASID cache.
 * @nr_pasids: Number of valid @pasids.
 * @ats: Requester ids with ATS enabled, set by the PCI layer. May be read
 *	without the lock.
 * @refused: Number of requests refused and reported as faults since
 *	mock_reset(): requests for which fault reporting is disabled are not
 *	counted.
 * @violations: Violations of the specification since mock_reset().
 *
 * The lock of the mock IOMMU protects all members that are not constant. Callers
 * of the functions below hold it unless noted otherwise.
 */
struct mock_cache {
	u64 cap;
	bool no_snoop;
	bool no_snoop_walk;
	u64 root;
	struct mock_entry entries[MOCK_MAX_ENTRIES];
	unsigned int nr_entries;
	struct mock_context contexts[MOCK_MAX_CONTEXTS];
	unsigned int nr_contexts;
	struct mock_pasid pasids[MOCK_MAX_PASIDS];
	unsigned int nr_pasids;
	DECLARE_BITMAP(ats, MOCK_SIDS);
	unsigned int refused;
	struct mock_violations violations;
};

void mock_violation(struct mock_cache *cache, const char *what, u64 value);
unsigned int mock_mamv(const struct mock_cache *cache);

int mock_translate(struct mock_cache *cache, u16 sid, ioasid_t pasid, u64 addr,
		   bool write, bool ats, struct mock_entry *result);
bool mock_context_present(struct mock_cache *cache, u16 sid);
bool mock_inv_permitted(struct mock_cache *cache, const struct mock_inv *inv);
void mock_invalidate(struct mock_cache *cache, const struct mock_inv *inv);

bool mock_ats_enabled(const struct mock_cache *cache, u16 sid);
void mock_set_ats(struct mock_cache *cache, u16 sid, bool enable);
bool mock_serves_translated(struct mock_cache *cache, u16 sid);
void mock_devtlb_clear(struct mock_cache *cache, u16 sid);
bool mock_devtlb_find(struct mock_cache *cache, u16 sid, ioasid_t pasid,
		      u64 addr, bool write, struct mock_entry *result);
void mock_devtlb_insert(struct mock_cache *cache, u16 sid, ioasid_t pasid,
			u64 addr, const struct mock_entry *entry);

#endif /* _INTEL_IOMMU_MOCK_CACHE_H */

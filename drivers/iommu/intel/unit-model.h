/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-d hardware made of memory, for tests that run the real driver on it.
 *
 * The units are named by a DMAR table that the firmware was given for the
 * purpose; their registers are in memory which the kernel was told to leave
 * alone, so the driver finds, maps and initialises them as it does any other. A
 * timer on a CPU of its own plays the hardware. Behind each unit is a PCI
 * segment with devices that issue DMA when a test says so.
 *
 * The hardware is as hostile as the specification allows: no cache forgets
 * anything by itself, and an invalidation removes what it must and nothing
 * else. Nothing here knows of the driver's structures or headers.
 */
#ifndef _INTEL_IOMMU_UNIT_MODEL_H
#define _INTEL_IOMMU_UNIT_MODEL_H

#include <linux/iommu.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct hrtimer;

/**
 * enum model_unit_id - the units that there are
 * @MODEL_LEGACY: Legacy mode, ATS.
 * @MODEL_LEGACY_CM: Legacy mode, caching mode.
 * @MODEL_LEGACY_OLD: Legacy mode, ATS; selects no pages, does not snoop when it
 *	walks, and holds back in its write buffer what it should look at.
 * @MODEL_REGISTERS: Legacy mode; no queue, invalidation by register.
 * @MODEL_SS: Scalable mode, second stage only, ATS, PASID.
 * @MODEL_SS_CM: Scalable mode, second stage only, PASID, caching mode; does not
 *	snoop when it walks.
 * @MODEL_FS: Scalable mode, both stages, nesting, ATS, PASID.
 * @MODEL_FS2: Another of these, with page requests.
 * @MODEL_FS_CM: Both stages, nesting, ATS, PASID, caching mode.
 * @MODEL_KDUMP: Legacy mode; another kernel has crashed while it translated.
 * @MODEL_KDUMP_SM: The same in scalable mode, second stage only.
 * @MODEL_UNITS: Their number.
 */
enum model_unit_id {
	MODEL_LEGACY,
	MODEL_LEGACY_CM,
	MODEL_LEGACY_OLD,
	MODEL_REGISTERS,
	MODEL_SS,
	MODEL_SS_CM,
	MODEL_FS,
	MODEL_FS2,
	MODEL_FS_CM,
	MODEL_KDUMP,
	MODEL_KDUMP_SM,
	MODEL_UNITS,
};

/* Devices behind each unit: the first without ATS, the others with. */
#define MODEL_DEVS	3
/* One more, of conventional PCI, behind a bridge that asks in its stead */
#define MODEL_BRIDGED	MODEL_DEVS
/* The id that it has, under which it does not ask */
#define MODEL_BRIDGED_ID	0x108
#define MODEL_BRIDGE	(MODEL_BRIDGED + 1)
#define MODEL_SLOTS	(MODEL_BRIDGE + 1)

enum model_inv_type {
	MODEL_INV_CONTEXT,
	MODEL_INV_PASID_CACHE,
	MODEL_INV_IOTLB,
	MODEL_INV_PIOTLB,
	MODEL_INV_DEVTLB,
	MODEL_INV_DEVTLB_PASID,
	MODEL_INV_IEC,
	MODEL_INV_WAIT,
	MODEL_INV_WRITE_BUFFER,
};

/* Granularities of IOTLB, PASID-based IOTLB and context cache */
#define MODEL_GLOBAL	1
#define MODEL_DOMAIN	2	/* of PASID-based IOTLB: the PASID */
#define MODEL_PAGES	3	/* of context cache: the device */
/* Of the PASID cache; 3 is global */
#define MODEL_PC_DOMAIN	0
#define MODEL_PC_PASID	1
#define MODEL_PC_GLOBAL	3

#define MODEL_ALL_PAGES	52

/**
 * struct model_inv - an invalidation, taken apart
 * @type: Which of them.
 * @granularity: Of those that have one.
 * @did: Domain id.
 * @sid: Requester id.
 * @fm: Function mask of a context cache invalidation.
 * @pasid: PASID, %IOMMU_NO_PASID for a device TLB without one.
 * @addr: First byte of the block.
 * @order: Size of the block in pages, %MODEL_ALL_PAGES for all.
 * @ih: Only leaf entries have changed.
 */
struct model_inv {
	enum model_inv_type type;
	u8 granularity;
	u16 did;
	u16 sid;
	u8 fm;
	u32 pasid;
	u64 addr;
	unsigned int order;
	bool ih;
};

/* How IOTLB entries are told apart */
enum model_form {
	MODEL_FORM_SS,		/* by domain id */
	MODEL_FORM_FS,		/* by domain id and PASID */
	MODEL_FORM_NESTED,	/* as well */
	MODEL_FORM_DEVTLB,	/* by requester id and PASID */
};

/**
 * struct model_tag - what an entry of a TLB belongs to
 * @form: Which of the members count.
 * @did: Domain id, or the requester id for a device TLB.
 * @pasid: PASID.
 */
struct model_tag {
	enum model_form form;
	u16 did;
	u32 pasid;
};

/**
 * struct model_entry - what a TLB or a paging-structure cache holds
 * @tag: What it belongs to.
 * @level: 0 for a translation; for a paging-structure cache, the level of the
 *	table that @pa is the address of.
 * @addr: First byte translated.
 * @order: Number of pages translated, as a power of two.
 * @pa: Where to.
 * @write: Writing is permitted.
 * @dirty: The page table says already that the page has been written.
 * @snoop: Whatever the device asks for, its accesses are coherent.
 * @present: Clear for what caching mode keeps of entries not present.
 */
struct model_entry {
	struct model_tag tag;
	unsigned int level;
	u64 addr;
	unsigned int order;
	u64 pa;
	bool write;
	bool dirty;
	bool snoop;
	bool present;
};

struct model_context {
	u16 sid;
	u16 did;
	bool present;
	u64 lo, hi;
};

struct model_pasid {
	u16 sid;
	u16 did;
	u32 pasid;
	bool present;
	u64 val[3];
};

#define MODEL_MAX_ENTRIES	2048
#define MODEL_MAX_CONTEXTS	16
#define MODEL_MAX_PASIDS	128
#define MODEL_MAX_LOG		1024

struct model_device {
	struct pci_dev *pdev;
	u8 *config;
	bool gone;
};

/**
 * struct model_faults - what is wrong with a unit
 * @latency: For how long an invalidation is not looked at, in ns.
 * @iqe: Which of the following descriptors is an error; 0 for none.
 * @ice: Which of the following descriptors is completed by a device that was
 *	not asked for it; 0 for none.
 * @ite: A device TLB of this requester id does not answer; 0 for none.
 * @nameless: Which device did not answer is not reported.
 * @eager: After a time-out, descriptors are executed until there are no more,
 *	but for waits, rather than until the first wait.
 * @deaf: Behind a queue error that has been cleared, the queue is looked at only
 *	when the tail has been written once more.
 * @narrow: A PASID-based IOTLB invalidation with an address mask above CAP.MAMV
 *	is an invalid descriptor. Not as specified; QEMU's unit does this from
 *	10.0.13 on.
 */
struct model_faults {
	u64 latency;
	unsigned int iqe;
	unsigned int ice;
	u16 ite;
	bool nameless;
	bool eager;
	bool deaf;
	bool narrow;
};

/**
 * struct model_unit - a unit
 * @name: For messages.
 * @cap: Capability register.
 * @ecap: Extended capability register.
 * @phys: Physical address of the registers.
 * @segment: PCI segment behind it.
 * @left_on: It has translated before this kernel came.
 * @left_reached: Its devices have done DMA before this kernel has found them.
 * @regs: The registers.
 * @lock: Protects all that follows. Taken by the timer and by DMA, with
 *	interrupts off. Tests that have no submission under way read the counts
 *	and the log without.
 * @root: Root table as the hardware has latched it, with the mode bits.
 * @queue: Invalidation queue, NULL while disabled.
 * @wide: Descriptors have 256 bits.
 * @head: Next descriptor.
 * @raised: Bits of the fault status that software has not cleared yet. While
 *	there are any, nothing is executed.
 * @aborted: A device TLB did not answer: waits are dropped until software has
 *	cleared the time-out.
 * @stopped: Since when @raised has been waiting for software, in ns.
 * @busy: Invalidation registers have something in them.
 * @hold: Invalidations are not looked at before the tail has moved that often.
 * @tail: Tail register as last seen.
 * @due: When @tail may be acted on.
 * @doorbells: How often the tail moved.
 * @complaints: How often software has asked for something that it must not.
 * @complaint: What was wrong the first time.
 * @complaint_value: A number to go with that.
 * @faults: What is wrong with it.
 * @timeouts: How many time-outs were reported.
 * @refused: How many requests were refused that software wants to know of.
 * @log: What was asked for.
 * @nr_log: How much, which may be more than there is room for.
 * @entries: IOTLB, device TLBs and paging-structure caches.
 * @nr_entries: How many.
 * @contexts: Context cache.
 * @nr_contexts: How many.
 * @pasids: PASID cache.
 * @nr_pasids: How many.
 * @devs: The devices behind it.
 */
struct model_unit {
	const char *name;
	u64 cap;
	u64 ecap;
	phys_addr_t phys;
	u16 segment;
	bool left_on;
	bool left_reached;
	void __iomem *regs;

	raw_spinlock_t lock; /* see above */
	u64 root;
	u64 *queue;
	bool wide;
	u32 head;
	u32 raised;
	bool aborted;
	u64 stopped;
	bool busy;
	unsigned int hold;
	u32 tail;
	u64 due;
	unsigned int doorbells;
	unsigned int complaints;
	const char *complaint;
	u64 complaint_value;
	struct model_faults faults;
	unsigned int timeouts;
	unsigned int refused;

	struct model_inv log[MODEL_MAX_LOG];
	unsigned int nr_log;
	struct model_entry entries[MODEL_MAX_ENTRIES];
	unsigned int nr_entries;
	struct model_context contexts[MODEL_MAX_CONTEXTS];
	unsigned int nr_contexts;
	struct model_pasid pasids[MODEL_MAX_PASIDS];
	unsigned int nr_pasids;

	struct model_device devs[MODEL_SLOTS];
};

#define MODEL_CAP_RWBF		BIT_ULL(4)
#define MODEL_CAP_CM		BIT_ULL(7)
#define MODEL_CAP_PSI		BIT_ULL(39)
#define MODEL_CAP_MAMV_SHIFT	48
#define MODEL_ECAP_PRS		BIT_ULL(29)
#define MODEL_ECAP_SMTS		BIT_ULL(43)

/* unit-model.c: registers, queue, the timer; for tests */
struct model_unit *model_unit(enum model_unit_id id);
bool model_present(void);
void model_reset(void);
void model_set_faults(struct model_unit *unit, struct model_faults faults);
void model_hold(struct model_unit *unit, unsigned int doorbells);
bool model_stuck(struct model_unit *unit);
bool model_stuck_anew(struct model_unit *unit, unsigned int *seen);
void model_do_commands(struct model_unit *unit);
void model_complain(struct model_unit *unit, const char *what, u64 value);

/* unit-model-desc.c: the format of descriptors */
int model_decode(const u64 *qw, struct model_inv *inv);

/* unit-model-cache.c: translation, and what is remembered of it */
int model_translate(struct model_unit *unit, u16 sid, ioasid_t pasid, u64 addr,
		    bool write, bool ats, struct model_entry *result);
unsigned int model_mamv(const struct model_unit *unit);
bool model_permits(struct model_unit *unit, const struct model_inv *inv);
void model_invalidate(struct model_unit *unit, const struct model_inv *inv);
void model_devtlb_clear(struct model_unit *unit, u16 sid);
bool model_devtlb_find(struct model_unit *unit, u16 sid, ioasid_t pasid,
		       u64 addr, bool write, struct model_entry *result);
void model_devtlb_insert(struct model_unit *unit, u16 sid, ioasid_t pasid,
			 u64 addr, const struct model_entry *entry);

/* unit-model-pci.c: the devices */
int model_pci_create(struct model_unit *unit);
bool model_ats_enabled(struct model_unit *unit, u16 sid);
void model_set_gone(struct device *dev, bool gone);
struct device *model_dev(enum model_unit_id id, unsigned int i);
u16 model_sid(unsigned int i);
int model_dma(struct device *dev, ioasid_t pasid, u64 addr, bool write,
	      phys_addr_t *pa);
bool model_dma_snoops(struct device *dev, ioasid_t pasid, u64 addr);
struct pci_bus *model_vmd_create(struct device *dev);
void model_vmd_remove(struct pci_bus *bus);

/* unit-model-kdump.c: what a kernel has left that has crashed */
int model_kdump_init(struct model_unit *unit);
bool model_kdump_reaches(struct model_unit *unit, unsigned int i);

#endif /* _INTEL_IOMMU_UNIT_MODEL_H */

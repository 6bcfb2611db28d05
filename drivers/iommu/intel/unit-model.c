// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers and the invalidation queue of units made of memory, and the
 * timer that plays their hardware.
 *
 * Nobody is told when software writes a register, so the timer looks. It fires
 * in hard interrupt context, since software waits with interrupts off, and on a
 * CPU that nothing else runs on, since software might wait there. A register
 * that software clears by writing ones to it carries a mark beside what
 * hardware has set, so that such a write can be told from none.
 */

#define pr_fmt(fmt)	"unit-model: " fmt

#include <linux/acpi.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/sched/isolation.h>
#include <linux/smp.h>
#include <asm/x86_init.h>

#include "unit-model.h"

#define REG_VER		0x00
#define REG_CAP		0x08
#define REG_ECAP	0x10
#define REG_GCMD	0x18
#define REG_GSTS	0x1c
#define REG_RTADDR	0x20
#define REG_CCMD	0x28
#define REG_FSTS	0x34
#define REG_IQH		0x80
#define REG_IQT		0x88
/* Reserved: there until software writes the register. */
#define IQT_MARK	BIT(31)
#define REG_IQA		0x90
#define REG_IQER	0xb0
/* Where the extended capabilities say */
#define REG_IVA		0x500
#define REG_IOTLB	0x508

/* Commands that last, which status repeats, and those that are done once */
#define GCMD_LASTING	(BIT(31) | BIT(28) | BIT(26) | BIT(25) | BIT(23))
#define GCMD_TE		BIT(31)
#define GCMD_SRTP	BIT(30)
#define GCMD_SFL	BIT(29)
#define GCMD_WBF	BIT(27)
#define GCMD_QIE	BIT(26)
#define GCMD_SIRTP	BIT(24)
#define GCMD_ONCE	(GCMD_SRTP | GCMD_SFL | GCMD_WBF | GCMD_SIRTP)

#define FSTS_IQE	BIT(4)
#define FSTS_ICE	BIT(5)
#define FSTS_ITE	BIT(6)
/* Reserved in the real register: the value is the hardware's. */
#define FSTS_MARK	BIT(31)

/*
 * Real hardware has cleared an error when software reads the register again.
 * Until this one has, software may see to the error once more, and write to the
 * register when it is none any more: nothing goes on before that is over.
 */
#define SETTLE		(20 * NSEC_PER_MSEC)
/* Long enough for software to see to an error. */
#define PATIENCE	(400 * NSEC_PER_MSEC)
/* More than any test provokes. */
#define MAX_TIMEOUTS	200
#define QUEUE_LENGTH	256
#define PERIOD		us_to_ktime(20)

/* Second-stage tables of 3 and 4 levels, 64K domains, 48 bits, superpages */
#define CAP	(6ULL | 6ULL << 8 | 47ULL << 16 | 0x20ULL << 24 | 3ULL << 34)
#define CAP_PSI	(MODEL_CAP_PSI | 18ULL << MODEL_CAP_MAMV_SHIFT)
#define CAP_FS	(BIT_ULL(56) | CAP_PSI)
/* Pass-through, snooping, registers at 0x500; coherent walks; queue */
#define ECAP_OLD	(BIT_ULL(6) | BIT_ULL(7) | 0x50ULL << 8)
#define ECAP_QI		BIT_ULL(1)
#define ECAP	(ECAP_OLD | BIT_ULL(0) | ECAP_QI)
#define ECAP_DT	BIT_ULL(2)
/* Scalable mode, second stage with dirty bits, PASIDs of 20 bits */
#define ECAP_SM	(MODEL_ECAP_SMTS | BIT_ULL(45) | BIT_ULL(46) | BIT_ULL(40) | \
		 19ULL << 35)
/* Of which the walks are coherent */
#define ECAP_SMPWC	BIT_ULL(48)
/* First stage, nested */
#define ECAP_FS	(BIT_ULL(47) | BIT_ULL(26) | ECAP_SMPWC)
/* Page requests, and draining them */
#define ECAP_PRI	(MODEL_ECAP_PRS | BIT_ULL(42))

static struct model_unit units[MODEL_UNITS] = {
	[MODEL_LEGACY] = {
		.name = "legacy",
		.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT,
	},
	[MODEL_LEGACY_CM] = {
		.name = "legacy-cm",
		.cap = CAP | CAP_PSI | MODEL_CAP_CM,
		.ecap = ECAP,
	},
	[MODEL_LEGACY_OLD] = {
		.name = "legacy-old",
		.cap = CAP | MODEL_CAP_RWBF,
		.ecap = ECAP_OLD | ECAP_QI | ECAP_DT,
	},
	[MODEL_REGISTERS] = {
		.name = "registers",
		.cap = CAP | CAP_PSI,
		.ecap = ECAP & ~ECAP_QI,
	},
	[MODEL_SS] = {
		.name = "second-stage",
		.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_SMPWC,
	},
	[MODEL_SS_CM] = {
		.name = "second-stage-cm",
		.cap = CAP | CAP_PSI | MODEL_CAP_CM,
		.ecap = ECAP | ECAP_SM,
	},
	[MODEL_FS] = {
		.name = "first-stage",
		.cap = CAP | CAP_FS,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS,
	},
	[MODEL_FS2] = {
		.name = "first-stage-2",
		.cap = CAP | CAP_FS,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS | ECAP_PRI,
	},
	[MODEL_FS_CM] = {
		.name = "first-stage-cm",
		.cap = CAP | CAP_FS | MODEL_CAP_CM,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS,
	},
	[MODEL_KDUMP] = {
		.name = "kdump",
		.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT,
		.left_on = true,
	},
	[MODEL_KDUMP_SM] = {
		.name = "kdump-scalable",
		.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_SMPWC,
		.left_on = true,
	},
};

static struct hrtimer hardware;
static int hardware_cpu = -1;

/**
 * model_complain() - software has asked for something that it must not
 * @unit: The unit that was asked.
 * @what: Why it must not.
 * @value: A number to go with it.
 *
 * Not printed from here: a console could keep the hardware from its work.
 *
 * Context: &model_unit.lock held.
 */
void model_complain(struct model_unit *unit, const char *what, u64 value)
{
	if (unit->complaints++)
		return;
	unit->complaint = what;
	unit->complaint_value = value;
}

static void log_add(struct model_unit *unit, const struct model_inv *inv)
{
	if (unit->nr_log < MODEL_MAX_LOG)
		unit->log[unit->nr_log] = *inv;
	unit->nr_log++;
}

/* Recorded, checked, done. */
static void invalidate(struct model_unit *unit, const struct model_inv *inv)
{
	log_add(unit, inv);
	model_invalidate(unit, inv);
}

/* Global commands */

static void queue_enable(struct model_unit *unit, bool enable)
{
	u64 iqa = readq(unit->regs + REG_IQA);

	if (!enable) {
		unit->queue = NULL;
		return;
	}
	if (unit->queue)
		return;
	unit->queue = phys_to_virt(iqa & GENMASK_ULL(51, 12));
	unit->wide = iqa & BIT_ULL(11);
	unit->head = 0;
	unit->tail = 0;
	writel(0, unit->regs + REG_IQH);
}

/**
 * model_do_commands() - execute global commands
 * @unit: The unit.
 *
 * Software that has given one and does not see it pending takes it for done.
 * Hence to be called before anything else that the unit does.
 *
 * Context: &model_unit.lock held.
 */
void model_do_commands(struct model_unit *unit)
{
	u32 *command = (__force u32 *)unit->regs + REG_GCMD / sizeof(u32);
	u32 gcmd = readl(unit->regs + REG_GCMD);
	u32 gsts = readl(unit->regs + REG_GSTS);
	u32 now = (gsts & GCMD_ONCE) | (gcmd & GCMD_LASTING);

	/* If software has written another one just now, see to that. */
	if (cmpxchg(command, gcmd, gcmd & ~GCMD_ONCE) != gcmd)
		return;
	if (gcmd & GCMD_SRTP) {
		unit->root = readq(unit->regs + REG_RTADDR);
		now |= GCMD_SRTP;
	}
	if (gcmd & GCMD_SIRTP)
		now |= GCMD_SIRTP;
	/* Several at once are seen as one. */
	if (gcmd & GCMD_WBF)
		invalidate(unit, &(struct model_inv) {
			.type = MODEL_INV_WRITE_BUFFER,
		});
	if ((gcmd ^ gsts) & GCMD_QIE)
		queue_enable(unit, gcmd & GCMD_QIE);
	if (now != gsts)
		writel(now, unit->regs + REG_GSTS);
}

/* Invalidation by register: a bit says go, and another field what was done. */

#define REGISTER_GO	BIT_ULL(63)

static void do_context_register(struct model_unit *unit, u64 ccmd)
{
	struct model_inv inv = {
		.type = MODEL_INV_CONTEXT,
		.granularity = (ccmd >> 61) & 3,
		.fm = (ccmd >> 32) & 3,
		.sid = (ccmd >> 16) & 0xffff,
		.did = ccmd & 0xffff,
	};

	invalidate(unit, &inv);
	ccmd &= ~(REGISTER_GO | GENMASK_ULL(60, 59));
	writeq(ccmd | (u64)inv.granularity << 59, unit->regs + REG_CCMD);
}

/* A request that cannot be served is not, which the granularity says. */
static void do_iotlb_register(struct model_unit *unit, u64 iotlb)
{
	u64 iva = readq(unit->regs + REG_IVA);
	struct model_inv inv = {
		.type = MODEL_INV_IOTLB,
		.granularity = (iotlb >> 60) & 3,
		.did = (iotlb >> 32) & 0xffff,
		.order = MODEL_ALL_PAGES,
	};
	unsigned int done = inv.granularity;

	if (inv.granularity == MODEL_PAGES) {
		inv.order = iva & 0x3f;
		inv.ih = iva & BIT_ULL(6);
		inv.addr = iva & GENMASK_ULL(63, 12);
		if (inv.order < MODEL_ALL_PAGES)
			inv.addr &= GENMASK_ULL(63, 12 + inv.order);
	}
	if (inv.granularity && model_permits(unit, &inv))
		invalidate(unit, &inv);
	else
		done = 0;
	iotlb &= ~(REGISTER_GO | GENMASK_ULL(58, 57));
	writeq(iotlb | (u64)done << 57, unit->regs + REG_IOTLB);
}

/* Software has something to be done. Has the time come? */
static void be_told(struct model_unit *unit)
{
	unit->doorbells++;
	if (unit->hold)
		unit->hold--;
	unit->due = max(unit->due, ktime_get_ns() + unit->faults.latency);
}

static bool is_time(const struct model_unit *unit)
{
	return !unit->hold && ktime_get_ns() >= unit->due;
}

static void do_registers(struct model_unit *unit)
{
	u64 ccmd = readq(unit->regs + REG_CCMD);
	u64 iotlb = readq(unit->regs + REG_IOTLB);
	bool go = (ccmd | iotlb) & REGISTER_GO;

	if (go && !unit->busy)
		be_told(unit);
	unit->busy = go;
	if (!go || !is_time(unit))
		return;
	if (ccmd & REGISTER_GO)
		do_context_register(unit, ccmd);
	if (iotlb & REGISTER_GO)
		do_iotlb_register(unit, iotlb);
	unit->busy = false;
}

/* The invalidation queue */

static unsigned int queue_shift(const struct model_unit *unit)
{
	return unit->wide ? 5 : 4;
}

static void raise(struct model_unit *unit, u32 error, u64 record)
{
	unit->stopped = ktime_get_ns();
	unit->raised |= error;
	writeq(record, unit->regs + REG_IQER);
	writel(unit->head << queue_shift(unit), unit->regs + REG_IQH);
	writel(unit->raised | FSTS_MARK, unit->regs + REG_FSTS);
}

static void raise_queue_error(struct model_unit *unit)
{
	u32 *iqt = (u32 __force *)(unit->regs + REG_IQT);
	u32 tail = readl(unit->regs + REG_IQT);

	/* Unless software has just written it. */
	if (unit->faults.deaf)
		cmpxchg(iqt, tail, tail | IQT_MARK);
	raise(unit, FSTS_IQE, 1);
}

/* Software writes the ones that it wants cleared, without the mark. */
static void clear_errors(struct model_unit *unit)
{
	u32 fsts = readl(unit->regs + REG_FSTS);

	if (!fsts || fsts & FSTS_MARK)
		return;
	if (unit->raised & fsts & FSTS_ITE)
		unit->aborted = false;
	unit->raised &= ~fsts;
	unit->due = ktime_get_ns() + unit->faults.latency + SETTLE;
	writel(unit->raised ? unit->raised | FSTS_MARK : 0,
	       unit->regs + REG_FSTS);
}

static void fetch(const struct model_unit *unit, u64 *qw)
{
	const u64 *desc = unit->queue + unit->head * (unit->wide ? 4 : 2);

	qw[0] = desc[0];
	qw[1] = desc[1];
	qw[2] = unit->wide ? desc[2] : 0;
	qw[3] = unit->wide ? desc[3] : 0;
}

/* Is a descriptor one that the unit executes? */
static bool accept(struct model_unit *unit, const u64 *qw,
		   struct model_inv *inv)
{
	if (model_decode(qw, inv)) {
		model_complain(unit, "invalid descriptor", qw[0]);
		return false;
	}
	return !unit->faults.narrow || inv->type != MODEL_INV_PIOTLB ||
	       inv->granularity != MODEL_PAGES ||
	       inv->order <= model_mamv(unit);
}

/*
 * Hardware would wait for ever, and so would the test. Errors that were made up
 * do not come again.
 */
static void give_up(struct model_unit *unit)
{
	struct model_inv inv;
	u64 qw[4];

	model_complain(unit, "an error is not cleared",
		       readl(unit->regs + REG_FSTS));
	fetch(unit, qw);
	if (unit->raised & FSTS_IQE && !accept(unit, qw, &inv))
		unit->head = (unit->head + 1) % QUEUE_LENGTH;
	unit->raised = 0;
	unit->aborted = false;
	writel(0, unit->regs + REG_FSTS);
	writel(unit->tail << queue_shift(unit), unit->regs + REG_IQT);
}

static bool is_devtlb(const struct model_inv *inv)
{
	return inv->type == MODEL_INV_DEVTLB ||
	       inv->type == MODEL_INV_DEVTLB_PASID;
}

/* No access of the kernel's, with which software could race. */
static __no_kcsan void write_status(u64 pa, u32 status)
{
	/* Pairs with software's poll. */
	smp_store_release((u32 *)phys_to_virt(pa), status);
}

static bool counts_down(unsigned int *n)
{
	return *n && !--*n;
}

/* Returns false if the unit comes to a halt at the descriptor. */
static bool do_descriptor(struct model_unit *unit)
{
	struct model_faults *faults = &unit->faults;
	struct model_inv inv;
	u64 qw[4];

	fetch(unit, qw);
	if (counts_down(&faults->ice)) {
		raise(unit, FSTS_ICE, 0);
		return false;
	}
	if (counts_down(&faults->iqe)) {
		raise_queue_error(unit);
		return false;
	}
	if (!accept(unit, qw, &inv)) {
		raise_queue_error(unit);
		return false;
	}

	unit->head = (unit->head + 1) % QUEUE_LENGTH;
	/* Behind a time-out, nobody's TLB is known to have answered. */
	if (is_devtlb(&inv) && faults->ite &&
	    (unit->aborted || inv.sid == faults->ite)) {
		log_add(unit, &inv);
		unit->aborted = true;
		return true;
	}
	invalidate(unit, &inv);
	if (inv.type != MODEL_INV_WAIT)
		return true;
	/* A time-out is reported instead of what waits for it. */
	if (unit->aborted) {
		if (faults->eager && unit->head != unit->tail)
			return true;
		raise(unit, FSTS_ITE,
		      faults->nameless ? 0 : (u64)faults->ite << 32);
		/* Or software would ask for ever, and the test not end. */
		if (++unit->timeouts >= MAX_TIMEOUTS) {
			model_complain(unit, "a device is asked again and again",
				       faults->ite);
			faults->ite = 0;
		}
		return false;
	}
	if (qw[0] & BIT(5)) {
		writel(unit->head << queue_shift(unit), unit->regs + REG_IQH);
		write_status(qw[1], qw[0] >> 32);
	}
	return true;
}

static void do_queue(struct model_unit *unit)
{
	u32 iqt = readl(unit->regs + REG_IQT);
	u32 tail = (iqt & ~IQT_MARK) >> queue_shift(unit);

	if (tail != unit->tail) {
		unit->tail = tail;
		be_told(unit);
	}
	if (unit->raised || iqt & IQT_MARK) {
		if (ktime_get_ns() - unit->stopped > PATIENCE)
			give_up(unit);
		return;
	}
	if (!is_time(unit))
		return;
	while (unit->head != unit->tail && do_descriptor(unit))
		;
	writel(unit->head << queue_shift(unit), unit->regs + REG_IQH);
}

static void do_unit(struct model_unit *unit)
{
	raw_spin_lock(&unit->lock);
	model_do_commands(unit);
	clear_errors(unit);
	if (unit->queue)
		do_queue(unit);
	else
		do_registers(unit);
	raw_spin_unlock(&unit->lock);
}

static enum hrtimer_restart hardware_run(struct hrtimer *timer)
{
	int i;

	for (i = 0; i < MODEL_UNITS; i++)
		do_unit(&units[i]);
	hrtimer_forward_now(timer, PERIOD);
	return HRTIMER_RESTART;
}

static void hardware_start(void *unused)
{
	hrtimer_start(&hardware, PERIOD, HRTIMER_MODE_REL_PINNED_HARD);
}

/* For tests */

/**
 * model_present() - have units been made?
 *
 * Return: False if the firmware does not name any, or there is no CPU for them.
 */
bool model_present(void)
{
	return hardware_cpu >= 0;
}

/**
 * model_unit() - one of the units
 * @id: Which.
 *
 * Return: The unit.
 */
struct model_unit *model_unit(enum model_unit_id id)
{
	return &units[id];
}

/**
 * model_reset() - forget what has been recorded, and all faults set up
 *
 * The caches stay as they are.
 */
void model_reset(void)
{
	unsigned long flags;
	int i;

	for (i = 0; i < MODEL_UNITS; i++) {
		struct model_unit *unit = &units[i];

		raw_spin_lock_irqsave(&unit->lock, flags);
		unit->hold = 0;
		unit->faults = (struct model_faults) {};
		unit->timeouts = 0;
		unit->refused = 0;
		unit->doorbells = 0;
		unit->complaints = 0;
		unit->nr_log = 0;
		raw_spin_unlock_irqrestore(&unit->lock, flags);
	}
}

/**
 * model_set_faults() - let something be wrong with a unit
 * @unit: The unit.
 * @faults: What is, from now on; nothing else.
 */
void model_set_faults(struct model_unit *unit, struct model_faults faults)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&unit->lock, flags);
	unit->faults = faults;
	raw_spin_unlock_irqrestore(&unit->lock, flags);
}

/**
 * model_hold() - let a unit look away from its queue
 * @unit: The unit.
 * @doorbells: How often it has to be told that there is something. 0 to let it
 *	look at once, however slow it is.
 *
 * Does nothing to a unit without a queue: software holds a lock while it waits
 * for one, so nobody else could tell it anything.
 */
void model_hold(struct model_unit *unit, unsigned int doorbells)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&unit->lock, flags);
	if (unit->queue) {
		unit->hold = doorbells;
		unit->due = ktime_get_ns();
	}
	raw_spin_unlock_irqrestore(&unit->lock, flags);
}

static bool is_stuck(const struct model_unit *unit)
{
	return unit->busy || unit->head != unit->tail;
}

/**
 * model_stuck() - does anybody wait for a unit that looks away?
 * @unit: The unit.
 *
 * Return: Whether it has something to do.
 */
bool model_stuck(struct model_unit *unit)
{
	unsigned long flags;
	bool stuck;

	raw_spin_lock_irqsave(&unit->lock, flags);
	stuck = is_stuck(unit);
	raw_spin_unlock_irqrestore(&unit->lock, flags);
	return stuck;
}

/**
 * model_stuck_anew() - is it something else that is waited for by now?
 * @unit: The unit.
 * @seen: How many invalidations had been executed when it was asked the last
 *	time that somebody waited; ~0 at first.
 *
 * Who does something while somebody waits, and is still waited for when that is
 * done, has seen this wait already.
 *
 * Context: Any but NMI.
 * Return: Whether somebody waits, and something has been executed meanwhile.
 */
bool model_stuck_anew(struct model_unit *unit, unsigned int *seen)
{
	unsigned long flags;
	bool stuck;

	raw_spin_lock_irqsave(&unit->lock, flags);
	stuck = is_stuck(unit) && unit->nr_log != *seen;
	if (stuck)
		*seen = unit->nr_log;
	raw_spin_unlock_irqrestore(&unit->lock, flags);
	return stuck;
}

/* Finding the units */

/* As a kernel that has crashed leaves it. */
static int __init leave_on(struct model_unit *unit)
{
	int ret = model_kdump_init(unit);

	if (ret)
		return ret;
	writeq(unit->root, unit->regs + REG_RTADDR);
	writel(GCMD_TE, unit->regs + REG_GCMD);
	writel(GCMD_TE | GCMD_SRTP, unit->regs + REG_GSTS);
	return 0;
}

static int __init init_unit(struct model_unit *unit,
			    const struct acpi_dmar_hardware_unit *drhd)
{
	raw_spin_lock_init(&unit->lock);
	unit->phys = drhd->address;
	unit->segment = drhd->segment;
	unit->regs = ioremap(unit->phys, SZ_4K);
	if (!unit->regs)
		return -ENOMEM;
	writel(0x60, unit->regs + REG_VER);
	writeq(unit->cap, unit->regs + REG_CAP);
	writeq(unit->ecap, unit->regs + REG_ECAP);
	return unit->left_on ? leave_on(unit) : 0;
}

/* Only a table that was made for this is taken to name memory. */
static int __init init_units(const struct acpi_table_header *table)
{
	const void *end = (void *)table + table->length;
	const struct acpi_dmar_header *entry;
	int n = 0, ret;

	if (memcmp(table->oem_id, "KUNIT ", ACPI_OEM_ID_SIZE))
		return -ENODEV;
	for (entry = (void *)table + sizeof(struct acpi_table_dmar);
	     (void *)entry < end && entry->length && n < MODEL_UNITS;
	     entry = (void *)entry + entry->length) {
		if (entry->type != ACPI_DMAR_TYPE_HARDWARE_UNIT)
			continue;
		ret = init_unit(&units[n++], (void *)entry);
		if (ret)
			return ret;
	}
	return n == MODEL_UNITS ? 0 : -ENODEV;
}

/* By the time the driver switches them off, the hardware's CPU has stopped. */
static void no_shutdown(void)
{
}

/* Before the driver looks for units, which it does at rootfs_initcall. */
static int __init unit_model_init(void)
{
	struct acpi_table_header *table;
	int cpu, ret;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_DMAR, 0, &table)))
		return 0;
	for_each_online_cpu(cpu)
		if (!housekeeping_cpu(cpu, HK_TYPE_DOMAIN))
			break;
	if (cpu >= nr_cpu_ids) {
		pr_info("no CPU is isolated\n");
		goto out;
	}
	ret = init_units(table);
	if (ret) {
		pr_info("no units in the DMAR table (%d)\n", ret);
		goto out;
	}
	hardware_cpu = cpu;
	x86_platform.iommu_shutdown = no_shutdown;
	hrtimer_setup(&hardware, hardware_run, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	smp_call_function_single(cpu, hardware_start, NULL, 1);
out:
	acpi_put_table(table);
	return 0;
}
arch_initcall(unit_model_init);

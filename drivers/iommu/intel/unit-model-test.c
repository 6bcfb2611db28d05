// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of attaching, mapping, unmapping and detaching on units made of
 * memory: whatever happens, once an unmap or a detach has returned, no device
 * reaches the page any more, by whichever cache; once a map has returned, the
 * device reaches the new page.
 */

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "../iommu-priv.h"
#include "unit-model-kunit.h"

static const struct ut_topology topologies[] = {
	{ "legacy", MODEL_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MODEL_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MODEL_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection", MODEL_LEGACY_OLD, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection, ATS", MODEL_LEGACY_OLD, 1, IOMMU_NO_PASID },
	{ "legacy, no queue", MODEL_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage", MODEL_SS, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MODEL_SS, 1, IOMMU_NO_PASID },
	{ "second stage, PASID", MODEL_SS, 0, PASID },
	{ "second stage, PASID, ATS", MODEL_SS, 1, PASID },
	{ "second stage, caching mode", MODEL_SS_CM, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, caching mode", MODEL_SS_CM, 0, PASID },
	{ "first stage", MODEL_FS, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID", MODEL_FS, 0, PASID },
	{ "first stage, PASID, ATS", MODEL_FS, 1, PASID },
	{ "first stage, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS, caching mode", MODEL_FS_CM, 1, PASID },
	{ "legacy, behind a bridge", MODEL_LEGACY, MODEL_BRIDGED,
	  IOMMU_NO_PASID },
	{ "legacy, caching mode, behind a bridge", MODEL_LEGACY_CM,
	  MODEL_BRIDGED, IOMMU_NO_PASID },
	{ "second stage, behind a bridge", MODEL_SS, MODEL_BRIDGED,
	  IOMMU_NO_PASID },
	{ "first stage, behind a bridge", MODEL_FS, MODEL_BRIDGED,
	  IOMMU_NO_PASID },
	{ "second stage of two", MODEL_FS, 0, IOMMU_NO_PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
	{ "second stage of two, PASID, ATS", MODEL_FS, 1, PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
};

KUNIT_ARRAY_PARAM_DESC(topology, topologies, name);

static bool has_pasid(const struct ut_topology *t)
{
	return t->pasid != IOMMU_NO_PASID;
}

static bool has_caching_mode(const struct ut_topology *t)
{
	return model_unit(t->unit)->cap & MODEL_CAP_CM;
}

/* The next topology of a kind */
static const void *next_topology(struct kunit *test, const void *prev,
				 char *desc,
				 bool (*wanted)(const struct ut_topology *t))
{
	do {
		prev = topology_gen_params(test, prev, desc);
	} while (prev && !wanted(prev));
	return prev;
}

static const void *pasid_gen_params(struct kunit *test, const void *prev,
				    char *desc)
{
	return next_topology(test, prev, desc, has_pasid);
}

/* Attached, used, detached, and the same again with caches that remember. */
static void map_and_unmap(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	int i;

	for (i = 0; i < 3; i++) {
		ut_check_detached(test, dev, t->pasid);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_attached(test, domain, dev, t->pasid);
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
		ut_unmap(test, domain);
	}
}

/* R6: domains follow each other, and with them the use of a domain id. */
static void one_after_the_other(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain;
	phys_addr_t pa;
	int i;

	for (i = 0; i < 3; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		pa = ut_new_page(test);
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		ut_check_detached(test, dev, t->pasid);
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		/* Still mapped */
		ut_detach(domain, dev, t->pasid);
	}
}

struct long_read {
	struct completion begun;
	bool over;
};

static void read_for_long(void *data)
{
	unsigned long end = jiffies + 5 * HZ;
	struct long_read *r = data;

	rcu_read_lock();
	complete(&r->begun);
	while (!READ_ONCE(r->over) && time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
}

/*
 * R4: attach, replace and detach do not wait for readers of any list. The device
 * keeps its ATS, which a device in legacy mode gives up.
 */
static void attach_waits_for_no_reader(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *other = ut_new_domain(test, dev, t->flags);
	struct iommu_attach_handle handle;
	struct long_read r = {};
	struct ut_thread thread;

	init_completion(&r.begun);
	ut_start(test, &thread, read_for_long, &r);
	wait_for_completion(&r.begun);
	KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_EQ(test, ut_replace(other, dev, t->pasid, &handle), 0);
	ut_detach(other, dev, t->pasid);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(thread.done));
	WRITE_ONCE(r.over, true);
	ut_join(&thread);
}

/**
 * struct waiting - something that silences a device's TLB
 * @name: For messages.
 * @unit: The unit.
 * @begin: What is done.
 * @end: And undone.
 */
struct waiting {
	const char *name;
	enum model_unit_id unit;
	void (*begin)(void *dev);
	void (*end)(struct device *dev);
};

static void prepare_reset(void *data)
{
	struct device *dev = data;

	pci_dev_reset_iommu_prepare(to_pci_dev(dev));
}

static void end_reset(struct device *dev)
{
	pci_dev_reset_iommu_done(to_pci_dev(dev));
}

/* In legacy mode, who is blocked has no ATS. */
static void block(void *data)
{
	struct device *dev = data;

	ut_attach(dev_iommu_ops(dev)->blocked_domain, dev, IOMMU_NO_PASID);
}

static void unblock(struct device *dev)
{
	ut_detach(dev_iommu_ops(dev)->blocked_domain, dev, IOMMU_NO_PASID);
}

static const struct waiting waitings[] = {
	{ "reset", MODEL_SS, prepare_reset, end_reset },
	{ "end of ATS", MODEL_LEGACY, block, unblock },
};

KUNIT_ARRAY_PARAM_DESC(waiting, waitings, name);

/*
 * R4: where a device's TLB is not to be asked for anything any more, those are
 * waited for that have found it on a list.
 */
static void silence_waits_for_readers(struct kunit *test)
{
	const struct waiting *w = test->param_value;
	struct device *dev = model_dev(w->unit, 1);
	struct ut_thread reader, waiter;
	struct long_read r = {};

	init_completion(&r.begun);
	ut_start(test, &reader, read_for_long, &r);
	wait_for_completion(&r.begun);
	ut_start(test, &waiter, w->begin, dev);
	msleep(500);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(waiter.done));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(reader.done));
	KUNIT_EXPECT_TRUE(test, model_ats_enabled(model_unit(w->unit),
						  pci_dev_id(to_pci_dev(dev))));
	WRITE_ONCE(r.over, true);
	ut_join(&reader);
	ut_join(&waiter);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(waiter.done));
	w->end(dev);
}

/* One domain behind two units: both are told. */
static void two_units(struct kunit *test)
{
	struct device *near = model_dev(MODEL_FS, 0);
	struct device *far = model_dev(MODEL_FS2, 1);
	struct iommu_domain *domain = ut_new_domain(test, near, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, near, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, far, PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(near, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(far, PASID, pa));
	ut_unmap(test, domain);
	ut_check_detached(test, near, IOMMU_NO_PASID);
	ut_check_detached(test, far, PASID);

	/* What is left of it is told as before. */
	ut_detach(domain, near, IOMMU_NO_PASID);
	ut_check_attached(test, domain, far, PASID);
	ut_detach(domain, far, PASID);
}

/* Ranges that are no block, and blocks too large for a unit to name */
static const struct {
	u64 iova;
	size_t size;
} ranges[] = {
	{ IOVA, 2 * PAGE_SIZE },
	{ IOVA + PAGE_SIZE, 3 * PAGE_SIZE },
	{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
	{ IOVA, SZ_2M },
	{ IOVA + SZ_2M - PAGE_SIZE, SZ_2M + 2 * PAGE_SIZE },
	{ IOVA, SZ_1G },
	{ 0, PAGE_SIZE },
};

/* B8, among others: each page of a range is gone, whatever its size. */
static void unmap_ranges(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	/* Nobody looks whether there is memory. */
	const phys_addr_t memory = SZ_1G;
	unsigned int i, j;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		const u64 iova = ranges[i].iova;
		const size_t size = ranges[i].size;
		const size_t offset[] = {
			0, PAGE_SIZE, ALIGN_DOWN(size / 2, PAGE_SIZE),
			size - PAGE_SIZE,
		};
		phys_addr_t pa;
		bool hit;

		pa = memory + (iova & (SZ_1G - 1));
		KUNIT_ASSERT_EQ(test, iommu_map(domain, iova, pa, size, PROT,
						GFP_KERNEL), 0);
		for (j = 0; j < ARRAY_SIZE(offset); j++) {
			if (offset[j] >= size)
				continue;
			hit = ut_reaches_at(dev, t->pasid, iova + offset[j],
					    pa + offset[j]);
			KUNIT_EXPECT_TRUE(test, hit);
		}
		KUNIT_ASSERT_EQ(test, iommu_unmap(domain, iova, size), size);
		for (j = 0; j < ARRAY_SIZE(offset); j++) {
			hit = ut_reaches_at(dev, t->pasid, iova + offset[j],
					    pa + offset[j]);
			KUNIT_EXPECT_FALSE_MSG(test, hit, "%zx of range %u",
					       offset[j], i);
		}
	}
	ut_detach(domain, dev, t->pasid);
}

/*
 * A domain that two devices use, by RID and by PASIDs: no more than what has to
 * be, in the order that it has to be in, at once.
 */
static void unmap_asks_for_the_least(struct kunit *test)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, 1, 2, 70 };
	struct model_unit *unit = model_unit(MODEL_SS);
	struct iommu_domain *domain;
	unsigned int i, j;

	domain = ut_new_domain(test, model_dev(MODEL_SS, 1), 0);
	for (i = 1; i < MODEL_DEVS; i++)
		for (j = 0; j < ARRAY_SIZE(pasids); j++)
			KUNIT_ASSERT_EQ(test,
					ut_attach(domain, model_dev(MODEL_SS, i),
						  pasids[j]), 0);
	ut_map(test, domain, ut_new_page(test));

	model_reset();
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, unit->doorbells, 1);
	KUNIT_EXPECT_EQ(test, unit->nr_log, 1 + 2 * ARRAY_SIZE(pasids) + 1);
	KUNIT_EXPECT_EQ(test, unit->log[0].type, MODEL_INV_IOTLB);
	KUNIT_EXPECT_EQ(test, ut_count(test, MODEL_SS, MODEL_INV_DEVTLB), 2);
	KUNIT_EXPECT_EQ(test, ut_count(test, MODEL_SS, MODEL_INV_DEVTLB_PASID),
			2 * (ARRAY_SIZE(pasids) - 1));
	KUNIT_EXPECT_EQ(test, ut_count(test, MODEL_SS, MODEL_INV_WAIT), 1);

	for (i = 1; i < MODEL_DEVS; i++)
		for (j = 0; j < ARRAY_SIZE(pasids); j++)
			ut_detach(domain, model_dev(MODEL_SS, i), pasids[j]);
}

static unsigned int write_buffer_flushes;

static int count_flush(struct kprobe *p, struct pt_regs *regs)
{
	write_buffer_flushes++;
	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(remove_kprobe, unregister_kprobe, struct kprobe *);

/*
 * B8: a map flushes the write buffer of a unit once. That several commands came
 * in a row the unit cannot tell, hence the probe.
 */
static void map_flushes_write_buffer_once(struct kunit *test)
{
	static struct kprobe probe;
	struct iommu_domain *domain;
	unsigned int i;

	domain = ut_new_domain(test, model_dev(MODEL_LEGACY_OLD, 0), 0);
	for (i = 0; i < MODEL_DEVS; i++)
		KUNIT_ASSERT_EQ(test,
				ut_attach(domain, model_dev(MODEL_LEGACY_OLD, i),
					  IOMMU_NO_PASID), 0);

	probe = (struct kprobe) {
		.symbol_name = "iommu_flush_write_buffer",
		.pre_handler = count_flush,
	};
	KUNIT_ASSERT_EQ(test, register_kprobe(&probe), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, remove_kprobe, &probe), 0);
	write_buffer_flushes = 0;
	ut_map(test, domain, ut_new_page(test));
	KUNIT_EXPECT_EQ(test, write_buffer_flushes, 1);

	ut_unmap(test, domain);
	for (i = 0; i < MODEL_DEVS; i++)
		ut_detach(domain, model_dev(MODEL_LEGACY_OLD, i),
			  IOMMU_NO_PASID);
}

struct irq_sync {
	struct irq_work work;
	struct iommu_domain *domain;
	struct iommu_iotlb_gather gather;
};

static void sync_in_irq(struct irq_work *work)
{
	struct irq_sync *s = container_of(work, struct irq_sync, work);

	iommu_iotlb_sync(s->domain, &s->gather);
}

/* R1: invalidation in an interrupt, as for a flush queue. */
static void sync_in_interrupt(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct irq_sync s = {
		.work = IRQ_WORK_INIT_HARD(sync_in_irq),
		.domain = ut_new_domain(test, dev, t->flags),
	};
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(s.domain, dev, t->pasid), 0);
	ut_map(test, s.domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
	iommu_iotlb_gather_init(&s.gather);
	KUNIT_EXPECT_EQ(test, iommu_unmap_fast(s.domain, IOVA, PAGE_SIZE,
					       &s.gather), PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, irq_work_queue(&s.work));
	irq_work_sync(&s.work);
	ut_check_detached(test, dev, t->pasid);
	ut_detach(s.domain, dev, t->pasid);
}

/* Reset: what has been asked of the device's TLB is over before. */
static void reset(struct kunit *test)
{
	struct model_unit *unit = model_unit(MODEL_SS);
	struct device *dev = model_dev(MODEL_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID, pa));

	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(to_pci_dev(dev)), 0);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	ut_check_detached(test, dev, PASID);
	/* In reset it does not answer. */
	model_set_gone(dev, true);
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 0);
	model_set_gone(dev, false);
	pci_dev_reset_iommu_done(to_pci_dev(dev));

	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, PASID);
	ut_detach(domain, dev, PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/* Somebody else's unmap in the midst of an attach or a detach */

static void unmap_and_map(struct ut_intruder *in)
{
	if (!ut_reaches(in->dev, in->pasid, in->pa))
		return;
	in->reached++;
	iommu_unmap(in->domain, IOVA, PAGE_SIZE);
	if (ut_reaches(in->dev, in->pasid, in->pa))
		in->stale++;
	if (iommu_map(in->domain, IOVA, in->pa, PAGE_SIZE, PROT, GFP_ATOMIC))
		in->pa = 0;
}

static struct ut_intruder new_intruder(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_intruder in = {
		.act = unmap_and_map,
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.pa = ut_new_page(test),
		.unit = model_unit(t->unit),
	};

	in.domain = ut_new_domain(test, in.dev, t->flags);
	ut_map(test, in.domain, in.pa);
	return in;
}

/*
 * How often it should find something to do: there may be several waits, and on a
 * busy host it may notice but the one that does not matter.
 */
#define ENOUGH	3

static void check_intruder(struct kunit *test, struct ut_intruder *in)
{
	KUNIT_EXPECT_GT(test, in->chances, 0);
	KUNIT_EXPECT_NE(test, in->pa, 0);
	KUNIT_EXPECT_EQ_MSG(test, in->stale, 0, "of %u that reached the page",
			    in->reached);
}

/* A bridge has the domain before what is behind it, and is invalidated for. */
static bool has_own_id(const struct ut_topology *t)
{
	return t->dev != MODEL_BRIDGED;
}

static const void *own_id_gen_params(struct kunit *test, const void *prev,
				     char *desc)
{
	return next_topology(test, prev, desc, has_own_id);
}

static bool has_own_id_and_caching_mode(const struct ut_topology *t)
{
	return has_own_id(t) && has_caching_mode(t);
}

static const void *caching_gen_params(struct kunit *test, const void *prev,
				      char *desc)
{
	return next_topology(test, prev, desc, has_own_id_and_caching_mode);
}

/* B1: what attach allocates, it may have to wait for. */
static void unmap_when_attach_allocates(struct kunit *test)
{
	struct ut_intruder in = new_intruder(test);
	int ret;

	ut_intrude_allocations(test, &in);
	ret = ut_attach(in.domain, in.dev, in.pasid);
	ut_stop_allocations(&in);
	KUNIT_ASSERT_EQ(test, ret, 0);

	check_intruder(test, &in);
	ut_detach(in.domain, in.dev, in.pasid);
}

/* B1: attach waits for a unit that caches entries not present. */
static void unmap_when_attach_waits(struct kunit *test)
{
	struct ut_intruder in = new_intruder(test);
	int i, ret;

	for (i = 0; i < ROUNDS && in.reached < ENOUGH; i++) {
		ut_intrude_waits(test, &in);
		ret = ut_attach(in.domain, in.dev, in.pasid);
		ut_stop_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_detach(in.domain, in.dev, in.pasid);
	}
	KUNIT_EXPECT_GT(test, in.reached, 0);
	check_intruder(test, &in);
}

/* B2: detach waits for the unit. */
static void unmap_when_detach_waits(struct kunit *test)
{
	struct ut_intruder in = new_intruder(test);
	int i;

	for (i = 0; i < ROUNDS && in.reached < ENOUGH; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(in.domain, in.dev, in.pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(in.dev, in.pasid, in.pa));

		ut_intrude_waits(test, &in);
		ut_detach(in.domain, in.dev, in.pasid);
		ut_stop_waits(&in);
		ut_check_detached(test, in.dev, in.pasid);
	}
	KUNIT_EXPECT_GT(test, in.reached, 0);
	check_intruder(test, &in);
}

/**
 * struct replacing - a domain that takes the place of another
 * @in: Who interferes with the one that is replaced.
 * @next: What comes.
 * @next_pa: The page that it has.
 */
struct replacing {
	struct ut_intruder in;
	struct iommu_domain *next;
	phys_addr_t next_pa;
};

static void unmap_either(struct ut_intruder *in)
{
	struct replacing *r = container_of(in, struct replacing, in);

	unmap_and_map(in);
	swap(in->domain, r->next);
	swap(in->pa, r->next_pa);
	unmap_and_map(in);
	swap(in->domain, r->next);
	swap(in->pa, r->next_pa);
}

/* R6: both domains are told, until the device has nothing of the old one. */
static void unmap_when_replace_waits(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_attach_handle handle = {};
	struct replacing r = { .in = new_intruder(test) };
	struct ut_intruder *in = &r.in;
	int i, ret;

	in->act = unmap_either;
	r.next = ut_new_domain(test, in->dev, t->flags);
	r.next_pa = ut_new_page(test);
	ut_map(test, r.next, r.next_pa);
	for (i = 0; i < ROUNDS && in->reached < ENOUGH; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(in->domain, in->dev, in->pasid),
				0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(in->dev, in->pasid, in->pa));

		ut_intrude_waits(test, in);
		ret = ut_replace(r.next, in->dev, in->pasid, &handle);
		ut_stop_waits(in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_EXPECT_TRUE(test,
				  ut_reaches(in->dev, in->pasid, r.next_pa));
		ut_detach_handle(r.next, in->dev, in->pasid);
		ut_check_detached(test, in->dev, in->pasid);
	}
	KUNIT_EXPECT_GT(test, in->reached, 0);
	KUNIT_EXPECT_NE(test, r.next_pa, 0);
	check_intruder(test, in);
}

static bool is_late_atc(const struct ut_topology *t)
{
	return has_pasid(t) && t->dev && !has_caching_mode(t);
}

static const void *late_atc_gen_params(struct kunit *test, const void *prev,
				       char *desc)
{
	return next_topology(test, prev, desc, is_late_atc);
}

/*
 * R5: a device with a TLB of its own is attached while an unmap waits. Until the
 * unit has executed what it is waiting for, the device gets the page from the
 * IOTLB, where another one has left it, and keeps it.
 */
static void attach_when_unmap_waits(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t), *other = ut_sibling(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct model_unit *unit = model_unit(t->unit);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int chances = 0;
	int i, ret;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, other, t->pasid), 0);
	for (i = 0; i < ROUNDS && chances < 3; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(other, t->pasid, pa));
		model_set_faults(unit, (struct model_faults) {
			.latency = 10 * LATENCY,
		});
		ut_start(test, &thread, ut_unmap_work, domain);
		ut_wait_until_stuck(&thread, unit);
		ret = ut_attach(domain, dev, t->pasid);
		/* Or the driver has let the attach wait. */
		chances += ut_reaches(dev, t->pasid, pa) ||
			   READ_ONCE(thread.done);
		ut_join(&thread);
		model_set_faults(unit, (struct model_faults) {});
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_check_detached(test, dev, t->pasid);
		ut_detach(domain, dev, t->pasid);
	}
	KUNIT_EXPECT_GT(test, chances, 0);
	ut_detach(domain, other, t->pasid);
}

/* Allocations that fail */

static void check_sibling(struct kunit *test, struct ut_failing *f,
			  bool attached)
{
	ut_check_attached(test, f->domain, f->sibling, f->pasid);
}

/* B3: another device that has the domain already does not suffer from it. */
static void failed_attach_spares_others(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.sibling = ut_sibling(t),
		.check = check_sibling,
	};

	f.domain = ut_new_domain(test, f.sibling, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(f.domain, f.sibling, t->pasid), 0);
	ut_fail_each(test, &f);
	ut_detach(f.domain, f.sibling, t->pasid);
}

static void check_itself(struct kunit *test, struct ut_failing *f,
			 bool attached)
{
	if (attached) {
		ut_check_attached(test, f->domain, f->dev, f->pasid);
		return;
	}
	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
	if (f->old)
		ut_check_attached(test, f->old, f->dev, f->pasid);
	else if (f->pasid != IOMMU_NO_PASID)
		ut_check_detached(test, f->dev, f->pasid);
}

/* B9: the device itself stays where it was. */
static void failed_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.check = check_itself,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = ut_new_domain(test, f.dev, t->flags);
	ut_fail_each(test, &f);
}

static bool has_no_first_stage(const struct ut_topology *t)
{
	return t->unit < MODEL_FS;
}

static const void *second_stage_gen_params(struct kunit *test, const void *prev,
					   char *desc)
{
	return next_topology(test, prev, desc, has_no_first_stage);
}

/* B9: nor does a domain change anything that the unit cannot translate by. */
static void refused_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *before = iommu_get_domain_for_dev(dev);
	struct iommu_domain *other, *fitting;

	/* Of two stages the driver takes the first. */
	other = ut_new_domain(test, model_dev(MODEL_FS, 0), 0);
	KUNIT_EXPECT_EQ(test, ut_attach(other, dev, t->pasid), -EINVAL);
	ut_check_attached(test, before, dev, IOMMU_NO_PASID);
	if (has_pasid(t)) {
		ut_check_detached(test, dev, t->pasid);
		return;
	}

	/* Who was left blocked is put right, or the cases that follow suffer. */
	fitting = ut_new_domain(test, dev, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(fitting, dev, t->pasid), 0);
	ut_detach(fitting, dev, t->pasid);
}

/* The same for a PASID that has another domain already. */
static void failed_replace_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = PASID,
		.check = check_itself,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = ut_new_domain(test, f.dev, t->flags);
	f.old = ut_new_domain(test, f.dev, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(f.old, f.dev, PASID), 0);
	ut_fail_each(test, &f);
	ut_detach(f.old, f.dev, PASID);
}

static struct kunit_case unit_model_cases[] = {
	KUNIT_CASE_PARAM(map_and_unmap, topology_gen_params),
	KUNIT_CASE_PARAM(one_after_the_other, topology_gen_params),
	KUNIT_CASE_PARAM(attach_waits_for_no_reader, pasid_gen_params),
	KUNIT_CASE_PARAM(silence_waits_for_readers, waiting_gen_params),
	KUNIT_CASE_PARAM(unmap_ranges, topology_gen_params),
	KUNIT_CASE(two_units),
	KUNIT_CASE(unmap_asks_for_the_least),
	KUNIT_CASE(map_flushes_write_buffer_once),
	KUNIT_CASE_PARAM(sync_in_interrupt, topology_gen_params),
	KUNIT_CASE(reset),
	KUNIT_CASE_PARAM(unmap_when_attach_allocates, own_id_gen_params),
	KUNIT_CASE_PARAM(unmap_when_attach_waits, caching_gen_params),
	KUNIT_CASE_PARAM(unmap_when_detach_waits, topology_gen_params),
	KUNIT_CASE_PARAM(unmap_when_replace_waits, topology_gen_params),
	KUNIT_CASE_PARAM(attach_when_unmap_waits, late_atc_gen_params),
	KUNIT_CASE_PARAM(failed_attach_spares_others, topology_gen_params),
	KUNIT_CASE_PARAM(failed_attach_changes_nothing, topology_gen_params),
	KUNIT_CASE_PARAM(failed_replace_changes_nothing, pasid_gen_params),
	KUNIT_CASE_PARAM(refused_attach_changes_nothing,
			 second_stage_gen_params),
	{}
};

static struct kunit_suite unit_model_suite = {
	.name = "intel_iommu_unit",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = unit_model_cases,
};

kunit_test_suites(&unit_model_suite);

MODULE_DESCRIPTION("KUnit tests of Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of cache.c: for each topology, the exact invalidations that a
 * unit receives, how many submissions carry them and in which order.
 *
 * The units are made of memory. A timer on another CPU plays their hardware: it
 * fetches descriptors from the queue as the tail register says, takes them
 * apart with the specification's field layout, and completes the waits, so that
 * all of the driver's code down to qi_submit_sync() is the real one. It is a
 * timer that fires in hard interrupt context, since the driver polls with
 * interrupts off, and a thread might have to wait for just that CPU.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "attach.h"
#include "cache.h"
#include "tests/fail_nth.h"
#include "iommu.h"
#include "trace.h"
#include "tests/mock/desc.h"

#define MAX_UNITS	3
#define MAX_DEVS	8
#define MAX_LOG		512
#define TEST_MAMV	18
#define NR_CPUS_NEEDED	2
#define HW_PERIOD	us_to_ktime(50)

/* Capabilities by their positions in the specification's registers. */
#define TEST_CAP_RWBF	BIT_ULL(4)
#define TEST_CAP_CM	BIT_ULL(7)
#define TEST_CAP_PSI	BIT_ULL(39)
#define TEST_CAP_BASE	((u64)TEST_MAMV << 48)
#define TEST_ECAP_QI	BIT_ULL(1)
#define TEST_ECAP_SC	BIT_ULL(7)
#define TEST_ECAP_SMTS	BIT_ULL(43)
/* IOTLB registers at offset 0x400, in units of 16 bytes in bits 17:8. */
#define TEST_ECAP_IRO	(0x40ULL << 8)
#define TEST_IOTLB_REG	0x400

enum inv_type {
	INV_IOTLB_DOMAIN,
	INV_IOTLB_PAGES,
	INV_PIOTLB_PASID,
	INV_PIOTLB_PAGES,
	INV_DEVTLB,
	INV_DEVTLB_PASID,
	INV_WAIT,
	INV_WRITE_BUFFER,
	INV_REGISTER_DOMAIN,
	INV_REGISTER_PAGES,
	INV_UNKNOWN,
};

/* An invalidation as the hardware understands it. */
struct inv {
	enum inv_type type;
	u32 id;		/* domain id, or source id for device TLBs */
	u32 pasid;
	u64 addr;
	u32 order;	/* of pages */
	u32 ih;
};

#define ALL_PAGES	MOCK_ALL_PAGES

struct fake_unit {
	struct intel_iommu iommu;
	struct q_inval qi;
	void *regs;
	u32 head;
	int doorbells;
	int nr_log;
	struct inv log[MAX_LOG];
};

struct fake_dev {
	struct device *dev;
	struct dev_iommu dev_iommu;
	struct device_domain_info info;
};

struct rig {
	struct kunit *test;
	struct hrtimer hw;
	int nr_units;
	int nr_devs;
	struct fake_unit units[MAX_UNITS];
	struct fake_dev devs[MAX_DEVS];
};

/* The hardware */

static void decode(struct inv *inv, const u64 *qw)
{
	struct mock_inv desc;
	bool pages;

	*inv = (struct inv) { .type = INV_UNKNOWN };
	if (mock_decode(qw, &desc))
		return;

	pages = desc.granularity == MOCK_PAGES;
	inv->id = desc.did;
	switch (desc.type) {
	case MOCK_INV_IOTLB:
		inv->type = pages ? INV_IOTLB_PAGES : INV_IOTLB_DOMAIN;
		break;
	case MOCK_INV_PIOTLB:
		inv->type = pages ? INV_PIOTLB_PAGES : INV_PIOTLB_PASID;
		inv->pasid = desc.pasid;
		break;
	case MOCK_INV_DEVTLB:
		inv->type = INV_DEVTLB;
		inv->id = desc.sid;
		pages = true;
		break;
	case MOCK_INV_DEVTLB_PASID:
		inv->type = INV_DEVTLB_PASID;
		inv->id = desc.sid;
		inv->pasid = desc.pasid;
		pages = true;
		break;
	case MOCK_INV_WAIT:
		*inv = (struct inv) { .type = INV_WAIT };
		return;
	default:
		return;
	}
	if (pages) {
		inv->addr = desc.addr;
		inv->order = desc.order;
		inv->ih = desc.ih;
	}
}

static struct inv *log_next(struct fake_unit *unit)
{
	static struct inv overflow;

	if (unit->nr_log == MAX_LOG)
		return &overflow;
	return &unit->log[unit->nr_log++];
}

static void hw_queue(struct fake_unit *unit)
{
	int shift = 4 + !!(unit->iommu.ecap & TEST_ECAP_SMTS);
	u32 tail = readl(unit->iommu.reg + DMAR_IQT_REG) >> shift;
	struct inv *inv;
	u64 qw[4];

	if (tail == unit->head)
		return;
	unit->doorbells++;
	while (unit->head != tail) {
		memset(qw, 0, sizeof(qw));
		memcpy(qw, unit->qi.desc + (unit->head << shift), 1 << shift);
		inv = log_next(unit);
		decode(inv, qw);
		unit->head = (unit->head + 1) % QI_LENGTH;
		/* Status write: the submitter goes on from here. */
		if (inv->type == INV_WAIT && (qw[0] & BIT(5))) {
			writel(unit->head << shift,
			       unit->iommu.reg + DMAR_IQH_REG);
			/* Pairs with the poll in qi_submit_sync(). */
			smp_store_release((u32 *)phys_to_virt(qw[1]),
					  qw[0] >> 32);
		}
	}
}

/* The write buffer: busy until a flush is asked for. */
static void hw_write_buffer(struct fake_unit *unit)
{
	void __iomem *reg = unit->iommu.reg;

	if (!(unit->iommu.cap & TEST_CAP_RWBF) ||
	    !(readl(reg + DMAR_GCMD_REG) & DMA_GCMD_WBF))
		return;
	log_next(unit)->type = INV_WRITE_BUFFER;
	writel(0, reg + DMAR_GCMD_REG);
	writel(0, reg + DMAR_GSTS_REG);
	while (raw_spin_is_locked(&unit->iommu.register_lock))
		cpu_relax();
	writel(DMA_GSTS_WBFS, reg + DMAR_GSTS_REG);
}

static void hw_iotlb_register(struct fake_unit *unit)
{
	void __iomem *reg = unit->iommu.reg + TEST_IOTLB_REG;
	u64 iotlb = readq(reg + 8), iva = readq(reg);
	u64 granularity = (iotlb >> 60) & 3;
	struct inv *inv;

	if (!(iotlb & BIT_ULL(63)))
		return;
	inv = log_next(unit);
	*inv = (struct inv) { .id = (iotlb >> 32) & 0xffff };
	switch (granularity) {
	case 2:
		inv->type = INV_REGISTER_DOMAIN;
		break;
	case 3:
		inv->type = INV_REGISTER_PAGES;
		inv->order = iva & 0x3f;
		inv->ih = (iva >> 6) & 1;
		inv->addr = iva & ~0xfffULL;
		break;
	default:
		inv->type = INV_UNKNOWN;
	}
	/* Done, at the granularity that was asked for. */
	iotlb &= ~BIT_ULL(63);
	iotlb |= granularity << 57;
	writeq(iotlb, reg + 8);
}

static enum hrtimer_restart hw_run(struct hrtimer *timer)
{
	struct rig *rig = container_of(timer, struct rig, hw);
	int i, nr;

	/* Pairs with rig_add_unit(), which releases the unit when it is made. */
	nr = smp_load_acquire(&rig->nr_units);
	for (i = 0; i < nr; i++) {
		if (rig->units[i].iommu.qi)
			hw_queue(&rig->units[i]);
		hw_write_buffer(&rig->units[i]);
		hw_iotlb_register(&rig->units[i]);
	}
	hrtimer_forward_now(timer, HW_PERIOD);
	return HRTIMER_RESTART;
}

static void hw_start(void *data)
{
	struct rig *rig = data;

	hrtimer_start(&rig->hw, HW_PERIOD, HRTIMER_MODE_REL_PINNED_HARD);
}

/* The rig */

static void rig_forget_dids(void *data)
{
	ida_destroy(data);
}

static void rig_add_unit(struct rig *rig, u64 cap, u64 ecap)
{
	struct fake_unit *unit = &rig->units[rig->nr_units];
	struct intel_iommu *iommu = &unit->iommu;
	struct kunit *test = rig->test;

	unit->regs = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	unit->qi.desc = kunit_kzalloc(test, QI_LENGTH * 32, GFP_KERNEL);
	unit->qi.desc_status = kunit_kcalloc(test, QI_LENGTH,
					     sizeof(*unit->qi.desc_status),
					     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, unit->regs);
	KUNIT_ASSERT_NOT_NULL(test, unit->qi.desc);
	KUNIT_ASSERT_NOT_NULL(test, unit->qi.desc_status);

	raw_spin_lock_init(&unit->qi.q_lock);
	unit->qi.free_cnt = QI_LENGTH;

	iommu->reg = (void __iomem *)unit->regs;
	iommu->cap = TEST_CAP_BASE | cap;
	iommu->ecap = TEST_ECAP_IRO | ecap;
	iommu->gcmd = DMA_GCMD_TE;
	iommu->seq_id = rig->nr_units;
	iommu->max_domain_id = 1 << 16;
	iommu->qi = ecap & TEST_ECAP_QI ? &unit->qi : NULL;
	raw_spin_lock_init(&iommu->register_lock);
	spin_lock_init(&iommu->lock);
	ida_init(&iommu->domain_ida);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, rig_forget_dids,
						  &iommu->domain_ida), 0);
	snprintf(iommu->name, sizeof(iommu->name), "fake%d", rig->nr_units);
	if (cap & TEST_CAP_RWBF)
		writel(DMA_GSTS_WBFS, iommu->reg + DMAR_GSTS_REG);
	/* The hardware takes the unit from here on. */
	smp_store_release(&rig->nr_units, rig->nr_units + 1);
}

#define TEST_CAP	TEST_CAP_PSI
#define TEST_ECAP	(TEST_ECAP_QI | TEST_ECAP_SMTS)

static void rig_forget_attachments(void *data)
{
	xa_destroy(data);
}

static struct device *rig_add_dev(struct rig *rig, int unit, u16 sid, bool ats)
{
	struct fake_dev *fake = &rig->devs[rig->nr_devs];
	char name[16];

	KUNIT_ASSERT_LT(rig->test, rig->nr_devs, MAX_DEVS);
	snprintf(name, sizeof(name), "vtd-cache.%d", rig->nr_devs++);
	fake->dev = kunit_device_register(rig->test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(rig->test, fake->dev);

	fake->info.dev = fake->dev;
	fake->info.iommu = &rig->units[unit].iommu;
	fake->info.bus = PCI_BUS_NUM(sid);
	fake->info.devfn = sid & 0xff;
	fake->info.ats_supported = ats;
	fake->info.ats_enabled = ats;
	mutex_init(&fake->info.attach_lock);
	xa_init(&fake->info.attachments);
	KUNIT_ASSERT_EQ(rig->test,
			kunit_add_action_or_reset(rig->test,
						  rig_forget_attachments,
						  &fake->info.attachments), 0);
	fake->dev_iommu.priv = &fake->info;
	fake->dev->iommu = &fake->dev_iommu;
	return fake->dev;
}

static void rig_free_attachment(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct dmar_attachment, elm.rcu));
}

/* Remove the attachments that the test has left. */
static void rig_detach_all(void *data)
{
	struct dmar_domain *domain = data;
	struct iommu_attach_elm *elm;

	guard(spinlock)(&domain->attachments.lock);
	iommu_attach_list_for_each_locked(elm, &domain->attachments)
		if (iommu_attach_list_remove(&domain->attachments, elm) >= 0)
			call_rcu(&elm->rcu, rig_free_attachment);
}

static struct dmar_domain *rig_add_domain(struct rig *rig,
					  const struct iommu_domain_ops *ops,
					  unsigned int type)
{
	struct dmar_domain *domain;

	domain = kunit_kzalloc(rig->test, sizeof(*domain), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(rig->test, domain);
	domain->domain.ops = ops;
	domain->domain.type = type;
	iommu_attach_list_init(&domain->attachments);
	KUNIT_ASSERT_EQ(rig->test,
			kunit_add_action_or_reset(rig->test, rig_detach_all,
						  domain), 0);
	return domain;
}

static struct dmar_domain *rig_ss_domain(struct rig *rig)
{
	return rig_add_domain(rig, &intel_ss_paging_domain_ops,
			      IOMMU_DOMAIN_UNMANAGED);
}

static struct dmar_domain *rig_fs_domain(struct rig *rig)
{
	return rig_add_domain(rig, &intel_fs_paging_domain_ops,
			      IOMMU_DOMAIN_UNMANAGED);
}

static struct dmar_domain *rig_nested_domain(struct rig *rig,
					     struct dmar_domain *parent)
{
	struct dmar_domain *domain;

	domain = rig_add_domain(rig, NULL, IOMMU_DOMAIN_NESTED);
	domain->s2_domain = parent;
	return domain;
}

/* Attach as the driver does, but for the entry. */
static u16 rig_attach(struct rig *rig, struct dmar_domain *domain,
		      struct device *dev, ioasid_t pasid)
{
	struct dmar_attachment *att;

	att = dmar_attachment_add(domain, dev, pasid);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(rig->test, att);
	dmar_attachment_install(dev, pasid, att);
	return att->did;
}

static void rig_detach(struct device *dev, ioasid_t pasid)
{
	dmar_attachment_install(dev, pasid, NULL);
}

static int rig_enable_ats(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);

	guard(mutex)(&info->attach_lock);
	return dmar_attachment_enable_ats(dev);
}

static void rig_forget(struct rig *rig)
{
	int i;

	for (i = 0; i < rig->nr_units; i++) {
		rig->units[i].nr_log = 0;
		rig->units[i].doorbells = 0;
	}
}

static void expect_inv(struct kunit *test, const struct inv *got,
		       const struct inv *want, int i)
{
	KUNIT_EXPECT_EQ_MSG(test, got->type, want->type, "type of %d", i);
	KUNIT_EXPECT_EQ_MSG(test, got->id, want->id, "id of %d", i);
	KUNIT_EXPECT_EQ_MSG(test, got->pasid, want->pasid, "pasid of %d", i);
	KUNIT_EXPECT_EQ_MSG(test, got->addr, want->addr, "addr of %d", i);
	KUNIT_EXPECT_EQ_MSG(test, got->order, want->order, "order of %d", i);
	KUNIT_EXPECT_EQ_MSG(test, got->ih, want->ih, "hint of %d", i);
}

/*
 * The driver goes on as soon as a write buffer is not busy, be it from the
 * flush before. See what it has asked for since.
 */
static void hw_settle(struct fake_unit *unit)
{
	void __iomem *reg = unit->iommu.reg;

	if (!(unit->iommu.cap & TEST_CAP_RWBF))
		return;
	while ((readl(reg + DMAR_GCMD_REG) & DMA_GCMD_WBF) ||
	       !(readl(reg + DMAR_GSTS_REG) & DMA_GSTS_WBFS))
		cpu_relax();
}

/* The unit has received just these since last time, in @doorbells bundles. */
static void expect_log(struct rig *rig, int u, int doorbells,
		       const struct inv *want, int nr)
{
	struct fake_unit *unit = &rig->units[u];
	struct kunit *test = rig->test;
	int i;

	hw_settle(unit);
	KUNIT_EXPECT_EQ_MSG(test, unit->doorbells, doorbells,
			    "doorbells of unit %d", u);
	KUNIT_ASSERT_EQ_MSG(test, unit->nr_log, nr, "length at unit %d", u);
	for (i = 0; i < nr; i++)
		expect_inv(test, &unit->log[i], &want[i], i);
}

#define EXPECT_LOG(rig, unit, doorbells, ...)				\
do {									\
	const struct inv __want[] = { __VA_ARGS__ };			\
									\
	expect_log(rig, unit, doorbells, __want, ARRAY_SIZE(__want));	\
} while (0)

#define WAIT			{ .type = INV_WAIT }
#define REGISTER_PAGES(did, a, o)					\
	{ .type = INV_REGISTER_PAGES, .id = did, .addr = a, .order = o }
#define REGISTER_DOMAIN(did)	{ .type = INV_REGISTER_DOMAIN, .id = did }
#define IOTLB(did, a, o)						\
	{ .type = INV_IOTLB_PAGES, .id = did, .addr = a, .order = o }
#define IOTLB_LEAF(did, a, o)						\
	{ .type = INV_IOTLB_PAGES, .id = did, .addr = a, .order = o, .ih = 1 }
#define IOTLB_ALL(did)		{ .type = INV_IOTLB_DOMAIN, .id = did }
#define PIOTLB(did, p, a, o)						\
	{ .type = INV_PIOTLB_PAGES, .id = did, .pasid = p, .addr = a, .order = o }
#define PIOTLB_LEAF(did, p, a, o)					\
	{ .type = INV_PIOTLB_PAGES, .id = did, .pasid = p, .addr = a,	\
	  .order = o, .ih = 1 }
#define PIOTLB_ALL(did, p)						\
	{ .type = INV_PIOTLB_PASID, .id = did, .pasid = p }
#define DEVTLB(sid, a, o)						\
	{ .type = INV_DEVTLB, .id = sid, .addr = a, .order = o }
#define DEVTLB_PASID(sid, p, a, o)					\
	{ .type = INV_DEVTLB_PASID, .id = sid, .pasid = p, .addr = a, .order = o }

static int cache_test_init(struct kunit *test)
{
	struct rig *rig;

	if (num_online_cpus() < NR_CPUS_NEEDED)
		kunit_skip(test, "needs a CPU to play the hardware");

	rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	if (!rig)
		return -ENOMEM;
	rig->test = test;
	test->priv = rig;

	/*
	 * The driver polls with interrupts off for what the hardware writes, so
	 * the two must not be on one CPU.
	 */
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	hrtimer_setup(&rig->hw, hw_run, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	return smp_call_function_single(cpumask_last(cpu_online_mask), hw_start,
					rig, 1);
}

static void cache_test_exit(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (!rig)
		return;
	hrtimer_cancel(&rig->hw);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	rcu_barrier();
}

/* Topologies */

static const int dev_counts[] = { 1, 2, 4 };

static void dev_count_desc(const int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d device(s)", *nr);
}

KUNIT_ARRAY_PARAM(dev_count, dev_counts, dev_count_desc);

/* Second stage, requester ids only: however many devices, one of each. */
static void second_stage_rid(struct kunit *test)
{
	const int nr = *(const int *)test->param_value;
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	int i;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	for (i = 0; i < nr; i++)
		did = rig_attach(rig, domain, rig_add_dev(rig, 0, i << 3, false),
				 IOMMU_NO_PASID);

	cache_tag_flush_range(domain, 0x5000, 0x5fff, 1);
	EXPECT_LOG(rig, 0, 1, IOTLB_LEAF(did, 0x5000, 0), WAIT);

	rig_forget(rig);
	cache_tag_flush_range(domain, 0x7fff000, 0x8000fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0, 16), WAIT);

	rig_forget(rig);
	cache_tag_flush_all(domain);
	EXPECT_LOG(rig, 0, 1, IOTLB_ALL(did), WAIT);
}

/* Legacy mode: short descriptors, in a queue of their own format. */
static void second_stage_legacy(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP_QI);
	domain = rig_ss_domain(rig);
	did = rig_attach(rig, domain, rig_add_dev(rig, 0, 0x18, true),
			 IOMMU_NO_PASID);

	cache_tag_flush_range(domain, 0x4000, 0x7fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x4000, 2), DEVTLB(0x18, 0x4000, 2),
		   WAIT);
}

/* Second stage: the PASID plays no part in the IOTLB. */
static void second_stage_pasids(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct device *dev;
	int i, p;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	for (i = 0; i < 4; i++) {
		dev = rig_add_dev(rig, 0, i << 3, false);
		did = rig_attach(rig, domain, dev, IOMMU_NO_PASID);
		for (p = 1; p <= 16; p++)
			rig_attach(rig, domain, dev, p);
	}

	cache_tag_flush_range(domain, 0x1000, 0x1fff, 1);
	EXPECT_LOG(rig, 0, 1, IOTLB_LEAF(did, 0x1000, 0), WAIT);
}

/* First stage: one for each PASID, whatever the number of devices. */
static void first_stage_pasids(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct inv want[18] = {};
	struct device *dev;
	int i, p;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_fs_domain(rig);
	for (i = 0; i < 4; i++) {
		dev = rig_add_dev(rig, 0, i << 3, false);
		for (p = 16; p >= 0; p--)
			did = rig_attach(rig, domain, dev, p);
	}

	for (p = 0; p <= 16; p++)
		want[p] = (struct inv)PIOTLB(did, p, 0x1000, 0);
	want[17].type = INV_WAIT;
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	expect_log(rig, 0, 1, want, ARRAY_SIZE(want));

	for (p = 0; p <= 16; p++)
		want[p] = (struct inv)PIOTLB_ALL(did, p);
	rig_forget(rig);
	cache_tag_flush_all(domain);
	expect_log(rig, 0, 1, want, ARRAY_SIZE(want));
}

/*
 * As many as the stack holds, the buffer, and more than that: full submissions
 * first, none lost, none repeated.
 */
static void first_stage_many_pasids(struct kunit *test)
{
	static const int counts[] = { 3, 4, 5, 63, 64, 65, 128, 200 };
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct fake_unit *unit;
	struct device *dev;
	int i, c, n = 0, pasids;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	unit = &rig->units[0];
	domain = rig_fs_domain(rig);
	dev = rig_add_dev(rig, 0, 0x10, false);

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		while (n < counts[c])
			rig_attach(rig, domain, dev, n++);
		rig_forget(rig);
		cache_tag_flush_range(domain, 0, 0xfff, 0);
		KUNIT_EXPECT_EQ(test, unit->doorbells, DIV_ROUND_UP(n, 64));
		KUNIT_EXPECT_EQ(test, unit->nr_log, n + DIV_ROUND_UP(n, 64));
		for (i = 0, pasids = 0; i < unit->nr_log; i++) {
			if (unit->log[i].type == INV_WAIT)
				continue;
			KUNIT_EXPECT_EQ(test, unit->log[i].type,
					INV_PIOTLB_PAGES);
			KUNIT_EXPECT_EQ(test, unit->log[i].pasid, pasids++);
		}
		KUNIT_EXPECT_EQ(test, unit->log[unit->nr_log - 1].type,
				INV_WAIT);
	}
}

/* All IOTLB invalidations come before the first one of a device TLB. */
static void ats_order(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct device *a, *b;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_fs_domain(rig);
	a = rig_add_dev(rig, 0, 0x18, true);
	b = rig_add_dev(rig, 0, 0x20, false);
	did = rig_attach(rig, domain, a, IOMMU_NO_PASID);
	rig_attach(rig, domain, a, 3);
	rig_attach(rig, domain, b, 3);
	rig_attach(rig, domain, b, 5);

	cache_tag_flush_range(domain, 0x2000, 0x3fff, 0);
	EXPECT_LOG(rig, 0, 1,
		   PIOTLB(did, 0, 0x2000, 1), PIOTLB(did, 3, 0x2000, 1),
		   PIOTLB(did, 5, 0x2000, 1),
		   DEVTLB(0x18, 0x2000, 1), DEVTLB_PASID(0x18, 3, 0x2000, 1),
		   WAIT);

	rig_forget(rig);
	cache_tag_flush_all(domain);
	EXPECT_LOG(rig, 0, 1,
		   PIOTLB_ALL(did, 0), PIOTLB_ALL(did, 3), PIOTLB_ALL(did, 5),
		   DEVTLB(0x18, 0, ALL_PAGES), DEVTLB_PASID(0x18, 3, 0, ALL_PAGES),
		   WAIT);
}

/* Some devices have to be told twice. */
static void ats_extra(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct device *dev;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, true);
	rig->devs[0].info.dtlb_extra_inval = 1;
	did = rig_attach(rig, domain, dev, IOMMU_NO_PASID);

	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), DEVTLB(0x18, 0x1000, 0),
		   DEVTLB(0x18, 0x1000, 0), WAIT);

	rig_forget(rig);
	KUNIT_ASSERT_EQ(test, rig_enable_ats(dev), 0);
	EXPECT_LOG(rig, 0, 1, DEVTLB(0x18, 0, ALL_PAGES),
		   DEVTLB(0x18, 0, ALL_PAGES), WAIT);
}

/* While translation is off, no device TLB is addressed. */
static void ats_translation_off(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	did = rig_attach(rig, domain, rig_add_dev(rig, 0, 0x18, true),
			 IOMMU_NO_PASID);
	rig->units[0].iommu.gcmd &= ~DMA_GCMD_TE;

	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/* ATS that comes after attach: dropped once as a whole, then kept up to date. */
static void ats_enabled_late(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain, *child;
	struct device *dev;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, false);
	did = rig_attach(rig, domain, dev, IOMMU_NO_PASID);

	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);

	rig_forget(rig);
	rig->devs[0].info.ats_enabled = 1;
	KUNIT_ASSERT_EQ(test, rig_enable_ats(dev), 0);
	EXPECT_LOG(rig, 0, 1, DEVTLB(0x18, 0, ALL_PAGES), WAIT);

	rig_forget(rig);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), DEVTLB(0x18, 0x1000, 0),
		   WAIT);

	rig_forget(rig);
	rig_detach(dev, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&domain->attachments));
	cache_tag_flush_all(domain);
	expect_log(rig, 0, 0, NULL, 0);

	/* A nest parent gets to know of it, too. */
	child = rig_nested_domain(rig, domain);
	rig->devs[0].info.ats_enabled = 0;
	did = rig_attach(rig, child, dev, IOMMU_NO_PASID);
	rig->devs[0].info.ats_enabled = 1;
	KUNIT_ASSERT_EQ(test, rig_enable_ats(dev), 0);
	rig_forget(rig);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0),
		   DEVTLB(0x18, 0, ALL_PAGES), WAIT);
	rig_detach(dev, IOMMU_NO_PASID);

	/* Whoever has been detached meanwhile is not brought back. */
	rig_forget(rig);
	rig_attach(rig, domain, rig_add_dev(rig, 0, 0x20, false),
		   IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, rig_enable_ats(dev), 0);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/* Each unit gets its own ids, once, and only where the domain is attached. */
static void several_units(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain, *other;
	struct device *dev[MAX_DEVS];
	u16 did[MAX_UNITS];
	int i;

	for (i = 0; i < MAX_UNITS; i++)
		rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	other = rig_ss_domain(rig);
	for (i = 0; i < 6; i++)
		dev[i] = rig_add_dev(rig, i % 3, i << 3, i == 4);
	/* Other ids are in use on the second unit, so that they differ. */
	rig_attach(rig, other, rig_add_dev(rig, 1, 0x80, false),
		   IOMMU_NO_PASID);
	for (i = 0; i < 2; i++)
		did[i] = rig_attach(rig, domain, dev[i], IOMMU_NO_PASID);
	KUNIT_EXPECT_NE(test, did[0], did[1]);

	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did[0], 0x1000, 0), WAIT);
	EXPECT_LOG(rig, 1, 1, IOTLB(did[1], 0x1000, 0), WAIT);
	expect_log(rig, 2, 0, NULL, 0);

	for (i = 2; i < 6; i++)
		did[i % 3] = rig_attach(rig, domain, dev[i], IOMMU_NO_PASID);
	rig_forget(rig);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did[0], 0x1000, 0), WAIT);
	EXPECT_LOG(rig, 1, 1, IOTLB(did[1], 0x1000, 0),
		   DEVTLB(0x20, 0x1000, 0), WAIT);
	EXPECT_LOG(rig, 2, 1, IOTLB(did[2], 0x1000, 0), WAIT);

	/* The other domain has its own. */
	rig_forget(rig);
	cache_tag_flush_range(other, 0x1000, 0x1fff, 0);
	expect_log(rig, 0, 0, NULL, 0);
	KUNIT_EXPECT_EQ(test, rig->units[1].nr_log, 2);
	expect_log(rig, 2, 0, NULL, 0);

	/* A unit is done with when its last device is. */
	rig_detach(dev[1], IOMMU_NO_PASID);
	rig_detach(dev[4], IOMMU_NO_PASID);
	rig_forget(rig);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did[0], 0x1000, 0), WAIT);
	expect_log(rig, 1, 0, NULL, 0);
	EXPECT_LOG(rig, 2, 1, IOTLB(did[2], 0x1000, 0), WAIT);
}

/* A process' page table: the reserved domain id, and the process' PASID. */
static void sva(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct device *a, *b;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_add_domain(rig, NULL, IOMMU_DOMAIN_SVA);
	domain->did = FLPT_DEFAULT_DID;
	a = rig_add_dev(rig, 0, 0x18, true);
	b = rig_add_dev(rig, 0, 0x20, true);
	rig_attach(rig, domain, a, 9);
	rig_attach(rig, domain, b, 9);
	/* No id of the unit's is taken. */
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&rig->units[0].iommu.domain_ida));

	cache_tag_flush_range(domain, 0x7f0000001000, 0x7f0000001fff, 0);
	KUNIT_ASSERT_EQ(test, rig->units[0].nr_log, 4);
	EXPECT_LOG(rig, 0, 1,
		   PIOTLB(FLPT_DEFAULT_DID, 9, 0x7f0000001000, 0),
		   DEVTLB_PASID(0x18, 9, 0x7f0000001000, 0),
		   DEVTLB_PASID(0x20, 9, 0x7f0000001000, 0), WAIT);
}

/*
 * A guest's page table on top of a parent: the guest's change reaches its own
 * tags, a change of the parent reaches those of all its children, and device
 * TLBs as a whole.
 */
static void nested(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *parent, *one, *two;
	struct device *a, *b, *c;
	u16 did1, did2, did3;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	parent = rig_ss_domain(rig);
	one = rig_nested_domain(rig, parent);
	two = rig_nested_domain(rig, parent);
	a = rig_add_dev(rig, 0, 0x18, true);
	b = rig_add_dev(rig, 0, 0x20, false);
	c = rig_add_dev(rig, 0, 0x28, false);
	did1 = rig_attach(rig, one, a, IOMMU_NO_PASID);
	rig_attach(rig, one, a, 4);
	did2 = rig_attach(rig, two, b, IOMMU_NO_PASID);
	KUNIT_EXPECT_NE(test, did1, did2);

	cache_tag_flush_range(one, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1,
		   PIOTLB(did1, 0, 0x1000, 0), PIOTLB(did1, 4, 0x1000, 0),
		   DEVTLB(0x18, 0x1000, 0), DEVTLB_PASID(0x18, 4, 0x1000, 0),
		   WAIT);

	rig_forget(rig);
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1,
		   IOTLB(did1, 0x1000, 0), IOTLB(did2, 0x1000, 0),
		   DEVTLB(0x18, 0, ALL_PAGES),
		   DEVTLB_PASID(0x18, 4, 0, ALL_PAGES), WAIT);

	/* The parent may be used by itself, too. */
	did3 = rig_attach(rig, parent, c, IOMMU_NO_PASID);
	rig_forget(rig);
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1,
		   IOTLB(did3, 0x1000, 0), IOTLB(did1, 0x1000, 0),
		   IOTLB(did2, 0x1000, 0),
		   DEVTLB(0x18, 0, ALL_PAGES),
		   DEVTLB_PASID(0x18, 4, 0, ALL_PAGES), WAIT);

	/* One PASID moves from child to child. */
	rig_attach(rig, two, a, 4);
	rig_detach(a, IOMMU_NO_PASID);
	rig_detach(c, IOMMU_NO_PASID);
	rig_forget(rig);
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did2, 0x1000, 0),
		   DEVTLB_PASID(0x18, 4, 0, ALL_PAGES), WAIT);

	rig_detach(a, 4);
	rig_detach(b, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&parent->attachments));
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&one->attachments));
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&two->attachments));
}

/*
 * A block above CAP.MAMV becomes a whole domain (second stage) or a whole PASID
 * (first stage) in the IOTLB. Device TLBs have no such limit.
 */
static void large_blocks(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *ss, *fs;
	struct device *dev;
	u16 did, fs_did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	ss = rig_ss_domain(rig);
	fs = rig_fs_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, true);
	did = rig_attach(rig, ss, dev, IOMMU_NO_PASID);
	fs_did = rig_attach(rig, fs, dev, 2);

	/* The largest block: 1 GiB. */
	cache_tag_flush_range(ss, SZ_1G, 2UL * SZ_1G - 1, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, SZ_1G, TEST_MAMV),
		   DEVTLB(0x18, SZ_1G, TEST_MAMV), WAIT);
	rig_forget(rig);
	cache_tag_flush_range(fs, SZ_1G, 2UL * SZ_1G - 1, 0);
	EXPECT_LOG(rig, 0, 1, PIOTLB(fs_did, 2, SZ_1G, TEST_MAMV),
		   DEVTLB_PASID(0x18, 2, SZ_1G, TEST_MAMV), WAIT);

	/* Two pages on both sides of a boundary of 1 GiB. */
	rig_forget(rig);
	cache_tag_flush_range(ss, SZ_1G - SZ_4K, SZ_1G + SZ_4K - 1, 1);
	EXPECT_LOG(rig, 0, 1, IOTLB_ALL(did), DEVTLB(0x18, 0, TEST_MAMV + 1),
		   WAIT);
	rig_forget(rig);
	cache_tag_flush_range(fs, SZ_1G - SZ_4K, SZ_1G + SZ_4K - 1, 1);
	EXPECT_LOG(rig, 0, 1, PIOTLB_ALL(fs_did, 2),
		   DEVTLB_PASID(0x18, 2, 0, TEST_MAMV + 1), WAIT);
}

/* Without page-selective invalidation, always all of it; but see above. */
static void no_page_selective(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *ss, *fs;
	struct device *dev;
	u16 did, fs_did;

	rig_add_unit(rig, 0, TEST_ECAP);
	ss = rig_ss_domain(rig);
	fs = rig_fs_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, false);
	did = rig_attach(rig, ss, dev, IOMMU_NO_PASID);
	fs_did = rig_attach(rig, fs, dev, 2);

	cache_tag_flush_range(ss, 0x1000, 0x1fff, 1);
	cache_tag_flush_range(fs, 0x1000, 0x1fff, 1);
	EXPECT_LOG(rig, 0, 2, IOTLB_ALL(did), WAIT,
		   PIOTLB_LEAF(fs_did, 2, 0x1000, 0), WAIT);
}

/* New mappings: nothing to do on ordinary hardware. */
static void np_ordinary(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	rig_attach(rig, domain, rig_add_dev(rig, 0, 0x18, true),
		   IOMMU_NO_PASID);
	cache_tag_flush_range_np(domain, 0x1000, 0x1fff);
	expect_log(rig, 0, 0, NULL, 0);
}

/* New mappings in caching mode: as for an unmap, but for device TLBs. */
static void np_caching_mode(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *ss, *fs;
	struct device *dev;
	int i, p;
	u16 did;

	rig_add_unit(rig, TEST_CAP | TEST_CAP_CM, TEST_ECAP);
	ss = rig_ss_domain(rig);
	fs = rig_fs_domain(rig);
	for (i = 0; i < 4; i++) {
		dev = rig_add_dev(rig, 0, i << 3, true);
		did = rig_attach(rig, ss, dev, IOMMU_NO_PASID);
		for (p = 1; p <= 16; p++)
			rig_attach(rig, ss, dev, p);
		rig_attach(rig, fs, dev, 20);
	}

	cache_tag_flush_range_np(ss, 0x1000, 0x1fff);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);

	/* First-stage entries that are not present are never cached. */
	rig_forget(rig);
	cache_tag_flush_range_np(fs, 0x1000, 0x1fff);
	expect_log(rig, 0, 0, NULL, 0);
}

/* Caching mode covers nested translations, too. */
static void np_nest_parent(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *parent, *child;
	u16 did;

	rig_add_unit(rig, TEST_CAP | TEST_CAP_CM, TEST_ECAP);
	parent = rig_ss_domain(rig);
	child = rig_nested_domain(rig, parent);
	did = rig_attach(rig, child, rig_add_dev(rig, 0, 0x18, true),
			 IOMMU_NO_PASID);

	cache_tag_flush_range_np(parent, 0x1000, 0x1fff);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/* The write buffer is the unit's: once, however many tags. */
static void np_write_buffer(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *ss, *fs;
	struct device *dev;
	int p;

	rig_add_unit(rig, TEST_CAP | TEST_CAP_RWBF, TEST_ECAP);
	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	ss = rig_ss_domain(rig);
	fs = rig_fs_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, true);
	for (p = 0; p <= 16; p++) {
		rig_attach(rig, ss, dev, p);
		rig_attach(rig, fs, dev, 20 + p);
	}
	rig_attach(rig, ss, rig_add_dev(rig, 1, 0x20, false), IOMMU_NO_PASID);

	cache_tag_flush_range_np(ss, 0x1000, 0x1fff);
	EXPECT_LOG(rig, 0, 0, { .type = INV_WRITE_BUFFER });
	expect_log(rig, 1, 0, NULL, 0);

	rig_forget(rig);
	cache_tag_flush_range_np(fs, 0x1000, 0x1fff);
	EXPECT_LOG(rig, 0, 0, { .type = INV_WRITE_BUFFER });
}

/* Registers instead of a queue: the hint stays out of the address mask. */
static void register_based(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	u16 did;

	rig_add_unit(rig, TEST_CAP, 0);
	domain = rig_ss_domain(rig);
	did = rig_attach(rig, domain, rig_add_dev(rig, 0, 0x18, false),
			 IOMMU_NO_PASID);
	rig_attach(rig, domain, rig_add_dev(rig, 0, 0x20, false),
		   IOMMU_NO_PASID);

	cache_tag_flush_range(domain, 0x4000, 0x7fff, 1);
	EXPECT_LOG(rig, 0, 0, REGISTER_PAGES(did, 0x4000, 2));

	/* Page 0 alone: never what the register happened to hold. */
	rig_forget(rig);
	cache_tag_flush_range(domain, 0, 0xfff, 1);
	EXPECT_LOG(rig, 0, 0, REGISTER_DOMAIN(did));

	rig_forget(rig);
	cache_tag_flush_all(domain);
	EXPECT_LOG(rig, 0, 0, REGISTER_DOMAIN(did));
}

/* The first attachment on a unit takes an id, the last one gives it back. */
static void domain_ids(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain, *other;
	struct device *a, *b, *c;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	other = rig_ss_domain(rig);
	a = rig_add_dev(rig, 0, 0x18, false);
	b = rig_add_dev(rig, 0, 0x20, false);
	c = rig_add_dev(rig, 1, 0x18, false);

	did = rig_attach(rig, domain, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, rig_attach(rig, domain, b, 3), did);
	KUNIT_EXPECT_NE(test, rig_attach(rig, other, b, 4), did);
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&rig->units[1].iommu.domain_ida));
	rig_attach(rig, domain, c, IOMMU_NO_PASID);

	/* Others have it still. */
	rig_detach(a, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ida_exists(&rig->units[0].iommu.domain_ida, did));
	KUNIT_EXPECT_EQ(test, rig_attach(rig, domain, a, IOMMU_NO_PASID), did);
	rig_detach(b, 3);
	KUNIT_EXPECT_TRUE(test, ida_exists(&rig->units[0].iommu.domain_ida, did));
	/* Those on another unit do not count. */
	rig_detach(a, IOMMU_NO_PASID);
	KUNIT_EXPECT_FALSE(test, ida_exists(&rig->units[0].iommu.domain_ida, did));
	KUNIT_EXPECT_FALSE(test, ida_is_empty(&rig->units[1].iommu.domain_ida));
	rig_detach(c, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&rig->units[1].iommu.domain_ida));
}

/* An id is not the nest parent's because it is on the parent's list. */
static void domain_ids_nested(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *parent, *child;
	struct device *a, *b;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	parent = rig_ss_domain(rig);
	child = rig_nested_domain(rig, parent);
	a = rig_add_dev(rig, 0, 0x18, false);
	b = rig_add_dev(rig, 0, 0x20, false);

	did = rig_attach(rig, child, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_NE(test, rig_attach(rig, parent, b, IOMMU_NO_PASID), did);
	rig_detach(b, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ida_exists(&rig->units[0].iommu.domain_ida, did));
	rig_detach(a, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&rig->units[0].iommu.domain_ida));
}

/* The last id has been taken: nothing is recorded, and those who have one go on. */
static void domain_ids_used_up(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain, *other;
	struct device *a, *b;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	rig->units[0].iommu.max_domain_id = IDA_START_DID + 1;
	domain = rig_ss_domain(rig);
	other = rig_ss_domain(rig);
	a = rig_add_dev(rig, 0, 0x18, false);
	b = rig_add_dev(rig, 0, 0x20, false);

	did = rig_attach(rig, domain, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmar_attachment_add(other, b, 3)),
			-ENOSPC);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&other->attachments));
	KUNIT_EXPECT_TRUE(test, xa_empty(&rig->devs[1].info.attachments));
	KUNIT_EXPECT_EQ(test, rig_attach(rig, domain, b, IOMMU_NO_PASID), did);
}

/* A unit that cannot do what the domain demands is not told that it has it. */
static void coherency_enforced(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *parent, *child;
	struct dmar_attachment *att;
	struct device *able, *unable;
	int i;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP | TEST_ECAP_SC);
	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	able = rig_add_dev(rig, 0, 0x18, false);
	unable = rig_add_dev(rig, 1, 0x18, false);
	parent = rig_ss_domain(rig);
	child = rig_nested_domain(rig, parent);
	parent->force_snooping = true;

	for (i = 0; i < 2; i++) {
		struct dmar_domain *domain = i ? child : parent;

		att = dmar_attachment_add(domain, unable, 3);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(att), -EINVAL);
		KUNIT_EXPECT_TRUE(test, xa_empty(&rig->devs[1].info.attachments));
		KUNIT_EXPECT_TRUE(test,
				  iommu_attach_list_empty(&domain->attachments));
		KUNIT_EXPECT_TRUE(test,
				  ida_is_empty(&rig->units[1].iommu.domain_ida));
	}
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&parent->attachments));
	rig_attach(rig, parent, able, IOMMU_NO_PASID);
	rig_attach(rig, child, able, 3);
}

/* Until the new one is installed, the old one is what detach would remove. */
static void replace(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *old, *new;
	struct dmar_attachment *att;
	struct device *dev;
	u16 old_did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	old = rig_ss_domain(rig);
	new = rig_ss_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, true);
	old_did = rig_attach(rig, old, dev, 3);

	/* Given up */
	att = dmar_attachment_add(new, dev, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, att);
	dmar_attachment_remove(att);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&new->attachments));
	cache_tag_flush_range(old, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(old_did, 0x1000, 0),
		   DEVTLB_PASID(0x18, 3, 0x1000, 0), WAIT);

	/* Gone through with: both are told in between. */
	att = dmar_attachment_add(new, dev, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, att);
	rig_forget(rig);
	cache_tag_flush_range(old, 0x1000, 0x1fff, 0);
	cache_tag_flush_range(new, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 2, IOTLB(old_did, 0x1000, 0),
		   DEVTLB_PASID(0x18, 3, 0x1000, 0), WAIT,
		   IOTLB(att->did, 0x1000, 0),
		   DEVTLB_PASID(0x18, 3, 0x1000, 0), WAIT);

	dmar_attachment_install(dev, 3, att);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&old->attachments));
	KUNIT_EXPECT_FALSE(test, ida_exists(&rig->units[0].iommu.domain_ida,
					    old_did));
	rig_detach(dev, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(&new->attachments));
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&rig->units[0].iommu.domain_ida));
}

/* What attach recorded is what detach removes, whatever has changed since. */
static void detach_what_was_attached(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct device *a, *b;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	a = rig_add_dev(rig, 0, 0x18, true);
	b = rig_add_dev(rig, 0, 0x20, true);
	did = rig_attach(rig, domain, a, IOMMU_NO_PASID);
	rig_attach(rig, domain, b, IOMMU_NO_PASID);

	/* ATS is off by the time of detach. */
	rig->devs[0].info.ats_enabled = 0;
	rig_detach(a, IOMMU_NO_PASID);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), DEVTLB(0x20, 0x1000, 0),
		   WAIT);

	/* A second detach takes nobody else's. */
	rig_forget(rig);
	rig_detach(a, IOMMU_NO_PASID);
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), DEVTLB(0x20, 0x1000, 0),
		   WAIT);
}

/* Allocation failure */

/* Each allocation in turn fails: nothing recorded, nothing else disturbed. */
static void allocation_failure(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct dmar_domain *parent, *child;
	struct device *keep, *dev;
	struct dmar_attachment *att;
	int n, ret, failures = 0;
	bool failed = true;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	parent = rig_ss_domain(rig);
	child = rig_nested_domain(rig, parent);
	keep = rig_add_dev(rig, 0, 0x18, false);
	dev = rig_add_dev(rig, 0, 0x20, true);
	did = rig_attach(rig, child, keep, IOMMU_NO_PASID);

	fail_nth_init(test);
	for (n = 1; failed; n++) {
		KUNIT_ASSERT_LT(test, n, 10);
		rig_forget(rig);
		fail_nth(n);
		att = dmar_attachment_add(child, dev, 3);
		failed = fail_nth_end();
		/* Some allocations are tried again. */
		if (!IS_ERR(att)) {
			dmar_attachment_remove(att);
			continue;
		}

		KUNIT_EXPECT_EQ(test, PTR_ERR(att), -ENOMEM);
		KUNIT_EXPECT_TRUE(test, xa_empty(&rig->devs[1].info.attachments));
		failures++;
		cache_tag_flush_range(child, 0x1000, 0x1fff, 0);
		cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
		EXPECT_LOG(rig, 0, 2, PIOTLB(did, 0, 0x1000, 0), WAIT,
			   IOTLB(did, 0x1000, 0), WAIT);
	}
	/* One for the child, one for its parent. */
	KUNIT_EXPECT_GE(test, failures, 2);

	rig->devs[1].info.ats_enabled = 0;
	did = rig_attach(rig, parent, dev, IOMMU_NO_PASID);
	rig->devs[1].info.ats_enabled = 1;
	fail_nth(1);
	ret = rig_enable_ats(dev);
	fail_nth_end();
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	rig_detach(keep, IOMMU_NO_PASID);
	rig_forget(rig);
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	EXPECT_LOG(rig, 0, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/* Re-entrance */

#ifdef CONFIG_TRACEPOINTS

struct reenter {
	struct dmar_domain *outer;
	struct dmar_domain *inner;
	int depth;
};

static void reenter(void *data, const struct dmar_attachment *att,
		    const struct cache_flush_range *range)
{
	struct reenter *r = data;

	/* The fifth: by then the outer flush has the CPU's buffer. */
	if (++r->depth == 5)
		cache_tag_flush_range(r->inner, 0x9000, 0x9fff, 0);
}

/* A flush within a flush, on another unit: neither spoils the other. */
static void flush_within_flush(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct reenter r = {};
	struct device *a, *b;
	u16 outer, inner;
	int p;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	r.outer = rig_fs_domain(rig);
	r.inner = rig_fs_domain(rig);
	a = rig_add_dev(rig, 0, 0x18, false);
	b = rig_add_dev(rig, 1, 0x20, false);
	for (p = 1; p <= 6; p++) {
		outer = rig_attach(rig, r.outer, a, p);
		inner = rig_attach(rig, r.inner, b, p);
	}

	KUNIT_ASSERT_EQ(test,
			register_trace_cache_tag_flush_range(reenter, &r), 0);
	cache_tag_flush_range(r.outer, 0x1000, 0x1fff, 0);
	unregister_trace_cache_tag_flush_range(reenter, &r);
	tracepoint_synchronize_unregister();

	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, r.depth, 12);
	EXPECT_LOG(rig, 0, 1, PIOTLB(outer, 1, 0x1000, 0),
		   PIOTLB(outer, 2, 0x1000, 0), PIOTLB(outer, 3, 0x1000, 0),
		   PIOTLB(outer, 4, 0x1000, 0), PIOTLB(outer, 5, 0x1000, 0),
		   PIOTLB(outer, 6, 0x1000, 0), WAIT);
	/* On the stack there is less room. */
	EXPECT_LOG(rig, 1, 2, PIOTLB(inner, 1, 0x9000, 0),
		   PIOTLB(inner, 2, 0x9000, 0), PIOTLB(inner, 3, 0x9000, 0),
		   PIOTLB(inner, 4, 0x9000, 0), WAIT,
		   PIOTLB(inner, 5, 0x9000, 0), PIOTLB(inner, 6, 0x9000, 0),
		   WAIT);

	/* And the buffer is free again. */
	rig_forget(rig);
	cache_tag_flush_range(r.inner, 0x9000, 0x9fff, 0);
	KUNIT_EXPECT_EQ(test, rig->units[1].doorbells, 1);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
}

#else

static void flush_within_flush(struct kunit *test)
{
	kunit_skip(test, "needs TRACEPOINTS");
}

#endif

/* Concurrency */

struct churn {
	struct dmar_domain *domain;
	struct device *dev;
	atomic_t rounds;
	int errors;
};

/* Attaches and detaches a range of PASIDs, all the time. */
static int churn_thread(void *data)
{
	struct churn *churn = data;
	struct dmar_attachment *att;
	int p = 0;

	while (!kthread_should_stop()) {
		att = dmar_attachment_add(churn->domain, churn->dev,
					  100 + p % 8);
		if (IS_ERR(att))
			churn->errors++;
		else
			dmar_attachment_remove(att);
		p++;
		atomic_inc(&churn->rounds);
		cond_resched();
	}
	return 0;
}

static bool log_has(struct fake_unit *unit, const struct inv *want)
{
	const struct inv *got;

	for (got = unit->log; got < unit->log + unit->nr_log; got++)
		if (got->type == want->type && got->id == want->id &&
		    got->pasid == want->pasid && got->addr == want->addr &&
		    got->order == want->order)
			return true;
	return false;
}

/* Whoever comes and goes, those who stay are flushed, each time. */
static void flush_beside_churn(struct kunit *test)
{
	struct churn churn = {};
	struct rig *rig = test->priv;
	struct dmar_domain *domain;
	struct task_struct *task;
	struct device *dev;
	int i, missed = 0;
	u16 did;

	rig_add_unit(rig, TEST_CAP, TEST_ECAP);
	domain = rig_ss_domain(rig);
	dev = rig_add_dev(rig, 0, 0x18, true);
	did = rig_attach(rig, domain, dev, 5);

	churn.domain = domain;
	churn.dev = rig_add_dev(rig, 0, 0x20, true);
	task = kthread_run(churn_thread, &churn, "vtd-churn");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	for (i = 0; i < 500 || atomic_read(&churn.rounds) < 500; i++) {
		const struct inv iotlb = IOTLB(did, (u64)i << 12, 0);
		const struct inv devtlb = DEVTLB_PASID(0x18, 5, (u64)i << 12, 0);
		struct fake_unit *unit = &rig->units[0];

		rig_forget(rig);
		cache_tag_flush_range(domain, (u64)i << 12,
				      ((u64)i << 12) + 0xfff, 0);
		missed += !log_has(unit, &iotlb) || !log_has(unit, &devtlb);
		/* A device TLB that was added in the meantime costs another. */
		missed += unit->doorbells != 1 && unit->doorbells != 2;
		cond_resched();
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, missed, 0);
	KUNIT_EXPECT_EQ(test, churn.errors, 0);
}

static struct kunit_case cache_test_cases[] = {
	KUNIT_CASE_PARAM(second_stage_rid, dev_count_gen_params),
	KUNIT_CASE(second_stage_legacy),
	KUNIT_CASE(second_stage_pasids),
	KUNIT_CASE(first_stage_pasids),
	KUNIT_CASE(first_stage_many_pasids),
	KUNIT_CASE(ats_order),
	KUNIT_CASE(ats_extra),
	KUNIT_CASE(ats_translation_off),
	KUNIT_CASE(ats_enabled_late),
	KUNIT_CASE(several_units),
	KUNIT_CASE(sva),
	KUNIT_CASE(nested),
	KUNIT_CASE(large_blocks),
	KUNIT_CASE(no_page_selective),
	KUNIT_CASE(np_ordinary),
	KUNIT_CASE(np_caching_mode),
	KUNIT_CASE(np_nest_parent),
	KUNIT_CASE(np_write_buffer),
	KUNIT_CASE(register_based),
	KUNIT_CASE(domain_ids),
	KUNIT_CASE(domain_ids_nested),
	KUNIT_CASE(domain_ids_used_up),
	KUNIT_CASE(coherency_enforced),
	KUNIT_CASE(replace),
	KUNIT_CASE(detach_what_was_attached),
	KUNIT_CASE(allocation_failure),
	KUNIT_CASE(flush_within_flush),
	KUNIT_CASE_SLOW(flush_beside_churn),
	{}
};

static struct kunit_suite cache_test_suite = {
	.name = "intel_iommu_cache",
	.init = cache_test_init,
	.exit = cache_test_exit,
	.test_cases = cache_test_cases,
};

kunit_test_suites(&cache_test_suite);

MODULE_DESCRIPTION("KUnit tests of VT-d cache invalidation");
MODULE_LICENSE("GPL");

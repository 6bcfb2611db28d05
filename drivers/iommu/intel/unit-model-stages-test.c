// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of nested translation, shared address spaces, and of what is
 * switched while devices are attached, on units made of memory.
 */

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-priv.h"
#include "unit-model-kunit.h"

/* The guest changes its tables, and says so. */
static void nested_guest_changes(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, guest.pa[GUEST_DATA]));

	/* Another page, which is one of the tables, but what of it. */
	ut_guest_set(&guest, GUEST_LEVEL1, GPA(GUEST_LEVEL3));
	ut_guest_invalidate(test, &guest, IOVA, 1);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, guest.pa[GUEST_LEVEL3]));

	ut_guest_set(&guest, GUEST_LEVEL2, 0);
	ut_guest_invalidate(test, &guest, 0, U64_MAX);
	ut_check_detached(test, dev, t->pasid);

	ut_guest_set(&guest, GUEST_LEVEL2, GPA(GUEST_LEVEL1));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, guest.pa[GUEST_LEVEL3]));
	ut_detach(guest.domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/* The host moves the guest's pages, the data as well as the tables. */
static void nested_host_changes(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct ut_guest guest = {};
	enum ut_guest_page page;
	phys_addr_t old, new;

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);

	for (page = 0; page < GUEST_PAGES; page++) {
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
						   guest.pa[GUEST_DATA]));
		old = guest.pa[page];
		new = ut_new_page(test);
		ut_guest_unmap(test, &guest, page);
		ut_check_detached(test, dev, t->pasid);

		memcpy(phys_to_virt(new), phys_to_virt(old), PAGE_SIZE);
		memset(phys_to_virt(old), 0, PAGE_SIZE);
		ut_guest_map(test, &guest, page, new);
	}
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, guest.pa[GUEST_DATA]));
	ut_detach(guest.domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/*
 * Two domains on one parent, both used by RID, where nothing but the domain id
 * tells them apart; and the parent by itself on a third device.
 */
static void nested_siblings(struct kunit *test)
{
	struct device *dev[MODEL_DEVS];
	struct iommu_domain *other;
	struct ut_guest guest = {};
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		dev[i] = model_dev(MODEL_FS, i);
	ut_new_guest(test, dev[0], &guest);
	other = ut_new_nested(test, dev[1], &guest, 48);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev[0], IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, dev[1], IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.parent, dev[2], IOMMU_NO_PASID), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i], IOMMU_NO_PASID,
						   guest.pa[GUEST_DATA]));

	/* One guest's table cleared, invalidated for it alone. */
	ut_guest_set(&guest, GUEST_LEVEL1, 0);
	ut_guest_invalidate(test, &guest, IOVA, 1);
	ut_check_detached(test, dev[0], IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev[1], IOMMU_NO_PASID,
					   guest.pa[GUEST_DATA]));

	ut_guest_unmap(test, &guest, GUEST_DATA);
	ut_check_detached(test, dev[1], IOMMU_NO_PASID);
	ut_guest_map(test, &guest, GUEST_DATA, ut_new_page(test));
	ut_check_attached(test, guest.parent, dev[2], IOMMU_NO_PASID);

	ut_detach(guest.parent, dev[2], IOMMU_NO_PASID);
	ut_detach(other, dev[1], IOMMU_NO_PASID);
	ut_detach(guest.domain, dev[0], IOMMU_NO_PASID);
}

/**
 * struct guest_intruder - changes a guest's tables, and where they are
 * @in: When. Its @domain is not used, its @pa is the guest's data.
 * @guest: Whose.
 * @mm: The address space of the test.
 */
struct guest_intruder {
	struct ut_intruder in;
	struct ut_guest *guest;
	struct mm_struct *mm;
};

/* Says of the page what was made of it meanwhile. */
static void must_be_gone(struct ut_intruder *in)
{
	if (ut_reaches(in->dev, in->pasid, in->pa))
		in->stale++;
}

static void guest_and_host_change(struct ut_intruder *in)
{
	struct guest_intruder *g = container_of(in, typeof(*g), in);

	if (!ut_reaches(in->dev, in->pasid, in->pa))
		return;
	in->reached++;

	kthread_use_mm(g->mm);
	ut_guest_set(g->guest, GUEST_LEVEL1, 0);
	if (ut_guest_ask(g->guest, IOVA, 1))
		in->stale++;
	must_be_gone(in);
	/* In caching mode the guest has to say so of an entry that is new. */
	ut_guest_set(g->guest, GUEST_LEVEL1, GPA(GUEST_DATA));
	if (ut_guest_ask(g->guest, IOVA, 1))
		in->stale++;
	kthread_unuse_mm(g->mm);

	iommu_unmap(g->guest->parent, GPA(GUEST_DATA), PAGE_SIZE);
	must_be_gone(in);
	if (iommu_map(g->guest->parent, GPA(GUEST_DATA), in->pa, PAGE_SIZE, PROT,
		      GFP_ATOMIC))
		in->stale++;
}

static struct guest_intruder new_guest_intruder(struct kunit *test,
						struct ut_guest *guest)
{
	const struct ut_topology *t = test->param_value;

	ut_new_guest(test, ut_dev(t), guest);
	return (struct guest_intruder) {
		.in = {
			.act = guest_and_host_change,
			.dev = ut_dev(t),
			.pasid = t->pasid,
			.pa = guest->pa[GUEST_DATA],
			.unit = model_unit(t->unit),
		},
		.guest = guest,
		.mm = current->mm,
	};
}

static const void *nested_caching_gen_params(struct kunit *test,
					     const void *prev, char *desc)
{
	const struct ut_topology *t;

	do {
		t = ut_nested_gen_params(test, prev, desc);
		prev = t;
	} while (t && !(model_unit(t->unit)->cap & MODEL_CAP_CM));
	return t;
}

/* B1: while it waits, attach has to have told both domains of the device. */
static void nested_changes_when_attach_waits(struct kunit *test)
{
	struct ut_guest guest = {};
	struct guest_intruder g = new_guest_intruder(test, &guest);
	int i, ret;

	for (i = 0; i < ROUNDS && !g.in.reached; i++) {
		ut_intrude_waits(test, &g.in);
		ret = ut_attach(guest.domain, g.in.dev, g.in.pasid);
		ut_stop_waits(&g.in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_detach(guest.domain, g.in.dev, g.in.pasid);
	}
	KUNIT_EXPECT_GT(test, g.in.reached, 0);
	KUNIT_EXPECT_EQ(test, g.in.stale, 0);
}

/* B2: and detach must not have told them yet. */
static void nested_changes_when_detach_waits(struct kunit *test)
{
	struct ut_guest guest = {};
	struct guest_intruder g = new_guest_intruder(test, &guest);
	int i;

	for (i = 0; i < ROUNDS && !g.in.reached; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, g.in.dev,
						g.in.pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(g.in.dev, g.in.pasid,
						   g.in.pa));
		ut_intrude_waits(test, &g.in);
		ut_detach(guest.domain, g.in.dev, g.in.pasid);
		ut_stop_waits(&g.in);
		ut_check_detached(test, g.in.dev, g.in.pasid);
	}
	KUNIT_EXPECT_GT(test, g.in.reached, 0);
	KUNIT_EXPECT_EQ(test, g.in.stale, 0);
}

/* A process' own tables */

static bool reaches_user(struct iommu_sva *sva, struct device *dev,
			 void __user *addr, phys_addr_t want)
{
	phys_addr_t pa;

	return !model_dma(dev, iommu_sva_get_pasid(sva), (u64)(uintptr_t)addr,
			  true, &pa) && pa == want;
}

/*
 * Two devices behind one unit use the memory of this process: what it unmaps is
 * invalidated once in the unit, and once in each device.
 */
static void sva_unmap(struct kunit *test)
{
	struct device *dev[2] = { model_dev(MODEL_FS, 1),
				  model_dev(MODEL_FS, 2) };
	void __user *addr = ut_new_user_page(test);
	phys_addr_t pa = ut_user_pa(test, addr);
	struct iommu_sva *sva[2];
	unsigned int i, waits;

	for (i = 0; i < 2; i++) {
		sva[i] = iommu_sva_bind_device(dev[i], current->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sva[i]);
		KUNIT_EXPECT_TRUE(test, reaches_user(sva[i], dev[i], addr, pa));
	}

	model_reset();
	KUNIT_EXPECT_EQ(test, vm_munmap((unsigned long)addr, PAGE_SIZE), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_FALSE(test, reaches_user(sva[i], dev[i], addr, pa));
	waits = ut_count(test, MODEL_FS, MODEL_INV_WAIT);
	/* Unmapping frees page tables, too: as often as it likes, but each so. */
	KUNIT_EXPECT_GT(test, waits, 0);
	KUNIT_EXPECT_EQ(test, ut_count(test, MODEL_FS, MODEL_INV_PIOTLB), waits);
	KUNIT_EXPECT_EQ(test, ut_count(test, MODEL_FS, MODEL_INV_DEVTLB_PASID),
			2 * waits);

	addr = ut_new_user_page(test);
	pa = ut_user_pa(test, addr);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, reaches_user(sva[i], dev[i], addr, pa));
	iommu_sva_unbind_device(sva[0]);
	KUNIT_EXPECT_FALSE(test, reaches_user(sva[1], dev[0], addr, pa));
	KUNIT_EXPECT_TRUE(test, reaches_user(sva[1], dev[1], addr, pa));
	iommu_sva_unbind_device(sva[1]);
}

/*
 * An address space that ends: the device is shut out, and not to be heard of
 * until its driver has taken notice.
 */

/**
 * struct process - an address space of one page, and a device that uses it
 * @mm: The address space.
 * @addr: The page.
 * @pa: Where it is.
 * @dev: The device.
 * @sva: How it is bound.
 */
struct process {
	struct mm_struct *mm;
	void __user *addr;
	phys_addr_t pa;
	struct device *dev;
	struct iommu_sva *sva;
};

static void new_process(struct kunit *test, struct process *p)
{
	int ret;

	p->mm = ut_new_mm();
	KUNIT_ASSERT_NOT_NULL(test, p->mm);
	kthread_use_mm(p->mm);
	ret = ut_mmap_page(&p->addr, &p->pa);
	kthread_unuse_mm(p->mm);
	KUNIT_ASSERT_EQ(test, ret, 0);

	p->dev = model_dev(MODEL_FS, 1);
	p->sva = iommu_sva_bind_device(p->dev, p->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p->sva);
	KUNIT_EXPECT_TRUE(test, reaches_user(p->sva, p->dev, p->addr, p->pa));
}

/* Is the device refused, and does anybody get to know? */
static void check_refused(struct kunit *test, const struct process *p,
			  ioasid_t pasid, bool reported)
{
	struct model_unit *unit = model_unit(MODEL_FS);
	unsigned int before = unit->refused;
	phys_addr_t pa;

	KUNIT_EXPECT_EQ(test, model_dma(p->dev, pasid,
					(u64)(uintptr_t)p->addr, true, &pa),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, unit->refused, before + reported);
}

/* B5: faults are not reported between the end of both. */
static void sva_exit(struct kunit *test)
{
	struct process p = {};
	ioasid_t pasid;

	new_process(test, &p);
	pasid = iommu_sva_get_pasid(p.sva);
	mmput(p.mm);
	check_refused(test, &p, pasid, false);
	iommu_sva_unbind_device(p.sva);
	check_refused(test, &p, pasid, true);
}

/* A reset that is done only when the address space has ended brings nothing back. */
static void sva_exit_in_reset(struct kunit *test)
{
	struct process p = {};
	struct pci_dev *pdev;
	ioasid_t pasid;

	new_process(test, &p);
	pdev = to_pci_dev(p.dev);
	pasid = iommu_sva_get_pasid(p.sva);
	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	mmput(p.mm);
	pci_dev_reset_iommu_done(pdev);
	check_refused(test, &p, pasid, false);
	iommu_sva_unbind_device(p.sva);
	check_refused(test, &p, pasid, true);
}

static void exit_work(void *mm)
{
	mmput(mm);
}

/* The driver lets go of it at that very moment. */
static void sva_exit_beside_unbind(struct kunit *test)
{
	struct model_unit *unit = model_unit(MODEL_FS);
	struct process p = {};
	unsigned int chances = 0;
	struct ut_thread thread;
	ioasid_t pasid;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		new_process(test, &p);
		pasid = iommu_sva_get_pasid(p.sva);
		model_set_faults(unit, (struct model_faults) {
			.latency = LATENCY,
		});
		ut_start(test, &thread, exit_work, p.mm);
		chances += ut_wait_until_stuck(&thread, unit);
		iommu_sva_unbind_device(p.sva);
		check_refused(test, &p, pasid, true);
		ut_join(&thread);
		check_refused(test, &p, pasid, true);
		model_set_faults(unit, (struct model_faults) {});
	}
	KUNIT_EXPECT_GT(test, chances, 0);
}

/* What is switched on and off */

/**
 * struct tracking - a device, and a domain whose second stage it writes by
 * @attached: What the device is attached to.
 * @tracked: The domain that has the second stage.
 * @iova: Address of the page there.
 * @dev: The device, which writes to %IOVA.
 * @pasid: Its PASID.
 */
struct tracking {
	struct iommu_domain *attached;
	struct iommu_domain *tracked;
	u64 iova;
	struct device *dev;
	ioasid_t pasid;
};

static const struct tracked_topology {
	struct ut_topology t;
	bool nested;
} tracked_topologies[] = {
	{ { "second stage", MODEL_SS, 0, IOMMU_NO_PASID } },
	{ { "second stage, PASID, ATS", MODEL_SS, 1, PASID } },
	{ { "second stage of two, ATS", MODEL_FS, 1, IOMMU_NO_PASID } },
	{ { "caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID } },
	{ { "PASID, ATS, caching mode", MODEL_FS_CM, 1, PASID } },
	{ { "nested", MODEL_FS, 0, IOMMU_NO_PASID }, true },
	{ { "nested, PASID, ATS", MODEL_FS, 1, PASID }, true },
	{ { "nested, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID }, true },
	{ { "nested, PASID, caching mode", MODEL_FS_CM, 0, PASID }, true },
};

static void tracked_desc(const struct tracked_topology *t, char *desc)
{
	strscpy(desc, t->t.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tracked, tracked_topologies, tracked_desc);

static struct tracking new_tracking(struct kunit *test,
				    const struct tracked_topology *t)
{
	struct ut_guest guest = {};
	struct tracking tr = {
		.dev = ut_dev(&t->t),
		.pasid = t->t.pasid,
		.iova = IOVA,
	};

	if (t->nested) {
		ut_new_guest(test, tr.dev, &guest);
		tr.attached = guest.domain;
		tr.tracked = guest.parent;
		tr.iova = GPA(GUEST_DATA);
	} else {
		tr.attached = ut_new_domain(test, tr.dev,
					    IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
		tr.tracked = tr.attached;
		ut_map(test, tr.tracked, ut_new_page(test));
	}
	return tr;
}

static int set_tracking(struct iommu_domain *domain, bool enable)
{
	return domain->dirty_ops->set_dirty_tracking(domain, enable);
}

/* Has the page been written since the last time? */
static bool is_dirty(const struct tracking *tr)
{
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty;

	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, NULL, &gather);
	tr->tracked->dirty_ops->read_and_clear_dirty(tr->tracked, tr->iova,
						     PAGE_SIZE, 0, &dirty);
	if (!gather.end)
		return false;
	iommu_iotlb_sync(tr->tracked, &gather);
	return true;
}

static void check_tracked(struct kunit *test, const struct tracking *tr)
{
	phys_addr_t pa;
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, model_dma(tr->dev, tr->pasid, IOVA, true,
						&pa), 0);
		KUNIT_EXPECT_TRUE(test, is_dirty(tr));
		KUNIT_EXPECT_FALSE(test, is_dirty(tr));
	}
}

/* Switched on beneath a device that has cached things already, and before. */
static void dirty_tracking(struct kunit *test)
{
	struct tracking tr = new_tracking(test, test->param_value);
	phys_addr_t pa;

	KUNIT_ASSERT_EQ(test, ut_attach(tr.attached, tr.dev, tr.pasid), 0);
	KUNIT_EXPECT_EQ(test, model_dma(tr.dev, tr.pasid, IOVA, true, &pa), 0);
	KUNIT_EXPECT_FALSE(test, is_dirty(&tr));
	KUNIT_ASSERT_EQ(test, set_tracking(tr.tracked, true), 0);
	check_tracked(test, &tr);
	ut_detach(tr.attached, tr.dev, tr.pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(tr.attached, tr.dev, tr.pasid), 0);
	check_tracked(test, &tr);
	KUNIT_ASSERT_EQ(test, set_tracking(tr.tracked, false), 0);
	KUNIT_EXPECT_EQ(test, model_dma(tr.dev, tr.pasid, IOVA, true, &pa), 0);
	KUNIT_EXPECT_FALSE(test, is_dirty(&tr));
	ut_detach(tr.attached, tr.dev, tr.pasid);
}

static void start_tracking(struct ut_intruder *in)
{
	if (set_tracking(in->domain, true))
		in->stale++;
}

static struct ut_intruder new_switch(const struct tracking *tr,
				     const struct tracked_topology *t)
{
	return (struct ut_intruder) {
		.act = start_tracking,
		.domain = tr->tracked,
		.unit = model_unit(t->t.unit),
	};
}

/* By PASID, an attach waits in caching mode only. */
static const void *waiting_gen_params(struct kunit *test, const void *prev,
				      char *desc)
{
	const struct tracked_topology *t;

	do {
		t = tracked_gen_params(test, prev, desc);
		prev = t;
	} while (t && t->t.pasid != IOMMU_NO_PASID &&
		 !(model_unit(t->t.unit)->cap & MODEL_CAP_CM));
	return t;
}

/* B4: it is switched on in the midst of an attach, at each time that it waits. */
static void dirty_tracking_when_attach_waits(struct kunit *test)
{
	struct tracking tr = new_tracking(test, test->param_value);
	struct ut_intruder in = new_switch(&tr, test->param_value);
	unsigned int waits = 0;
	int i, ret;

	/*
	 * Before the attach goes on and while it does, and each once more, should
	 * a busy host have missed a wait.
	 */
	for (i = 0; i < 4; i++, in.at = 0) {
		in.beside = i % 2;
		do {
			in.at++;
			in.chances = 0;
			KUNIT_ASSERT_EQ(test, set_tracking(tr.tracked, false), 0);
			ut_intrude_waits(test, &in);
			ret = ut_attach(tr.attached, tr.dev, tr.pasid);
			ut_stop_waits(&in);
			KUNIT_ASSERT_EQ(test, ret, 0);
			waits += in.chances;
			if (in.chances >= in.at)
				check_tracked(test, &tr);
			ut_detach(tr.attached, tr.dev, tr.pasid);
		} while (in.chances >= in.at);
	}
	KUNIT_EXPECT_GT(test, waits, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
}

/* B4: or of a replace, while the PASID has a domain that has no such bits. */
static void dirty_tracking_when_replace_waits(struct kunit *test)
{
	static const struct tracked_topology t = {
		{ "replace", MODEL_FS, 1, PASID }
	};
	struct tracking tr = new_tracking(test, &t);
	struct ut_intruder in = new_switch(&tr, &t);
	struct iommu_attach_handle handle[2];
	struct iommu_domain *old;
	int i, ret;

	old = ut_new_domain(test, tr.dev, 0);
	KUNIT_ASSERT_EQ(test, ut_attach(old, tr.dev, PASID), 0);
	for (i = 0; i < ROUNDS && !in.chances; i++) {
		ut_intrude_waits(test, &in);
		ret = ut_replace(tr.attached, tr.dev, PASID, &handle[0]);
		ut_stop_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		if (in.chances)
			check_tracked(test, &tr);
		KUNIT_ASSERT_EQ(test, ut_replace(old, tr.dev, PASID,
						 &handle[1]), 0);
	}
	KUNIT_EXPECT_GT(test, in.chances, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
	ut_detach(old, tr.dev, PASID);
}

static const struct ut_topology snoop_topologies[] = {
	{ "first stage, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID", MODEL_FS, 0, PASID },
	{ "first stage, PASID, ATS", MODEL_FS, 1, PASID },
	{ "first stage, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, caching mode", MODEL_FS_CM, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(snoop, snoop_topologies, name);

/* B9: coherence is enforced on devices that are attached, and on later ones. */
static void snoop_control(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);

	ut_map(test, domain, ut_new_page(test));
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_FALSE(test, model_dma_snoops(dev, t->pasid, IOVA));
	KUNIT_ASSERT_TRUE(test, domain->ops->enforce_cache_coherency(domain));
	KUNIT_EXPECT_TRUE(test, model_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(domain, dev, t->pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, model_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(domain, dev, t->pasid);
}

static const struct ut_topology snoop_nested_topologies[] = {
	{ "RID, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "PASID", MODEL_FS, 0, PASID },
	{ "RID, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(snoop_nested, snoop_nested_topologies, name);

/* Nor do domains that are nested already bypass it. */
static void snoop_control_nested(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_FALSE(test, model_dma_snoops(dev, t->pasid, IOVA));
	model_reset();
	KUNIT_ASSERT_TRUE(test,
			  guest.parent->ops->enforce_cache_coherency(guest.parent));
	KUNIT_EXPECT_TRUE(test, model_dma_snoops(dev, t->pasid, IOVA));
	/* What is cached of the second stage knows no PASID. */
	KUNIT_EXPECT_EQ(test, ut_count(test, t->unit, MODEL_INV_IOTLB), 1);
	KUNIT_EXPECT_EQ(test, ut_count(test, t->unit, MODEL_INV_PIOTLB), 0);
	ut_detach(guest.domain, dev, t->pasid);

	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, model_dma_snoops(dev, t->pasid, IOVA));
	ut_detach(guest.domain, dev, t->pasid);
}

static void enforce(struct ut_intruder *in)
{
	if (!in->domain->ops->enforce_cache_coherency(in->domain))
		in->stale++;
}

static const struct ut_topology replace_topologies[] = {
	{ "no ATS", MODEL_FS, 0, PASID },
	{ "ATS", MODEL_FS, 1, PASID },
	{ "caching mode", MODEL_FS_CM, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(replace, replace_topologies, name);

/* B4, of the other switch */
static void snoop_control_when_replace_waits(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_attach_handle handle;
	struct iommu_domain *domain, *old;
	struct device *dev = ut_dev(t);
	struct ut_intruder in = {
		.act = enforce,
		.unit = model_unit(t->unit),
	};
	int i, ret;

	for (i = 0; i < ROUNDS && !in.chances; i++) {
		domain = ut_new_domain(test, dev, t->flags);
		old = ut_new_domain(test, dev, t->flags);
		ut_map(test, domain, ut_new_page(test));
		in.domain = domain;
		KUNIT_ASSERT_EQ(test, ut_attach(old, dev, PASID), 0);
		ut_intrude_waits(test, &in);
		ret = ut_replace(domain, dev, PASID, &handle);
		ut_stop_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		if (in.chances)
			KUNIT_EXPECT_TRUE(test,
					  model_dma_snoops(dev, PASID, IOVA));
		ut_detach(domain, dev, PASID);
	}
	KUNIT_EXPECT_GT(test, in.chances, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
}

/* Attaches that are refused */

/* B9: the guest asks for tables of five levels, which the unit does not know. */
static void refused_nested_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_attach_handle handle;
	struct iommu_domain *before, *deep;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	deep = ut_new_nested(test, dev, &guest, 57);
	if (t->pasid == IOMMU_NO_PASID) {
		before = iommu_get_domain_for_dev(dev);
		KUNIT_EXPECT_EQ(test, ut_attach(deep, dev, t->pasid), -EINVAL);
	} else {
		before = ut_new_domain(test, dev, 0);
		KUNIT_ASSERT_EQ(test, ut_attach(before, dev, t->pasid), 0);
		KUNIT_EXPECT_EQ(test, ut_replace(deep, dev, t->pasid, &handle),
				-EINVAL);
	}
	ut_check_attached(test, before, dev, t->pasid);
	if (t->pasid != IOMMU_NO_PASID)
		ut_detach(before, dev, t->pasid);
}

static int no_page_requests(struct iopf_group *group)
{
	return -EOPNOTSUPP;
}

/* R7, of a device that cannot send page requests where the domain handles them */
static void refused_page_requests_change_nothing(struct kunit *test)
{
	struct device *dev = model_dev(MODEL_FS2, 0);
	struct iommu_domain *before = ut_new_domain(test, dev, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct iommu_attach_handle handle;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	domain->iopf_handler = no_page_requests;
	guest.domain->iopf_handler = no_page_requests;

	KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, PASID), -ENODEV);
	KUNIT_EXPECT_EQ(test, ut_attach(guest.domain, dev, PASID), -ENODEV);
	KUNIT_ASSERT_EQ(test, ut_attach(before, dev, PASID), 0);
	KUNIT_EXPECT_EQ(test, ut_replace(domain, dev, PASID, &handle), -ENODEV);
	KUNIT_EXPECT_EQ(test, ut_replace(guest.domain, dev, PASID, &handle),
			-ENODEV);
	ut_check_attached(test, before, dev, PASID);
	ut_detach(before, dev, PASID);
	/* Who is on a list still complains when it is freed. */
}

/* B9: whoever handles a device's page requests lets go of it in the end. */
static void nested_attach_keeps_no_page_requests(struct kunit *test)
{
	struct device *dev = model_dev(MODEL_FS2, 1);
	struct iommu_group *group = dev->iommu_group;
	struct iommu_attach_handle handle;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	guest.parent->iopf_handler = no_page_requests;
	guest.domain->iopf_handler = no_page_requests;
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(dev->iommu->fault_param));

	KUNIT_ASSERT_EQ(test, ut_attach(guest.parent, dev, IOMMU_NO_PASID), 0);
	KUNIT_EXPECT_NOT_NULL(test,
			      rcu_access_pointer(dev->iommu->fault_param));
	KUNIT_ASSERT_EQ(test, iommu_replace_group_handle(group, guest.domain,
							 &handle), 0);
	iommu_detach_group_handle(guest.domain, group);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(dev->iommu->fault_param));
}

/* Identity, and back */

static const struct ut_topology identity_topologies[] = {
	{ "legacy", MODEL_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MODEL_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MODEL_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MODEL_SS, 1, IOMMU_NO_PASID },
	{ "second stage, caching mode", MODEL_SS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS", MODEL_FS, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(identity, identity_topologies, name);

static void identity(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *same = dev_iommu_ops(dev)->identity_domain;
	phys_addr_t pa = ut_new_page(test);
	int i;

	ut_map(test, domain, pa);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_detach(domain, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);

		KUNIT_ASSERT_EQ(test, ut_attach(same, dev, t->pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, IOVA));
		ut_detach(same, dev, t->pasid);
		ut_check_detached(test, dev, t->pasid);
	}
}

static struct kunit_case stages_cases[] = {
	KUNIT_CASE_PARAM(nested_guest_changes, ut_nested_gen_params),
	KUNIT_CASE_PARAM(nested_host_changes, ut_nested_gen_params),
	KUNIT_CASE(nested_siblings),
	KUNIT_CASE_PARAM(nested_changes_when_attach_waits,
			 nested_caching_gen_params),
	KUNIT_CASE_PARAM(nested_changes_when_detach_waits,
			 ut_nested_gen_params),
	KUNIT_CASE_PARAM(refused_nested_attach_changes_nothing,
			 ut_nested_gen_params),
	KUNIT_CASE(refused_page_requests_change_nothing),
	KUNIT_CASE(nested_attach_keeps_no_page_requests),
	KUNIT_CASE(sva_unmap),
	KUNIT_CASE(sva_exit),
	KUNIT_CASE(sva_exit_beside_unbind),
	KUNIT_CASE(sva_exit_in_reset),
	KUNIT_CASE_PARAM(dirty_tracking, tracked_gen_params),
	KUNIT_CASE_PARAM(dirty_tracking_when_attach_waits, waiting_gen_params),
	KUNIT_CASE(dirty_tracking_when_replace_waits),
	KUNIT_CASE_PARAM(snoop_control, snoop_gen_params),
	KUNIT_CASE_PARAM(snoop_control_nested, snoop_nested_gen_params),
	KUNIT_CASE_PARAM(snoop_control_when_replace_waits, replace_gen_params),
	KUNIT_CASE_PARAM(identity, identity_gen_params),
	{}
};

static struct kunit_suite stages_suite = {
	.name = "intel_iommu_unit_stages",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = stages_cases,
};

kunit_test_suites(&stages_suite);

MODULE_DESCRIPTION("KUnit tests of nested and shared translation on Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

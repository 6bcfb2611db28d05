// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the driver on units made of memory: whatever happens, once an
 * unmap or a detach has returned, no device reaches the page any more, by
 * whichever cache; once a map has returned, the device reaches the new page.
 *
 * Domains are driven through the core's interfaces, devices by the DMA that
 * they do. Nothing of the driver is named here, so the tests judge any version
 * of it.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <trace/events/kmem.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-priv.h"
#include "fail-nth.h"
#include "unit-model.h"

#define IOVA		0x40000000UL
#define PROT		(IOMMU_READ | IOMMU_WRITE)
#define PASID		5
#define LATENCY		(2 * NSEC_PER_MSEC)
#define ROUNDS		20
#define MAX_ALLOCATIONS	100

/* A domain, and how a device uses it */
struct topology {
	const char *name;
	enum model_unit_id unit;
	unsigned int dev;
	ioasid_t pasid;
	u32 flags;
};

/* The first device of a unit has no ATS, the second has. */
static const struct topology topologies[] = {
	{ "legacy", MODEL_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MODEL_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MODEL_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection", MODEL_LEGACY_OLD, 0, IOMMU_NO_PASID },
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
	{ "second stage of two", MODEL_FS, 0, IOMMU_NO_PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
	{ "second stage of two, PASID, ATS", MODEL_FS, 1, PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
};

KUNIT_ARRAY_PARAM_DESC(topology, topologies, name);

static struct device *topology_dev(const struct topology *t)
{
	return model_dev(t->unit, t->dev);
}

/* Another device behind the same unit */
static struct device *topology_sibling(const struct topology *t)
{
	return model_dev(t->unit, 2);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_domain, iommu_domain_free,
			    struct iommu_domain *);

static struct iommu_domain *new_domain(struct kunit *test, struct device *dev,
				       u32 flags)
{
	struct iommu_domain *domain;

	domain = iommu_paging_domain_alloc_flags(dev, flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_domain, domain), 0);
	return domain;
}

static void free_one_page(void *page)
{
	__free_page(page);
}

static phys_addr_t new_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_one_page, page), 0);
	return page_to_phys(page);
}

static int attach(struct iommu_domain *domain, struct device *dev,
		  ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		return iommu_attach_device(domain, dev);
	return iommu_attach_device_pasid(domain, dev, pasid, NULL);
}

static void detach(struct iommu_domain *domain, struct device *dev,
		   ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_device(domain, dev);
	else
		iommu_detach_device_pasid(domain, dev, pasid);
}

static void map_page(struct kunit *test, struct iommu_domain *domain,
		     phys_addr_t pa)
{
	KUNIT_ASSERT_EQ(test, iommu_map(domain, IOVA, pa, PAGE_SIZE, PROT,
					GFP_KERNEL), 0);
}

static void unmap_page(struct kunit *test, struct iommu_domain *domain)
{
	KUNIT_ASSERT_EQ(test, iommu_unmap(domain, IOVA, PAGE_SIZE), PAGE_SIZE);
}

static bool reaches(struct device *dev, ioasid_t pasid, phys_addr_t want)
{
	phys_addr_t pa;

	return !model_dma(dev, pasid, IOVA, true, &pa) && pa == want;
}

/* All that an attached device has to see, from an empty page table to one. */
static void check_attached(struct kunit *test, struct iommu_domain *domain,
			   struct device *dev, ioasid_t pasid)
{
	phys_addr_t first = new_page(test), second = new_page(test), pa;

	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	map_page(test, domain, first);
	KUNIT_EXPECT_TRUE(test, reaches(dev, pasid, first));
	unmap_page(test, domain);
	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	map_page(test, domain, second);
	KUNIT_EXPECT_TRUE(test, reaches(dev, pasid, second));
	unmap_page(test, domain);
	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
}

static void check_detached(struct kunit *test, struct device *dev,
			   ioasid_t pasid)
{
	phys_addr_t pa;

	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
}

/* Attached, used, detached, and the same again with caches that remember. */
static void map_and_unmap(struct kunit *test)
{
	const struct topology *t = test->param_value;
	struct device *dev = topology_dev(t);
	struct iommu_domain *domain = new_domain(test, dev, t->flags);
	phys_addr_t pa = new_page(test);
	int i;

	for (i = 0; i < 3; i++) {
		check_detached(test, dev, t->pasid);
		KUNIT_ASSERT_EQ(test, attach(domain, dev, t->pasid), 0);
		check_attached(test, domain, dev, t->pasid);
		map_page(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid, pa));
		detach(domain, dev, t->pasid);
		check_detached(test, dev, t->pasid);
		unmap_page(test, domain);
	}
}

/* One domain behind two units: both are told. */
static void two_units(struct kunit *test)
{
	struct device *near = model_dev(MODEL_FS, 0);
	struct device *far = model_dev(MODEL_FS2, 1);
	struct iommu_domain *domain = new_domain(test, near, 0);
	phys_addr_t pa = new_page(test);

	KUNIT_ASSERT_EQ(test, attach(domain, near, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, attach(domain, far, PASID), 0);
	map_page(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, reaches(near, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, reaches(far, PASID, pa));
	unmap_page(test, domain);
	check_detached(test, near, IOMMU_NO_PASID);
	check_detached(test, far, PASID);

	/* What is left of it is told as before. */
	detach(domain, near, IOMMU_NO_PASID);
	check_attached(test, domain, far, PASID);
	detach(domain, far, PASID);
}

/* Somebody else's unmap in the midst of an attach or a detach */

/**
 * struct intruder - unmaps a page while a device uses it
 * @domain: The domain.
 * @dev: A device that is about to use it, or to stop doing so.
 * @pasid: Its PASID.
 * @pa: The page, mapped at %IOVA.
 * @task: In whose context, for one that takes its opportunities when memory is
 *	allocated.
 * @unit: The unit of the device, for one that takes them on another CPU when
 *	the unit is waited for.
 * @ready: That other CPU has taken up its watch.
 * @busy: At it.
 * @chances: Number of opportunities.
 * @reached: How often the device got to the page before it was unmapped.
 * @stale: How often it still did afterwards.
 */
struct intruder {
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	phys_addr_t pa;
	struct task_struct *task;
	struct model_unit *unit;
	struct completion ready;
	bool busy;
	unsigned int chances;
	unsigned int reached;
	unsigned int stale;
};

static void intrude(struct intruder *in)
{
	in->chances++;
	if (!reaches(in->dev, in->pasid, in->pa))
		return;
	in->reached++;
	iommu_unmap(in->domain, IOVA, PAGE_SIZE);
	if (reaches(in->dev, in->pasid, in->pa))
		in->stale++;
	if (iommu_map(in->domain, IOVA, in->pa, PAGE_SIZE, PROT, GFP_ATOMIC))
		in->pa = 0;
}

static void intrude_kmalloc(void *data, unsigned long call_site,
			    const void *ptr, size_t bytes_req,
			    size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	struct intruder *in = data;

	if (current != in->task || in->busy || !in_task() || irqs_disabled())
		return;
	in->busy = true;
	intrude(in);
	in->busy = false;
}

static int intrude_wait(void *data)
{
	struct intruder *in = data;

	complete(&in->ready);
	while (!kthread_should_stop()) {
		/*
		 * The unit goes on when the unmap has asked it for something,
		 * or when it turns out not to have.
		 */
		if (model_stuck(in->unit)) {
			model_hold(in->unit, 1);
			intrude(in);
			model_hold(in->unit, 0);
		}
		cond_resched();
	}
	return 0;
}

static struct intruder new_intruder(struct kunit *test)
{
	const struct topology *t = test->param_value;
	struct intruder in = {
		.dev = topology_dev(t),
		.pasid = t->pasid,
		.pa = new_page(test),
		.unit = model_unit(t->unit),
	};

	in.domain = new_domain(test, in.dev, t->flags);
	map_page(test, in.domain, in.pa);
	return in;
}

static void check_intruder(struct kunit *test, struct intruder *in)
{
	KUNIT_EXPECT_GT(test, in->chances, 0);
	KUNIT_EXPECT_NE(test, in->pa, 0);
	KUNIT_EXPECT_EQ_MSG(test, in->stale, 0, "of %u that reached the page",
			    in->reached);
}

/* B1: what attach allocates, it may have to wait for. */
static void unmap_when_attach_allocates(struct kunit *test)
{
	struct intruder in = new_intruder(test);
	int ret;

	in.task = current;
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(intrude_kmalloc, &in), 0);
	ret = attach(in.domain, in.dev, in.pasid);
	unregister_trace_kmalloc(intrude_kmalloc, &in);
	tracepoint_synchronize_unregister();
	KUNIT_ASSERT_EQ(test, ret, 0);

	check_intruder(test, &in);
	detach(in.domain, in.dev, in.pasid);
}

static struct task_struct *start_intruder(struct kunit *test,
					  struct intruder *in)
{
	struct task_struct *task;

	in->unit->latency = LATENCY;
	init_completion(&in->ready);
	task = kthread_run(intrude_wait, in, "intruder");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	wait_for_completion(&in->ready);
	return task;
}

static void stop_intruder(struct intruder *in, struct task_struct *task)
{
	kthread_stop(task);
	in->unit->latency = 0;
}

/* B1: attach waits for the unit, if it caches entries not present. */
static void unmap_when_attach_waits(struct kunit *test)
{
	struct intruder in = new_intruder(test);
	bool waits = in.unit->cap & MODEL_CAP_CM;
	struct task_struct *task;
	int i, ret;

	/* A busy host may keep the intruder from its work. */
	for (i = 0; i < ROUNDS && (!i || (waits && !in.chances)); i++) {
		task = start_intruder(test, &in);
		ret = attach(in.domain, in.dev, in.pasid);
		stop_intruder(&in, task);
		KUNIT_ASSERT_EQ(test, ret, 0);
		detach(in.domain, in.dev, in.pasid);
	}
	if (waits)
		KUNIT_EXPECT_GT(test, in.chances, 0);
	KUNIT_EXPECT_EQ(test, in.stale, 0);
	KUNIT_EXPECT_NE(test, in.pa, 0);
}

/* B2: detach waits for the unit. */
static void unmap_when_detach_waits(struct kunit *test)
{
	struct intruder in = new_intruder(test);
	struct task_struct *task;
	int i;

	/* A busy host may keep the intruder from its work. */
	for (i = 0; i < ROUNDS && !in.reached; i++) {
		KUNIT_ASSERT_EQ(test, attach(in.domain, in.dev, in.pasid), 0);
		KUNIT_EXPECT_TRUE(test, reaches(in.dev, in.pasid, in.pa));

		task = start_intruder(test, &in);
		detach(in.domain, in.dev, in.pasid);
		stop_intruder(&in, task);
		check_detached(test, in.dev, in.pasid);
	}
	KUNIT_EXPECT_GT(test, in.reached, 0);
	check_intruder(test, &in);
}

/* Allocations that fail */

/**
 * struct failing_attach - an attach whose allocations fail in turn
 * @domain: What is attached.
 * @before: What the device uses otherwise, by RID.
 * @dev: The device.
 * @sibling: Another device behind the same unit, which has @domain already.
 */
struct failing_attach {
	struct iommu_domain *domain;
	struct iommu_domain *before;
	struct device *dev;
	struct device *sibling;
};

/* Calls @check after each attach that has failed. */
static void fail_attach(struct kunit *test,
			void (*check)(struct kunit *test,
				      const struct failing_attach *f))
{
	const struct topology *t = test->param_value;
	struct failing_attach f = {
		.dev = topology_dev(t),
		.sibling = topology_sibling(t),
	};
	int n, ret, failures = 0;
	bool failed = true;

	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = new_domain(test, f.sibling, t->flags);
	fail_nth_init(test);
	KUNIT_ASSERT_EQ(test, attach(f.domain, f.sibling, t->pasid), 0);

	for (n = 1; failed && n < MAX_ALLOCATIONS; n++) {
		fail_nth(n);
		ret = attach(f.domain, f.dev, t->pasid);
		failed = fail_nth_end();
		/* Some allocations are tried again. */
		if (!ret) {
			check_attached(test, f.domain, f.dev, t->pasid);
			detach(f.domain, f.dev, t->pasid);
			continue;
		}
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		failures++;
		check(test, &f);
	}
	KUNIT_EXPECT_GT(test, failures, 0);
	KUNIT_EXPECT_FALSE(test, failed);
	detach(f.domain, f.sibling, t->pasid);
}

static void check_sibling(struct kunit *test, const struct failing_attach *f)
{
	const struct topology *t = test->param_value;

	check_attached(test, f->domain, f->sibling, t->pasid);
}

/* B3: another device that has the domain already does not suffer from it. */
static void failed_attach_spares_others(struct kunit *test)
{
	fail_attach(test, check_sibling);
}

static void check_itself(struct kunit *test, const struct failing_attach *f)
{
	const struct topology *t = test->param_value;

	check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
	if (t->pasid != IOMMU_NO_PASID)
		check_detached(test, f->dev, t->pasid);
}

/* B9: the device itself stays where it was. */
static void failed_attach_changes_nothing(struct kunit *test)
{
	fail_attach(test, check_itself);
}

/* Two stages */

enum guest_page {
	GUEST_LEVEL4,
	GUEST_LEVEL3,
	GUEST_LEVEL2,
	GUEST_LEVEL1,
	GUEST_DATA,
	GUEST_PAGES,
};

#define GPA(page)	(0x80000000UL + (page) * PAGE_SIZE)
#define GUEST_RIGHTS	7UL	/* present, write, user */

/**
 * struct guest - a guest with one page of data and the tables that lead to it
 * @parent: Guest-physical to host-physical.
 * @domain: The guest's tables on top of that.
 * @user: Memory to pass the driver something in, as user space does.
 * @pa: Where the guest's pages are.
 */
struct guest {
	struct iommu_domain *parent;
	struct iommu_domain *domain;
	void __user *user;
	phys_addr_t pa[GUEST_PAGES];
};

static void guest_map(struct kunit *test, struct guest *guest,
		      enum guest_page page, phys_addr_t pa)
{
	guest->pa[page] = pa;
	KUNIT_ASSERT_EQ(test, iommu_map(guest->parent, GPA(page), pa, PAGE_SIZE,
					PROT, GFP_KERNEL), 0);
}

static void guest_unmap(struct kunit *test, struct guest *guest,
			enum guest_page page)
{
	KUNIT_ASSERT_EQ(test, iommu_unmap(guest->parent, GPA(page), PAGE_SIZE),
			PAGE_SIZE);
}

/* The entry for %IOVA in one of the guest's tables; 0 for none. */
static void guest_set(struct guest *guest, enum guest_page table, u64 gpa)
{
	unsigned int shift = 12 + 9 * (GUEST_LEVEL1 - table);
	u64 *entries = phys_to_virt(guest->pa[table]);

	WRITE_ONCE(entries[(IOVA >> shift) & 0x1ff],
		   gpa ? gpa | GUEST_RIGHTS : 0);
}

static void guest_invalidate(struct kunit *test, struct guest *guest,
			     u64 addr, u64 npages)
{
	struct iommu_hwpt_vtd_s1_invalidate inv = {
		.addr = addr,
		.npages = npages,
	};
	struct iommu_user_data_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.uptr = guest->user,
		.entry_len = sizeof(inv),
		.entry_num = 1,
	};

	KUNIT_ASSERT_EQ(test, copy_to_user(guest->user, &inv, sizeof(inv)), 0);
	KUNIT_ASSERT_EQ(test,
			guest->domain->ops->cache_invalidate_user(guest->domain,
								  &array), 0);
	KUNIT_EXPECT_EQ(test, array.entry_num, 1);
}

static void __user *new_user_page(struct kunit *test)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	return (void __user *)addr;
}

static struct iommu_domain *new_nested(struct kunit *test, struct device *dev,
				       struct guest *guest)
{
	const struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = GPA(GUEST_LEVEL4),
		.addr_width = 48,
	};
	const struct iommu_user_data data = {
		.type = IOMMU_HWPT_DATA_VTD_S1,
		.uptr = guest->user,
		.len = sizeof(s1),
	};
	const struct iommu_ops *ops = dev_iommu_ops(dev);
	struct iommu_domain *domain;

	KUNIT_ASSERT_EQ(test, copy_to_user(guest->user, &s1, sizeof(s1)), 0);
	domain = ops->domain_alloc_nested(dev, guest->parent, 0, &data);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	domain->owner = ops;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_domain, domain), 0);
	return domain;
}

static void new_guest(struct kunit *test, struct device *dev,
		      struct guest *guest)
{
	enum guest_page page;

	guest->user = new_user_page(test);
	guest->parent = new_domain(test, dev, IOMMU_HWPT_ALLOC_NEST_PARENT);
	for (page = 0; page < GUEST_PAGES; page++) {
		guest_map(test, guest, page, new_page(test));
		memset(phys_to_virt(guest->pa[page]), 0, PAGE_SIZE);
	}
	for (page = 0; page < GUEST_DATA; page++)
		guest_set(guest, page, GPA(page + 1));
	guest->domain = new_nested(test, dev, guest);
}

static const struct topology nested_topologies[] = {
	{ "RID", MODEL_FS, 0, IOMMU_NO_PASID },
	{ "RID, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "PASID", MODEL_FS, 0, PASID },
	{ "PASID, ATS", MODEL_FS, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(nested, nested_topologies, name);

/* The guest changes its tables, and says so. */
static void nested_guest_changes(struct kunit *test)
{
	const struct topology *t = test->param_value;
	struct device *dev = topology_dev(t);
	struct guest guest = {};

	new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid, guest.pa[GUEST_DATA]));

	/* Another page, which is one of the tables, but what of it. */
	guest_set(&guest, GUEST_LEVEL1, GPA(GUEST_LEVEL3));
	guest_invalidate(test, &guest, IOVA, 1);
	KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid, guest.pa[GUEST_LEVEL3]));

	guest_set(&guest, GUEST_LEVEL2, 0);
	guest_invalidate(test, &guest, 0, U64_MAX);
	check_detached(test, dev, t->pasid);

	guest_set(&guest, GUEST_LEVEL2, GPA(GUEST_LEVEL1));
	KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid, guest.pa[GUEST_LEVEL3]));
	detach(guest.domain, dev, t->pasid);
	check_detached(test, dev, t->pasid);
}

/* The host moves the guest's pages, the data as well as the tables. */
static void nested_host_changes(struct kunit *test)
{
	const struct topology *t = test->param_value;
	struct device *dev = topology_dev(t);
	struct guest guest = {};
	enum guest_page page;
	phys_addr_t old, new;

	new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, attach(guest.domain, dev, t->pasid), 0);

	for (page = 0; page < GUEST_PAGES; page++) {
		KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid,
						guest.pa[GUEST_DATA]));
		old = guest.pa[page];
		new = new_page(test);
		guest_unmap(test, &guest, page);
		check_detached(test, dev, t->pasid);

		memcpy(phys_to_virt(new), phys_to_virt(old), PAGE_SIZE);
		memset(phys_to_virt(old), 0, PAGE_SIZE);
		guest_map(test, &guest, page, new);
	}
	KUNIT_EXPECT_TRUE(test, reaches(dev, t->pasid, guest.pa[GUEST_DATA]));
	detach(guest.domain, dev, t->pasid);
	check_detached(test, dev, t->pasid);
}

/*
 * Two domains on one parent, both used by RID, where nothing but the domain id
 * tells them apart; and the parent by itself on a third device.
 */
static void nested_siblings(struct kunit *test)
{
	struct device *dev[MODEL_DEVS];
	struct iommu_domain *other;
	struct guest guest = {};
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		dev[i] = model_dev(MODEL_FS, i);
	new_guest(test, dev[0], &guest);
	other = new_nested(test, dev[1], &guest);
	KUNIT_ASSERT_EQ(test, attach(guest.domain, dev[0], IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, attach(other, dev[1], IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, attach(guest.parent, dev[2], IOMMU_NO_PASID), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, reaches(dev[i], IOMMU_NO_PASID,
						guest.pa[GUEST_DATA]));

	/* One guest's table cleared, invalidated for it alone. */
	guest_set(&guest, GUEST_LEVEL1, 0);
	guest_invalidate(test, &guest, IOVA, 1);
	check_detached(test, dev[0], IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, reaches(dev[1], IOMMU_NO_PASID,
					guest.pa[GUEST_DATA]));

	guest_unmap(test, &guest, GUEST_DATA);
	check_detached(test, dev[1], IOMMU_NO_PASID);
	guest_map(test, &guest, GUEST_DATA, new_page(test));
	check_attached(test, guest.parent, dev[2], IOMMU_NO_PASID);

	detach(guest.parent, dev[2], IOMMU_NO_PASID);
	detach(other, dev[1], IOMMU_NO_PASID);
	detach(guest.domain, dev[0], IOMMU_NO_PASID);
}

/* A process' own tables */

static phys_addr_t user_page_pa(struct kunit *test, void __user *addr)
{
	struct page *page;
	phys_addr_t pa;

	KUNIT_ASSERT_EQ(test,
			get_user_pages_fast((unsigned long)addr, 1, FOLL_WRITE,
					    &page), 1);
	pa = page_to_phys(page);
	put_page(page);
	return pa;
}

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
	struct model_unit *unit = model_unit(MODEL_FS);
	struct device *dev[2] = { model_dev(MODEL_FS, 1),
				  model_dev(MODEL_FS, 2) };
	unsigned int count[MODEL_INV_WRITE_BUFFER + 1] = {};
	void __user *addr = new_user_page(test);
	phys_addr_t pa = user_page_pa(test, addr);
	struct iommu_sva *sva[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		sva[i] = iommu_sva_bind_device(dev[i], current->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sva[i]);
		KUNIT_EXPECT_TRUE(test, reaches_user(sva[i], dev[i], addr, pa));
	}

	model_reset();
	KUNIT_EXPECT_EQ(test, vm_munmap((unsigned long)addr, PAGE_SIZE), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_FALSE(test, reaches_user(sva[i], dev[i], addr, pa));
	for (i = 0; i < unit->nr_log; i++)
		count[unit->log[i].type]++;
	/* Unmapping frees page tables, too: as often as it likes, but each so. */
	KUNIT_EXPECT_GT(test, count[MODEL_INV_WAIT], 0);
	KUNIT_EXPECT_EQ(test, count[MODEL_INV_PIOTLB], count[MODEL_INV_WAIT]);
	KUNIT_EXPECT_EQ(test, count[MODEL_INV_DEVTLB_PASID],
			2 * count[MODEL_INV_WAIT]);

	addr = new_user_page(test);
	pa = user_page_pa(test, addr);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, reaches_user(sva[i], dev[i], addr, pa));
	iommu_sva_unbind_device(sva[0]);
	KUNIT_EXPECT_FALSE(test, reaches_user(sva[1], dev[0], addr, pa));
	KUNIT_EXPECT_TRUE(test, reaches_user(sva[1], dev[1], addr, pa));
	iommu_sva_unbind_device(sva[1]);
}

/* Errors of the hardware */

#define BATCH	5

static unsigned int count_reaching(struct device *dev, phys_addr_t pa)
{
	unsigned int pasid, n = 0;

	for (pasid = 0; pasid < BATCH; pasid++)
		n += reaches(dev, pasid, pa);
	return n;
}

/*
 * B7: an error at any descriptor of a submission is seen to, and costs nothing
 * but that descriptor.
 */
static void error_within_batch(struct kunit *test)
{
	struct model_unit *unit = model_unit(MODEL_FS);
	struct device *dev = model_dev(MODEL_FS, 0);
	struct iommu_domain *domain = new_domain(test, dev, 0);
	phys_addr_t pa = new_page(test);
	unsigned int pasid, n;

	for (pasid = 0; pasid < BATCH; pasid++)
		KUNIT_ASSERT_EQ(test, attach(domain, dev, pasid), 0);
	/* Behind the batch is the descriptor that waits. */
	for (n = BATCH + 1; n; n--) {
		map_page(test, domain, pa);
		KUNIT_EXPECT_EQ(test, count_reaching(dev, pa), BATCH);
		unit->fail_iqe = n;
		unmap_page(test, domain);
		KUNIT_EXPECT_EQ(test, unit->fail_iqe, 0);
		KUNIT_EXPECT_LE_MSG(test, count_reaching(dev, pa), n <= BATCH,
				    "error at %u", n);

		map_page(test, domain, pa);
		unmap_page(test, domain);
		KUNIT_EXPECT_EQ(test, count_reaching(dev, pa), 0);
	}
	for (pasid = 0; pasid < BATCH; pasid++)
		detach(domain, dev, pasid);
}

static int unmap_in_thread(void *domain)
{
	iommu_unmap(domain, IOVA, PAGE_SIZE);
	return 0;
}

/* B6: somebody else's device that does not answer is none of our business. */
static void removed_device(struct kunit *test)
{
	struct model_unit *unit = model_unit(MODEL_SS);
	struct device *dead = model_dev(MODEL_SS, 1);
	struct device *dev = model_dev(MODEL_SS, 2);
	struct iommu_domain *domain = new_domain(test, dev, 0);
	struct iommu_domain *other = new_domain(test, dead, 0);
	phys_addr_t pa = new_page(test);
	struct task_struct *task;
	int i, stale = 0;

	KUNIT_ASSERT_EQ(test, attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, attach(other, dead, IOMMU_NO_PASID), 0);
	/* Who sees the error first is a matter of chance. */
	for (i = 0; i < ROUNDS && !stale; i++) {
		map_page(test, domain, pa);
		map_page(test, other, pa);
		KUNIT_EXPECT_TRUE(test, reaches(dev, IOMMU_NO_PASID, pa));
		model_set_gone(dead, true);
		unit->eager = i & 1;
		unit->latency = LATENCY;
		model_hold(unit, 2);
		task = kthread_create(unmap_in_thread, other, "unmap");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		get_task_struct(task);
		wake_up_process(task);
		while (!model_stuck(unit))
			cond_resched();
		unmap_page(test, domain);
		stale += reaches(dev, IOMMU_NO_PASID, pa);
		unit->latency = 0;
		kthread_stop_put(task);
		model_set_gone(dead, false);
		/* For the next round, whatever became of this one. */
		map_page(test, domain, pa);
		unmap_page(test, domain);
	}
	KUNIT_EXPECT_EQ(test, stale, 0);
	KUNIT_EXPECT_GE(test, unit->timeouts, i);
	detach(other, dead, IOMMU_NO_PASID);
	detach(domain, dev, IOMMU_NO_PASID);
}

static int suite_init(struct kunit_suite *suite)
{
	static bool made;
	int i, ret;

	if (!model_present() || made)
		return 0;
	made = true;
	for (i = 0; i < MODEL_UNITS; i++) {
		ret = model_pci_create(model_unit(i));
		if (ret)
			return ret;
	}
	return 0;
}

static int test_init(struct kunit *test)
{
	if (!model_present())
		kunit_skip(test, "needs a DMAR table that names memory and an isolated CPU");
	model_reset();
	return 0;
}

/* Whatever else a test is about, software must not ask for nonsense. */
static void test_exit(struct kunit *test)
{
	struct model_unit *unit;
	int i;

	if (!model_present())
		return;
	for (i = 0; i < MODEL_UNITS; i++) {
		unit = model_unit(i);
		KUNIT_EXPECT_EQ_MSG(test, unit->complaints, 0, "%s: %s (%llx)",
				    unit->name, unit->complaint,
				    unit->complaint_value);
	}
}

static struct kunit_case unit_model_cases[] = {
	KUNIT_CASE_PARAM(map_and_unmap, topology_gen_params),
	KUNIT_CASE(two_units),
	KUNIT_CASE_PARAM(unmap_when_attach_allocates, topology_gen_params),
	KUNIT_CASE_PARAM(unmap_when_attach_waits, topology_gen_params),
	KUNIT_CASE_PARAM(unmap_when_detach_waits, topology_gen_params),
	KUNIT_CASE_PARAM(failed_attach_spares_others, topology_gen_params),
	KUNIT_CASE_PARAM(failed_attach_changes_nothing, topology_gen_params),
	KUNIT_CASE_PARAM(nested_guest_changes, nested_gen_params),
	KUNIT_CASE_PARAM(nested_host_changes, nested_gen_params),
	KUNIT_CASE(nested_siblings),
	KUNIT_CASE(sva_unmap),
	KUNIT_CASE(removed_device),
	KUNIT_CASE(error_within_batch),
	{}
};

static struct kunit_suite unit_model_suite = {
	.name = "intel_iommu_unit",
	.suite_init = suite_init,
	.init = test_init,
	.exit = test_exit,
	.test_cases = unit_model_cases,
};

kunit_test_suites(&unit_model_suite);

MODULE_DESCRIPTION("KUnit tests of Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

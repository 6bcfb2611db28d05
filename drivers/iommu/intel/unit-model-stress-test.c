// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of everybody at once on units made of memory: threads map and
 * unmap, attach and detach, move a guest's memory, share a process' and end it,
 * while devices do DMA and the units are slow.
 *
 * Each thread has its own slots, devices or guest, and knows what must not be
 * reached there when it has taken something away, whatever others do.
 */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "unit-model-world.h"

static unsigned int seconds = 2;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "Length of the test for each kind of unit");

struct stress;

/**
 * struct worker - a thread
 * @stress: What it belongs to.
 * @work: What it does, again and again.
 * @index: Which of those that do the same.
 * @rnd: What it does next.
 * @rounds: How often it has done it.
 * @task: The thread.
 */
struct worker {
	struct stress *stress;
	void (*work)(struct worker *w);
	unsigned int index;
	struct rnd_state rnd;
	unsigned int rounds;
	struct task_struct *task;
};

#define MAPPERS		2
#define ATTACHERS	2
#define MAX_WORKERS	8

/**
 * struct stress - all of them
 * @world: What they work on. The first port is attached to the first domain all
 *	the time.
 * @workers: The threads.
 * @nr_workers: How many.
 * @mm: The address space that has what the guest's invalidations are passed in.
 * @spare: A page for the guest that it does not use at the moment.
 * @shared: How often a device has reached a process' memory.
 * @wrong: How often something was reached that must not, or not what has to be.
 * @what: Where that was first.
 * @at: And at which address.
 */
struct stress {
	struct world *world;
	struct worker workers[MAX_WORKERS];
	unsigned int nr_workers;
	struct mm_struct *mm;
	phys_addr_t spare;
	unsigned int shared;
	atomic_t wrong;
	const char *what;
	u64 at;
};

static unsigned int pick(struct worker *w, unsigned int n)
{
	return prandom_u32_state(&w->rnd) % n;
}

static void complain(struct stress *s, const char *what, u64 at)
{
	if (atomic_inc_return(&s->wrong) > 1)
		return;
	s->what = what;
	s->at = at;
}

static bool anybody_reaches(const struct world *world, u64 addr, phys_addr_t pa)
{
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (ut_reaches_at(world->ports[i].dev, world->ports[i].pasid,
				  addr, pa))
			return true;
	return false;
}

/* Mapping: each has every other domain. */
static void do_map(struct worker *w)
{
	struct world *world = w->stress->world;
	unsigned int slot = pick(w, WORLD_SLOTS);
	struct world_domain *d;
	phys_addr_t pa;
	u64 addr;

	d = &world->domains[w->index + MAPPERS *
			    pick(w, world->nr_domains / MAPPERS)];
	if (d->nested)
		return;
	addr = world_slot_addr(slot);
	pa = d->pa[slot];
	if (pa) {
		if (!world_unmap(d, slot))
			complain(w->stress, "unmap has failed", addr);
		if (anybody_reaches(world, addr, pa))
			complain(w->stress, "reached after unmap", addr);
		return;
	}
	pa = world_page(world, d, slot, pick(w, 2));
	if (world_map(d, slot, pa))
		complain(w->stress, "map has failed", addr);
	if (d == world->domains &&
	    !ut_reaches_at(world->ports[0].dev, world->ports[0].pasid, addr, pa))
		complain(w->stress, "not reached after map", addr);
}

/* What a port reaches that is attached to nothing, or to a domain. */
static void check_port(struct stress *s, const struct world_port *port)
{
	struct world *world = s->world;
	const struct world_domain *owner;
	unsigned int slot;
	phys_addr_t pa;
	u64 addr;

	for (slot = 0; slot < WORLD_SLOTS; slot++) {
		addr = world_slot_addr(slot);
		if (model_dma(port->dev, port->pasid, addr, true, &pa))
			continue;
		owner = world_owner(world, pa);
		if (!port->domain)
			complain(s, "reached although detached", addr);
		else if (port->domain->nested ? !!owner :
						owner != port->domain)
			complain(s, "another domain's page reached", addr);
	}
}

static void do_reset(struct stress *s, struct world_port *port)
{
	struct world_domain *domain = port->domain;
	struct pci_dev *pdev = to_pci_dev(port->dev);

	if (!pci_ats_supported(pdev))
		return;
	if (pci_dev_reset_iommu_prepare(pdev)) {
		complain(s, "reset has failed", 0);
		return;
	}
	port->domain = NULL;
	check_port(s, port);
	port->domain = domain;
	pci_dev_reset_iommu_done(pdev);
}

/* Attaching: each has every other device, but not the first port. */
static void do_attach(struct worker *w)
{
	struct stress *s = w->stress;
	struct world *world = s->world;
	struct world_domain *domain;
	struct world_port *port;
	unsigned int n;

	do {
		n = pick(w, world->nr_ports);
		port = &world->ports[n];
	} while (PCI_SLOT(to_pci_dev(port->dev)->devfn) % ATTACHERS != w->index ||
		 !n);

	switch (pick(w, 8)) {
	case 0:
		do_reset(s, port);
		break;
	case 1:
	case 2:
	case 3:
		if (port->domain)
			world_detach(port);
		break;
	default:
		domain = &world->domains[pick(w, world->nr_domains)];
		if (domain != port->domain && world_attach(port, domain))
			complain(s, "attach has failed", n);
		break;
	}
	check_port(s, port);
}

/* DMA without end, to keep the caches full. */
static void do_dma(struct worker *w)
{
	const struct world *world = w->stress->world;
	const struct world_port *port;
	phys_addr_t pa;

	port = &world->ports[pick(w, world->nr_ports)];
	model_dma(port->dev, port->pasid,
		  world_slot_addr(pick(w, WORLD_SLOTS)), pick(w, 2), &pa);
}

/* The guest takes its page away, or has it again, and says so to all domains. */
static bool guest_set(struct world *world, enum ut_guest_page leaf)
{
	struct ut_guest guest = world->guest;
	unsigned int i;
	int ret = 0;

	ut_guest_set(&guest, GUEST_LEVEL1, leaf == GUEST_PAGES ? 0 : GPA(leaf));
	world->leaf = leaf;
	for (i = 0; i < world->nr_domains; i++) {
		if (!world->domains[i].nested)
			continue;
		guest.domain = world->domains[i].domain;
		ret = ret ?: ut_guest_ask(&guest, IOVA, 1);
	}
	return !ret;
}

static void do_guest(struct stress *s)
{
	struct world *world = s->world;
	const phys_addr_t pa = world_guest_pa(world);

	kthread_use_mm(s->mm);
	if (!guest_set(world, GUEST_PAGES))
		complain(s, "the guest's invalidation has failed", 0);
	if (anybody_reaches(world, IOVA, pa))
		complain(s, "reached after the guest's invalidation", IOVA);
	if (!guest_set(world, GUEST_DATA))
		complain(s, "the guest's invalidation has failed", 1);
	kthread_unuse_mm(s->mm);
}

/* The host moves the guest's memory, tracks what it writes, and is slow. */
static void do_host(struct worker *w)
{
	struct stress *s = w->stress;
	struct world *world = s->world;
	enum ut_guest_page page = pick(w, GUEST_PAGES);
	phys_addr_t old = world->guest.pa[page], now;
	struct world_domain *d = &world->domains[pick(w, world->nr_domains)];

	if (d->tracks &&
	    d->domain->dirty_ops->set_dirty_tracking(d->domain, pick(w, 2)))
		complain(s, "dirty tracking cannot be switched", 0);

	model_set_faults(model_unit(world->kind->units[0]),
			 (struct model_faults) {
		.latency = pick(w, 4) ? 0 : 100 * NSEC_PER_USEC,
	});

	if (!world->kind->both)
		return;
	if (pick(w, 2)) {
		do_guest(s);
		return;
	}
	now = world_guest_pa(world);
	if (iommu_unmap(world->guest.parent, GPA(page), PAGE_SIZE) != PAGE_SIZE)
		complain(s, "unmap of the guest's memory has failed", page);
	/* Without the table, as without the page */
	if ((page < GUEST_DATA || page == world->leaf) &&
	    anybody_reaches(world, IOVA, now))
		complain(s, "the guest's memory reached after unmap", page);
	if (world_guest_move(world, page, s->spare))
		complain(s, "map of the guest's memory has failed", page);
	s->spare = old;
}

/* A process whose memory the devices have, until it ends. */

struct unbind {
	struct iommu_sva *sva;
	struct completion begun;
};

static int process_unbind(void *data)
{
	struct unbind *u = data;

	complete(&u->begun);
	iommu_sva_unbind_device(u->sva);
	return 0;
}

/* A page is taken away, then the whole memory, while a device lets go. */
static void process_end(struct stress *s, struct mm_struct *mm,
			struct iommu_sva *sva[2], struct device *dev[2])
{
	ioasid_t pasid = iommu_sva_get_pasid(sva[0]);
	struct unbind unbind = { .sva = sva[0] };
	void __user *addr, *left = NULL;
	struct task_struct *task;
	phys_addr_t pa, left_pa = 0;
	int i;

	kthread_use_mm(mm);
	if (ut_mmap_page(&addr, &pa) || ut_mmap_page(&left, &left_pa)) {
		complain(s, "mmap has failed", 0);
	} else {
		/* Not while somebody else is resetting the device. */
		for (i = 0; i < 2; i++)
			WRITE_ONCE(s->shared, s->shared +
				   ut_reaches_at(dev[i], pasid,
						 (u64)(uintptr_t)addr, pa));
		vm_munmap((unsigned long)addr, PAGE_SIZE);
		for (i = 0; i < 2; i++)
			if (ut_reaches_at(dev[i], pasid, (u64)(uintptr_t)addr,
					  pa))
				complain(s, "reached after munmap", 0);
		/* Into the caches */
		for (i = 0; i < 2; i++)
			ut_reaches_at(dev[i], pasid, (u64)(uintptr_t)left,
				      left_pa);
	}
	kthread_unuse_mm(mm);

	init_completion(&unbind.begun);
	task = kthread_create(process_unbind, &unbind, "unbind");
	if (IS_ERR(task)) {
		complain(s, "no thread to unbind", 0);
		return;
	}
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&unbind.begun);
	mmput(mm);
	for (i = 0; i < 2; i++)
		if (!model_dma(dev[i], pasid, (u64)(uintptr_t)left, true, &pa))
			complain(s, "memory reached after exit", 0);
	kthread_stop_put(task);
	iommu_sva_unbind_device(sva[1]);
}

static void do_process(struct worker *w)
{
	const struct world_kind *kind = w->stress->world->kind;
	struct device *dev[2];
	struct iommu_sva *sva[2];
	struct mm_struct *mm;
	int i;

	mm = ut_new_mm();
	if (!mm)
		return;
	for (i = 0; i < 2; i++) {
		dev[i] = model_dev(kind->units[i % kind->nr_units], 1 + i);
		sva[i] = iommu_sva_bind_device(dev[i], mm);
		/* Somebody else may be resetting it. */
		if (IS_ERR(sva[i])) {
			if (i)
				iommu_sva_unbind_device(sva[0]);
			mmput(mm);
			cond_resched();
			return;
		}
	}
	process_end(w->stress, mm, sva, dev);
}

static int run(void *data)
{
	struct worker *w = data;

	while (!kthread_should_stop()) {
		w->work(w);
		/* everybody_at_once() looks at it now and then. */
		WRITE_ONCE(w->rounds, w->rounds + 1);
		cond_resched();
	}
	return 0;
}

static void add_worker(struct stress *s, void (*work)(struct worker *w),
		       unsigned int index)
{
	struct worker *w = &s->workers[s->nr_workers++];

	w->stress = s;
	w->work = work;
	w->index = index;
	prandom_seed_state(&w->rnd, get_random_u32());
}

static void add_workers(struct stress *s)
{
	unsigned int i;

	for (i = 0; i < MAPPERS; i++)
		add_worker(s, do_map, i);
	for (i = 0; i < ATTACHERS; i++)
		add_worker(s, do_attach, i);
	add_worker(s, do_dma, 0);
	add_worker(s, do_host, 0);
	if (s->world->kind->both)
		add_worker(s, do_process, 0);
}

static void stop_workers(void *data)
{
	struct stress *s = data;
	unsigned int i;

	for (i = 0; i < s->nr_workers; i++)
		if (!IS_ERR_OR_NULL(s->workers[i].task)) {
			kthread_stop_put(s->workers[i].task);
			s->workers[i].task = NULL;
		}
	if (s->mm)
		mmput(s->mm);
	s->mm = NULL;
}

/* What is expected of a run has happened. */
static bool has_happened(struct stress *s)
{
	unsigned int i;

	for (i = 0; i < s->nr_workers; i++)
		if (!READ_ONCE(s->workers[i].rounds))
			return false;
	return !s->world->kind->both || READ_ONCE(s->shared);
}

static void everybody_at_once(struct kunit *test)
{
	struct stress *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->world = world_new(test);
	s->spare = ut_new_page(test);
	KUNIT_ASSERT_EQ(test, world_attach(&s->world->ports[0],
					   &s->world->domains[0]), 0);
	add_workers(s);
	s->mm = current->mm;
	if (s->mm)
		mmget(s->mm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_workers, s),
			0);
	for (i = 0; i < s->nr_workers; i++) {
		s->workers[i].task = kthread_create(run, &s->workers[i],
						    "stress/%u", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->workers[i].task);
		get_task_struct(s->workers[i].task);
		wake_up_process(s->workers[i].task);
	}
	msleep(seconds * MSEC_PER_SEC);
	/* A busy host gets more time. */
	for (i = 0; i < ROUNDS && !has_happened(s); i++)
		msleep(MSEC_PER_SEC);
	kunit_release_action(test, stop_workers, s);

	for (i = 0; i < s->nr_workers; i++) {
		kunit_info(test, "%ps: %u\n", s->workers[i].work,
			   s->workers[i].rounds);
		KUNIT_EXPECT_GT(test, s->workers[i].rounds, 0);
	}
	if (s->world->kind->both)
		KUNIT_EXPECT_GT(test, s->shared, 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&s->wrong), 0,
			    "the first: %s (%llx)", s->what, s->at);
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_PARAM(everybody_at_once, world_gen_params),
	{}
};

static struct kunit_suite stress_suite = {
	.name = "intel_iommu_unit_stress",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = stress_cases,
};

kunit_test_suites(&stress_suite);

MODULE_DESCRIPTION("KUnit stress test on Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

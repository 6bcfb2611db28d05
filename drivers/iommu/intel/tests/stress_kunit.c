// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit stress test on mock IOMMUs: concurrent map, attach and DMA.
 *
 * Threads map and unmap pages, attach and detach domains, reset devices, change
 * a guest's page table and memory, and share an address space with devices
 * until it exits. Meanwhile, devices do DMA, and invalidations are delayed at
 * random. Each thread owns the slots, devices or guest that it changes, so it
 * can check what must not be reached there, whatever the other threads do.
 *
 * In a second case, devices with ATS also become silent for a short time: they
 * are removed, fall asleep or do not answer. No unmap may take long.
 *
 * The parameter stress_kunit.seconds=N sets the duration for each kind of
 * IOMMU and each case.
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

#include "../iommu.h"
#include "world.h"

static unsigned int seconds = 2;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "Duration of the test for each kind of IOMMU");

struct stress;

/**
 * struct stress_worker - thread of the stress test
 * @stress: State of the test.
 * @work: Function that the thread calls repeatedly.
 * @index: Index among the threads with the same @work, which selects the slots
 *	or devices that the thread owns.
 * @rnd: State of the random number generator.
 * @rounds: Number of completed calls of @work.
 * @task: The thread.
 */
struct stress_worker {
	struct stress *stress;
	void (*work)(struct stress_worker *w);
	unsigned int index;
	struct rnd_state rnd;
	unsigned int rounds;
	struct task_struct *task;
};

#define STRESS_MAPPERS		2
#define STRESS_ATTACHERS	2
#define STRESS_MAX_WORKERS	9
/* Maximum time in ms for which a device is silent, and between two such times */
#define STRESS_SILENCE		100
/*
 * Time in ns that no unmap may exceed. The time-outs that the driver permits
 * take a fraction of it, even on a busy host.
 */
#define STRESS_MAX_UNMAP	(20 * NSEC_PER_SEC)

/**
 * struct stress - state of the stress test
 * @world: Devices and domains. The first domain stays attached to the first
 *	port.
 * @workers: The threads.
 * @nr_workers: Number of @workers.
 * @mm: Address space of the test, which holds &ut_guest.user.
 * @spare: Page that replaces one of the guest's at the next move.
 * @gone: Device that has been removed or is asleep, and thus does no DMA; NULL
 *	for none.
 * @timeouts: Number of time-outs caused by silent devices.
 * @longest: Duration in ns of the longest unmap of each mapping thread.
 * @shared: Number of times that a device has reached memory through SVA.
 * @errors: Number of failed checks.
 * @what: Description of the first failed check.
 * @at: Address or number that qualifies @what.
 */
struct stress {
	struct world *world;
	struct stress_worker workers[STRESS_MAX_WORKERS];
	unsigned int nr_workers;
	struct mm_struct *mm;
	phys_addr_t spare;
	struct device *gone;
	unsigned int timeouts;
	u64 longest[STRESS_MAPPERS];
	unsigned int shared;
	atomic_t errors;
	const char *what;
	u64 at;
};

static unsigned int stress_pick(struct stress_worker *w, unsigned int n)
{
	return prandom_u32_state(&w->rnd) % n;
}

static void stress_error(struct stress *s, const char *what, u64 at)
{
	if (atomic_inc_return(&s->errors) > 1)
		return;
	s->what = what;
	s->at = at;
}

/*
 * DMA of a device that is present. A device that has just been removed or has
 * fallen asleep may do DMA once more: its device TLB is emptied when it returns,
 * or it is quarantined.
 */
static int stress_dma(const struct stress *s, struct device *dev,
		      ioasid_t pasid, u64 addr, bool write, phys_addr_t *pa)
{
	if (dev == READ_ONCE(s->gone))
		return -ENODEV;
	return mock_dma(dev, pasid, addr, write, pa);
}

static bool stress_reaches_from(const struct stress *s, struct device *dev,
				ioasid_t pasid, u64 addr, phys_addr_t want)
{
	return dev != READ_ONCE(s->gone) &&
	       ut_reaches_at(dev, pasid, addr, want);
}

static bool stress_reaches(const struct stress *s, u64 addr, phys_addr_t pa)
{
	const struct world *world = s->world;
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (stress_reaches_from(s, world->ports[i].dev,
					world->ports[i].pasid, addr, pa))
			return true;
	return false;
}

/* Unmap a slot, and note how long that takes. */
static void stress_unmap(struct stress_worker *w, struct world_domain *d,
			 unsigned int slot)
{
	u64 *longest = &w->stress->longest[w->index], ns = -ktime_get_ns();

	if (!world_unmap(d, slot))
		stress_error(w->stress, "unmap failed", world_slot_addr(slot));
	ns += ktime_get_ns();
	*longest = max(*longest, ns);
}

/* Map or unmap a slot. Each thread owns every second domain. */
static void stress_do_map(struct stress_worker *w)
{
	struct world *world = w->stress->world;
	unsigned int slot = stress_pick(w, WORLD_SLOTS);
	struct world_domain *d;
	phys_addr_t pa;
	u64 addr;

	d = &world->domains[w->index + STRESS_MAPPERS *
			    stress_pick(w, world->nr_domains / STRESS_MAPPERS)];
	if (d->nested)
		return;
	addr = world_slot_addr(slot);
	pa = d->pa[slot];
	if (pa) {
		stress_unmap(w, d, slot);
		if (stress_reaches(w->stress, addr, pa))
			stress_error(w->stress, "page reached after unmap",
				     addr);
		return;
	}
	pa = world_page(world, d, slot, stress_pick(w, 2));
	if (world_map(d, slot, pa))
		stress_error(w->stress, "map failed", addr);
	if (d == world->domains &&
	    !ut_reaches_at(world->ports[0].dev, world->ports[0].pasid, addr,
			   pa))
		stress_error(w->stress, "page not reached after map", addr);
}

/* Check that a port reaches pages of its own domain only. */
static void stress_check_port(struct stress *s, const struct world_port *port)
{
	struct world *world = s->world;
	const struct world_domain *owner;
	unsigned int slot;
	phys_addr_t pa;
	u64 addr;

	for (slot = 0; slot < WORLD_SLOTS; slot++) {
		addr = world_slot_addr(slot);
		if (stress_dma(s, port->dev, port->pasid, addr, true, &pa))
			continue;
		owner = world_owner(world, pa);
		if (!port->domain)
			stress_error(s, "page reached while detached", addr);
		else if (port->domain->nested ? !!owner :
						owner != port->domain)
			stress_error(s, "page of another domain reached", addr);
	}
}

static void stress_do_reset(struct stress *s, struct world_port *port)
{
	struct world_domain *domain = port->domain;
	struct pci_dev *pdev = to_pci_dev(port->dev);

	if (!pci_ats_supported(pdev))
		return;
	if (pci_dev_reset_iommu_prepare(pdev)) {
		stress_error(s, "reset failed", 0);
		return;
	}
	port->domain = NULL;
	stress_check_port(s, port);
	port->domain = domain;
	pci_dev_reset_iommu_done(pdev);
}

/*
 * Attach, detach or reset. Each thread owns every second device, except for the
 * first port, which never changes.
 */
static void stress_do_attach(struct stress_worker *w)
{
	struct stress *s = w->stress;
	struct world *world = s->world;
	struct world_domain *domain;
	struct world_port *port;
	unsigned int n, slot;

	do {
		n = stress_pick(w, world->nr_ports);
		port = &world->ports[n];
		slot = PCI_SLOT(to_pci_dev(port->dev)->devfn);
	} while (!n || slot % STRESS_ATTACHERS != w->index);

	switch (stress_pick(w, 8)) {
	case 0:
		stress_do_reset(s, port);
		break;
	case 1:
	case 2:
	case 3:
		if (port->domain)
			world_detach(port);
		break;
	default:
		domain = &world->domains[stress_pick(w, world->nr_domains)];
		if (domain != port->domain && world_attach(port, domain))
			stress_error(s, "attach failed", n);
		break;
	}
	stress_check_port(s, port);
}

/* Do DMA from a random port, to fill the caches. */
static void stress_do_dma(struct stress_worker *w)
{
	const struct world *world = w->stress->world;
	const struct world_port *port;
	phys_addr_t pa;

	port = &world->ports[stress_pick(w, world->nr_ports)];
	stress_dma(w->stress, port->dev, port->pasid,
		   world_slot_addr(stress_pick(w, WORLD_SLOTS)),
		   stress_pick(w, 2), &pa);
}

/* Change the guest's page table, and invalidate in all nested domains. */
static bool stress_guest_set(struct world *world, enum ut_guest_page leaf)
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
		ret = ret ?: ut_guest_try_invalidate(&guest, IOVA, 1);
	}
	return !ret;
}

/* Unmap the page of data in the guest, check, and map it again. */
static void stress_do_guest(struct stress *s)
{
	struct world *world = s->world;
	const phys_addr_t pa = world_guest_pa(world);

	kthread_use_mm(s->mm);
	if (!stress_guest_set(world, GUEST_PAGES))
		stress_error(s, "invalidation of the guest failed", 0);
	if (stress_reaches(s, IOVA, pa))
		stress_error(s, "page reached after invalidation of the guest",
			     IOVA);
	if (!stress_guest_set(world, GUEST_DATA))
		stress_error(s, "invalidation of the guest failed", 1);
	kthread_unuse_mm(s->mm);
}

/*
 * Change dirty tracking and latency, then the guest's page table or memory.
 */
static void stress_do_host(struct stress_worker *w)
{
	struct stress *s = w->stress;
	struct world *world = s->world;
	enum ut_guest_page page = stress_pick(w, GUEST_PAGES);
	phys_addr_t old = world->guest.pa[page], now;
	struct world_domain *d =
		&world->domains[stress_pick(w, world->nr_domains)];
	const struct iommu_dirty_ops *ops;

	if (d->tracks) {
		ops = d->domain->dirty_ops;
		if (ops->set_dirty_tracking(d->domain, stress_pick(w, 2)))
			stress_error(s, "change of dirty tracking failed", 0);
	}

	mock_set_latency(mock_iommu(world->kind->iommus[0]),
			 stress_pick(w, 4) ? 0 : 100 * NSEC_PER_USEC);

	if (!world->kind->both)
		return;
	if (stress_pick(w, 2)) {
		stress_do_guest(s);
		return;
	}
	now = world_guest_pa(world);
	if (iommu_unmap(world->guest.parent, GPA(page), PAGE_SIZE) != PAGE_SIZE)
		stress_error(s, "unmap of a guest page failed", page);
	/* A missing page table has the same effect as a missing page. */
	if ((page < GUEST_DATA || page == world->leaf) &&
	    stress_reaches(s, IOVA, now))
		stress_error(s, "guest page reached after unmap", page);
	if (world_guest_move(world, page, s->spare))
		stress_error(s, "map of a guest page failed", page);
	s->spare = old;
}

/* Shared virtual addressing */

/**
 * struct stress_unbind - unbind of a device in another thread
 * @sva: Binding of the device.
 * @begun: Completed just before the unbind.
 */
struct stress_unbind {
	struct iommu_sva *sva;
	struct completion begun;
};

static int stress_unbind_work(void *data)
{
	struct stress_unbind *u = data;

	complete(&u->begun);
	iommu_sva_unbind_device(u->sva);
	return 0;
}

/* Unmap a page, then end the address space while a device is being unbound. */
static void stress_process_end(struct stress *s, struct mm_struct *mm,
			       struct iommu_sva *sva[2], struct device *dev[2])
{
	ioasid_t pasid = iommu_sva_get_pasid(sva[0]);
	struct stress_unbind unbind = { .sva = sva[0] };
	void __user *addr, *left = NULL;
	struct task_struct *task;
	phys_addr_t pa, left_pa = 0;
	int i;

	kthread_use_mm(mm);
	if (ut_mmap_page(&addr, &pa) || ut_mmap_page(&left, &left_pa)) {
		stress_error(s, "mmap failed", 0);
	} else {
		/* A concurrent reset may prevent the access: no error. */
		for (i = 0; i < 2; i++)
			WRITE_ONCE(s->shared, s->shared +
				   stress_reaches_from(s, dev[i], pasid,
						       (u64)(uintptr_t)addr,
						       pa));
		vm_munmap((unsigned long)addr, PAGE_SIZE);
		for (i = 0; i < 2; i++)
			if (stress_reaches_from(s, dev[i], pasid,
						(u64)(uintptr_t)addr, pa))
				stress_error(s, "page reached after munmap", 0);
		/* Fill the caches. */
		for (i = 0; i < 2; i++)
			stress_reaches_from(s, dev[i], pasid,
					    (u64)(uintptr_t)left, left_pa);
	}
	kthread_unuse_mm(mm);

	init_completion(&unbind.begun);
	task = kthread_create(stress_unbind_work, &unbind, "unbind");
	if (IS_ERR(task)) {
		stress_error(s, "no thread for unbind", 0);
		return;
	}
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&unbind.begun);
	mmput(mm);
	for (i = 0; i < 2; i++)
		if (!stress_dma(s, dev[i], pasid, (u64)(uintptr_t)left, true,
				&pa))
			stress_error(s, "memory reached after exit", 0);
	kthread_stop_put(task);
	iommu_sva_unbind_device(sva[1]);
}

/* Bind two devices to a new address space, then end it. */
static void stress_do_process(struct stress_worker *w)
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
		dev[i] = mock_dev(kind->iommus[i % kind->nr_iommus], 1 + i);
		sva[i] = iommu_sva_bind_device(dev[i], mm);
		/* Fails during a reset of the device by another thread. */
		if (IS_ERR(sva[i])) {
			if (i)
				iommu_sva_unbind_device(sva[0]);
			mmput(mm);
			cond_resched();
			return;
		}
	}
	stress_process_end(w->stress, mm, sva, dev);
}

/* Silent devices */

/* Let a device be removed, fall asleep or not answer for a short time. */
static void stress_do_silence(struct stress_worker *w)
{
	struct stress *s = w->stress;
	const struct world_kind *kind = s->world->kind;
	enum mock_iommu_id id = kind->iommus[stress_pick(w, kind->nr_iommus)];
	struct device *dev = mock_dev(id, 1 + stress_pick(w, 2));
	unsigned int how = stress_pick(w, 4);

	mock_set_mute(mock_iommu(id), 0);
	if (how < 3)
		WRITE_ONCE(s->gone, dev);
	switch (how) {
	case 0:
		mock_set_removed(dev, true);
		break;
	case 1:
	case 2:
		mock_sleep(dev, how == 1);
		break;
	default:
		mock_set_mute(mock_iommu(id), ut_sid(dev));
	}
	msleep(1 + stress_pick(w, STRESS_SILENCE));
	WRITE_ONCE(s->timeouts,
		   s->timeouts + READ_ONCE(mock_iommu(id)->timeouts));
	switch (how) {
	case 0:
		mock_set_removed(dev, false);
		break;
	case 1:
	case 2:
		mock_wake(dev);
		break;
	default:
		mock_set_mute(mock_iommu(id), 0);
	}
	WRITE_ONCE(s->gone, NULL);
	msleep(1 + stress_pick(w, STRESS_SILENCE));
}

static void stress_add_worker(struct stress *s,
			      void (*work)(struct stress_worker *w),
			      unsigned int index)
{
	struct stress_worker *w = &s->workers[s->nr_workers++];

	w->stress = s;
	w->work = work;
	w->index = index;
	prandom_seed_state(&w->rnd, get_random_u32());
}

static void stress_set_quarantine_delay(unsigned int delay)
{
#ifdef DMAR_QUARANTINE_DELAY
	dmar_quarantine_delay = delay;
#endif
}

static void stress_reset_quarantine_delay(void *unused)
{
#ifdef DMAR_QUARANTINE_DELAY
	stress_set_quarantine_delay(DMAR_QUARANTINE_DELAY);
#endif
}

/* Let a quarantine end soon after the device answers again. */
static void stress_add_silence(struct kunit *test, struct stress *s)
{
	const struct world_kind *kind = s->world->kind;
	unsigned int i;

	KUNIT_ASSERT_EQ(test,
			kunit_add_action(test, stress_reset_quarantine_delay,
					 NULL), 0);
	stress_set_quarantine_delay(STRESS_SILENCE / 4);
	/* mock_sleep() adds a capability, which threads must not see change. */
	for (i = 0; i < 2 * kind->nr_iommus; i++) {
		mock_sleep(mock_dev(kind->iommus[i / 2], 1 + i % 2), true);
		mock_wake(mock_dev(kind->iommus[i / 2], 1 + i % 2));
	}
	stress_add_worker(s, stress_do_silence, 0);
}

static int stress_run(void *data)
{
	struct stress_worker *w = data;

	while (!kthread_should_stop()) {
		w->work(w);
		/* Read concurrently by stress_is_complete(). */
		WRITE_ONCE(w->rounds, w->rounds + 1);
		cond_resched();
	}
	return 0;
}

static void stress_add_workers(struct stress *s)
{
	unsigned int i;

	for (i = 0; i < STRESS_MAPPERS; i++)
		stress_add_worker(s, stress_do_map, i);
	for (i = 0; i < STRESS_ATTACHERS; i++)
		stress_add_worker(s, stress_do_attach, i);
	stress_add_worker(s, stress_do_dma, 0);
	stress_add_worker(s, stress_do_host, 0);
	if (s->world->kind->both)
		stress_add_worker(s, stress_do_process, 0);
}

static void stress_stop_workers(void *data)
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

/*
 * Test whether every thread has completed a round, SVA has been used and, with
 * @silence, a silent device has caused a time-out.
 */
static bool stress_is_complete(struct stress *s, bool silence)
{
	unsigned int i;

	if (silence && !READ_ONCE(s->timeouts))
		return false;
	for (i = 0; i < s->nr_workers; i++)
		if (!READ_ONCE(s->workers[i].rounds))
			return false;
	return !s->world->kind->both || READ_ONCE(s->shared);
}

static void stress_test(struct kunit *test, bool silence)
{
	struct stress *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->world = world_new(test);
	s->spare = ut_new_page(test);
	KUNIT_ASSERT_EQ(test, world_attach(&s->world->ports[0],
					   &s->world->domains[0]), 0);
	stress_add_workers(s);
	if (silence)
		stress_add_silence(test, s);
	s->mm = current->mm;
	if (s->mm)
		mmget(s->mm);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, stress_stop_workers, s),
			0);
	for (i = 0; i < s->nr_workers; i++) {
		s->workers[i].task = kthread_create(stress_run, &s->workers[i],
						    "stress/%u", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->workers[i].task);
		get_task_struct(s->workers[i].task);
		wake_up_process(s->workers[i].task);
	}
	msleep(seconds * MSEC_PER_SEC);
	/* Allow a busy host more time. */
	for (i = 0; i < ROUNDS && !stress_is_complete(s, silence); i++)
		msleep(MSEC_PER_SEC);
	kunit_release_action(test, stress_stop_workers, s);

	for (i = 0; i < s->nr_workers; i++) {
		kunit_info(test, "%ps: %u\n", s->workers[i].work,
			   s->workers[i].rounds);
		KUNIT_EXPECT_GT(test, s->workers[i].rounds, 0);
	}
	for (i = 0; i < STRESS_MAPPERS; i++) {
		kunit_info(test, "longest unmap: %llu us\n",
			   s->longest[i] / NSEC_PER_USEC);
		KUNIT_EXPECT_LT(test, s->longest[i], STRESS_MAX_UNMAP);
	}
	if (silence) {
		kunit_info(test, "time-outs: %u\n", s->timeouts);
		KUNIT_EXPECT_GT(test, s->timeouts, 0);
	}
	if (s->world->kind->both)
		KUNIT_EXPECT_GT(test, s->shared, 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&s->errors), 0,
			    "first error: %s (%llx)", s->what, s->at);
}

static void concurrent_operations(struct kunit *test)
{
	stress_test(test, false);
}

static void concurrent_operations_and_silence(struct kunit *test)
{
	stress_test(test, true);
}

/* All kinds of worlds whose devices have ATS */
static const void *stress_ats_gen_params(struct kunit *test, const void *prev,
					 char *desc)
{
	const struct world_kind *kind;

	do {
		kind = world_gen_params(test, prev, desc);
		prev = kind;
	} while (kind && !(mock_iommu(kind->iommus[0])->ecap & MOCK_ECAP_DT));
	return kind;
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_PARAM(concurrent_operations, world_gen_params),
	KUNIT_CASE_PARAM(concurrent_operations_and_silence,
			 stress_ats_gen_params),
	{}
};

static struct kunit_suite stress_suite = {
	.name = "intel_iommu_stress",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = stress_cases,
};

kunit_test_suites(&stress_suite);

MODULE_DESCRIPTION("KUnit stress test on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

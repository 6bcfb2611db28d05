// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test that does whatever comes to its mind on units made of memory, one
 * thing after the other, and looks after each what every device reaches: just
 * what its domain maps.
 *
 * The log says with which seed: unit_model_random_test.seed=N repeats it.
 */

#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "unit-model-world.h"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random sequence, 0 for a new one");

static unsigned int steps = 300;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "Length of the random sequence");

/**
 * struct process - this task's memory, as far as devices use it
 * @addr: A page of it, NULL if there is none.
 * @pa: Where that is.
 * @sva: For each device, how it is bound, NULL if it is not.
 */
struct process {
	void __user *addr;
	phys_addr_t pa;
	struct iommu_sva *sva[WORLD_DEVS];
};

/**
 * struct sequence - a random sequence
 * @world: What it is about.
 * @process: For SVA.
 * @rnd: Where the next one comes from.
 * @step: How many there were.
 * @what: The last of them.
 */
struct sequence {
	struct world *world;
	struct process process;
	struct rnd_state rnd;
	unsigned int step;
	const char *what;
};

static unsigned int pick(struct sequence *s, unsigned int n)
{
	return prandom_u32_state(&s->rnd) % n;
}

static struct world_port *pick_port(struct sequence *s)
{
	return &s->world->ports[pick(s, s->world->nr_ports)];
}

static struct world_domain *pick_domain(struct sequence *s)
{
	return &s->world->domains[pick(s, s->world->nr_domains)];
}

static struct device *pick_device(struct sequence *s, unsigned int *n)
{
	const struct world_kind *kind = s->world->kind;

	*n = pick(s, kind->nr_units * MODEL_DEVS);
	return model_dev(kind->units[*n / MODEL_DEVS], *n % MODEL_DEVS);
}

/* What has to be */

static phys_addr_t expected(const struct world *world,
			    const struct world_port *port, unsigned int slot)
{
	if (!port->domain)
		return 0;
	if (!port->domain->nested)
		return port->domain->pa[slot];
	return slot ? 0 : world_guest_pa(world);
}

/* First to read: a write may look up anew what a read has left in the caches. */
static void check_access(struct kunit *test, struct sequence *s,
			 struct device *dev, ioasid_t pasid, u64 addr,
			 phys_addr_t want)
{
	phys_addr_t pa;
	int write;

	for (write = 0; write < 2; write++) {
		if (model_dma(dev, pasid, addr, write, &pa))
			pa = 0;
		KUNIT_EXPECT_EQ_MSG(test, pa, want,
				    "step %u (%s): %s, PASID %u, %s %llx",
				    s->step, s->what, dev_name(dev), pasid,
				    write ? "write" : "read", addr);
	}
}

static void check_port(struct kunit *test, struct sequence *s,
		       const struct world_port *port)
{
	size_t offset;
	phys_addr_t pa;
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++) {
		pa = expected(s->world, port, i);
		offset = world_slot_size(i) - PAGE_SIZE;
		check_access(test, s, port->dev, port->pasid,
			     world_slot_addr(i), pa);
		if (offset)
			check_access(test, s, port->dev, port->pasid,
				     world_slot_addr(i) + offset,
				     pa ? pa + offset : 0);
	}
}

/* This fills the caches as well. */
static void check_world(struct kunit *test, struct sequence *s)
{
	struct process *p = &s->process;
	unsigned int i;

	for (i = 0; i < s->world->nr_ports; i++)
		check_port(test, s, &s->world->ports[i]);
	for (i = 0; i < WORLD_DEVS; i++)
		if (p->sva[i])
			check_access(test, s,
				     model_dev(s->world->kind->units[i / MODEL_DEVS],
					       i % MODEL_DEVS),
				     iommu_sva_get_pasid(p->sva[i]),
				     (u64)(uintptr_t)p->addr, p->pa);
}

/* What can be done */

static void do_attach(struct kunit *test, struct sequence *s)
{
	struct world_port *port = pick_port(s);
	struct world_domain *domain = pick_domain(s);

	if (port->domain == domain)
		return;
	s->what = port->domain ? "replace" : "attach";
	KUNIT_ASSERT_EQ(test, world_attach(port, domain), 0);
}

static void do_detach(struct kunit *test, struct sequence *s)
{
	struct world_port *port = pick_port(s);

	if (!port->domain)
		return;
	s->what = "detach";
	world_detach(port);
}

/* Everybody leaves a domain, which ends with its tables and its domain ids. */
static void do_renew(struct kunit *test, struct sequence *s)
{
	struct world_domain *domain = pick_domain(s);
	struct world *world = s->world;
	unsigned int i;

	s->what = "end of a domain";
	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain == domain)
			world_detach(&world->ports[i]);
	if (!world_renew(test, world, domain))
		s->what = "detach of all from the guest's host";
}

static void do_map(struct kunit *test, struct sequence *s)
{
	struct world_domain *domain = pick_domain(s);
	unsigned int slot = pick(s, WORLD_SLOTS);
	bool other = pick(s, 2);

	if (domain->nested)
		return;
	if (domain->pa[slot]) {
		s->what = "unmap";
		KUNIT_ASSERT_TRUE(test, world_unmap(domain, slot));
		return;
	}
	s->what = "map";
	KUNIT_ASSERT_EQ(test, world_map(domain, slot,
					world_page(s->world, domain, slot,
						   other)), 0);
}

/* Both slots that are next to each other, at once */
static void do_unmap_two(struct kunit *test, struct sequence *s)
{
	struct world_domain *domain = pick_domain(s);

	if (domain->nested || !domain->pa[0] || !domain->pa[1])
		return;
	s->what = "unmap two";
	domain->pa[0] = 0;
	domain->pa[1] = 0;
	KUNIT_ASSERT_EQ(test, iommu_unmap(domain->domain, world_slot_addr(0),
					  2 * PAGE_SIZE), 2 * PAGE_SIZE);
}

static void do_guest_set(struct kunit *test, struct sequence *s)
{
	static const enum ut_guest_page leaves[] = {
		GUEST_DATA, GUEST_LEVEL3, GUEST_PAGES,
	};

	if (!s->world->kind->both)
		return;
	s->what = "change of the guest's";
	world_guest_set(test, s->world, leaves[pick(s, ARRAY_SIZE(leaves))]);
}

static void do_guest_move(struct kunit *test, struct sequence *s)
{
	enum ut_guest_page page = pick(s, GUEST_PAGES), leaf = s->world->leaf;

	if (!s->world->kind->both)
		return;
	s->what = "unmap of the host's";
	ut_guest_unmap(test, &s->world->guest, page);
	if (page < GUEST_DATA || page == leaf)
		s->world->leaf = GUEST_PAGES;
	check_world(test, s);
	s->world->leaf = leaf;
	s->what = "map of the host's";
	KUNIT_ASSERT_EQ(test,
			world_guest_move(s->world, page, ut_new_page(test)), 0);
}

/* Has a slot been written since the last time? */
static bool is_dirty(const struct world_domain *domain, unsigned int slot)
{
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty;

	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, NULL, &gather);
	domain->domain->dirty_ops->read_and_clear_dirty(domain->domain,
							world_slot_addr(slot),
							world_slot_size(slot), 0,
							&dirty);
	if (!gather.end)
		return false;
	iommu_iotlb_sync(domain->domain, &gather);
	return true;
}

static void check_slots(struct kunit *test, struct sequence *s,
			const struct world_domain *domain, bool written)
{
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, is_dirty(domain, i),
				    written && domain->pa[i],
				    "step %u: slot %u", s->step, i);
		KUNIT_EXPECT_FALSE(test, is_dirty(domain, i));
	}
}

/*
 * Each that is attached leaves its mark, whatever others have left in caches
 * that they share; those that are not leave none.
 */
static void check_dirty(struct kunit *test, struct sequence *s,
			const struct world_domain *domain)
{
	const struct world *world = s->world;
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++)
		is_dirty(domain, i);
	for (i = 0; i < world->nr_ports; i++) {
		check_port(test, s, &world->ports[i]);
		check_slots(test, s, domain, world->ports[i].domain == domain);
	}
}

static void do_dirty(struct kunit *test, struct sequence *s)
{
	struct world_domain *domain = pick_domain(s);
	const struct iommu_dirty_ops *ops = domain->domain->dirty_ops;
	bool on = pick(s, 2);

	if (!domain->tracks)
		return;
	s->what = on ? "start of dirty tracking" : "end of dirty tracking";
	KUNIT_EXPECT_EQ(test, ops->set_dirty_tracking(domain->domain, on), 0);
	if (on)
		check_dirty(test, s, domain);
}

/*
 * A device in reset reaches nothing, and everything afterwards. Without ATS its
 * translations stay as they are.
 */
static void do_reset(struct kunit *test, struct sequence *s)
{
	struct world_domain *before[WORLD_PORTS];
	struct world *world = s->world;
	struct iommu_sva *sva;
	struct device *dev;
	unsigned int i, n;

	dev = pick_device(s, &n);
	if (!pci_ats_supported(to_pci_dev(dev)))
		return;
	for (i = 0; i < world->nr_ports; i++) {
		before[i] = world->ports[i].domain;
		if (world->ports[i].dev == dev)
			world->ports[i].domain = NULL;
	}
	sva = s->process.sva[n];
	s->process.sva[n] = NULL;

	s->what = "reset";
	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(to_pci_dev(dev)), 0);
	check_world(test, s);
	pci_dev_reset_iommu_done(to_pci_dev(dev));
	s->process.sva[n] = sva;
	for (i = 0; i < world->nr_ports; i++)
		world->ports[i].domain = before[i];
}

static void do_bind(struct kunit *test, struct sequence *s)
{
	struct device *dev;
	unsigned int n;

	dev = pick_device(s, &n);
	if (!s->world->kind->both || !pci_ats_supported(to_pci_dev(dev)))
		return;
	if (s->process.sva[n]) {
		s->what = "unbind";
		iommu_sva_unbind_device(s->process.sva[n]);
		s->process.sva[n] = NULL;
		return;
	}
	s->what = "bind";
	s->process.sva[n] = iommu_sva_bind_device(dev, current->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->process.sva[n]);
}

static void do_remap(struct kunit *test, struct sequence *s)
{
	struct process *p = &s->process;

	if (!s->world->kind->both)
		return;
	s->what = "munmap";
	vm_munmap((unsigned long)p->addr, PAGE_SIZE);
	p->pa = 0;
	check_world(test, s);
	s->what = "mmap";
	KUNIT_ASSERT_EQ(test, vm_mmap(NULL, (unsigned long)p->addr, PAGE_SIZE,
				      PROT_READ | PROT_WRITE,
				      MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED,
				      0), (unsigned long)p->addr);
	p->pa = ut_user_pa(test, p->addr);
}

/* How often each, compared to the others */
static const struct {
	void (*act)(struct kunit *test, struct sequence *s);
	unsigned int share;
} acts[] = {
	{ do_attach, 8 },
	{ do_detach, 4 },
	{ do_renew, 2 },
	{ do_map, 12 },
	{ do_unmap_two, 2 },
	{ do_guest_set, 2 },
	{ do_guest_move, 2 },
	{ do_dirty, 2 },
	{ do_reset, 1 },
	{ do_bind, 2 },
	{ do_remap, 2 },
};

static void act(struct kunit *test, struct sequence *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(acts); i++)
		n += acts[i].share;
	n = pick(s, n);
	for (i = 0; n >= acts[i].share; i++)
		n -= acts[i].share;
	acts[i].act(test, s);
}

static void random_sequence(struct kunit *test)
{
	unsigned long this_seed = seed ?: get_random_u32();
	struct sequence *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	kunit_info(test, "seed %lu\n", this_seed);
	prandom_seed_state(&s->rnd, this_seed);
	s->world = world_new(test);
	if (s->world->kind->both) {
		s->process.addr = ut_new_user_page(test);
		s->process.pa = ut_user_pa(test, s->process.addr);
	}

	s->what = "nothing";
	check_world(test, s);
	/* Where one has failed, those that follow prove nothing. */
	for (s->step = 1; s->step <= steps; s->step++) {
		act(test, s);
		check_world(test, s);
		if (READ_ONCE(test->status) == KUNIT_FAILURE)
			break;
	}

	for (i = 0; i < WORLD_DEVS; i++)
		if (s->process.sva[i])
			iommu_sva_unbind_device(s->process.sva[i]);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_PARAM(random_sequence, world_gen_params),
	{}
};

static struct kunit_suite random_suite = {
	.name = "intel_iommu_unit_random",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = random_cases,
};

kunit_test_suites(&random_suite);

MODULE_DESCRIPTION("KUnit test of random sequences on Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of a randomised sequence of operations on mock IOMMUs.
 *
 * After each operation, the test compares what every device reaches with the
 * mappings of its domain. The test logs the seed N of the sequence; the kernel
 * parameter random_kunit.seed=N repeats the sequence.
 */

#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "world.h"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random sequence, 0 for a random seed");

static unsigned int steps = 300;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "Number of operations in the random sequence");

/**
 * struct random_process - user memory that devices access through SVA
 * @addr: User address of a page, NULL without SVA.
 * @pa: Physical address of the page, 0 while it is not mapped.
 * @sva: Binding of each device, NULL if it is not bound.
 */
struct random_process {
	void __user *addr;
	phys_addr_t pa;
	struct iommu_sva *sva[WORLD_DEVS];
};

/**
 * struct random_state - state of a random sequence
 * @world: Devices and domains.
 * @process: Memory for SVA.
 * @rnd: State of the random number generator.
 * @step: Number of the current operation.
 * @what: Name of the current operation, for messages.
 */
struct random_state {
	struct world *world;
	struct random_process process;
	struct rnd_state rnd;
	unsigned int step;
	const char *what;
};

static unsigned int random_pick(struct random_state *s, unsigned int n)
{
	return prandom_u32_state(&s->rnd) % n;
}

static struct world_port *random_pick_port(struct random_state *s)
{
	return &s->world->ports[random_pick(s, s->world->nr_ports)];
}

static struct world_domain *random_pick_domain(struct random_state *s)
{
	return &s->world->domains[random_pick(s, s->world->nr_domains)];
}

static struct device *random_pick_device(struct random_state *s,
					 unsigned int *n)
{
	const struct world_kind *kind = s->world->kind;

	*n = random_pick(s, kind->nr_iommus * MOCK_DEVS);
	return mock_dev(kind->iommus[*n / MOCK_DEVS], *n % MOCK_DEVS);
}

/* Checks */

/* Physical address that a port has to reach at a slot, 0 for none */
static phys_addr_t random_expected(const struct world *world,
				   const struct world_port *port,
				   unsigned int slot)
{
	if (!port->domain)
		return 0;
	if (!port->domain->nested)
		return port->domain->pa[slot];
	return slot ? 0 : world_guest_pa(world);
}

/* Read first: a write may bypass a read-only entry in the caches. */
static void random_check_access(struct kunit *test, struct random_state *s,
				struct device *dev, ioasid_t pasid, u64 addr,
			 phys_addr_t want)
{
	phys_addr_t pa;
	int write;

	for (write = 0; write < 2; write++) {
		if (mock_dma(dev, pasid, addr, write, &pa))
			pa = 0;
		KUNIT_EXPECT_EQ_MSG(test, pa, want,
				    "step %u (%s): %s, PASID %u, %s %llx",
				    s->step, s->what, dev_name(dev), pasid,
				    write ? "write" : "read", addr);
	}
}

static void random_check_port(struct kunit *test, struct random_state *s,
			      const struct world_port *port)
{
	size_t offset;
	phys_addr_t pa;
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++) {
		pa = random_expected(s->world, port, i);
		offset = world_slot_size(i) - PAGE_SIZE;
		random_check_access(test, s, port->dev, port->pasid,
				    world_slot_addr(i), pa);
		if (offset)
			random_check_access(test, s, port->dev, port->pasid,
					    world_slot_addr(i) + offset,
				     pa ? pa + offset : 0);
	}
}

/* Check all ports and bindings, and thereby fill the caches for later. */
static void random_check_world(struct kunit *test, struct random_state *s)
{
	const struct world_kind *kind = s->world->kind;
	struct random_process *p = &s->process;
	struct device *dev;
	unsigned int i;

	for (i = 0; i < s->world->nr_ports; i++)
		random_check_port(test, s, &s->world->ports[i]);
	for (i = 0; i < WORLD_DEVS; i++) {
		if (!p->sva[i])
			continue;
		dev = mock_dev(kind->iommus[i / MOCK_DEVS], i % MOCK_DEVS);
		random_check_access(test, s, dev,
				    iommu_sva_get_pasid(p->sva[i]),
				    (u64)(uintptr_t)p->addr, p->pa);
	}
}

/* Operations */

static void random_do_attach(struct kunit *test, struct random_state *s)
{
	struct world_port *port = random_pick_port(s);
	struct world_domain *domain = random_pick_domain(s);

	if (port->domain == domain)
		return;
	s->what = port->domain ? "replace" : "attach";
	KUNIT_ASSERT_EQ(test, world_attach(port, domain), 0);
}

static void random_do_detach(struct kunit *test, struct random_state *s)
{
	struct world_port *port = random_pick_port(s);

	if (!port->domain)
		return;
	s->what = "detach";
	world_detach(port);
}

/* Detach a domain from all ports, free it, and allocate a new one instead. */
static void random_do_renew(struct kunit *test, struct random_state *s)
{
	struct world_domain *domain = random_pick_domain(s);
	struct world *world = s->world;
	unsigned int i;

	s->what = "renew";
	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain == domain)
			world_detach(&world->ports[i]);
	if (!world_renew(test, world, domain))
		s->what = "detach of the nest parent";
}

static void random_do_map(struct kunit *test, struct random_state *s)
{
	struct world_domain *domain = random_pick_domain(s);
	unsigned int slot = random_pick(s, WORLD_SLOTS);
	bool other = random_pick(s, 2);

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

/* Unmap the two adjacent slots at once. */
static void random_do_unmap_two(struct kunit *test, struct random_state *s)
{
	struct world_domain *domain = random_pick_domain(s);

	if (domain->nested || !domain->pa[0] || !domain->pa[1])
		return;
	s->what = "unmap two";
	domain->pa[0] = 0;
	domain->pa[1] = 0;
	KUNIT_ASSERT_EQ(test, iommu_unmap(domain->domain, world_slot_addr(0),
					  2 * PAGE_SIZE), 2 * PAGE_SIZE);
}

static void random_do_guest_set(struct kunit *test, struct random_state *s)
{
	static const enum ut_guest_page leaves[] = {
		GUEST_DATA, GUEST_LEVEL3, GUEST_PAGES,
	};

	if (!s->world->kind->both)
		return;
	s->what = "change of the guest's page table";
	world_guest_set(test, s->world,
			leaves[random_pick(s, ARRAY_SIZE(leaves))]);
}

static void random_do_guest_move(struct kunit *test, struct random_state *s)
{
	enum ut_guest_page page = random_pick(s, GUEST_PAGES);
	enum ut_guest_page leaf = s->world->leaf;

	if (!s->world->kind->both)
		return;
	s->what = "unmap of a guest page";
	ut_guest_unmap(test, &s->world->guest, page);
	if (page < GUEST_DATA || page == leaf)
		s->world->leaf = GUEST_PAGES;
	random_check_world(test, s);
	s->world->leaf = leaf;
	s->what = "map of a guest page";
	KUNIT_ASSERT_EQ(test,
			world_guest_move(s->world, page, ut_new_page(test)), 0);
}

/* Test whether a slot has been written to since the last call. */
static bool random_is_dirty(const struct world_domain *domain,
			    unsigned int slot)
{
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty;

	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, NULL, &gather);
	domain->domain->dirty_ops->read_and_clear_dirty(domain->domain,
							world_slot_addr(slot),
							world_slot_size(slot),
							0, &dirty);
	if (!gather.end)
		return false;
	iommu_iotlb_sync(domain->domain, &gather);
	return true;
}

static void random_check_slots(struct kunit *test, struct random_state *s,
			       const struct world_domain *domain, bool written)
{
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, random_is_dirty(domain, i),
				    written && domain->pa[i],
				    "step %u: slot %u", s->step, i);
		KUNIT_EXPECT_FALSE(test, random_is_dirty(domain, i));
	}
}

/*
 * Writes through each port that is attached to the domain must set dirty bits,
 * regardless of entries that other ports have left in shared caches. Writes
 * through other ports must not.
 */
static void random_check_dirty(struct kunit *test, struct random_state *s,
			       const struct world_domain *domain)
{
	const struct world *world = s->world;
	unsigned int i;

	for (i = 0; i < WORLD_SLOTS; i++)
		random_is_dirty(domain, i);
	for (i = 0; i < world->nr_ports; i++) {
		random_check_port(test, s, &world->ports[i]);
		random_check_slots(test, s, domain,
				   world->ports[i].domain == domain);
	}
}

static void random_do_dirty(struct kunit *test, struct random_state *s)
{
	struct world_domain *domain = random_pick_domain(s);
	const struct iommu_dirty_ops *ops = domain->domain->dirty_ops;
	bool on = random_pick(s, 2);

	if (!domain->tracks)
		return;
	s->what = on ? "start of dirty tracking" : "end of dirty tracking";
	KUNIT_EXPECT_EQ(test, ops->set_dirty_tracking(domain->domain, on), 0);
	if (on)
		random_check_dirty(test, s, domain);
}

/*
 * A device reaches nothing during a reset, and the same pages as before after
 * it. Devices without ATS keep their translations and are left out.
 */
static void random_do_reset(struct kunit *test, struct random_state *s)
{
	struct world_domain *before[WORLD_PORTS];
	struct world *world = s->world;
	struct iommu_sva *sva;
	struct device *dev;
	unsigned int i, n;

	dev = random_pick_device(s, &n);
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
	random_check_world(test, s);
	pci_dev_reset_iommu_done(to_pci_dev(dev));
	s->process.sva[n] = sva;
	for (i = 0; i < world->nr_ports; i++)
		world->ports[i].domain = before[i];
}

/* Bind or unbind a device. */
static void random_do_bind(struct kunit *test, struct random_state *s)
{
	struct device *dev;
	unsigned int n;

	dev = random_pick_device(s, &n);
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

/* Unmap the page that bound devices use, check, and map another one there. */
static void random_do_remap(struct kunit *test, struct random_state *s)
{
	struct random_process *p = &s->process;

	if (!s->world->kind->both)
		return;
	s->what = "munmap";
	vm_munmap((unsigned long)p->addr, PAGE_SIZE);
	p->pa = 0;
	random_check_world(test, s);
	s->what = "mmap";
	KUNIT_ASSERT_EQ(test, vm_mmap(NULL, (unsigned long)p->addr, PAGE_SIZE,
				      PROT_READ | PROT_WRITE,
				      MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED,
				      0), (unsigned long)p->addr);
	p->pa = ut_user_pa(test, p->addr);
}

/* Operations and their relative frequencies */
static const struct {
	void (*act)(struct kunit *test, struct random_state *s);
	unsigned int share;
} random_acts[] = {
	{ random_do_attach, 8 },
	{ random_do_detach, 4 },
	{ random_do_renew, 2 },
	{ random_do_map, 12 },
	{ random_do_unmap_two, 2 },
	{ random_do_guest_set, 2 },
	{ random_do_guest_move, 2 },
	{ random_do_dirty, 2 },
	{ random_do_reset, 1 },
	{ random_do_bind, 2 },
	{ random_do_remap, 2 },
};

static void random_act(struct kunit *test, struct random_state *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(random_acts); i++)
		n += random_acts[i].share;
	n = random_pick(s, n);
	for (i = 0; n >= random_acts[i].share; i++)
		n -= random_acts[i].share;
	random_acts[i].act(test, s);
}

static void random_operations(struct kunit *test)
{
	unsigned long this_seed = seed ?: get_random_u32();
	struct random_state *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	kunit_info(test, "seed %lu\n", this_seed);
	prandom_seed_state(&s->rnd, this_seed);
	s->world = world_new(test);
	if (s->world->kind->both) {
		s->process.addr = ut_new_user_page(test);
		s->process.pa = ut_user_pa(test, s->process.addr);
	}

	s->what = "initial state";
	random_check_world(test, s);
	/* Stop after a failure: the record of the world may be wrong. */
	for (s->step = 1; s->step <= steps; s->step++) {
		random_act(test, s);
		random_check_world(test, s);
		if (READ_ONCE(test->status) == KUNIT_FAILURE)
			break;
	}

	for (i = 0; i < WORLD_DEVS; i++)
		if (s->process.sva[i])
			iommu_sva_unbind_device(s->process.sva[i]);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_PARAM(random_operations, world_gen_params),
	{}
};

static struct kunit_suite random_suite = {
	.name = "intel_iommu_random",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = random_cases,
};

kunit_test_suites(&random_suite);

MODULE_DESCRIPTION("KUnit test of random operations on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

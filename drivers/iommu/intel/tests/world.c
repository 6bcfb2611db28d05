// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and domains with a record of their state. world.h describes the
 * functions.
 *
 * The physical addresses that slots are mapped to are beyond memory: mock DMA
 * accesses no memory, and such an address identifies the domain it was mapped
 * in.
 */

#include <linux/pci.h>
#include <linux/sizes.h>

#include "../../iommu-priv.h"
#include "world.h"

#define WORLD_FIRST_PAGE	BIT_ULL(36)
#define WORLD_DOMAIN_SIZE	SZ_1G

static const struct world_kind world_kinds[] = {
	{ "legacy", { MOCK_LEGACY }, 1 },
	{ "legacy, caching mode", { MOCK_LEGACY_CM }, 1 },
	{ "legacy, no page selection", { MOCK_LEGACY_OLD }, 1 },
	{ "legacy, no queue", { MOCK_REGISTERS }, 1 },
	{ "second stage", { MOCK_SS }, 1, true },
	{ "second stage, caching mode", { MOCK_SS_CM }, 1, true },
	{ "both stages, two IOMMUs", { MOCK_FS, MOCK_FS2 }, 2, true, true },
	{ "both stages, caching mode", { MOCK_FS_CM }, 1, true, true },
};

KUNIT_ARRAY_PARAM_DESC(world_kind, world_kinds, name);

const void *world_gen_params(struct kunit *test, const void *prev, char *desc)
{
	return world_kind_gen_params(test, prev, desc);
}

/* Two adjacent pages, a large page, and pages in two last-level tables */
static const struct {
	u64 addr;
	size_t size;
} world_slots[WORLD_SLOTS] = {
	{ IOVA, PAGE_SIZE },
	{ IOVA + PAGE_SIZE, PAGE_SIZE },
	{ IOVA + SZ_2M, SZ_2M },
	{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
};

u64 world_slot_addr(unsigned int slot)
{
	return world_slots[slot].addr;
}

size_t world_slot_size(unsigned int slot)
{
	return world_slots[slot].size;
}

phys_addr_t world_page(const struct world *world,
		       const struct world_domain *domain, unsigned int slot,
		       bool other)
{
	u64 n = domain - world->domains;

	return WORLD_FIRST_PAGE + n * WORLD_DOMAIN_SIZE +
	       (2 * slot + other) * SZ_4M;
}

const struct world_domain *world_owner(const struct world *world,
				       phys_addr_t pa)
{
	u64 n = (pa - WORLD_FIRST_PAGE) / WORLD_DOMAIN_SIZE;

	return pa < WORLD_FIRST_PAGE || n >= world->nr_domains ? NULL :
	       &world->domains[n];
}

int world_map(struct world_domain *domain, unsigned int slot, phys_addr_t pa)
{
	int ret = iommu_map(domain->domain, world_slots[slot].addr, pa,
			    world_slots[slot].size, PROT, GFP_KERNEL);

	if (!ret)
		domain->pa[slot] = pa;
	return ret;
}

bool world_unmap(struct world_domain *domain, unsigned int slot)
{
	domain->pa[slot] = 0;
	return iommu_unmap(domain->domain, world_slots[slot].addr,
			   world_slots[slot].size) == world_slots[slot].size;
}

int world_attach(struct world_port *port, struct world_domain *domain)
{
	struct iommu_attach_handle *handle = &port->handles[port->turn];
	struct iommu_group *group = port->dev->iommu_group;
	int ret;

	if (port->pasid == IOMMU_NO_PASID)
		ret = port->domain ?
		      iommu_replace_group_handle(group, domain->domain,
						 handle) :
		      iommu_attach_group_handle(domain->domain, group, handle);
	else
		ret = port->domain ?
		      iommu_replace_device_pasid(domain->domain, port->dev,
						 port->pasid, handle) :
		      iommu_attach_device_pasid(domain->domain, port->dev,
						port->pasid, handle);
	if (ret)
		return ret;
	port->turn ^= 1;
	port->domain = domain;
	return 0;
}

void world_detach(struct world_port *port)
{
	if (port->pasid == IOMMU_NO_PASID)
		iommu_detach_group_handle(port->domain->domain,
					  port->dev->iommu_group);
	else
		iommu_detach_device_pasid(port->domain->domain, port->dev,
					  port->pasid);
	port->domain = NULL;
}

void world_guest_set(struct kunit *test, struct world *world,
		     enum ut_guest_page leaf)
{
	struct ut_guest *guest = &world->guest;
	unsigned int i;

	ut_guest_set(guest, GUEST_LEVEL1,
		     leaf == GUEST_PAGES ? 0 : GPA(leaf));
	world->leaf = leaf;
	for (i = 0; i < world->nr_domains; i++) {
		if (!world->domains[i].nested)
			continue;
		guest->domain = world->domains[i].domain;
		ut_guest_invalidate(test, guest, IOVA, 1);
	}
}

int world_guest_move(struct world *world, enum ut_guest_page page,
		     phys_addr_t pa)
{
	const phys_addr_t old = world->guest.pa[page];

	memcpy(phys_to_virt(pa), phys_to_virt(old), PAGE_SIZE);
	memset(phys_to_virt(old), 0, PAGE_SIZE);
	world->guest.pa[page] = pa;
	return iommu_map(world->guest.parent, GPA(page), pa, PAGE_SIZE, PROT,
			 GFP_KERNEL);
}

phys_addr_t world_guest_pa(const struct world *world)
{
	return world->leaf == GUEST_PAGES ? 0 : world->guest.pa[world->leaf];
}

static void world_add_domain(struct world *world, struct iommu_domain *domain,
			     u32 flags)
{
	struct world_domain *d = &world->domains[world->nr_domains++];

	*d = (struct world_domain) {
		.domain = domain,
		.nested = domain->type == IOMMU_DOMAIN_NESTED,
		.flags = flags,
		.tracks = domain->dirty_ops,
	};
}

static bool world_is_used(const struct world *world,
			  const struct world_domain *d)
{
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain == d)
			return true;
	return d->domain == world->guest.parent;
}

static void world_add_device(struct world *world, struct device *dev)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, 3000, 3070 };
	unsigned int i, n = 1;

	if (world->kind->pasids && pci_is_pcie(to_pci_dev(dev)))
		n = ARRAY_SIZE(pasids);

	for (i = 0; i < n; i++)
		world->ports[world->nr_ports++] = (struct world_port) {
			.dev = dev,
			.pasid = pasids[i],
		};
}

/* The nest parent has to be the last domain that is not nested. */
static void world_add_domains(struct kunit *test, struct world *world)
{
	struct device *dev = world->ports[0].dev;
	unsigned int i;

	for (i = 0; i < 2; i++)
		world_add_domain(world, ut_new_domain(test, dev, 0), 0);
	if (!world->kind->both)
		return;
	world_add_domain(world, ut_new_domain(test, dev,
					      IOMMU_HWPT_ALLOC_DIRTY_TRACKING),
		   IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ut_new_guest(test, dev, &world->guest);
	world->leaf = GUEST_DATA;
	world_add_domain(world, world->guest.parent, 0);
	world_add_domain(world, world->guest.domain, 0);
	world_add_domain(world, ut_new_nested(test, dev, &world->guest, 48), 0);
}

static void world_detach_all(void *data)
{
	struct world *world = data;
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain)
			world_detach(&world->ports[i]);
}

bool world_renew(struct kunit *test, struct world *world,
		 struct world_domain *d)
{
	struct device *dev = world->ports[0].dev;

	if (world_is_used(world, d))
		return false;
	/*
	 * Actions run in reverse order, so the detach has to be added again
	 * after the action that frees the new domain.
	 */
	kunit_remove_action(test, world_detach_all, world);
	ut_free_domain(test, d->domain);
	if (d->nested)
		d->domain = ut_new_nested(test, dev, &world->guest, 48);
	else
		d->domain = ut_new_domain(test, dev, d->flags);
	memset(d->pa, 0, sizeof(d->pa));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, world_detach_all,
							world), 0);
	return true;
}

struct world *world_new(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, world);
	world->kind = test->param_value;
	for (i = 0; i < world->kind->nr_iommus; i++)
		for (j = 0; j <= MOCK_BRIDGED; j++)
			world_add_device(world,
					 mock_dev(world->kind->iommus[i], j));
	world_add_domains(test, world);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, world_detach_all,
							world), 0);
	return world;
}

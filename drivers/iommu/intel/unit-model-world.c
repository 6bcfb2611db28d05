// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains, devices and mappings on units made of memory, in any number. The
 * pages of a domain's slots are not memory, and tell whose they are: nobody
 * looks at what is there.
 */

#include <linux/pci.h>
#include <linux/sizes.h>

#include "../iommu-priv.h"
#include "unit-model-world.h"

#define FIRST_PAGE	BIT_ULL(36)
#define DOMAIN_PAGES	SZ_1G

static const struct world_kind world_kinds[] = {
	{ "legacy", { MODEL_LEGACY }, 1 },
	{ "legacy, caching mode", { MODEL_LEGACY_CM }, 1 },
	{ "legacy, no page selection", { MODEL_LEGACY_OLD }, 1 },
	{ "legacy, no queue", { MODEL_REGISTERS }, 1 },
	{ "second stage", { MODEL_SS }, 1, true },
	{ "second stage, caching mode", { MODEL_SS_CM }, 1, true },
	{ "both stages, two units", { MODEL_FS, MODEL_FS2 }, 2, true, true },
	{ "both stages, caching mode", { MODEL_FS_CM }, 1, true, true },
};

/* KUNIT_ARRAY_PARAM_DESC(), for more than one file */
const void *world_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const struct world_kind *next = prev;

	next = next ? next + 1 : world_kinds;
	if (next == world_kinds + ARRAY_SIZE(world_kinds))
		return NULL;
	strscpy(desc, next->name, KUNIT_PARAM_DESC_SIZE);
	return next;
}

/* A page, a neighbour of it, a large page, and one at the end of a table */
static const struct {
	u64 addr;
	size_t size;
} slots[WORLD_SLOTS] = {
	{ IOVA, PAGE_SIZE },
	{ IOVA + PAGE_SIZE, PAGE_SIZE },
	{ IOVA + SZ_2M, SZ_2M },
	{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
};

u64 world_slot_addr(unsigned int slot)
{
	return slots[slot].addr;
}

size_t world_slot_size(unsigned int slot)
{
	return slots[slot].size;
}

/* One of two places that a slot can be mapped to. */
phys_addr_t world_page(const struct world *world,
		       const struct world_domain *domain, unsigned int slot,
		       bool other)
{
	return FIRST_PAGE + (domain - world->domains) * (u64)DOMAIN_PAGES +
	       (2 * slot + other) * SZ_4M;
}

/* The domain that a page belongs to, NULL for memory. */
const struct world_domain *world_owner(const struct world *world,
				       phys_addr_t pa)
{
	u64 n = (pa - FIRST_PAGE) / DOMAIN_PAGES;

	return pa < FIRST_PAGE || n >= world->nr_domains ? NULL :
	       &world->domains[n];
}

int world_map(struct world_domain *domain, unsigned int slot, phys_addr_t pa)
{
	int ret = iommu_map(domain->domain, slots[slot].addr, pa,
			    slots[slot].size, PROT, GFP_KERNEL);

	if (!ret)
		domain->pa[slot] = pa;
	return ret;
}

bool world_unmap(struct world_domain *domain, unsigned int slot)
{
	domain->pa[slot] = 0;
	return iommu_unmap(domain->domain, slots[slot].addr,
			   slots[slot].size) == slots[slot].size;
}

/* Attach a port, or replace what it is attached to. */
int world_attach(struct world_port *port, struct world_domain *domain)
{
	struct iommu_attach_handle *handle = &port->handles[port->turn];
	struct iommu_group *group = port->dev->iommu_group;
	int ret;

	if (port->pasid == IOMMU_NO_PASID)
		ret = port->domain ?
		      iommu_replace_group_handle(group, domain->domain, handle) :
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

/* The guest changes where %IOVA is, and invalidates it for whoever looks. */
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

/* The host has taken a page of the guest away, and gives it another. */
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

/* What is at %IOVA for a device that is attached to a nested domain? */
phys_addr_t world_guest_pa(const struct world *world)
{
	return world->leaf == GUEST_PAGES ? 0 : world->guest.pa[world->leaf];
}

static void add_domain(struct world *world, struct iommu_domain *domain,
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

static bool is_used(const struct world *world, const struct world_domain *d)
{
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain == d)
			return true;
	return d->domain == world->guest.parent;
}

static void add_device(struct world *world, struct device *dev)
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

/* The last one that is not nested is the guest's host. */
static void add_domains(struct kunit *test, struct world *world)
{
	struct device *dev = world->ports[0].dev;
	unsigned int i;

	for (i = 0; i < 2; i++)
		add_domain(world, ut_new_domain(test, dev, 0), 0);
	if (!world->kind->both)
		return;
	add_domain(world, ut_new_domain(test, dev,
					IOMMU_HWPT_ALLOC_DIRTY_TRACKING),
		   IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ut_new_guest(test, dev, &world->guest);
	world->leaf = GUEST_DATA;
	add_domain(world, world->guest.parent, 0);
	add_domain(world, world->guest.domain, 0);
	add_domain(world, ut_new_nested(test, dev, &world->guest, 48), 0);
}

static void detach_all(void *data)
{
	struct world *world = data;
	unsigned int i;

	for (i = 0; i < world->nr_ports; i++)
		if (world->ports[i].domain)
			world_detach(&world->ports[i]);
}

/* Another domain in the place of one that nobody uses; false if somebody does. */
bool world_renew(struct kunit *test, struct world *world,
		 struct world_domain *d)
{
	struct device *dev = world->ports[0].dev;

	if (is_used(world, d))
		return false;
	/* What is new is freed before what is older is undone. */
	kunit_remove_action(test, detach_all, world);
	ut_free_domain(test, d->domain);
	if (d->nested)
		d->domain = ut_new_nested(test, dev, &world->guest, 48);
	else
		d->domain = ut_new_domain(test, dev, d->flags);
	memset(d->pa, 0, sizeof(d->pa));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, detach_all, world),
			0);
	return true;
}

/* For the kind of world that is the parameter of the test */
struct world *world_new(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, world);
	world->kind = test->param_value;
	for (i = 0; i < world->kind->nr_units; i++)
		for (j = 0; j <= MODEL_BRIDGED; j++)
			add_device(world, model_dev(world->kind->units[i], j));
	add_domains(test, world);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, detach_all, world),
			0);
	return world;
}

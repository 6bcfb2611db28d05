/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains, devices and mappings on units made of memory, in any number, with a
 * record of what each device has to reach.
 *
 * Nothing here takes a lock: whoever changes a port, a slot or the guest has it
 * for himself. Devices may do DMA at any time.
 */
#ifndef _INTEL_IOMMU_UNIT_MODEL_WORLD_H
#define _INTEL_IOMMU_UNIT_MODEL_WORLD_H

#include "unit-model-kunit.h"

#define WORLD_UNITS	2
#define WORLD_DEVS	(WORLD_UNITS * MODEL_DEVS)
#define WORLD_PASIDS	2
/* Those behind bridges have no PASIDs. */
#define WORLD_PORTS	(WORLD_DEVS * (1 + WORLD_PASIDS) + WORLD_UNITS)
#define WORLD_DOMAINS	6
#define WORLD_SLOTS	4

/**
 * struct world_kind - which units, and what they can do
 * @name: For messages.
 * @units: The units.
 * @nr_units: How many.
 * @pasids: They have PASIDs.
 * @both: They have both stages, hence nesting, dirty bits and SVA.
 */
struct world_kind {
	const char *name;
	enum model_unit_id units[WORLD_UNITS];
	unsigned int nr_units;
	bool pasids;
	bool both;
};

/**
 * struct world_domain - a domain
 * @domain: The domain.
 * @nested: It has the guest's tables; else there are slots.
 * @flags: Of its allocation.
 * @tracks: It can tell which pages have been written.
 * @pa: Where each slot is mapped to, 0 for nowhere.
 */
struct world_domain {
	struct iommu_domain *domain;
	bool nested;
	u32 flags;
	bool tracks;
	phys_addr_t pa[WORLD_SLOTS];
};

/**
 * struct world_port - a device with one of its PASIDs
 * @dev: The device.
 * @pasid: The PASID, or %IOMMU_NO_PASID.
 * @domain: What it is attached to, NULL for nothing.
 * @handles: For the core, which wants another one each time.
 * @turn: Which of them is next.
 */
struct world_port {
	struct device *dev;
	ioasid_t pasid;
	struct world_domain *domain;
	struct iommu_attach_handle handles[2];
	unsigned int turn;
};

/**
 * struct world - all of it
 * @kind: Which units.
 * @ports: The ports.
 * @nr_ports: How many.
 * @domains: The domains.
 * @nr_domains: How many.
 * @guest: The guest, whose host is the last domain that is not nested.
 * @leaf: The guest's page at %IOVA, %GUEST_PAGES for none.
 */
struct world {
	const struct world_kind *kind;
	struct world_port ports[WORLD_PORTS];
	unsigned int nr_ports;
	struct world_domain domains[WORLD_DOMAINS];
	unsigned int nr_domains;
	struct ut_guest guest;
	enum ut_guest_page leaf;
};

const void *world_gen_params(struct kunit *test, const void *prev, char *desc);
struct world *world_new(struct kunit *test);

int world_attach(struct world_port *port, struct world_domain *domain);
void world_detach(struct world_port *port);

u64 world_slot_addr(unsigned int slot);
size_t world_slot_size(unsigned int slot);
phys_addr_t world_page(const struct world *world,
		       const struct world_domain *domain, unsigned int slot,
		       bool other);
const struct world_domain *world_owner(const struct world *world,
				       phys_addr_t pa);
bool world_renew(struct kunit *test, struct world *world,
		 struct world_domain *domain);
int world_map(struct world_domain *domain, unsigned int slot, phys_addr_t pa);
bool world_unmap(struct world_domain *domain, unsigned int slot);

void world_guest_set(struct kunit *test, struct world *world,
		     enum ut_guest_page leaf);
int world_guest_move(struct world *world, enum ut_guest_page page,
		     phys_addr_t pa);
phys_addr_t world_guest_pa(const struct world *world);

#endif /* _INTEL_IOMMU_UNIT_MODEL_WORLD_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of devices and domains with a record of attachments and mappings, for
 * tests that change these at random and compare what each device reaches with
 * the record. Used by the random and stress suites.
 *
 * The functions take no locks. Threads that share a world must not change the
 * same port, the same slot of a domain or the guest concurrently. Devices may
 * do DMA at any time.
 */
#ifndef _INTEL_IOMMU_TESTS_WORLD_H
#define _INTEL_IOMMU_TESTS_WORLD_H

#include "fixture.h"

#define WORLD_IOMMUS	2
#define WORLD_DEVS	(WORLD_IOMMUS * MOCK_DEVS)
#define WORLD_PASIDS	2
/* The devices behind bridges have no PASIDs. */
#define WORLD_PORTS	(WORLD_DEVS * (1 + WORLD_PASIDS) + WORLD_IOMMUS)
#define WORLD_DOMAINS	6
#define WORLD_SLOTS	4

/**
 * struct world_kind - mock IOMMUs of a world; parameter of the tests
 * @name: Name in messages.
 * @iommus: The mock IOMMUs.
 * @nr_iommus: Number of @iommus.
 * @pasids: They support PASIDs.
 * @both: They support both stages, and thus nesting, dirty tracking and SVA.
 */
struct world_kind {
	const char *name;
	enum mock_iommu_id iommus[WORLD_IOMMUS];
	unsigned int nr_iommus;
	bool pasids;
	bool both;
};

/**
 * struct world_domain - domain of a world
 * @domain: The domain.
 * @nested: It is nested and uses the guest's page table. Other domains have
 *	slots, which are ranges that can be mapped and unmapped.
 * @flags: Flags of its allocation.
 * @tracks: It supports dirty tracking.
 * @pa: Physical address that each slot is mapped to, 0 for none.
 */
struct world_domain {
	struct iommu_domain *domain;
	bool nested;
	u32 flags;
	bool tracks;
	phys_addr_t pa[WORLD_SLOTS];
};

/**
 * struct world_port - device, or PASID of a device, to attach domains to
 * @dev: The device.
 * @pasid: The PASID, or %IOMMU_NO_PASID.
 * @domain: Domain that is attached, NULL if none is.
 * @handles: Attach handles, used alternately, as the core requires a different
 *	handle for a replacement.
 * @turn: Index of the handle for the next attach.
 */
struct world_port {
	struct device *dev;
	ioasid_t pasid;
	struct world_domain *domain;
	struct iommu_attach_handle handles[2];
	unsigned int turn;
};

/**
 * struct world - devices and domains
 * @kind: The mock IOMMUs.
 * @ports: Ports of all their devices.
 * @nr_ports: Number of @ports.
 * @domains: Domains that can be attached to any port.
 * @nr_domains: Number of @domains.
 * @guest: Guest of the nested domains. Its nest parent is the last domain that
 *	is not nested.
 * @leaf: Page of the guest that its page table maps at %IOVA, %GUEST_PAGES for
 *	none.
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

/* Parameter generator: all kinds of worlds */
const void *world_gen_params(struct kunit *test, const void *prev, char *desc);
/*
 * Create a world for the parameter of the test. A failure aborts the test.
 * Everything is detached and freed at the end of the test.
 */
struct world *world_new(struct kunit *test);

/*
 * Attach a domain to a port, or replace the one that is attached. Returns an
 * error code.
 */
int world_attach(struct world_port *port, struct world_domain *domain);
void world_detach(struct world_port *port);
/*
 * Free a domain and allocate a new one in its place. Does nothing and returns
 * false if the domain is attached to a port or is the nest parent.
 */
bool world_renew(struct kunit *test, struct world *world,
		 struct world_domain *domain);

u64 world_slot_addr(unsigned int slot);
size_t world_slot_size(unsigned int slot);
/* Physical address to map a slot to: one of two per slot, selected by @other */
phys_addr_t world_page(const struct world *world,
		       const struct world_domain *domain, unsigned int slot,
		       bool other);
/* Domain that world_page() returned @pa for; NULL if @pa is in real memory */
const struct world_domain *world_owner(const struct world *world,
				       phys_addr_t pa);
/*
 * Map and unmap a slot. world_map() returns an error code, world_unmap()
 * whether the whole slot was unmapped.
 */
int world_map(struct world_domain *domain, unsigned int slot, phys_addr_t pa);
bool world_unmap(struct world_domain *domain, unsigned int slot);

/*
 * Map @leaf at %IOVA in the guest's page table, or nothing for %GUEST_PAGES,
 * and invalidate in all nested domains.
 */
void world_guest_set(struct kunit *test, struct world *world,
		     enum ut_guest_page leaf);
/*
 * Move a page of the guest to @pa, and map it in the nest parent, in which the
 * caller has unmapped it before. Returns an error code.
 */
int world_guest_move(struct world *world, enum ut_guest_page page,
		     phys_addr_t pa);
/* Physical address that nested domains translate %IOVA to, 0 for none */
phys_addr_t world_guest_pa(const struct world *world);

#endif /* _INTEL_IOMMU_TESTS_WORLD_H */

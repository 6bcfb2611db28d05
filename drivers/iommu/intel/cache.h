/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which hardware caches a domain's translations may be in, and how they are
 * told of a change.
 */
#ifndef _INTEL_IOMMU_CACHE_H
#define _INTEL_IOMMU_CACHE_H

#include <linux/iommu.h>
#include <linux/iommu-alist.h>
#include <linux/types.h>

struct device;
struct dmar_domain;
struct intel_iommu;

/**
 * enum dmar_attach_kind - how an attachment's translations are tagged
 * @DMAR_ATTACH_SECOND_STAGE: By domain id. The domain's page table is walked as
 *	the second stage, the PASID plays no part in the IOTLB.
 * @DMAR_ATTACH_FIRST_STAGE: By domain id and PASID. The domain's page table is
 *	walked as the first stage, be it of the kernel's making, a process' (SVA)
 *	or a guest's (nested).
 * @DMAR_ATTACH_NEST_PARENT: By the domain id of the nested domain. The domain's
 *	page table is the second stage beneath another domain's first one.
 */
enum dmar_attach_kind {
	DMAR_ATTACH_SECOND_STAGE,
	DMAR_ATTACH_FIRST_STAGE,
	DMAR_ATTACH_NEST_PARENT,
};

/**
 * struct dmar_attachment - one device and PASID that use a domain
 * @elm: On &dmar_domain.attachments; &iommu_attach_elm.unit is the unit.
 * @parent: The twin on the nest parent's list, for a nested domain.
 * @dev: The device. Only compared: a flush may run when it is gone already.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 * @kind: How translations are tagged.
 * @did: The domain id on the unit.
 * @segment: PCI segment of the unit, for messages.
 * @sid: Requester id of the device.
 * @pfsid: Requester id of its physical function, where the unit asks for it.
 * @ats_qdep: Invalidations that the device can queue.
 * @dtlb_extra_inval: The device needs each device-TLB invalidation twice.
 *
 * A snapshot taken at attach. It is read by flushes without a lock and does not
 * change; it is freed a grace period after detach.
 */
struct dmar_attachment {
	struct iommu_attach_elm elm;
	struct dmar_attachment *parent;
	const struct device *dev;
	ioasid_t pasid;
	enum dmar_attach_kind kind;
	u16 did;
	u16 segment;
	u16 sid;
	u16 pfsid;
	u8 ats_qdep;
	bool dtlb_extra_inval;
};

/**
 * struct cache_flush_range - what is to be invalidated
 * @start: First byte.
 * @end: Last byte.
 * @addr: Start of the naturally aligned block that covers both.
 * @order: Its size in VT-d pages, as a power of two; %MAX_AGAW_PFN_WIDTH for
 *	the whole address space.
 * @ih: Only leaf entries have changed.
 */
struct cache_flush_range {
	unsigned long start;
	unsigned long end;
	u64 addr;
	unsigned int order;
	bool ih;
};

int cache_tag_assign_domain(struct dmar_domain *domain, struct device *dev,
			    ioasid_t pasid);
void cache_tag_unassign_domain(struct dmar_domain *domain, struct device *dev,
			       ioasid_t pasid);
int cache_tag_enable_ats(struct dmar_domain *domain, struct device *dev,
			 ioasid_t pasid);
void cache_tag_flush_range(struct dmar_domain *domain, unsigned long start,
			   unsigned long end, int ih);
void cache_tag_flush_all(struct dmar_domain *domain);
void cache_tag_flush_range_np(struct dmar_domain *domain, unsigned long start,
			      unsigned long end);

#endif /* _INTEL_IOMMU_CACHE_H */

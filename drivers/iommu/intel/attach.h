/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which devices use a domain, with which PASID, and how the hardware tags what
 * it caches for them.
 */
#ifndef _INTEL_IOMMU_ATTACH_H
#define _INTEL_IOMMU_ATTACH_H

#include <linux/container_of.h>
#include <linux/iommu.h>
#include <linux/iommu-alist.h>
#include <linux/types.h>

#include "iommu.h"

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
 * @domain: The domain whose list it is on.
 * @dev: The device.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 * @kind: How translations are tagged.
 * @did: The domain id on the unit.
 * @segment: PCI segment of the unit, for messages.
 * @sid: Requester id of the device.
 * @pfsid: Requester id of its physical function, where the unit asks for it.
 * @ats_qdep: Invalidations that the device can queue.
 * @dtlb_extra_inval: The device needs each device-TLB invalidation twice.
 * @debugfs_dentry: Directory of the PASID, if it has one. Written by attach when
 *	it is done, and by nobody else.
 *
 * A snapshot taken at attach. What flushes read of it, without a lock, does not
 * change; it is freed a grace period after detach. A flush may run when @domain
 * and @dev are gone already: they are for those who hold the lock of the list.
 */
struct dmar_attachment {
	struct iommu_attach_elm elm;
	struct dmar_attachment *parent;
	struct dmar_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	enum dmar_attach_kind kind;
	u16 did;
	u16 segment;
	u16 sid;
	u16 pfsid;
	u8 ats_qdep;
	bool dtlb_extra_inval;
#ifdef CONFIG_INTEL_IOMMU_DEBUGFS
	struct dentry *debugfs_dentry;
#endif
};

static inline struct dmar_attachment *
to_dmar_attachment(struct iommu_attach_elm *elm)
{
	return container_of(elm, struct dmar_attachment, elm);
}

static inline struct intel_iommu *
dmar_attachment_unit(const struct dmar_attachment *att)
{
	return container_of(att->elm.unit, struct intel_iommu, iommu);
}

struct dmar_attachment *dmar_attachment_add(struct dmar_domain *domain,
					    struct device *dev, ioasid_t pasid);
void dmar_attachment_remove(struct dmar_attachment *att);
void dmar_attachment_install(struct device *dev, ioasid_t pasid,
			     struct dmar_attachment *att);
int dmar_attachment_enable_ats(struct device *dev);

#endif /* _INTEL_IOMMU_ATTACH_H */

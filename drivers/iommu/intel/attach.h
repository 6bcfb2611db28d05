/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachments of VT-d domains: which devices and PASIDs use a domain, and how
 * the hardware tags the translations that it caches for them.
 */
#ifndef _INTEL_IOMMU_ATTACH_H
#define _INTEL_IOMMU_ATTACH_H

#include <linux/container_of.h>
#include <linux/iommu.h>
#include <linux/iommu-alist.h>
#include <linux/types.h>

#include "iommu.h"

/**
 * enum dmar_attach_kind - how cached translations of an attachment are tagged
 * @DMAR_ATTACH_SECOND_STAGE: By domain id. The page table of the domain is the
 *	second stage. IOTLB entries do not depend on the PASID.
 * @DMAR_ATTACH_FIRST_STAGE: By domain id and PASID. The page table of the
 *	domain is the first stage: a page table built by the driver, or that of
 *	a process (SVA) or of a guest (nested).
 * @DMAR_ATTACH_NEST_PARENT: By the domain id of a nested domain. The page table
 *	of the domain is the second stage, that of the nested domain the first.
 */
enum dmar_attach_kind {
	DMAR_ATTACH_SECOND_STAGE,
	DMAR_ATTACH_FIRST_STAGE,
	DMAR_ATTACH_NEST_PARENT,
};

/**
 * struct dmar_attachment - one device and PASID attached to a domain
 * @elm: Element of &dmar_domain.attachments, with IOMMU, device and PASID.
 * @parent: For a nested domain, the attachment on the list of the nest parent.
 * @domain: The domain.
 * @kind: How cached translations are tagged.
 * @did: Domain id on the IOMMU.
 * @segment: PCI segment of the IOMMU, for trace events.
 * @sid: Requester id of the device.
 * @pfsid: Requester id of its physical function, if the IOMMU requires it.
 * @ats_qdep: Number of invalidations that the device can queue.
 * @dtlb_extra_inval: Device-TLB invalidations have to be sent twice (erratum).
 * @debugfs_dentry: debugfs directory of the PASID, or NULL. Set at the end of
 *	attach.
 *
 * An attachment is a snapshot taken at attach. A flush may read it without a
 * lock until a grace period after detach, so the fields that flushes read do
 * not change. A flush must not dereference @domain or &iommu_attach_elm.dev,
 * which may have been freed.
 */
struct dmar_attachment {
	struct iommu_attach_elm elm;
	struct dmar_attachment *parent;
	struct dmar_domain *domain;
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
dmar_attachment_iommu(const struct dmar_attachment *att)
{
	return container_of(att->elm.iommu, struct intel_iommu, iommu);
}

struct dmar_attachment *dmar_attachment_add(struct dmar_domain *domain,
					    struct device *dev, ioasid_t pasid);
void dmar_attachment_remove(struct dmar_attachment *att);
void dmar_attachment_install(struct device *dev, ioasid_t pasid,
			     struct dmar_attachment *att);
int dmar_attachment_record_devtlb(struct device *dev);

#endif /* _INTEL_IOMMU_ATTACH_H */

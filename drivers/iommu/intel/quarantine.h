/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that do not respond to device-TLB invalidations.
 *
 * qi_submit_sync() reports time-outs here and asks which invalidations to drop.
 * The attach operations end a quarantine if the device responds again.
 */
#ifndef _INTEL_IOMMU_QUARANTINE_H
#define _INTEL_IOMMU_QUARANTINE_H

#include <linux/types.h>

struct context_entry;
struct device;
struct device_domain_info;
struct intel_iommu;
struct qi_desc;

/**
 * enum devtlb_state - whether a device responds to device-TLB invalidations
 * @DEVTLB_RESPONDS: It does, or fewer than the maximum number of them have timed
 *	out in a row.
 * @DEVTLB_BLOCKING: It is being put into quarantine.
 * @DEVTLB_BLOCKED: It is in quarantine: the hardware blocks all its requests, so
 *	its device TLB need not be invalidated.
 */
enum devtlb_state {
	DEVTLB_RESPONDS,
	DEVTLB_BLOCKING,
	DEVTLB_BLOCKED,
};

/**
 * struct devtlb_health - state of the device TLB of one device
 * @state: Whether the device responds.
 * @timeouts: Number of time-outs in a row.
 * @lost: An invalidation without PASID was dropped.
 * @first: First PASID of which an invalidation was dropped.
 * @last: Last one; below @first if there is none.
 *
 * Protected by &intel_iommu.device_rbtree_lock.
 */
struct devtlb_health {
	enum devtlb_state state;
	unsigned int timeouts;
	bool lost;
	u32 first;
	u32 last;
};

int devtlb_desc_sid(const struct qi_desc *desc);
u32 devtlb_desc_pasid(const struct qi_desc *desc);
void devtlb_init(struct device_domain_info *info);
void devtlb_release(struct device_domain_info *info);
bool devtlb_timed_out(struct intel_iommu *iommu, u16 sid, u32 pasid,
		      bool may_block);
void devtlb_responded(struct intel_iommu *iommu, const struct qi_desc *desc,
		      unsigned int count);
unsigned int devtlb_drop(struct intel_iommu *iommu, struct qi_desc *desc,
			 unsigned int count, bool unknown);
void devtlb_revive(struct device *dev);
void devtlb_set_context_present(struct device_domain_info *info,
				struct context_entry *context);

#endif /* _INTEL_IOMMU_QUARANTINE_H */

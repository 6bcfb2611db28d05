// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attachments of a domain.
 *
 * Attach records in the domain's attachment list what has to be invalidated
 * for a device and PASID, before the hardware may use the domain; detach
 * removes what was recorded, when the hardware does not any more. Invalidation
 * reads the list in cache.c.
 */

#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "attach.h"
#include "iommu.h"
#include "trace.h"

/*
 * What the hardware distinguishes in an IOTLB invalidation. The tags of one
 * domain are all of one form, so the two forms cannot be confused.
 */
static u64 attachment_tag(enum dmar_attach_kind kind, u16 did, ioasid_t pasid)
{
	if (kind == DMAR_ATTACH_FIRST_STAGE)
		return (u64)pasid << 16 | did;
	return did;
}

static enum dmar_attach_kind domain_attach_kind(struct dmar_domain *domain)
{
	if (intel_domain_is_ss_paging(domain))
		return DMAR_ATTACH_SECOND_STAGE;
	return DMAR_ATTACH_FIRST_STAGE;
}

static struct dmar_attachment *attachment_alloc(struct dmar_domain *domain,
						struct device *dev,
						ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att;

	att = kzalloc_obj(*att);
	if (!att)
		return NULL;

	att->domain = domain;
	att->dev = dev;
	att->pasid = pasid;
	att->kind = domain_attach_kind(domain);
	att->segment = info->segment;
	att->sid = PCI_DEVID(info->bus, info->devfn);
	att->pfsid = info->pfsid;
	att->ats_qdep = info->ats_qdep;
	att->dtlb_extra_inval = info->dtlb_extra_inval;
	return att;
}

/* With the twin on the parent's list, for a nested domain. */
static struct dmar_attachment *
attachment_alloc_both(struct dmar_domain *domain, struct device *dev,
		      ioasid_t pasid)
{
	struct dmar_attachment *att;

	att = attachment_alloc(domain, dev, pasid);
	if (!att || domain->domain.type != IOMMU_DOMAIN_NESTED)
		return att;

	att->parent = attachment_alloc(domain->s2_domain, dev, pasid);
	if (!att->parent) {
		kfree(att);
		return NULL;
	}
	att->parent->kind = DMAR_ATTACH_NEST_PARENT;
	return att;
}

static void attachment_link(struct dmar_attachment *att, u16 did)
{
	struct device_domain_info *info = dev_iommu_priv_get(att->dev);
	struct iommu_attach_list *list = &att->domain->attachments;

	lockdep_assert_held(&list->lock);
	att->did = did;
	iommu_attach_elm_init(&att->elm, &info->iommu->iommu,
			      attachment_tag(att->kind, did, att->pasid),
			      info->ats_enabled);
	trace_cache_tag_assign(att);
	iommu_attach_list_add(list, &att->elm);
}

static void attachment_unlink(struct dmar_attachment *att)
{
	struct iommu_attach_list *list = &att->domain->attachments;

	lockdep_assert_held(&list->lock);
	trace_cache_tag_unassign(att);
	iommu_attach_list_remove(list, &att->elm, att);
}

/* The id that @domain has on @iommu by its attachments; 0 if there is none. */
static u16 domain_unit_did(struct dmar_domain *domain, struct intel_iommu *iommu)
{
	struct iommu_attach_elm *elm;
	struct dmar_attachment *att;

	lockdep_assert_held(&domain->attachments.lock);
	iommu_attach_list_for_each_tag(elm, &domain->attachments) {
		att = to_dmar_attachment(elm);
		if (elm->unit == &iommu->iommu &&
		    att->kind != DMAR_ATTACH_NEST_PARENT)
			return att->did;
	}
	return 0;
}

static bool domain_allows(const struct dmar_domain *domain,
			  const struct intel_iommu *iommu)
{
	lockdep_assert_held(&domain->attachments.lock);
	return !domain->force_snooping || ecap_sc_support(iommu->ecap);
}

/*
 * Link @att with the id that the domain has on the unit. The first attachment
 * takes one of the unit, and nobody must get between the two: hence the
 * allocation under the lock.
 */
static int attachment_link_unit(struct dmar_attachment *att,
				struct intel_iommu *iommu)
{
	struct dmar_domain *domain = att->domain;
	int did = domain->did;

	guard(spinlock)(&domain->attachments.lock);
	if (!domain_allows(domain, iommu))
		return -EINVAL;
	if (!did)
		did = domain_unit_did(domain, iommu);
	if (!did)
		did = ida_alloc_range(&iommu->domain_ida, IDA_START_DID,
				      iommu->max_domain_id - 1, GFP_ATOMIC);
	if (did < 0) {
		pr_err_ratelimited("%s: No domain id: %d\n", iommu->name, did);
		return did;
	}
	attachment_link(att, did);
	return 0;
}

/* The twin of @att on the parent's list. */
static int attachment_link_parent(struct dmar_attachment *att,
				  struct intel_iommu *iommu)
{
	struct dmar_domain *parent = att->parent->domain;

	guard(spinlock)(&parent->attachments.lock);
	if (!domain_allows(parent, iommu))
		return -EINVAL;
	attachment_link(att->parent, att->did);
	return 0;
}

/* The last attachment gives the id back. */
static void attachment_unlink_unit(struct dmar_attachment *att,
				   struct intel_iommu *iommu)
{
	struct dmar_domain *domain = att->domain;
	u16 did = att->did;

	guard(spinlock)(&domain->attachments.lock);
	attachment_unlink(att);
	if (!domain->did && !domain_unit_did(domain, iommu))
		ida_free(&iommu->domain_ida, did);
}

/**
 * dmar_attachment_add() - record that a device is going to use a domain
 * @domain: The domain.
 * @dev: The device. Its TLB is included if ATS is enabled now.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 *
 * From here on every flush of @domain, and for a nested domain of its parent,
 * includes @dev. To be called before the context or PASID entry is made
 * present, with &dmar_attachment.did in it; a full memory barrier lies in
 * between. The domain id is the attachment's to hold.
 *
 * The device may have another attachment for @pasid, which the new one is to
 * replace: dmar_attachment_install().
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock.
 * Return: The attachment, which dmar_attachment_remove() undoes. An error
 * pointer, with nothing recorded: -ENOMEM; -ENOSPC if the unit has no domain id
 * left; -EINVAL if @domain enforces cache coherency, which the unit cannot.
 */
struct dmar_attachment *dmar_attachment_add(struct dmar_domain *domain,
					    struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att, *parent;
	int ret;

	att = attachment_alloc_both(domain, dev, pasid);
	if (!att)
		return ERR_PTR(-ENOMEM);
	parent = att->parent;

	ret = xa_reserve(&info->attachments, pasid, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = attachment_link_unit(att, info->iommu);
	if (ret)
		goto err_release;
	if (!parent)
		return att;
	ret = attachment_link_parent(att, info->iommu);
	if (!ret)
		return att;

	/* Is freed later: a flush may have found it. */
	attachment_unlink_unit(att, info->iommu);
	att = NULL;
err_release:
	xa_release(&info->attachments, pasid);
err_free:
	kfree(parent);
	kfree(att);
	return ERR_PTR(ret);
}

/**
 * dmar_attachment_remove() - a device does not use a domain any more
 * @att: What dmar_attachment_add() has returned, if it has not been installed.
 *	Is freed.
 *
 * To be called when the context or PASID entry does not have the domain, and
 * all caches have been invalidated. Gives back the domain id if nobody else has
 * it.
 *
 * Flushes that are under way may still invalidate the device's TLB until an RCU
 * grace period has passed.
 *
 * Context: May sleep, for readers in debugfs. Does not fail, allocate or wait for
 * anything else. The caller holds &device_domain_info.attach_lock.
 */
void dmar_attachment_remove(struct dmar_attachment *att)
{
	struct device_domain_info *info = dev_iommu_priv_get(att->dev);
	ioasid_t pasid = att->pasid;

	intel_iommu_debugfs_remove_dev_pasid(att);
	if (att->parent) {
		guard(spinlock)(&att->parent->domain->attachments.lock);
		attachment_unlink(att->parent);
	}
	attachment_unlink_unit(att, info->iommu);
	xa_release(&info->attachments, pasid);
}

/**
 * dmar_attachment_install() - what a device uses for a PASID from now on
 * @dev: The device.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 * @att: What dmar_attachment_add() has returned for these, or NULL for a domain
 *	that is not attached: the identity and the blocking one.
 *
 * The attachment that was installed before is removed, with all that
 * dmar_attachment_remove() demands.
 *
 * Context: As dmar_attachment_remove().
 */
void dmar_attachment_install(struct device *dev, ioasid_t pasid,
			     struct dmar_attachment *att)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *old;

	/* The place of @att has been reserved. */
	old = xa_store(&info->attachments, pasid, att, GFP_KERNEL);
	if (WARN_ON(xa_is_err(old)))
		return;
	if (old)
		dmar_attachment_remove(old);
}

/* What the device may have cached for @pasid while nobody would have told it. */
static void flush_device_tlb(struct device_domain_info *info, ioasid_t pasid)
{
	u16 sid = PCI_DEVID(info->bus, info->devfn);
	struct qi_desc descs[2] = {};

	if (!(info->iommu->gcmd & DMA_GCMD_TE))
		return;
	if (pasid == IOMMU_NO_PASID)
		qi_desc_dev_iotlb(sid, info->pfsid, info->ats_qdep, 0,
				  MAX_AGAW_PFN_WIDTH, &descs[0]);
	else
		qi_desc_dev_iotlb_pasid(sid, info->pfsid, pasid, info->ats_qdep,
					0, MAX_AGAW_PFN_WIDTH, &descs[0]);
	descs[1] = descs[0];
	qi_submit_sync(info->iommu, descs, info->dtlb_extra_inval ? 2 : 1, 0);
}

/**
 * dmar_attachment_enable_ats() - an attached device has got a device TLB
 * @dev: The device. ATS has just been enabled on it.
 *
 * ATS can only be enabled when the default domain is attached already. A flush
 * that invalidated the device's TLB with ATS off would time out, so the TLB is
 * recorded only now, and what the device may have cached in between is dropped.
 * Flushes that are under way find out by themselves.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock.
 * Return: 0, also if no domain is attached. -ENOMEM or -ENOSPC if all attachments
 * are as they were; ATS has to be disabled then.
 */
int dmar_attachment_enable_ats(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att, *old;
	unsigned long pasid;
	struct xarray added;
	int ret = 0;

	lockdep_assert_held(&info->attach_lock);
	xa_init(&added);
	xa_for_each(&info->attachments, pasid, old) {
		att = dmar_attachment_add(old->domain, dev, pasid);
		ret = PTR_ERR_OR_ZERO(att);
		if (ret)
			break;
		ret = xa_err(xa_store(&added, pasid, att, GFP_KERNEL));
		if (ret) {
			dmar_attachment_remove(att);
			break;
		}
	}
	xa_for_each(&added, pasid, att) {
		if (ret) {
			dmar_attachment_remove(att);
			continue;
		}
		dmar_attachment_install(dev, pasid, att);
		flush_device_tlb(info, pasid);
	}
	xa_destroy(&added);
	return ret;
}

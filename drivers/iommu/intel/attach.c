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

static void attachment_free(struct dmar_attachment *att)
{
	kfree(att->parent);
	kfree(att);
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

/*
 * Link @att with the id that the domain has on the unit. Unless it has one, it
 * gets @did, which may be 0 for none: then nothing is done. Returns the id, or
 * -EINVAL if the unit cannot do what the domain demands.
 */
static int attachment_link_did(struct dmar_attachment *att,
			       struct intel_iommu *iommu, u16 did)
{
	struct dmar_domain *domain = att->domain;

	guard(spinlock)(&domain->attachments.lock);
	if (domain->force_snooping && !ecap_sc_support(iommu->ecap))
		return -EINVAL;
	if (att->kind != DMAR_ATTACH_NEST_PARENT)
		did = domain_unit_did(domain, iommu) ?: did;
	if (did)
		attachment_link(att, did);
	return did;
}

/* The first attachment of a domain on a unit takes an id of the unit. */
static int attachment_link_unit(struct dmar_attachment *att,
				struct intel_iommu *iommu)
{
	int did, ret;

	ret = attachment_link_did(att, iommu, att->domain->did);
	if (ret)
		return ret;

	did = ida_alloc_range(&iommu->domain_ida, IDA_START_DID,
			      iommu->max_domain_id - 1, GFP_KERNEL);
	if (did < 0) {
		pr_err("%s: No free domain ids\n", iommu->name);
		return did;
	}
	/* Somebody may have been faster. */
	ret = attachment_link_did(att, iommu, did);
	if (ret != did)
		ida_free(&iommu->domain_ida, did);
	return ret;
}

static void attachment_unlink_unit(struct dmar_attachment *att,
				   struct intel_iommu *iommu)
{
	struct dmar_domain *domain = att->domain;
	u16 did = att->did;
	bool last;

	scoped_guard(spinlock, &domain->attachments.lock) {
		attachment_unlink(att);
		last = !domain->did && !domain_unit_did(domain, iommu);
	}
	if (last)
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
 * Context: May sleep. Attaches of one device are serialised by its group.
 * Return: The attachment, which dmar_attachment_remove() undoes. An error
 * pointer, with nothing recorded: -ENOMEM; -ENOSPC if the unit has no domain id
 * left; -EINVAL if @domain enforces cache coherency, which the unit cannot.
 */
struct dmar_attachment *dmar_attachment_add(struct dmar_domain *domain,
					    struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att;
	int ret;

	att = attachment_alloc_both(domain, dev, pasid);
	if (!att)
		return ERR_PTR(-ENOMEM);

	ret = xa_reserve(&info->attachments, pasid, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = attachment_link_unit(att, info->iommu);
	if (ret < 0)
		goto err_release;
	if (!att->parent)
		return att;
	ret = attachment_link_did(att->parent, info->iommu, att->did);
	if (ret < 0)
		goto err_unlink;
	return att;

err_unlink:
	xa_release(&info->attachments, pasid);
	kfree(att->parent);
	attachment_unlink_unit(att, info->iommu);
	return ERR_PTR(ret);
err_release:
	xa_release(&info->attachments, pasid);
err_free:
	attachment_free(att);
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
 * Context: Process. Does not fail, allocate or wait.
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
 * Context: Process. Does not fail, allocate or wait.
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

/*
 * Let @att, which has a device TLB, take the place of what @dev has installed.
 * It inherits the domain id.
 */
static bool attachment_renew(struct device *dev, struct dmar_attachment *att)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *old;

	guard(rcu)();
	old = xa_load(&info->attachments, IOMMU_NO_PASID);
	if (!old)
		return false;

	guard(spinlock)(&old->domain->attachments.lock);
	*att = *old;
	if (xa_cmpxchg(&info->attachments, IOMMU_NO_PASID, old, att,
		       GFP_ATOMIC) != old)
		return false;
	attachment_link(att, old->did);
	attachment_unlink(old);
	return true;
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
 * Context: May sleep.
 * Return: 0, also if no domain is attached; -ENOMEM with the attachment as it
 * was.
 */
int dmar_attachment_enable_ats(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	u16 sid = PCI_DEVID(info->bus, info->devfn);
	struct dmar_attachment *att;
	struct qi_desc descs[2] = {};

	att = kzalloc_obj(*att);
	if (!att)
		return -ENOMEM;
	if (!attachment_renew(dev, att)) {
		kfree(att);
		return 0;
	}

	/* From here on @att is somebody else's to remove. */
	if (!(info->iommu->gcmd & DMA_GCMD_TE))
		return 0;
	qi_desc_dev_iotlb(sid, info->pfsid, info->ats_qdep, 0,
			  MAX_AGAW_PFN_WIDTH, &descs[0]);
	descs[1] = descs[0];
	qi_submit_sync(info->iommu, descs, info->dtlb_extra_inval ? 2 : 1, 0);
	return 0;
}

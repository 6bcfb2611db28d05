// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixture of the KUnit suites that test single parts of the driver. driver.h
 * describes the functions.
 */

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "driver.h"

/* Attachments */

/**
 * struct driver_attached - domain that a test has attached
 * @node: Element of driver_attached_list.
 * @domain: The domain.
 * @dev: The device.
 * @pasid: The PASID, or %IOMMU_NO_PASID.
 * @handles: Attach handles; consecutive replacements must use different ones.
 * @turn: Index of the handle for the next replacement.
 */
struct driver_attached {
	struct list_head node;
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	struct iommu_attach_handle handles[2];
	unsigned int turn;
};

static LIST_HEAD(driver_attached_list);

static void driver_end_attached(void *data)
{
	struct driver_attached *a = data;

	list_del(&a->node);
	ut_detach(a->domain, a->dev, a->pasid);
}

static struct driver_attached *driver_find_attached(struct kunit *test,
						    struct device *dev,
						    ioasid_t pasid)
{
	struct driver_attached *a;

	list_for_each_entry(a, &driver_attached_list, node)
		if (a->dev == dev && a->pasid == pasid)
			return a;
	KUNIT_FAIL_AND_ABORT(test, "not attached");
	return NULL;
}

u16 drv_did(struct iommu_domain *domain, struct device *dev, ioasid_t pasid)
{
	struct iommu_attach_list *list = drv_attachments(domain);
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	elm = iommu_attach_list_find(list, dev, pasid);
	return elm ? to_dmar_attachment(elm)->did : 0;
}

u16 drv_attach(struct kunit *test, struct iommu_domain *domain,
	       struct device *dev, ioasid_t pasid)
{
	struct driver_attached *a;
	u16 did;

	a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a);
	a->domain = domain;
	a->dev = dev;
	a->pasid = pasid;
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, pasid), 0);
	list_add(&a->node, &driver_attached_list);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, driver_end_attached, a),
			0);
	did = drv_did(domain, dev, pasid);
	KUNIT_ASSERT_NE(test, did, 0);
	return did;
}

u16 drv_replace(struct kunit *test, struct iommu_domain *domain,
		struct device *dev, ioasid_t pasid)
{
	struct driver_attached *a = driver_find_attached(test, dev, pasid);
	u16 did;

	KUNIT_ASSERT_EQ(test, ut_replace(domain, dev, pasid,
					 &a->handles[a->turn]), 0);
	a->turn = !a->turn;
	a->domain = domain;
	did = drv_did(domain, dev, pasid);
	KUNIT_ASSERT_NE(test, did, 0);
	return did;
}

void drv_detach(struct kunit *test, struct device *dev, ioasid_t pasid)
{
	kunit_release_action(test, driver_end_attached,
			     driver_find_attached(test, dev, pasid));
}

bool drv_has_attachment(struct device *dev, ioasid_t pasid)
{
	XA_STATE(xas, &drv_info(dev)->attachments, pasid);

	/* In contrast to xa_load(), this finds reserved entries, too. */
	guard(rcu)();
	return xas_load(&xas);
}

struct dmar_attachment *drv_add(struct iommu_domain *domain, struct device *dev,
				ioasid_t pasid)
{
	guard(mutex)(&drv_info(dev)->attach_lock);
	return dmar_attachment_add(to_dmar_domain(domain), dev, pasid);
}

void drv_remove(struct dmar_attachment *att)
{
	guard(mutex)(&drv_info(att->elm.dev)->attach_lock);
	dmar_attachment_remove(att);
}

void drv_install(struct device *dev, ioasid_t pasid,
		 struct dmar_attachment *att)
{
	guard(mutex)(&drv_info(dev)->attach_lock);
	dmar_attachment_install(dev, pasid, att);
}

void drv_set_ats(struct device *dev, bool enabled)
{
	guard(mutex)(&drv_info(dev)->attach_lock);
	drv_info(dev)->ats_enabled = enabled;
}

int drv_enable_ats(struct device *dev)
{
	guard(mutex)(&drv_info(dev)->attach_lock);
	return dmar_attachment_record_devtlb(dev);
}

/* Flushes */

void drv_flush(struct iommu_domain *domain, unsigned long start,
	       unsigned long last, int ih)
{
	mock_reset();
	cache_tag_flush_range(to_dmar_domain(domain), start, last, ih);
}

void drv_flush_np(struct iommu_domain *domain, unsigned long start,
		  unsigned long last)
{
	mock_reset();
	cache_tag_flush_range_np(to_dmar_domain(domain), start, last);
}

void drv_flush_all(struct iommu_domain *domain)
{
	mock_reset();
	cache_tag_flush_all(to_dmar_domain(domain));
}

/*
 * Copy the members that tests compare, and set all others to 0. Requests other
 * than IOTLB and device-TLB invalidations are compared by type only.
 */
static struct mock_inv driver_members(const struct mock_inv *inv)
{
	struct mock_inv result = { .type = inv->type };

	switch (inv->type) {
	case MOCK_INV_PIOTLB:
		result.pasid = inv->pasid;
		fallthrough;
	case MOCK_INV_IOTLB:
		result.granularity = inv->granularity;
		result.did = inv->did;
		break;
	case MOCK_INV_DEVTLB:
	case MOCK_INV_DEVTLB_PASID:
		result.sid = inv->sid;
		result.pasid = inv->pasid;
		break;
	default:
		return result;
	}
	result.addr = inv->addr;
	result.order = inv->order;
	result.ih = inv->ih;
	return result;
}

static void driver_expect_inv(struct kunit *test, const struct mock_inv *logged,
			      const struct mock_inv *want, unsigned int i)
{
	const struct mock_inv got = driver_members(logged);

	KUNIT_EXPECT_EQ_MSG(test, got.type, want->type,
			    "type of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.granularity, want->granularity,
			    "granularity of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.did, want->did,
			    "domain id of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.sid, want->sid,
			    "requester id of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.pasid, want->pasid,
			    "PASID of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.addr, want->addr,
			    "address of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.order, want->order,
			    "order of request %u", i);
	KUNIT_EXPECT_EQ_MSG(test, got.ih, want->ih, "hint of request %u", i);
}

void drv_expect_log(struct kunit *test, enum mock_iommu_id id,
		    unsigned int doorbells, const struct mock_inv *want,
		    unsigned int nr)
{
	struct mock_iommu *iommu = mock_iommu(id);
	unsigned int i;

	/* The timer may not have executed a write-buffer flush yet. */
	scoped_guard(raw_spinlock_irqsave, &iommu->lock)
		mock_do_commands(iommu);
	KUNIT_EXPECT_EQ_MSG(test, iommu->doorbells, doorbells,
			    "doorbells of %s", iommu->name);
	KUNIT_ASSERT_EQ_MSG(test, iommu->nr_log, nr, "requests to %s",
			    iommu->name);
	KUNIT_ASSERT_LE(test, nr, MOCK_MAX_LOG);
	for (i = 0; i < nr; i++)
		driver_expect_inv(test, &iommu->log[i], &want[i], i);
}

bool drv_log_has(enum mock_iommu_id id, const struct mock_inv *want)
{
	const struct mock_iommu *iommu = mock_iommu(id);
	unsigned int i;

	for (i = 0; i < min(iommu->nr_log, MOCK_MAX_LOG); i++) {
		const struct mock_inv got = driver_members(&iommu->log[i]);

		if (got.type == want->type && got.did == want->did &&
		    got.sid == want->sid && got.pasid == want->pasid &&
		    got.addr == want->addr && got.order == want->order)
			return true;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of devices that share a requester id, on mock IOMMUs.
 *
 * A bridge forwards the requests of two conventional PCI devices with one
 * requester id, so both use the same context entry. They are in one group,
 * along with the bridge. Removing, blocking or attaching one device must not
 * affect DMA of the other, and a request must never be translated by a domain
 * that is attached to neither of them.
 *
 * The IOMMU cannot tell which of the devices has sent a request. The tests
 * issue DMA from the device whose domain they check.
 */

#include <linux/pci.h>

#include "../../iommu-priv.h"
#include "fixture.h"

static const struct ut_topology alias_topologies[] = {
	{ "legacy", MOCK_LEGACY, MOCK_BRIDGED, IOMMU_NO_PASID },
	{ "legacy, caching mode", MOCK_LEGACY_CM, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "legacy, no page selection", MOCK_LEGACY_OLD, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "legacy, no queue", MOCK_REGISTERS, MOCK_BRIDGED, IOMMU_NO_PASID },
	{ "second stage", MOCK_SS, MOCK_BRIDGED, IOMMU_NO_PASID },
	{ "second stage, caching mode", MOCK_SS_CM, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "first stage", MOCK_FS, MOCK_BRIDGED, IOMMU_NO_PASID },
	{ "first stage, caching mode", MOCK_FS_CM, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "second stage, IOMMU has both", MOCK_FS, MOCK_BRIDGED, IOMMU_NO_PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
};

KUNIT_ARRAY_PARAM_DESC(alias, alias_topologies, name);

/* The two devices behind the bridge */
static const unsigned int alias_devs[] = { MOCK_BRIDGED, MOCK_BRIDGED2 };

static struct device *alias_dev(const struct ut_topology *t, unsigned int i)
{
	return mock_dev(t->iommu, alias_devs[i]);
}

static struct device *alias_bridge(const struct ut_topology *t)
{
	return mock_dev(t->iommu, MOCK_BRIDGE);
}

/* Restore the initial state: only the first device is behind the bridge. */
static void alias_end(void *topology)
{
	const struct ut_topology *t = topology;

	mock_unplug(t->iommu, alias_devs[0]);
	mock_unplug(t->iommu, alias_devs[1]);
	mock_plug(t->iommu, alias_devs[0]);
}

static void alias_plug(struct kunit *test, unsigned int i)
{
	const struct ut_topology *t = test->param_value;

	KUNIT_ASSERT_EQ(test, mock_plug(t->iommu, alias_devs[i]), 0);
	KUNIT_ASSERT_NOT_NULL(test, alias_bridge(t)->iommu_group);
	KUNIT_ASSERT_PTR_EQ(test, alias_dev(t, i)->iommu_group,
			    alias_bridge(t)->iommu_group);
}

static void alias_begin(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, alias_end, (void *)t), 0);
	alias_plug(test, 1);
}

/* A domain that does not depend on the devices, which the test may remove */
static struct iommu_domain *alias_new_domain(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;

	return ut_new_domain(test, mock_dev(t->iommu, 0), t->flags);
}

/* Create a domain with a page at %IOVA, and attach it to the group. */
static struct iommu_domain *alias_new_attached(struct kunit *test,
					       phys_addr_t *pa)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain = alias_new_domain(test);

	*pa = ut_new_page(test);
	ut_map(test, domain, *pa);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, alias_bridge(t),
					IOMMU_NO_PASID), 0);
	return domain;
}

static void alias_detach(struct kunit *test, struct iommu_domain *domain)
{
	const struct ut_topology *t = test->param_value;

	ut_detach(domain, alias_bridge(t), IOMMU_NO_PASID);
}

static bool alias_reaches(struct device *dev, phys_addr_t pa)
{
	return ut_reaches(dev, IOMMU_NO_PASID, pa);
}

static bool alias_reaches_either(struct device *dev, phys_addr_t a,
				 phys_addr_t b)
{
	return alias_reaches(dev, a) || alias_reaches(dev, b);
}

/* Unmap %IOVA, at which @domain maps @pa, and map it again. */
static void alias_check(struct kunit *test, struct iommu_domain *domain,
			struct device *dev, phys_addr_t pa)
{
	KUNIT_EXPECT_TRUE(test, alias_reaches(dev, pa));
	ut_unmap(test, domain);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, alias_reaches(dev, pa));
}

/**
 * struct alias_change - change of the domain of one device of a group
 * @dev: The device.
 * @domain: Domain to attach.
 * @old: Domain that is attached.
 * @ret: Result.
 */
struct alias_change {
	struct device *dev;
	struct iommu_domain *domain;
	struct iommu_domain *old;
	int ret;
};

/* Called with the mutex of the group held */
static int alias_change_one(struct device *dev, void *data)
{
	struct alias_change *c = data;

	if (dev == c->dev)
		c->ret = c->domain->ops->attach_dev(c->domain, dev, c->old);
	return 0;
}

/*
 * Attach a domain to one device of the group, as the core does when it attaches
 * the domain to the group, reverts an attach, or blocks a device.
 */
static void alias_change(struct kunit *test, struct device *dev,
			 struct iommu_domain *domain, struct iommu_domain *old)
{
	struct alias_change c = {
		.dev = dev,
		.domain = domain,
		.old = old,
		.ret = -ENODEV,
	};

	iommu_group_for_each_dev(dev->iommu_group, &c, alias_change_one);
	KUNIT_ASSERT_EQ(test, c.ret, 0);
}

static struct iommu_domain *alias_blocked(const struct ut_topology *t)
{
	return dev_iommu_ops(alias_bridge(t))->blocked_domain;
}

/* Either device is removed, and added again. */
static void removed_device_spares_other(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain;
	phys_addr_t pa;
	int i;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	for (i = 0; i < 4; i++) {
		const unsigned int gone = i % 2, left = !gone;

		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, gone), pa));
		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, left), pa));
		mock_unplug(t->iommu, alias_devs[gone]);
		alias_check(test, domain, alias_dev(t, left), pa);
		alias_plug(test, gone);
		alias_check(test, domain, alias_dev(t, left), pa);
		alias_check(test, domain, alias_dev(t, gone), pa);
	}
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/* Likewise in the identity domain, whose domain id all devices share. */
static void removed_device_spares_identity(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *identity, *domain;
	struct iommu_attach_handle handles[2];
	phys_addr_t pa;
	int i;

	alias_begin(test);
	identity = dev_iommu_ops(alias_bridge(t))->identity_domain;
	domain = alias_new_attached(test, &pa);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_replace(identity, alias_bridge(t),
						 IOMMU_NO_PASID, &handles[0]),
				0);
		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, i), IOVA));
		mock_unplug(t->iommu, alias_devs[i]);
		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, !i), IOVA));
		alias_plug(test, i);
		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, i), IOVA));
		KUNIT_ASSERT_EQ(test, ut_replace(domain, alias_bridge(t),
						 IOMMU_NO_PASID, &handles[1]),
				0);
		alias_check(test, domain, alias_dev(t, i), pa);
	}
	ut_detach_handle(domain, alias_bridge(t), IOMMU_NO_PASID);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/* When both devices have been removed, no context entry is left. */
static void removed_devices_clear_entry(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_cache *cache = &mock_iommu(t->iommu)->cache;
	struct iommu_domain *domain;
	unsigned int first, i;
	phys_addr_t pa;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	for (first = 0; first < 2; first++) {
		mock_unplug(t->iommu, alias_devs[first]);
		mock_unplug(t->iommu, alias_devs[!first]);
		KUNIT_EXPECT_FALSE(test,
				   mock_context_present(cache,
							mock_sid(MOCK_BRIDGED)));
		alias_plug(test, first);
		alias_check(test, domain, alias_dev(t, first), pa);
		alias_plug(test, !first);
		for (i = 0; i < 2; i++)
			alias_check(test, domain, alias_dev(t, i), pa);
	}
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/*
 * A device with a reserved region that must be mapped directly is attached to
 * the identity domain when it is removed. If it is added again, it gets the
 * domain of its group all the same.
 */
static void removed_direct_device_is_translated(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_cache *cache = &mock_iommu(t->iommu)->cache;
	struct iommu_domain *domain;
	phys_addr_t pa;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	mock_unplug(t->iommu, alias_devs[1]);
	/* Set for devices with such a region; there is none on mock IOMMUs. */
	alias_dev(t, 0)->iommu->require_direct = 1;
	mock_unplug(t->iommu, alias_devs[0]);
	if (!(mock_iommu(t->iommu)->ecap & MOCK_ECAP_SMTS))
		KUNIT_EXPECT_TRUE(test,
				  mock_context_present(cache,
						       mock_sid(MOCK_BRIDGED)));
	alias_plug(test, 0);
	alias_check(test, domain, alias_dev(t, 0), pa);
	alias_plug(test, 1);
	alias_check(test, domain, alias_dev(t, 1), pa);
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/* Either device is blocked, and attached again. */
static void blocked_device_spares_other(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain;
	phys_addr_t pa;
	int i;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	for (i = 0; i < 4; i++) {
		struct device *dev = alias_dev(t, i % 2);
		struct device *other = alias_dev(t, !(i % 2));

		KUNIT_EXPECT_TRUE(test, alias_reaches(other, pa));
		alias_change(test, dev, alias_blocked(t), domain);
		alias_check(test, domain, other, pa);
		alias_change(test, dev, domain, alias_blocked(t));
		alias_check(test, domain, other, pa);
		alias_check(test, domain, dev, pa);
	}
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/*
 * When both devices are blocked, DMA of neither is possible. The first one that
 * is attached again, which may be either, can do DMA.
 */
static void blocked_devices_reach_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain;
	phys_addr_t pa;
	int i;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	for (i = 0; i < 4; i++) {
		struct device *first = alias_dev(t, i % 2);
		struct device *last = alias_dev(t, !(i % 2));
		/* Attach in the order of blocking, and in reverse order. */
		struct device *next = i < 2 ? first : last;
		struct device *other = i < 2 ? last : first;

		KUNIT_EXPECT_TRUE(test, alias_reaches(first, pa));
		alias_change(test, first, alias_blocked(t), domain);
		alias_change(test, last, alias_blocked(t), domain);
		ut_check_detached(test, first, IOMMU_NO_PASID);
		ut_check_detached(test, last, IOMMU_NO_PASID);
		alias_change(test, next, domain, alias_blocked(t));
		alias_check(test, domain, next, pa);
		alias_change(test, other, domain, alias_blocked(t));
		alias_check(test, domain, other, pa);
	}
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/*
 * The devices change from one domain to another in turn, in either order. In
 * between, DMA reaches one of the two domains, and unmaps of both take effect.
 * At the end, DMA reaches the new domain only.
 */
static void domains_change_in_turn(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *old, *new;
	phys_addr_t old_pa, new_pa;
	int i;

	alias_begin(test);
	old = alias_new_attached(test, &old_pa);
	new = alias_new_domain(test);
	new_pa = ut_new_page(test);
	ut_map(test, new, new_pa);
	for (i = 0; i < 4; i++) {
		struct device *first = alias_dev(t, i % 2);
		struct device *last = alias_dev(t, !(i % 2));

		KUNIT_EXPECT_TRUE(test, alias_reaches(first, old_pa));
		alias_change(test, first, new, old);
		KUNIT_EXPECT_TRUE(test, alias_reaches_either(first, old_pa,
							     new_pa));
		ut_unmap(test, old);
		ut_unmap(test, new);
		ut_check_detached(test, first, IOMMU_NO_PASID);
		ut_map(test, old, old_pa);
		ut_map(test, new, new_pa);
		KUNIT_EXPECT_TRUE(test, alias_reaches_either(last, old_pa,
							     new_pa));
		alias_change(test, last, new, old);
		alias_check(test, new, first, new_pa);
		alias_check(test, new, last, new_pa);

		swap(old, new);
		swap(old_pa, new_pa);
	}
	alias_detach(test, old);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/* One device changes to another domain, and back, as after a failure. */
static void reverted_change_keeps_domain(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain, *other;
	phys_addr_t pa;
	int i;

	alias_begin(test);
	domain = alias_new_attached(test, &pa);
	other = alias_new_domain(test);
	for (i = 0; i < 4; i++) {
		struct device *dev = alias_dev(t, i % 2);

		KUNIT_EXPECT_TRUE(test, alias_reaches(dev, pa));
		alias_change(test, dev, other, domain);
		alias_change(test, dev, domain, other);
		alias_check(test, domain, dev, pa);
		alias_check(test, domain, alias_dev(t, !(i % 2)), pa);
	}
	alias_detach(test, domain);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

/*
 * A group changes to a new domain, and the old one is freed with its page still
 * mapped. Its domain id is allocated again.
 */
static void group_changes_domain(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_attach_handle handles[2];
	struct iommu_domain *domain, *old;
	phys_addr_t pa, old_pa;
	int i;

	alias_begin(test);
	old = alias_new_attached(test, &old_pa);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, alias_reaches(alias_dev(t, 0), old_pa));
		domain = alias_new_domain(test);
		pa = ut_new_page(test);
		ut_map(test, domain, pa);
		KUNIT_ASSERT_EQ(test, ut_replace(domain, alias_bridge(t),
						 IOMMU_NO_PASID,
						 &handles[i % 2]), 0);
		ut_free_domain(test, old);
		alias_check(test, domain, alias_dev(t, 0), pa);
		alias_check(test, domain, alias_dev(t, 1), pa);
		old = domain;
		old_pa = pa;
	}
	ut_detach_handle(old, alias_bridge(t), IOMMU_NO_PASID);
	ut_check_detached(test, alias_dev(t, 0), IOMMU_NO_PASID);
}

static void alias_check_failed(struct kunit *test, struct ut_failing *f,
			       bool attached)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain = attached ? f->domain : f->before;
	int i;

	for (i = 0; i < 2; i++)
		ut_check_attached(test, domain, alias_dev(t, i),
				  IOMMU_NO_PASID);
}

/*
 * If an allocation fails for any of the devices, the group keeps the domain
 * that it had.
 */
static void failed_group_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.pasid = IOMMU_NO_PASID,
		.check = alias_check_failed,
	};

	alias_begin(test);
	f.dev = alias_bridge(t);
	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = alias_new_domain(test);
	ut_fail_each(test, &f);
}

static struct kunit_case alias_cases[] = {
	KUNIT_CASE_PARAM(removed_device_spares_other, alias_gen_params),
	KUNIT_CASE_PARAM(removed_device_spares_identity, alias_gen_params),
	KUNIT_CASE_PARAM(removed_devices_clear_entry, alias_gen_params),
	KUNIT_CASE_PARAM(removed_direct_device_is_translated,
			 alias_gen_params),
	KUNIT_CASE_PARAM(blocked_device_spares_other, alias_gen_params),
	KUNIT_CASE_PARAM(blocked_devices_reach_nothing, alias_gen_params),
	KUNIT_CASE_PARAM(domains_change_in_turn, alias_gen_params),
	KUNIT_CASE_PARAM(reverted_change_keeps_domain, alias_gen_params),
	KUNIT_CASE_PARAM(group_changes_domain, alias_gen_params),
	KUNIT_CASE_PARAM(failed_group_attach_changes_nothing, alias_gen_params),
	{}
};

static struct kunit_suite alias_suite = {
	.name = "intel_iommu_alias",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = alias_cases,
};

kunit_test_suites(&alias_suite);

MODULE_DESCRIPTION("KUnit tests of shared requester ids on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of nested translation on mock IOMMUs.
 *
 * A guest's page table (first stage) is nested on a domain that translates
 * guest physical addresses (second stage). The tests change either of them and
 * check what devices reach, change them while an attach or detach is in
 * progress, and check that refused attaches have no effect.
 */

#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "../../iommu-priv.h"
#include "fixture.h"

/* A change of a guest's page table takes effect once the guest invalidates. */
static void nested_guest_table_change(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
					   guest.pa[GUEST_DATA]));

	/* Any other page will do: map the page of a table. */
	ut_guest_set(&guest, GUEST_LEVEL1, GPA(GUEST_LEVEL3));
	ut_guest_invalidate(test, &guest, IOVA, 1);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
					   guest.pa[GUEST_LEVEL3]));

	ut_guest_set(&guest, GUEST_LEVEL2, 0);
	ut_guest_invalidate(test, &guest, 0, U64_MAX);
	ut_check_detached(test, dev, t->pasid);

	ut_guest_set(&guest, GUEST_LEVEL2, GPA(GUEST_LEVEL1));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
					   guest.pa[GUEST_LEVEL3]));
	ut_detach(guest.domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/*
 * Moving a page of the guest in host memory takes effect whether the page holds
 * data or a page table.
 */
static void nested_parent_change(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct ut_guest guest = {};
	enum ut_guest_page page;
	phys_addr_t old, new;

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, t->pasid), 0);

	for (page = 0; page < GUEST_PAGES; page++) {
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
						   guest.pa[GUEST_DATA]));
		old = guest.pa[page];
		new = ut_new_page(test);
		ut_guest_unmap(test, &guest, page);
		ut_check_detached(test, dev, t->pasid);

		memcpy(phys_to_virt(new), phys_to_virt(old), PAGE_SIZE);
		memset(phys_to_virt(old), 0, PAGE_SIZE);
		ut_guest_map(test, &guest, page, new);
	}
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid,
					   guest.pa[GUEST_DATA]));
	ut_detach(guest.domain, dev, t->pasid);
	ut_check_detached(test, dev, t->pasid);
}

/*
 * Two nested domains with the same parent are attached by RID, and the parent
 * to a third device. The translations of the nested domains differ only in
 * their domain ids, so an invalidation for one must keep those of the other.
 */
static void nested_siblings(struct kunit *test)
{
	struct device *dev[MOCK_DEVS];
	struct iommu_domain *other;
	struct ut_guest guest = {};
	int i;

	for (i = 0; i < MOCK_DEVS; i++)
		dev[i] = mock_dev(MOCK_FS, i);
	ut_new_guest(test, dev[0], &guest);
	other = ut_new_nested(test, dev[1], &guest, 48);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev[0],
					IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, dev[1], IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.parent, dev[2],
					IOMMU_NO_PASID), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i], IOMMU_NO_PASID,
						   guest.pa[GUEST_DATA]));

	/*
	 * The page table is shared, so the second device reaches the page only
	 * through translations that were cached before the change.
	 */
	ut_guest_set(&guest, GUEST_LEVEL1, 0);
	ut_guest_invalidate(test, &guest, IOVA, 1);
	ut_check_detached(test, dev[0], IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev[1], IOMMU_NO_PASID,
					   guest.pa[GUEST_DATA]));

	ut_guest_unmap(test, &guest, GUEST_DATA);
	ut_check_detached(test, dev[1], IOMMU_NO_PASID);
	ut_guest_map(test, &guest, GUEST_DATA, ut_new_page(test));
	ut_check_attached(test, guest.parent, dev[2], IOMMU_NO_PASID);

	ut_detach(guest.parent, dev[2], IOMMU_NO_PASID);
	ut_detach(other, dev[1], IOMMU_NO_PASID);
	ut_detach(guest.domain, dev[0], IOMMU_NO_PASID);
}

/*
 * In caching mode, the absence of a page of the parent may be cached for each
 * of two nested domains. Once the page is mapped, the devices of both reach it.
 */
static void nested_siblings_in_caching_mode(struct kunit *test)
{
	struct device *dev[2] = { mock_dev(MOCK_FS_CM, 0),
				  mock_dev(MOCK_FS_CM, 1) };
	struct iommu_domain *domain[2];
	struct ut_guest guest = {};
	unsigned int i;

	ut_new_guest(test, dev[0], &guest);
	domain[0] = guest.domain;
	domain[1] = ut_new_nested(test, dev[1], &guest, 48);
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
	ut_guest_unmap(test, &guest, GUEST_DATA);
	for (i = 0; i < 2; i++)
		ut_check_detached(test, dev[i], IOMMU_NO_PASID);
	ut_guest_map(test, &guest, GUEST_DATA, ut_new_page(test));
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE_MSG(test,
				      ut_reaches(dev[i], IOMMU_NO_PASID,
						 guest.pa[GUEST_DATA]),
				      "device %u", i);
	for (i = 0; i < 2; i++)
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
}

/**
 * struct nested_pages - pages that a guest unmaps and invalidates
 * @name: Name in messages.
 * @first: Number of the first page, counted from %IOVA.
 * @npages: Number of pages.
 */
struct nested_pages {
	const char *name;
	unsigned int first;
	unsigned int npages;
};

static const struct nested_pages nested_pages[] = {
	{ "one", 1, 1 },
	{ "two", 0, 2 },
	{ "two, not aligned", 1, 2 },
	{ "three", 4, 3 },
	{ "six, not aligned", 3, 6 },
	{ "nine", 8, 9 },
	{ "across two tables", 510, 4 },
	{ "a whole table", 0, 512 },
	{ "a table and a page", 0, 513 },
};

KUNIT_ARRAY_PARAM_DESC(nested_pages, nested_pages, name);

static u64 nested_page_addr(const struct nested_pages *p, unsigned int i)
{
	return IOVA + (p->first + i) * PAGE_SIZE;
}

/*
 * An invalidation of several pages includes the first and the last of them, and
 * those between.
 */
static void nested_invalidated_pages(struct kunit *test)
{
	const struct nested_pages *p = test->param_value;
	const unsigned int page[] = { 0, p->npages / 2, p->npages - 1 };
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};
	unsigned int i;

	ut_new_guest(test, dev, &guest);
	/* Translate the next 512 pages through the same level-1 table. */
	ut_guest_set_at(&guest, GUEST_LEVEL2, IOVA + 512 * PAGE_SIZE,
			GPA(GUEST_LEVEL1));
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, IOMMU_NO_PASID), 0);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		ut_guest_set_at(&guest, GUEST_LEVEL1,
				nested_page_addr(p, page[i]), GPA(GUEST_DATA));
		KUNIT_EXPECT_TRUE(test,
				  ut_reaches_at(dev, IOMMU_NO_PASID,
						nested_page_addr(p, page[i]),
						guest.pa[GUEST_DATA]));
	}
	for (i = 0; i < ARRAY_SIZE(page); i++)
		ut_guest_set_at(&guest, GUEST_LEVEL1,
				nested_page_addr(p, page[i]), 0);
	ut_guest_invalidate(test, &guest, nested_page_addr(p, 0), p->npages);
	for (i = 0; i < ARRAY_SIZE(page); i++)
		KUNIT_EXPECT_FALSE_MSG(test,
				       ut_reaches_at(dev, IOMMU_NO_PASID,
						     nested_page_addr(p, page[i]),
						     guest.pa[GUEST_DATA]),
				       "page %u", page[i]);
	ut_detach(guest.domain, dev, IOMMU_NO_PASID);
}

/* Number of requests in one call */
#define NESTED_REQUESTS		3

static int nested_invalidate_array(struct kunit *test, struct ut_guest *guest,
				   const struct iommu_hwpt_vtd_s1_invalidate *inv,
				   unsigned int type, unsigned int *processed)
{
	struct iommu_user_data_array array = {
		.type = type,
		.uptr = guest->user,
		.entry_len = sizeof(*inv),
		.entry_num = NESTED_REQUESTS,
	};
	int ret;

	KUNIT_ASSERT_EQ(test, copy_to_user(guest->user, inv,
					   NESTED_REQUESTS * sizeof(*inv)), 0);
	ret = guest->domain->ops->cache_invalidate_user(guest->domain, &array);
	*processed = array.entry_num;
	return ret;
}

/*
 * Requests are processed in order, up to the first invalid one, and the number
 * of processed requests is returned. A descriptor has the invalidation hint if
 * the guest has set %IOMMU_VTD_INV_FLAGS_LEAF in the request.
 */
static void nested_invalidation_requests(struct kunit *test)
{
	struct iommu_hwpt_vtd_s1_invalidate inv[NESTED_REQUESTS] = {
		{ .addr = IOVA, .npages = 1 },
		{ .addr = IOVA + 8 * PAGE_SIZE, .npages = 1 },
		{ .addr = IOVA + 16 * PAGE_SIZE, .npages = 1, .flags = 2 },
	};
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	const unsigned int type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};
	unsigned int i, n;
	phys_addr_t pa;

	ut_new_guest(test, dev, &guest);
	pa = guest.pa[GUEST_DATA];
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, IOMMU_NO_PASID), 0);
	for (i = 0; i < NESTED_REQUESTS; i++) {
		ut_guest_set_at(&guest, GUEST_LEVEL1, inv[i].addr,
				GPA(GUEST_DATA));
		KUNIT_EXPECT_TRUE(test, ut_reaches_at(dev, IOMMU_NO_PASID,
						      inv[i].addr, pa));
		ut_guest_set_at(&guest, GUEST_LEVEL1, inv[i].addr, 0);
	}

	KUNIT_EXPECT_EQ(test, nested_invalidate_array(test, &guest, inv,
						      type + 1, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, n, 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches_at(dev, IOMMU_NO_PASID, inv[0].addr,
					      pa));
	KUNIT_EXPECT_EQ(test, nested_invalidate_array(test, &guest, inv, type,
						      &n), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, n, 2);
	for (i = 0; i < NESTED_REQUESTS; i++)
		KUNIT_EXPECT_EQ_MSG(test, ut_reaches_at(dev, IOMMU_NO_PASID,
							inv[i].addr, pa),
				    i == 2, "request %u", i);

	mock_reset();
	inv[2].flags = IOMMU_VTD_INV_FLAGS_LEAF;
	KUNIT_EXPECT_EQ(test, nested_invalidate_array(test, &guest, inv, type,
						      &n), 0);
	KUNIT_EXPECT_EQ(test, n, 3);
	KUNIT_EXPECT_FALSE(test, ut_reaches_at(dev, IOMMU_NO_PASID, inv[2].addr,
					       pa));
	for (i = 0, n = 0; i < iommu->nr_log; i++)
		if (iommu->log[i].type == MOCK_INV_PIOTLB)
			KUNIT_EXPECT_EQ(test, iommu->log[i].ih, n++ == 2);
	KUNIT_EXPECT_EQ(test, n, 3);
	ut_detach(guest.domain, dev, IOMMU_NO_PASID);
}

/**
 * struct nested_range - range that a guest invalidates
 * @name: Name in messages.
 * @addr: Address of the first byte.
 * @npages: Number of pages, %U64_MAX for everything.
 * @ret: Expected return value of the driver.
 */
struct nested_range {
	const char *name;
	u64 addr;
	u64 npages;
	int ret;
};

/* Number of pages in 64 bits of address space */
#define NESTED_ALL_PAGES	(1ULL << (64 - PAGE_SHIFT))

static const struct nested_range nested_ranges[] = {
	{ "everything", 0, U64_MAX, 0 },
	{ "all pages", 0, NESTED_ALL_PAGES, 0 },
	{ "up to the end", IOVA, NESTED_ALL_PAGES - IOVA / PAGE_SIZE, 0 },
	{ "last page", -PAGE_SIZE, 1, 0 },
	{ "no page", 0, 0, 0 },
	{ "no page, address not 0", IOVA, 0, 0 },
	{ "not aligned", IOVA + 1, 1, -EINVAL },
	{ "everything, address not 0", IOVA, U64_MAX, -EINVAL },
	{ "length wraps", 0, NESTED_ALL_PAGES + 1, -EINVAL },
	{ "end wraps", PAGE_SIZE, NESTED_ALL_PAGES, -EINVAL },
	{ "end wraps by a page", 2 * PAGE_SIZE, NESTED_ALL_PAGES - 1, -EINVAL },
	{ "beyond the last page", -PAGE_SIZE, 2, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(nested_range, nested_ranges, name);

static bool nested_range_includes(const struct nested_range *r, u64 addr)
{
	return addr >= r->addr && (addr - r->addr) / PAGE_SIZE < r->npages;
}

/*
 * If the driver reports success, it has invalidated the whole range. A request
 * fails if the range is not aligned or extends beyond the last address, and
 * invalidates nothing if the range is empty.
 */
static void nested_invalidated_range(struct kunit *test)
{
	const struct nested_range *r = test->param_value;
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID,
					   guest.pa[GUEST_DATA]));
	ut_guest_set(&guest, GUEST_LEVEL1, 0);
	KUNIT_EXPECT_EQ(test,
			ut_guest_try_invalidate(&guest, r->addr, r->npages),
			r->ret);
	if (!r->ret && nested_range_includes(r, IOVA))
		ut_check_detached(test, dev, IOMMU_NO_PASID);
	if (!r->npages)
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID,
						   guest.pa[GUEST_DATA]));
	ut_detach(guest.domain, dev, IOMMU_NO_PASID);
}

/**
 * struct nested_injection - injected change of a guest's page table and memory
 * @in: The injection. &ut_injection.domain is unused, and &ut_injection.pa is
 *	the page %GUEST_DATA.
 * @guest: The guest.
 * @mm: Address space of the test, which holds &ut_guest.user.
 */
struct nested_injection {
	struct ut_injection in;
	struct ut_guest *guest;
	struct mm_struct *mm;
};

static void nested_check_unmapped(struct ut_injection *in)
{
	if (ut_reaches(in->dev, in->pasid, in->pa))
		in->stale++;
}

/* Unmap and map the page in the guest's page table, then in the parent. */
static void nested_change_both(struct ut_injection *in)
{
	struct nested_injection *g = container_of(in, typeof(*g), in);

	if (!ut_reaches(in->dev, in->pasid, in->pa))
		return;
	in->reached++;

	kthread_use_mm(g->mm);
	ut_guest_set(g->guest, GUEST_LEVEL1, 0);
	if (ut_guest_try_invalidate(g->guest, IOVA, 1))
		in->stale++;
	nested_check_unmapped(in);
	/* Guests in caching mode invalidate after a map, too. */
	ut_guest_set(g->guest, GUEST_LEVEL1, GPA(GUEST_DATA));
	if (ut_guest_try_invalidate(g->guest, IOVA, 1))
		in->stale++;
	kthread_unuse_mm(g->mm);

	iommu_unmap(g->guest->parent, GPA(GUEST_DATA), PAGE_SIZE);
	nested_check_unmapped(in);
	if (iommu_map(g->guest->parent, GPA(GUEST_DATA), in->pa, PAGE_SIZE,
		      PROT, GFP_ATOMIC))
		in->stale++;
}

static struct nested_injection nested_new_injection(struct kunit *test,
						    struct ut_guest *guest)
{
	const struct ut_topology *t = test->param_value;

	ut_new_guest(test, ut_dev(t), guest);
	return (struct nested_injection) {
		.in = {
			.act = nested_change_both,
			.dev = ut_dev(t),
			.pasid = t->pasid,
			.pa = guest->pa[GUEST_DATA],
			.iommu = mock_iommu(t->iommu),
		},
		.guest = guest,
		.mm = current->mm,
	};
}

static const void *nested_caching_gen_params(struct kunit *test,
					     const void *prev, char *desc)
{
	const struct ut_topology *t;

	do {
		t = ut_nested_gen_params(test, prev, desc);
		prev = t;
	} while (t && !ut_has_caching_mode(t));
	return t;
}

/*
 * While attach waits for an invalidation, the device may use the domain
 * already, so changes of either stage have to take effect for it.
 */
static void nested_change_during_attach(struct kunit *test)
{
	struct ut_guest guest = {};
	struct nested_injection g = nested_new_injection(test, &guest);
	int i, ret;

	for (i = 0; i < ROUNDS && !g.in.reached; i++) {
		ut_inject_at_waits(test, &g.in);
		ret = ut_attach(guest.domain, g.in.dev, g.in.pasid);
		ut_stop_injecting_at_waits(&g.in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_detach(guest.domain, g.in.dev, g.in.pasid);
	}
	KUNIT_EXPECT_GT(test, g.in.reached, 0);
	KUNIT_EXPECT_EQ(test, g.in.stale, 0);
}

/*
 * While detach waits for an invalidation, the device may still use the domain,
 * so changes of either stage have to take effect for it.
 */
static void nested_change_during_detach(struct kunit *test)
{
	struct ut_guest guest = {};
	struct nested_injection g = nested_new_injection(test, &guest);
	int i;

	for (i = 0; i < ROUNDS && !g.in.reached; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, g.in.dev,
						g.in.pasid), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(g.in.dev, g.in.pasid,
						   g.in.pa));
		ut_inject_at_waits(test, &g.in);
		ut_detach(guest.domain, g.in.dev, g.in.pasid);
		ut_stop_injecting_at_waits(&g.in);
		ut_check_detached(test, g.in.dev, g.in.pasid);
	}
	KUNIT_EXPECT_GT(test, g.in.reached, 0);
	KUNIT_EXPECT_EQ(test, g.in.stale, 0);
}

/*
 * Attaching a domain with a guest page table of five levels fails, because the
 * mock IOMMU supports only four, and leaves the previous domain attached.
 */
static void refused_nested_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_attach_handle handle;
	struct iommu_domain *before, *deep;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	deep = ut_new_nested(test, dev, &guest, 57);
	if (t->pasid == IOMMU_NO_PASID) {
		before = iommu_get_domain_for_dev(dev);
		KUNIT_EXPECT_EQ(test, ut_attach(deep, dev, t->pasid), -EINVAL);
	} else {
		before = ut_new_domain(test, dev, 0);
		KUNIT_ASSERT_EQ(test, ut_attach(before, dev, t->pasid), 0);
		KUNIT_EXPECT_EQ(test, ut_replace(deep, dev, t->pasid, &handle),
				-EINVAL);
	}
	ut_check_attached(test, before, dev, t->pasid);
	if (t->pasid != IOMMU_NO_PASID)
		ut_detach(before, dev, t->pasid);
}

static int nested_iopf_handler(struct iopf_group *group)
{
	return -EOPNOTSUPP;
}

/*
 * Attaching a domain with a page request handler fails for a device without
 * PRI, and leaves the previous domain attached.
 */
static void refused_page_requests_change_nothing(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS2, 0);
	struct iommu_domain *before = ut_new_domain(test, dev, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct iommu_attach_handle handle;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	domain->iopf_handler = nested_iopf_handler;
	guest.domain->iopf_handler = nested_iopf_handler;

	KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, PASID), -ENODEV);
	KUNIT_EXPECT_EQ(test, ut_attach(guest.domain, dev, PASID), -ENODEV);
	KUNIT_ASSERT_EQ(test, ut_attach(before, dev, PASID), 0);
	KUNIT_EXPECT_EQ(test, ut_replace(domain, dev, PASID, &handle), -ENODEV);
	KUNIT_EXPECT_EQ(test, ut_replace(guest.domain, dev, PASID, &handle),
			-ENODEV);
	ut_check_attached(test, before, dev, PASID);
	ut_detach(before, dev, PASID);
	/*
	 * The failed attaches must have left no attachments: the driver warns
	 * if a domain that has any is freed at the end of the test.
	 */
}

/*
 * Page requests are enabled while a domain with a handler is attached.
 * Replacing the parent by a nested domain must not leak the reference that
 * keeps them enabled.
 */
static void nested_detach_disables_page_requests(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct iommu_group *group = dev->iommu_group;
	struct iommu_attach_handle handle;
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	guest.parent->iopf_handler = nested_iopf_handler;
	guest.domain->iopf_handler = nested_iopf_handler;
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(dev->iommu->fault_param));

	KUNIT_ASSERT_EQ(test, ut_attach(guest.parent, dev, IOMMU_NO_PASID), 0);
	KUNIT_EXPECT_NOT_NULL(test,
			      rcu_access_pointer(dev->iommu->fault_param));
	KUNIT_ASSERT_EQ(test, iommu_replace_group_handle(group, guest.domain,
							 &handle), 0);
	iommu_detach_group_handle(guest.domain, group);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(dev->iommu->fault_param));
}

static struct kunit_case nested_cases[] = {
	KUNIT_CASE_PARAM(nested_guest_table_change, ut_nested_gen_params),
	KUNIT_CASE_PARAM(nested_parent_change, ut_nested_gen_params),
	KUNIT_CASE(nested_siblings),
	KUNIT_CASE(nested_siblings_in_caching_mode),
	KUNIT_CASE_PARAM(nested_invalidated_pages, nested_pages_gen_params),
	KUNIT_CASE(nested_invalidation_requests),
	KUNIT_CASE_PARAM(nested_invalidated_range, nested_range_gen_params),
	KUNIT_CASE_PARAM(nested_change_during_attach,
			 nested_caching_gen_params),
	KUNIT_CASE_PARAM(nested_change_during_detach, ut_nested_gen_params),
	KUNIT_CASE_PARAM(refused_nested_attach_changes_nothing,
			 ut_nested_gen_params),
	KUNIT_CASE(refused_page_requests_change_nothing),
	KUNIT_CASE(nested_detach_disables_page_requests),
	{}
};

static struct kunit_suite nested_suite = {
	.name = "intel_iommu_nested",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = nested_cases,
};

kunit_test_suites(&nested_suite);

MODULE_DESCRIPTION("KUnit tests of nested translation on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

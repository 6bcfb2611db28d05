// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of invalidations that a user requests through iommufd for a nested
 * domain, on mock IOMMUs.
 *
 * The requests are random, and many of them are invalid: ranges that wrap or
 * are not aligned, reserved bits, entries of a wrong size, arrays that extend
 * into unmapped memory. The test computes the expected result of each call
 * independently. For each entry that iommufd reports as processed, it checks
 * that an IOTLB and a device-TLB invalidation have been executed that cover the
 * range.
 *
 * The test logs the seed N; the kernel parameter iommufd_kunit.seed=N repeats
 * the requests, and iommufd_kunit.calls=N sets their number.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/mount.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "fixture.h"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random requests, 0 for a random seed");

static unsigned int calls = 1000;
module_param(calls, uint, 0444);
MODULE_PARM_DESC(calls, "Number of random requests");

/* Maximum number of entries; maximum and valid size of an entry in bytes */
#define REQ_MAX_ENTRIES		8
#define REQ_MAX_LEN		40
#define REQ_VALID_LEN		sizeof(struct iommu_hwpt_vtd_s1_invalidate)

/**
 * struct req_user - user of iommufd with a device that has a nested domain
 * @file: /dev/iommu.
 * @idev: iommufd object of the bound device.
 * @dev: Device that @idev refers to.
 * @hwpt_id: Id of the nested domain.
 * @cmd: User memory for the arguments of an ioctl.
 * @end: End of the user memory for arrays; what follows is not mapped.
 * @rnd: State of the random number generator.
 */
struct req_user {
	struct file *file;
	struct iommufd_device *idev;
	struct device *dev;
	u32 hwpt_id;
	void __user *cmd;
	u8 __user *end;
	struct rnd_state rnd;
};

/**
 * struct req_array - array of invalidations, and the result of the request
 * @data: The entries, each of @len bytes.
 * @len: Size of an entry in bytes.
 * @num: Number of entries passed in the request.
 * @mapped: Number of leading entries in mapped memory; reading the others fails.
 * @done: Number of processed entries that iommufd reports.
 */
struct req_array {
	u8 data[REQ_MAX_ENTRIES * REQ_MAX_LEN];
	u32 len;
	u32 num;
	u32 mapped;
	u32 done;
};

/* Setup */

static int req_ioctl(struct req_user *user, unsigned int nr, void *arg,
		     size_t size)
{
	int ret;

	if (copy_to_user(user->cmd, arg, size))
		return -EFAULT;
	ret = user->file->f_op->unlocked_ioctl(user->file, nr,
					       (unsigned long)user->cmd);
	if (copy_from_user(arg, user->cmd, size))
		return -EFAULT;
	return ret;
}

static void req_close(void *file)
{
	__fput_sync(file);
}

/* Nothing is mounted on /dev during boot, so take the device from devtmpfs. */
static void req_open(struct kunit *test, struct req_user *user)
{
	struct file_system_type *type = get_fs_type("devtmpfs");
	struct vfsmount *mnt;

	if (!type)
		kunit_skip(test, "needs CONFIG_DEVTMPFS");
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	user->file = file_open_root_mnt(mnt, "iommu", O_RDWR, 0);
	kern_unmount(mnt);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user->file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, req_close,
							user->file), 0);
}

KUNIT_DEFINE_ACTION_WRAPPER(req_unbind, iommufd_device_unbind,
			    struct iommufd_device *);

static void req_detach(void *idev)
{
	iommufd_device_detach(idev, IOMMU_NO_PASID);
}

static void req_bind(struct kunit *test, struct req_user *user, u32 *dev_id)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_file(user->file);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ictx);
	/* The file keeps a reference until the test ends. */
	iommufd_ctx_put(ictx);
	user->idev = iommufd_device_bind(ictx, user->dev, dev_id);
	if (user->idev == ERR_PTR(-EPERM))
		kunit_skip(test, "needs iommufd.allow_unsafe_interrupts=1");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user->idev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, req_unbind,
							user->idev), 0);
}

static u32 req_alloc_hwpt(struct kunit *test, struct req_user *user, u32 dev_id,
			  u32 pt_id, bool nested)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = 48 };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = pt_id,
		.flags = nested ? 0 : IOMMU_HWPT_ALLOC_NEST_PARENT,
	};

	if (nested) {
		cmd.data_type = IOMMU_HWPT_DATA_VTD_S1;
		cmd.data_len = sizeof(s1);
		cmd.data_uptr = (uintptr_t)(user->end - sizeof(s1));
		KUNIT_ASSERT_EQ(test, copy_to_user(user->end - sizeof(s1), &s1,
						   sizeof(s1)), 0);
	}
	KUNIT_ASSERT_EQ(test, req_ioctl(user, IOMMU_HWPT_ALLOC, &cmd,
					sizeof(cmd)), 0);
	return cmd.out_hwpt_id;
}

static void req_new_user(struct kunit *test, struct req_user *user,
			 struct device *dev)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	unsigned long pages;
	u32 dev_id, parent_id;

	user->dev = dev;
	user->cmd = ut_new_user_page(test);
	/* Two pages, the second of which is unmapped */
	pages = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE,
			      PROT_READ | PROT_WRITE,
			      MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, pages, 0);
	KUNIT_ASSERT_LT(test, pages, TASK_SIZE);
	KUNIT_ASSERT_EQ(test, vm_munmap(pages + PAGE_SIZE, PAGE_SIZE), 0);
	user->end = (u8 __user *)pages + PAGE_SIZE;

	req_open(test, user);
	req_bind(test, user, &dev_id);
	KUNIT_ASSERT_EQ(test, req_ioctl(user, IOMMU_IOAS_ALLOC, &ioas,
					sizeof(ioas)), 0);
	parent_id = req_alloc_hwpt(test, user, dev_id, ioas.out_ioas_id, false);
	user->hwpt_id = req_alloc_hwpt(test, user, dev_id, parent_id, true);
	KUNIT_ASSERT_EQ(test, iommufd_device_attach(user->idev, IOMMU_NO_PASID,
						    &user->hwpt_id), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, req_detach,
							user->idev), 0);
}

/* Random requests */

static unsigned int req_pick(struct req_user *user, unsigned int n)
{
	return prandom_u32_state(&user->rnd) % n;
}

static u64 req_random(struct req_user *user)
{
	return (u64)prandom_u32_state(&user->rnd) << 32 |
	       prandom_u32_state(&user->rnd);
}

static u64 req_random_addr(struct req_user *user)
{
	u64 addr;

	switch (req_pick(user, 4)) {
	case 0:
		addr = req_pick(user, 3) * PAGE_SIZE;
		break;
	case 1:
		addr = IOVA + req_pick(user, 1024) * PAGE_SIZE;
		break;
	case 2:
		/* One of the last pages */
		addr = -(u64)req_pick(user, 4) * PAGE_SIZE;
		break;
	default:
		addr = req_random(user) & PAGE_MASK;
	}
	return req_pick(user, 16) ? addr : addr + req_pick(user, PAGE_SIZE);
}

static u64 req_random_npages(struct req_user *user)
{
	switch (req_pick(user, 5)) {
	case 0:
		return req_pick(user, 4);
	case 1:
		return U64_MAX - req_pick(user, 2);
	case 2:
		/* Lengths around 2^64 bytes, some of which wrap */
		return (1ULL << 52) + req_pick(user, 5) - 2;
	case 3:
		return 1ULL << req_pick(user, 64);
	default:
		return req_random(user) >> req_pick(user, 64);
	}
}

static void req_random_entry(struct req_user *user,
			     struct iommu_hwpt_vtd_s1_invalidate *inv)
{
	*inv = (struct iommu_hwpt_vtd_s1_invalidate) {
		.addr = req_random_addr(user),
		.npages = req_random_npages(user),
		.flags = req_pick(user, 2) ? IOMMU_VTD_INV_FLAGS_LEAF : 0,
	};
	if (!req_pick(user, 16))
		inv->flags |= BIT(req_pick(user, 32));
	if (!req_pick(user, 16))
		inv->__reserved = BIT(req_pick(user, 32));
}

/* The entries of most arrays have the valid size. */
static void req_random_array(struct req_user *user, struct req_array *array)
{
	static const u32 lens[] = { 1, 8, REQ_VALID_LEN - 1, REQ_VALID_LEN + 1,
				    32, REQ_MAX_LEN };
	struct iommu_hwpt_vtd_s1_invalidate inv;
	u32 i;

	*array = (struct req_array) { .len = REQ_VALID_LEN };
	if (!req_pick(user, 8))
		array->len = lens[req_pick(user, ARRAY_SIZE(lens))];
	array->mapped = req_pick(user, REQ_MAX_ENTRIES + 1);
	array->num = array->mapped;
	if (!req_pick(user, 8))
		array->num += req_pick(user, 1000);
	for (i = 0; i < array->mapped; i++) {
		req_random_entry(user, &inv);
		memcpy(array->data + i * array->len, &inv,
		       min(array->len, sizeof(inv)));
	}
}

static int req_invalidate(struct req_user *user, struct req_array *array)
{
	u8 __user *start = user->end - array->mapped * array->len;
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = user->hwpt_id,
		.data_uptr = (uintptr_t)start,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = array->len,
		.entry_num = array->num,
	};
	int ret;

	if (copy_to_user(start, array->data, array->mapped * array->len))
		return -EFAULT;
	ret = req_ioctl(user, IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
	array->done = cmd.entry_num;
	return ret;
}

/* Expected results */

/* Compute the last address of a range. Returns false if the range is empty. */
static bool req_last(const struct iommu_hwpt_vtd_s1_invalidate *inv, u64 *last)
{
	/* Address 0 with this number of pages selects the whole address space. */
	if (!inv->addr && inv->npages == U64_MAX) {
		*last = U64_MAX;
		return true;
	}
	*last = inv->addr + inv->npages * 4096 - 1;
	return inv->npages != 0;
}

static int req_range_error(const struct iommu_hwpt_vtd_s1_invalidate *inv)
{
	u64 bytes, last;

	if (inv->addr % 4096)
		return -EINVAL;
	if (!inv->npages || (!inv->addr && inv->npages == U64_MAX))
		return 0;
	/* 2^52 pages from address 0 are valid, although their length overflows. */
	if (!inv->addr && inv->npages == 1ULL << 52)
		return 0;
	if (check_mul_overflow(inv->npages, 4096ULL, &bytes) ||
	    check_add_overflow(inv->addr, bytes - 1, &last))
		return -EINVAL;
	return 0;
}

static struct iommu_hwpt_vtd_s1_invalidate
req_entry(const struct req_array *array, u32 i)
{
	struct iommu_hwpt_vtd_s1_invalidate inv = {};

	memcpy(&inv, array->data + i * array->len,
	       min(array->len, sizeof(inv)));
	return inv;
}

/* Expected error of entry @i; 0 if it is valid */
static int req_entry_error(const struct req_array *array, u32 i)
{
	struct iommu_hwpt_vtd_s1_invalidate inv;

	if (array->len != REQ_VALID_LEN)
		return -EINVAL;
	if (i >= array->mapped)
		return -EFAULT;
	inv = req_entry(array, i);
	if (inv.flags & ~IOMMU_VTD_INV_FLAGS_LEAF || inv.__reserved)
		return -EOPNOTSUPP;
	return req_range_error(&inv);
}

static u64 req_size(const struct mock_inv *inv)
{
	return 4096ULL << inv->order;
}

static bool req_contains(const struct mock_inv *inv, u64 addr)
{
	if (inv->order == MOCK_ALL_PAGES ||
	    (inv->type == MOCK_INV_PIOTLB && inv->granularity == MOCK_DOMAIN))
		return true;
	return addr - inv->addr < req_size(inv);
}

/* Return the next invalidation of @type in the log, from *@at on. */
static const struct mock_inv *
req_next(struct kunit *test, const struct mock_iommu *iommu,
	 enum mock_inv_type type, unsigned int *at,
	 const struct iommu_hwpt_vtd_s1_invalidate *inv)
{
	while (*at < iommu->nr_log && iommu->log[*at].type != type)
		++*at;
	KUNIT_ASSERT_LT_MSG(test, *at, iommu->nr_log,
			    "no invalidation of type %u for %llx + %llx pages",
			    type, inv->addr, inv->npages);
	return &iommu->log[(*at)++];
}

/*
 * Expect that the next invalidation of @type covers the range of an entry, or
 * that the next two do so together.
 */
static void req_expect_next(struct kunit *test, const struct mock_iommu *iommu,
			    enum mock_inv_type type, unsigned int *at,
			    const struct iommu_hwpt_vtd_s1_invalidate *inv,
			    u64 last)
{
	const struct mock_inv *got = req_next(test, iommu, type, at, inv);
	u64 end;

	KUNIT_EXPECT_TRUE_MSG(test, req_contains(got, inv->addr),
			      "%llx, order %u does not contain %llx", got->addr,
			      got->order, inv->addr);
	if (req_contains(got, last))
		return;
	end = got->addr + req_size(got);
	got = req_next(test, iommu, type, at, inv);
	KUNIT_EXPECT_EQ(test, got->addr, end);
	KUNIT_EXPECT_TRUE_MSG(test, req_contains(got, last),
			      "%llx, order %u does not contain %llx", got->addr,
			      got->order, last);
}

/* Expect one or two invalidations of each type for each entry that was done. */
static void req_expect_invalidated(struct kunit *test,
				   const struct mock_iommu *iommu,
				   const struct req_array *array)
{
	unsigned int iotlb = 0, devtlb = 0;
	u64 last;
	u32 i;

	KUNIT_ASSERT_LE(test, iommu->nr_log, MOCK_MAX_LOG);
	for (i = 0; i < array->done; i++) {
		struct iommu_hwpt_vtd_s1_invalidate inv = req_entry(array, i);

		if (!req_last(&inv, &last))
			continue;
		req_expect_next(test, iommu, MOCK_INV_PIOTLB, &iotlb, &inv,
				last);
		req_expect_next(test, iommu, MOCK_INV_DEVTLB, &devtlb, &inv,
				last);
	}
}

/*
 * Each call returns the error of the first invalid entry, and reports the number
 * of entries before it. These must have been invalidated.
 */
static void random_guest_invalidations(struct kunit *test)
{
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	unsigned long this_seed = seed ?: get_random_u32() | 1;
	unsigned int call, nr_done = 0, nr_failed = 0;
	struct req_user user = {};
	struct req_array *array;
	int ret, want;
	u32 i;

	kunit_info(test, "iommufd_kunit.seed=%lu repeats these requests\n",
		   this_seed);
	prandom_seed_state(&user.rnd, this_seed);
	array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, array);
	req_new_user(test, &user, mock_dev(MOCK_FS, 1));
	for (call = 0; call < calls && test->status == KUNIT_SUCCESS; call++) {
		req_random_array(&user, array);
		for (i = 0, want = 0; i < array->num && !want; i++)
			want = req_entry_error(array, i);
		if (want)
			i--;
		mock_reset();
		ret = req_invalidate(&user, array);
		KUNIT_EXPECT_EQ_MSG(test, ret, want, "call %u", call);
		KUNIT_EXPECT_EQ_MSG(test, array->done, i, "call %u", call);
		if (test->status != KUNIT_SUCCESS)
			return;
		req_expect_invalidated(test, iommu, array);
		nr_done += i;
		nr_failed += want != 0;
	}
	/* Enough entries are processed, and enough requests fail. */
	if (calls >= 100) {
		KUNIT_EXPECT_GT(test, nr_done, calls / 4);
		KUNIT_EXPECT_GT(test, nr_failed, calls / 8);
	}
}

static struct kunit_case req_cases[] = {
	KUNIT_CASE(random_guest_invalidations),
	{}
};

static struct kunit_suite req_suite = {
	.name = "intel_iommu_iommufd",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = req_cases,
};

kunit_test_suites(&req_suite);

MODULE_DESCRIPTION("KUnit test of guest invalidations through iommufd on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

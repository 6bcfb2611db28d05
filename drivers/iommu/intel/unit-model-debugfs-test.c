// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of what debugfs shows of devices behind units made of memory: the
 * page table of each PASID that is attached, for as long as it is.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "unit-model-kunit.h"

/* A line for each page that is mapped begins with its number. */
#define LINE_OF_IOVA	"0x0000000040000 |"

static const struct ut_topology debugfs_topologies[] = {
	{ "legacy", MODEL_LEGACY, 0, IOMMU_NO_PASID },
	{ "second stage", MODEL_SS, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, ATS", MODEL_SS, 1, PASID },
	{ "first stage, PASID", MODEL_FS, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(debugfs, debugfs_topologies, name);

static struct file *open_table(struct vfsmount *debugfs,
			       const struct ut_topology *t)
{
	char path[96];

	if (t->pasid == IOMMU_NO_PASID)
		snprintf(path, sizeof(path),
			 "iommu/intel/%s/domain_translation_struct",
			 dev_name(ut_dev(t)));
	else
		snprintf(path, sizeof(path),
			 "iommu/intel/%s/%x/domain_translation_struct",
			 dev_name(ut_dev(t)), t->pasid);
	return file_open_root_mnt(debugfs, path, O_RDONLY, 0);
}

static bool shows_page(struct kunit *test, struct vfsmount *debugfs,
		       void __user *user, char *text)
{
	struct file *file = open_table(debugfs, test->param_value);
	loff_t pos = 0;
	ssize_t len;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	len = vfs_read(file, user, PAGE_SIZE - 1, &pos);
	fput(file);
	KUNIT_ASSERT_GE(test, len, 0);
	KUNIT_ASSERT_EQ(test, copy_from_user(text, user, len), 0);
	text[len] = 0;
	return strstr(text, LINE_OF_IOVA);
}

static void unmount(void *debugfs)
{
	kern_unmount(debugfs);
}

static void page_tables(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	void __user *user = ut_new_user_page(test);
	struct vfsmount *debugfs;
	struct file *file;
	char *text;

	text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	debugfs = kern_mount(get_fs_type("debugfs"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(debugfs));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmount, debugfs),
			0);

	ut_map(test, domain, ut_new_page(test));
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, shows_page(test, debugfs, user, text));
	ut_unmap(test, domain);
	KUNIT_EXPECT_FALSE(test, shows_page(test, debugfs, user, text));
	ut_detach(domain, dev, t->pasid);
	if (t->pasid == IOMMU_NO_PASID)
		return;

	file = open_table(debugfs, t);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(file), -ENOENT);
	if (!IS_ERR(file))
		fput(file);
}

static struct kunit_case debugfs_cases[] = {
	KUNIT_CASE_PARAM(page_tables, debugfs_gen_params),
	{}
};

static struct kunit_suite debugfs_suite = {
	.name = "intel_iommu_unit_debugfs",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = debugfs_cases,
};

kunit_test_suites(&debugfs_suite);

MODULE_DESCRIPTION("KUnit test of debugfs of Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");

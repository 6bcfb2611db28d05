// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of the page tables in debugfs, on mock IOMMUs.
 *
 * The file domain_translation_struct of a device or PASID shows the page table
 * of the attached domain. The file of a PASID exists while the PASID is
 * attached.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fixture.h"

/* The line of a mapped page begins with the page frame number of its IOVA. */
#define DEBUGFS_IOVA_LINE	"0x0000000040000 |"

static const struct ut_topology debugfs_topologies[] = {
	{ "legacy", MOCK_LEGACY, 0, IOMMU_NO_PASID },
	{ "second stage", MOCK_SS, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, ATS", MOCK_SS, 1, PASID },
	{ "first stage, PASID", MOCK_FS, 0, PASID },
};

KUNIT_ARRAY_PARAM_DESC(debugfs, debugfs_topologies, name);

static struct file *debugfs_open_table(struct vfsmount *debugfs,
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

static bool debugfs_shows_page(struct kunit *test, struct vfsmount *debugfs,
			       void __user *user, char *text)
{
	struct file *file = debugfs_open_table(debugfs, test->param_value);
	loff_t pos = 0;
	ssize_t len;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	len = vfs_read(file, user, PAGE_SIZE - 1, &pos);
	fput(file);
	KUNIT_ASSERT_GE(test, len, 0);
	KUNIT_ASSERT_EQ(test, copy_from_user(text, user, len), 0);
	text[len] = 0;
	return strstr(text, DEBUGFS_IOVA_LINE);
}

static void debugfs_unmount(void *debugfs)
{
	kern_unmount(debugfs);
}

/* The page at %IOVA is shown if and only if it is mapped. */
static void debugfs_page_table(struct kunit *test)
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
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, debugfs_unmount,
							debugfs), 0);

	ut_map(test, domain, ut_new_page(test));
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_TRUE(test, debugfs_shows_page(test, debugfs, user, text));
	ut_unmap(test, domain);
	KUNIT_EXPECT_FALSE(test, debugfs_shows_page(test, debugfs, user, text));
	ut_detach(domain, dev, t->pasid);
	if (t->pasid == IOMMU_NO_PASID)
		return;

	file = debugfs_open_table(debugfs, t);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(file), -ENOENT);
	if (!IS_ERR(file))
		fput(file);
}

static struct kunit_case debugfs_cases[] = {
	KUNIT_CASE_PARAM(debugfs_page_table, debugfs_gen_params),
	{}
};

static struct kunit_suite debugfs_suite = {
	.name = "intel_iommu_debugfs",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = debugfs_cases,
};

kunit_test_suites(&debugfs_suite);

MODULE_DESCRIPTION("KUnit test of debugfs on mock Intel IOMMUs");
MODULE_LICENSE("GPL");

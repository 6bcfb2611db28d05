// SPDX-License-Identifier: GPL-2.0
/*
 * Test driver that maps and unmaps in a domain attached to RIDs and PASIDs
 *
 * Binds to PCI functions that do no DMA of their own (QEMU's pci-testdev, or
 * any other by driver_override), attaches one paging domain to their RIDs and
 * PASIDs through the IOMMU core API, and maps and unmaps in it. The
 * invalidation descriptors are counted in QEMU's trace of the emulated IOMMU.
 * The driver marks the start and the end of each operation in this trace by
 * writing text to the data register of a parallel port. The port is not behind
 * the IOMMU and has no buffer, so the marks are in order with the descriptors.
 *
 * dev/guest/init loads the driver and uses these files in debugfs, directory
 * iommu-topo:
 *
 *   devices  read: the number of devices that are bound
 *   measure  write "NAME DEVICES RID PASIDS IOVA SIZE REPEAT": attach a domain
 *            to the first DEVICES devices, to each by RID (if RID is 1) and by
 *            the PASIDs 1 to PASIDS, then map and unmap SIZE bytes at IOVA,
 *            with marks around each map and each unmap, REPEAT times. IOVA and
 *            SIZE are hexadecimal
 *   mark     write a line, which goes into the trace unchanged
 *   load     write "SECONDS PASIDS": map and unmap on every CPU while all
 *            devices attach and detach; read: the numbers of maps and attaches
 *   provoke  write anything: provoke an error for each detector of the kernel,
 *            which shows that the detectors work
 */

#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define TOPO_MAX_DEVICES	8
#define TOPO_MAX_PASIDS		64
#define TOPO_LINE		128
#define TOPO_MARK_PORT		0x378

/* Devices that are bound, in the order in which they were bound */
static struct device *topo_devices[TOPO_MAX_DEVICES];
static unsigned int topo_ndevices;
/* Protects the devices, and serialises the operations */
static DEFINE_MUTEX(topo_lock);

static struct dentry *topo_dir;

static void topo_mark(const char *text)
{
	for (; *text; text++)
		outb(*text, TOPO_MARK_PORT);
	outb('\n', TOPO_MARK_PORT);
}

/* Copy a line that user space writes at once, without its newline */
static int topo_get_line(char *line, const char __user *buf, size_t count)
{
	if (count >= TOPO_LINE)
		return -EINVAL;
	if (copy_from_user(line, buf, count))
		return -EFAULT;
	line[count] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

/*
 * Attach the whole group, because a function below a root port may share its
 * group with the port. The RID of the port is then attached too.
 */
static int topo_attach_rid(struct iommu_domain *domain, struct device *dev)
{
	return iommu_attach_group(domain, dev->iommu_group);
}

static void topo_detach_rid(struct iommu_domain *domain, struct device *dev)
{
	iommu_detach_group(domain, dev->iommu_group);
}

static void topo_detach(struct iommu_domain *domain, struct device *dev,
			bool rid, unsigned int pasids)
{
	unsigned int pasid;

	for (pasid = pasids; pasid; pasid--)
		iommu_detach_device_pasid(domain, dev, pasid);
	if (rid)
		topo_detach_rid(domain, dev);
}

static int topo_attach(struct iommu_domain *domain, struct device *dev,
		       bool rid, unsigned int pasids)
{
	unsigned int pasid;
	int ret;

	if (rid) {
		ret = topo_attach_rid(domain, dev);
		if (ret)
			return ret;
	}

	for (pasid = 1; pasid <= pasids; pasid++) {
		ret = iommu_attach_device_pasid(domain, dev, pasid, NULL);
		if (ret) {
			topo_detach(domain, dev, rid, pasid - 1);
			return ret;
		}
	}

	return 0;
}

static struct iommu_domain *topo_domain_alloc(unsigned int pasids)
{
	return iommu_paging_domain_alloc_flags(topo_devices[0],
					       pasids ? IOMMU_HWPT_ALLOC_PASID : 0);
}

/* Map and unmap with marks in a domain that the caller has attached */
static int topo_measure_ops(struct iommu_domain *domain, const char *name,
			    unsigned long iova, size_t size,
			    unsigned int repeat)
{
	unsigned int order = get_order(size);
	struct page *pages;
	char begin_map[TOPO_LINE], begin_unmap[TOPO_LINE];
	int ret = 0;

	pages = alloc_pages(GFP_KERNEL, order);
	if (!pages)
		return -ENOMEM;

	snprintf(begin_map, sizeof(begin_map), "begin %s map", name);
	snprintf(begin_unmap, sizeof(begin_unmap), "begin %s unmap", name);

	while (repeat--) {
		topo_mark(begin_map);
		ret = iommu_map(domain, iova, page_to_phys(pages), size,
				IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
		topo_mark("end");
		if (ret)
			break;

		topo_mark(begin_unmap);
		if (iommu_unmap(domain, iova, size) != size)
			ret = -EIO;
		topo_mark("end");
		if (ret)
			break;
	}

	__free_pages(pages, order);
	return ret;
}

static int topo_measure(const char *name, unsigned int devices, bool rid,
			unsigned int pasids, unsigned long iova, size_t size,
			unsigned int repeat)
{
	struct iommu_domain *domain;
	unsigned int i;
	int ret = 0;

	if (!devices || devices > topo_ndevices || pasids > TOPO_MAX_PASIDS)
		return -ENODEV;

	domain = topo_domain_alloc(pasids);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	for (i = 0; i < devices; i++) {
		ret = topo_attach(domain, topo_devices[i], rid, pasids);
		if (ret)
			break;
	}

	if (!ret)
		ret = topo_measure_ops(domain, name, iova, size, repeat);

	while (i--)
		topo_detach(domain, topo_devices[i], rid, pasids);
	iommu_domain_free(domain);
	return ret;
}

static ssize_t measure_write(struct file *file, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	unsigned int devices, rid, pasids, repeat;
	char line[TOPO_LINE], name[33];
	unsigned long iova, size;
	int ret;

	ret = topo_get_line(line, buf, count);
	if (ret)
		return ret;
	if (sscanf(line, "%32s %u %u %u %lx %lx %u", name, &devices, &rid,
		   &pasids, &iova, &size, &repeat) != 7)
		return -EINVAL;

	guard(mutex)(&topo_lock);
	ret = topo_measure(name, devices, rid, pasids, iova, size, repeat);
	return ret ?: count;
}

static const struct file_operations measure_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= measure_write,
};

static ssize_t mark_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	char line[TOPO_LINE];
	int ret;

	ret = topo_get_line(line, buf, count);
	if (ret)
		return ret;

	guard(mutex)(&topo_lock);
	topo_mark(line);
	return count;
}

static const struct file_operations mark_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= mark_write,
};

/*
 * A thread of the load. There is one mapper on every CPU, each with an
 * IOVA window of its own, and one attacher for each device. The RID of the
 * first device stays attached, so that every unmap has to invalidate.
 */
struct topo_worker {
	struct task_struct *task;
	struct iommu_domain *domain;
	struct device *dev;
	unsigned int index;
	unsigned int pasids;
	bool keep_rid;
	unsigned long done;
	int error;
};

static unsigned long topo_done_maps;
static unsigned long topo_done_attaches;

#define TOPO_WINDOW	SZ_1G
#define TOPO_STRESS_MAX	SZ_2M

static int topo_mapper(void *data)
{
	static const size_t sizes[] = { SZ_4K, SZ_8K, SZ_64K, SZ_2M };
	struct topo_worker *w = data;
	unsigned int order = get_order(TOPO_STRESS_MAX);
	unsigned long iova = (w->index + 1UL) * TOPO_WINDOW;
	struct page *pages;

	pages = alloc_pages(GFP_KERNEL, order);
	if (!pages)
		w->error = -ENOMEM;

	while (!w->error && !kthread_should_stop()) {
		phys_addr_t phys = page_to_phys(pages);
		size_t size = sizes[w->done % ARRAY_SIZE(sizes)];

		w->error = iommu_map(w->domain, iova, phys, size,
				     IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
		if (w->error)
			break;
		if (iommu_iova_to_phys(w->domain, iova) != phys ||
		    iommu_unmap(w->domain, iova, size) != size ||
		    iommu_iova_to_phys(w->domain, iova))
			w->error = -EIO;
		w->done++;
		cond_resched();
	}

	if (pages)
		__free_pages(pages, order);
	return 0;
}

static int topo_attacher(void *data)
{
	struct topo_worker *w = data;

	while (!w->error && !kthread_should_stop()) {
		unsigned int pasids = w->done % 2 ? w->pasids : w->pasids / 2;
		bool rid = !w->keep_rid && (!pasids || w->done % 3);

		w->error = topo_attach(w->domain, w->dev, rid, pasids);
		if (w->error)
			break;
		if (w->done % 4 == 3)
			usleep_range(100, 1000);
		topo_detach(w->domain, w->dev, rid, pasids);
		w->done++;
		cond_resched();
	}

	return 0;
}

static int topo_start(struct topo_worker *w, int (*fn)(void *),
		      const char *what, int cpu)
{
	struct task_struct *task;

	task = kthread_create(fn, w, "topo-%s/%u", what, w->index);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (cpu >= 0)
		kthread_bind(task, cpu);
	get_task_struct(task);
	w->task = task;
	wake_up_process(task);
	return 0;
}

/* Stop the workers, add up their rounds in @done, return the first error */
static int topo_stop(struct topo_worker *w, unsigned int n, unsigned long *done)
{
	int ret = 0;

	*done = 0;
	for (; n--; w++) {
		if (!w->task)
			continue;
		kthread_stop_put(w->task);
		*done += w->done;
		if (!ret)
			ret = w->error;
	}
	return ret;
}

static int topo_load_workers(struct iommu_domain *domain,
			     unsigned int seconds, unsigned int pasids)
{
	struct topo_worker *mappers __free(kfree) =
		kcalloc(nr_cpu_ids, sizeof(*mappers), GFP_KERNEL);
	struct topo_worker *attachers __free(kfree) =
		kcalloc(topo_ndevices, sizeof(*attachers), GFP_KERNEL);
	int ret = 0, err, cpu;
	unsigned int i;

	if (!mappers || !attachers)
		return -ENOMEM;

	for_each_online_cpu(cpu) {
		mappers[cpu].domain = domain;
		mappers[cpu].index = cpu;
		ret = topo_start(&mappers[cpu], topo_mapper, "map", cpu);
		if (ret)
			break;
	}

	/* The RID of the first device stays attached: skip it without PASIDs */
	for (i = pasids ? 0 : 1; !ret && i < topo_ndevices; i++) {
		attachers[i].domain = domain;
		attachers[i].index = i;
		attachers[i].dev = topo_devices[i];
		attachers[i].pasids = pasids;
		attachers[i].keep_rid = !i;
		ret = topo_start(&attachers[i], topo_attacher, "attach", -1);
	}

	if (!ret)
		msleep(seconds * 1000);

	err = topo_stop(attachers, topo_ndevices, &topo_done_attaches);
	ret = ret ?: err;
	err = topo_stop(mappers, nr_cpu_ids, &topo_done_maps);
	return ret ?: err;
}

static int topo_load(unsigned int seconds, unsigned int pasids)
{
	struct iommu_domain *domain;
	int ret;

	if (!topo_ndevices || pasids > TOPO_MAX_PASIDS)
		return -ENODEV;

	domain = topo_domain_alloc(pasids);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	ret = topo_attach_rid(domain, topo_devices[0]);
	if (!ret) {
		ret = topo_load_workers(domain, seconds, pasids);
		topo_detach_rid(domain, topo_devices[0]);
	}
	iommu_domain_free(domain);
	return ret;
}

static ssize_t load_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	unsigned int seconds, pasids;
	char line[TOPO_LINE];
	int ret;

	ret = topo_get_line(line, buf, count);
	if (ret)
		return ret;
	if (sscanf(line, "%u %u", &seconds, &pasids) != 2)
		return -EINVAL;

	guard(mutex)(&topo_lock);
	topo_done_maps = 0;
	topo_done_attaches = 0;
	ret = topo_load(seconds, pasids);
	return ret ?: count;
}

static ssize_t load_read(struct file *file, char __user *buf, size_t count,
			 loff_t *ppos)
{
	char line[TOPO_LINE];
	int len;

	guard(mutex)(&topo_lock);
	len = scnprintf(line, sizeof(line), "maps=%lu attaches=%lu\n",
			topo_done_maps, topo_done_attaches);
	return simple_read_from_buffer(buf, count, ppos, line, len);
}

static const struct file_operations load_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= load_read,
	.write	= load_write,
};

/* provoke: one error for each detector that a debug kernel may have */
static DEFINE_SPINLOCK(topo_lock_a);
static DEFINE_SPINLOCK(topo_lock_b);
static unsigned long topo_raced;
static void __rcu *topo_rcu;

static void topo_provoke_inversion(void)
{
	spin_lock(&topo_lock_a);
	spin_lock(&topo_lock_b);
	spin_unlock(&topo_lock_b);
	spin_unlock(&topo_lock_a);

	spin_lock(&topo_lock_b);
	spin_lock(&topo_lock_a);
	spin_unlock(&topo_lock_a);
	spin_unlock(&topo_lock_b);
}

static void topo_provoke_sleep(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void topo_provoke_overrun(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);
	size_t past = 64;

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(past);
	(void)READ_ONCE(p[past]);
	kfree(p);
}

static int topo_racer(void *data)
{
	while (!kthread_should_stop()) {
		unsigned int i;

		for (i = 0; i < 1000; i++) {
			topo_raced++;
			barrier();
		}
		cond_resched();
	}
	return 0;
}

static void topo_provoke_race(void)
{
	struct task_struct *racers[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(racers); i++)
		racers[i] = kthread_run(topo_racer, NULL, "topo-race/%d", i);
	msleep(3000);
	for (i = 0; i < ARRAY_SIZE(racers); i++)
		if (!IS_ERR(racers[i]))
			kthread_stop(racers[i]);
}

static ssize_t provoke_write(struct file *file, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))
		topo_provoke_sleep();
	if (IS_ENABLED(CONFIG_PROVE_RCU))
		(void)rcu_dereference(topo_rcu);
	/* A report of a deadlock, or one by KASAN, disables lockdep */
	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		topo_provoke_inversion();
	if (IS_ENABLED(CONFIG_KASAN))
		topo_provoke_overrun();
	if (IS_ENABLED(CONFIG_KCSAN))
		topo_provoke_race();
	WARN(1, "provoked\n");
	return count;
}

static const struct file_operations provoke_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= provoke_write,
};

static int topo_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;

	guard(mutex)(&topo_lock);
	if (topo_ndevices == TOPO_MAX_DEVICES || !dev->iommu)
		return -ENODEV;

	/*
	 * The function has no PASID capability, and QEMU's unit reports a PASID
	 * width of one bit, although its tables and caches accept any PASID.
	 * Make the core accept as many as are needed.
	 */
	if (dev->iommu->iommu_dev->max_pasids)
		dev->iommu->max_pasids = TOPO_MAX_PASIDS + 1;

	topo_devices[topo_ndevices++] = dev;
	return 0;
}

static void topo_remove(struct pci_dev *pdev)
{
	unsigned int i;

	guard(mutex)(&topo_lock);
	for (i = 0; topo_devices[i] != &pdev->dev; i++)
		;
	topo_ndevices--;
	for (; i < topo_ndevices; i++)
		topo_devices[i] = topo_devices[i + 1];
}

static const struct pci_device_id topo_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT, 0x0005) },
	{ }
};
MODULE_DEVICE_TABLE(pci, topo_ids);

static struct pci_driver topo_driver = {
	.name		= "iommu-topo",
	.id_table	= topo_ids,
	.probe		= topo_probe,
	.remove		= topo_remove,
};

static int __init topo_init(void)
{
	int ret;

	ret = pci_register_driver(&topo_driver);
	if (ret)
		return ret;

	topo_dir = debugfs_create_dir("iommu-topo", NULL);
	debugfs_create_file("measure", 0200, topo_dir, NULL, &measure_fops);
	debugfs_create_file("mark", 0200, topo_dir, NULL, &mark_fops);
	debugfs_create_file("load", 0600, topo_dir, NULL, &load_fops);
	debugfs_create_file("provoke", 0200, topo_dir, NULL, &provoke_fops);
	debugfs_create_u32("devices", 0400, topo_dir, &topo_ndevices);

	/* Terminate a partial line that the firmware may have written */
	topo_mark("");
	return 0;
}
module_init(topo_init);

static void __exit topo_exit(void)
{
	debugfs_remove(topo_dir);
	pci_unregister_driver(&topo_driver);
}
module_exit(topo_exit);

MODULE_DESCRIPTION("Drives RID and PASID topologies through the IOMMU core API");
MODULE_LICENSE("GPL");

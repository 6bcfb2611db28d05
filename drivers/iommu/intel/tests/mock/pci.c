// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock PCI devices behind the mock IOMMUs: configuration space, DMA, and a
 * sub-device like those of VMD.
 */

#define pr_fmt(fmt)	"mock IOMMU: " fmt

#include <linux/acpi.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "pci.h"

#define PCI_CONFIG_SIZE	4096
#define PCI_EXP_CAP	0x40
#define PCI_PM_CAP	0x80
#define PCI_ATS_EXT	0x100
#define PCI_PASID_EXT	0x110
#define PCI_PRI_EXT	0x120
#define PCI_FIRST_SLOT	1
#define PCI_BRIDGED_BUS	1
#define PCI_VMD_SEGMENT	0x10000	/* not a DMAR segment (16 bits) */

/**
 * struct pci_mock - a mock PCI device
 * @pdev: The device; NULL before the segment is scanned and while the device
 *	is unplugged.
 * @config: Configuration space, %PCI_CONFIG_SIZE bytes.
 * @removed: The device does not respond.
 * @pmcsr: Power management control and status register.
 */
struct pci_mock {
	struct pci_dev *pdev;
	u8 *config;
	bool removed;
	u16 pmcsr;
};

/**
 * struct pci_segment - PCI segment of a mock IOMMU
 * @sysdata: Architecture data of its root bus.
 * @buses: Bus numbers.
 * @iommu: The mock IOMMU.
 * @devs: The devices. Writers of &pci_mock.removed and &pci_mock.pmcsr hold the
 *	lock of @iommu; readers need not.
 */
struct pci_segment {
	struct pci_sysdata sysdata;
	struct resource buses;
	struct mock_iommu *iommu;
	struct pci_mock devs[MOCK_SLOTS];
};

static struct pci_segment pci_segments[MOCK_IOMMUS];

static struct pci_segment *pci_segment_of(const struct pci_bus *bus)
{
	return container_of(to_pci_sysdata(bus), struct pci_segment, sysdata);
}

/* Bus, device and function number of a device */
static u16 pci_number(unsigned int i)
{
	switch (i) {
	case MOCK_BRIDGED:
		return MOCK_BRIDGED_ID;
	case MOCK_BRIDGED2:
		return MOCK_BRIDGED_ID + PCI_DEVFN(1, 0);
	default:
		return PCI_DEVID(0, PCI_DEVFN(PCI_FIRST_SLOT + i, 0));
	}
}

/* Find a device by bus, device and function number. */
static struct pci_mock *pci_find(struct pci_segment *segment, u16 bdf)
{
	unsigned int i;

	for (i = 0; i < MOCK_SLOTS; i++)
		if (pci_number(i) == bdf)
			return &segment->devs[i];
	return NULL;
}

/* Configuration space */

/* The mock devices have no functions other than 0. */
static struct pci_mock *pci_function(struct pci_bus *bus, unsigned int devfn)
{
	if (PCI_FUNC(devfn))
		return NULL;
	return pci_find(pci_segment_of(bus), PCI_DEVID(bus->number, devfn));
}

static struct pci_mock *pci_respond(struct pci_bus *bus, unsigned int devfn)
{
	struct pci_mock *dev = pci_function(bus, devfn);

	return dev && !READ_ONCE(dev->removed) ? dev : NULL;
}

static int pci_config_read(struct pci_bus *bus, unsigned int devfn, int where,
			   int size, u32 *value)
{
	struct pci_mock *dev = pci_respond(bus, devfn);

	*value = ~0;
	if (!dev)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*value = 0;
	if (where == PCI_PM_CAP + PCI_PM_CTRL)
		*value = READ_ONCE(dev->pmcsr);
	else
		memcpy(value, dev->config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

static bool pci_config_has_ats(const u8 *config)
{
	return config[PCI_ATS_EXT] == PCI_EXT_CAP_ID_ATS &&
	       config[PCI_ATS_EXT + PCI_ATS_CTRL + 1] & 0x80;
}

/* Pass the state of the ATS enable bit to the cache layer. */
static void pci_update_ats(struct mock_iommu *iommu, u16 sid, const u8 *config)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	mock_set_ats(&iommu->cache, sid, pci_config_has_ats(config));
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/*
 * The devices have no BARs: the PCI core must read them as 0. A removed device
 * still receives writes that enable or disable ATS, as if the PCI core repeated
 * the last one when the device is plugged in again.
 */
static int pci_config_write(struct pci_bus *bus, unsigned int devfn, int where,
			    int size, u32 value)
{
	struct pci_mock *dev = pci_function(bus, devfn);

	if (!dev || (READ_ONCE(dev->removed) &&
		     where != PCI_ATS_EXT + PCI_ATS_CTRL))
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (where >= PCI_BASE_ADDRESS_0 && where < PCI_CAPABILITY_LIST)
		return PCIBIOS_SUCCESSFUL;
	memcpy(dev->config + where, &value, size);
	pci_update_ats(pci_segment_of(bus)->iommu,
		       PCI_DEVID(bus->number, devfn), dev->config);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops pci_config_ops = {
	.read = pci_config_read,
	.write = pci_config_write,
};

static void pci_set16(u8 *config, int where, u16 value)
{
	memcpy(config + where, &value, sizeof(value));
}

static void pci_set32(u8 *config, int where, u32 value)
{
	memcpy(config + where, &value, sizeof(value));
}

/* Add a page request interface in the stopped state. */
static void pci_fill_pri(u8 *config)
{
	pci_set32(config, PCI_PASID_EXT,
		  PCI_EXT_CAP_ID_PASID | 1 << 16 | PCI_PRI_EXT << 20);
	pci_set32(config, PCI_PRI_EXT, PCI_EXT_CAP_ID_PRI | 1 << 16);
	pci_set16(config, PCI_PRI_EXT + PCI_PRI_STATUS,
		  PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID);
	pci_set32(config, PCI_PRI_EXT + PCI_PRI_MAX_REQ, 32);
}

/* A device that no driver matches */
static void pci_fill_any(u8 *config)
{
	pci_set16(config, PCI_VENDOR_ID, 0x1b36);
	pci_set16(config, PCI_DEVICE_ID, 0xfff0);
	pci_set32(config, PCI_CLASS_REVISION, PCI_CLASS_NOT_DEFINED << 16);
}

static void pci_fill_express(u8 *config, unsigned int type)
{
	pci_fill_any(config);
	pci_set16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	config[PCI_CAPABILITY_LIST] = PCI_EXP_CAP;
	config[PCI_EXP_CAP] = PCI_CAP_ID_EXP;
	pci_set16(config, PCI_EXP_CAP + PCI_EXP_FLAGS, 2 | type << 4);
}

/* A PCI Express to PCI bridge with closed windows */
static void pci_fill_bridge(u8 *config)
{
	pci_fill_express(config, PCI_EXP_TYPE_PCI_BRIDGE);
	config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	pci_set32(config, PCI_CLASS_REVISION, PCI_CLASS_BRIDGE_PCI << 16);
	config[PCI_SECONDARY_BUS] = PCI_BRIDGED_BUS;
	config[PCI_SUBORDINATE_BUS] = PCI_BRIDGED_BUS;
	pci_set16(config, PCI_MEMORY_BASE, 0xfff0);
}

/* A root complex integrated endpoint */
static void pci_fill_endpoint(const struct mock_iommu *iommu, u8 *config,
			      bool ats)
{
	pci_fill_express(config, PCI_EXP_TYPE_RC_END);
	pci_set32(config, PCI_EXP_CAP + PCI_EXP_DEVCAP2,
		  PCI_EXP_DEVCAP2_EE_PREFIX | 1 << 22);

	pci_set32(config, PCI_PASID_EXT, PCI_EXT_CAP_ID_PASID | 1 << 16);
	pci_set16(config, PCI_PASID_EXT + PCI_PASID_CAP, 20 << 8);
	if (ats) {
		pci_set32(config, PCI_ATS_EXT,
			  PCI_EXT_CAP_ID_ATS | 1 << 16 | PCI_PASID_EXT << 20);
		pci_set16(config, PCI_ATS_EXT + PCI_ATS_CAP,
			  PCI_ATS_CAP_PAGE_ALIGNED);
		if (iommu->ecap & MOCK_ECAP_PRS)
			pci_fill_pri(config);
	} else {
		/* The list of extended capabilities must begin at 0x100. */
		pci_set32(config, PCI_ATS_EXT,
			  PCI_EXT_CAP_ID_VNDR | 1 << 16 | PCI_PASID_EXT << 20);
	}
}

static int pci_fill_configs(struct pci_segment *segment)
{
	struct pci_mock *devs = segment->devs;
	unsigned int i;

	for (i = 0; i < MOCK_SLOTS; i++) {
		devs[i].config = kzalloc(PCI_CONFIG_SIZE, GFP_KERNEL);
		if (!devs[i].config)
			return -ENOMEM;
	}
	for (i = 0; i < MOCK_DEVS; i++)
		pci_fill_endpoint(segment->iommu, devs[i].config, i > 0);
	pci_fill_any(devs[MOCK_BRIDGED].config);
	pci_fill_bridge(devs[MOCK_BRIDGE].config);
	pci_fill_any(devs[MOCK_BRIDGED2].config);
	devs[MOCK_BRIDGED2].removed = true;
	for (i = MOCK_EXTRA; i < MOCK_SLOTS; i++) {
		pci_fill_endpoint(segment->iommu, devs[i].config, true);
		devs[i].removed = true;
	}
	return 0;
}

/* Create a root bus and scan it; NULL on failure. */
static struct pci_bus *pci_scan_segment(struct pci_segment *segment,
					struct pci_ops *ops)
{
	LIST_HEAD(resources);
	struct pci_bus *bus;

	segment->sysdata.node = NUMA_NO_NODE;
	segment->buses = (struct resource) {
		.name = segment->iommu->name,
		.end = 0xff,
		.flags = IORESOURCE_BUS,
	};
	pci_add_resource(&resources, &segment->buses);

	pci_lock_rescan_remove();
	bus = pci_create_root_bus(NULL, 0, ops, &segment->sysdata, &resources);
	if (bus) {
		pci_scan_child_bus(bus);
		pci_bus_add_devices(bus);
	}
	pci_unlock_rescan_remove();
	if (!bus)
		pci_free_resource_list(&resources);
	return bus;
}

/* Look up the PCI device of a slot after the PCI core has scanned it. */
static int pci_lookup_slot(struct pci_segment *segment, unsigned int i)
{
	segment->devs[i].pdev =
		pci_get_domain_bus_and_slot(segment->iommu->segment,
					    PCI_BUS_NUM(pci_number(i)),
					    pci_number(i) & 0xff);
	return segment->devs[i].pdev ? 0 : -ENODEV;
}

/**
 * mock_pci_create() - create the PCI segment of a mock IOMMU and its devices
 * @iommu: The mock IOMMU.
 *
 * The devices exist from then on, except between mock_unplug() and mock_plug().
 * %MOCK_BRIDGED2 and the extra endpoints do not exist before they are plugged in.
 *
 * Context: May sleep. Called once per IOMMU, after the driver has been
 * initialised.
 * Return: 0, or a negative error code.
 */
int mock_pci_create(struct mock_iommu *iommu)
{
	struct pci_segment *segment = &pci_segments[iommu - mock_iommu(0)];
	unsigned int i;
	int ret;

	segment->iommu = iommu;
	segment->sysdata.domain = iommu->segment;
	ret = pci_fill_configs(segment);
	if (ret)
		return ret;
	if (!pci_scan_segment(segment, &pci_config_ops))
		return -ENODEV;
	for (i = 0; i < MOCK_BRIDGED2 && !ret; i++)
		ret = pci_lookup_slot(segment, i);
	return ret;
}

/**
 * mock_unplug() - remove a device from the system
 * @id: Mock IOMMU of the device.
 * @i: Index of the device, as for mock_dev(), except %MOCK_BRIDGE.
 *
 * mock_dev() must not be called for it until mock_plug() has succeeded.
 * Has no effect if the device has been removed already.
 *
 * Context: May sleep.
 */
void mock_unplug(enum mock_iommu_id id, unsigned int i)
{
	struct pci_mock *dev = &pci_segments[id].devs[i];

	if (!dev->pdev)
		return;
	pci_stop_and_remove_bus_device_locked(dev->pdev);
	pci_dev_put(dev->pdev);
	dev->pdev = NULL;
	if (i < MOCK_EXTRA)
		return;
	guard(raw_spinlock_irqsave)(&pci_segments[id].iommu->lock);
	WRITE_ONCE(dev->removed, true);
}

/**
 * mock_plug() - add a device that is not in the system
 * @id: Mock IOMMU of the device.
 * @i: Index of the device.
 *
 * Context: May sleep.
 * Return: 0, or a negative error code.
 */
int mock_plug(enum mock_iommu_id id, unsigned int i)
{
	struct pci_segment *segment = &pci_segments[id];
	struct pci_bus *bus = pci_find_bus(segment->iommu->segment,
					   PCI_BUS_NUM(pci_number(i)));

	scoped_guard(raw_spinlock_irqsave, &segment->iommu->lock)
		WRITE_ONCE(segment->devs[i].removed, false);
	pci_lock_rescan_remove();
	pci_scan_slot(bus, pci_number(i) & 0xff);
	pci_bus_add_devices(bus);
	pci_unlock_rescan_remove();
	return pci_lookup_slot(segment, i);
}

/*
 * VMD: a device with a sub-device on the root bus of another PCI segment.
 * Requests of the sub-device carry the requester id of the VMD device.
 */

#if IS_ENABLED(CONFIG_VMD)
static struct pci_segment pci_vmd_segment;
static u8 pci_vmd_config[PCI_CONFIG_SIZE];
static u16 pci_vmd_bdf;

static int pci_vmd_read(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 *value)
{
	*value = ~0;
	if (PCI_DEVID(bus->number, devfn) != pci_vmd_bdf)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*value = 0;
	memcpy(value, pci_vmd_config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int pci_vmd_write(struct pci_bus *bus, unsigned int devfn, int where,
			 int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops pci_vmd_ops = {
	.read = pci_vmd_read,
	.write = pci_vmd_write,
};

static struct pci_bus *pci_vmd_scan(struct pci_dev *pdev, unsigned int i)
{
	pci_vmd_segment = (struct pci_segment) {
		.iommu = pci_segment_of(pdev->bus)->iommu,
		.sysdata.domain = PCI_VMD_SEGMENT,
		.sysdata.vmd_dev = pdev,
	};
	memset(pci_vmd_config, 0, sizeof(pci_vmd_config));
	pci_fill_endpoint(pci_vmd_segment.iommu, pci_vmd_config, i > 0);
	pci_vmd_bdf = mock_sid(i);
	return pci_scan_segment(&pci_vmd_segment, &pci_vmd_ops);
}
#else
static struct pci_bus *pci_vmd_scan(struct pci_dev *pdev, unsigned int i)
{
	return NULL;
}
#endif

/**
 * mock_vmd_create() - create a sub-device, as the VMD driver does
 * @dev: The device that acts as the VMD device.
 * @i: Index of an endpoint, below %MOCK_DEVS. The sub-device has the bus,
 *	device and function number of that endpoint, and the same capabilities.
 *
 * Context: May sleep. Only one sub-device can exist at a time.
 * Return: The root bus of the sub-device; NULL without CONFIG_VMD or on
 * failure.
 */
struct pci_bus *mock_vmd_create(struct device *dev, unsigned int i)
{
	return pci_vmd_scan(to_pci_dev(dev), i);
}

/**
 * mock_vmd_remove() - remove a sub-device
 * @bus: Root bus that mock_vmd_create() returned.
 *
 * Context: May sleep.
 */
void mock_vmd_remove(struct pci_bus *bus)
{
	struct device *bridge = bus->bridge;

	pci_lock_rescan_remove();
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_unlock_rescan_remove();
	/* pci_create_root_bus() returned with this reference. */
	put_device(bridge);
}

/**
 * mock_dev() - get a device
 * @id: Mock IOMMU of the device.
 * @i: Index of the device: 0 for the endpoint without ATS, below %MOCK_DEVS for
 *	those with ATS, %MOCK_BRIDGED, %MOCK_BRIDGE, %MOCK_BRIDGED2, or
 *	from %MOCK_EXTRA on for the extra endpoints.
 *
 * Context: Any. mock_pci_create() has succeeded.
 * Return: The device.
 */
struct device *mock_dev(enum mock_iommu_id id, unsigned int i)
{
	return &pci_segments[id].devs[i].pdev->dev;
}

/**
 * mock_sid() - requester id of the requests of a device
 * @i: Index of the device, as for mock_dev().
 *
 * Context: Any.
 * Return: The requester id. The devices behind the bridge share one.
 */
u16 mock_sid(unsigned int i)
{
	return i == MOCK_BRIDGED || i == MOCK_BRIDGED2 ?
	       PCI_DEVID(PCI_BRIDGED_BUS, 0) : pci_number(i);
}

/**
 * mock_set_removed() - emulate the surprise removal of a device
 * @dev: The device.
 * @removed: True to remove the device, false to plug it in again.
 *
 * A removed device responds neither to configuration requests nor to device-TLB
 * invalidations. To make the latter time out, the function overwrites
 * &mock_errors.ite of the IOMMU. When the device is plugged in again, its
 * device TLB is empty, and ATS is in the state that the driver set last.
 *
 * Context: Any but NMI.
 */
void mock_set_removed(struct device *dev, bool removed)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_segment *segment = pci_segment_of(pdev->bus);
	struct mock_iommu *iommu = segment->iommu;
	u16 sid = pci_dev_id(pdev);
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	mock_devtlb_clear(&iommu->cache, sid);
	WRITE_ONCE(pci_find(segment, sid)->removed, removed);
	iommu->errors.ite = removed ? sid : 0;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_sleep() - put a device into D3hot
 * @dev: The device.
 * @keep: The device keeps its state. Otherwise it is reset when it wakes up.
 *
 * A sleeping device responds to configuration requests but not to device-TLB
 * invalidations. To make the latter time out, the function overwrites
 * &mock_errors.ite of the IOMMU. The test must not let the device do DMA before
 * mock_wake().
 *
 * The power management capability is not in the device's list of capabilities,
 * so that the PCI core does not find it when it scans the device.
 *
 * Context: Any but NMI. The driver does not access the device at the same time.
 */
void mock_sleep(struct device *dev, bool keep)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_segment *segment = pci_segment_of(pdev->bus);
	struct mock_iommu *iommu = segment->iommu;
	u16 sid = pci_dev_id(pdev);
	unsigned long flags;

	pdev->pm_cap = PCI_PM_CAP;
	raw_spin_lock_irqsave(&iommu->lock, flags);
	WRITE_ONCE(pci_find(segment, sid)->pmcsr, (__force u16)PCI_D3hot |
		   (keep ? PCI_PM_CTRL_NO_SOFT_RESET : 0));
	iommu->errors.ite = sid;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_wake() - wake a device up after mock_sleep()
 * @dev: The device.
 *
 * If the device does not keep its state, its device TLB is empty afterwards.
 * ATS remains enabled, as if the PCI core had enabled it again.
 *
 * Context: Any but NMI.
 */
void mock_wake(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_segment *segment = pci_segment_of(pdev->bus);
	struct mock_iommu *iommu = segment->iommu;
	u16 sid = pci_dev_id(pdev);
	struct pci_mock *mock = pci_find(segment, sid);
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	if (!(mock->pmcsr & PCI_PM_CTRL_NO_SOFT_RESET))
		mock_devtlb_clear(&iommu->cache, sid);
	WRITE_ONCE(mock->pmcsr, (__force u16)PCI_D0);
	iommu->errors.ite = 0;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/* DMA */

/* With ATS, a device requests a translation first and caches it. */
static int pci_translate(struct device *dev, ioasid_t pasid, u64 addr,
			 bool write, struct mock_entry *entry)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct mock_iommu *iommu = pci_segment_of(pdev->bus)->iommu;
	struct mock_cache *cache = &iommu->cache;
	unsigned long flags;
	int ret = 0;
	bool ats;
	u16 sid;

	sid = pci_is_root_bus(pdev->bus) ? pci_dev_id(pdev) :
					   mock_sid(MOCK_BRIDGED);
	ats = mock_ats_enabled(cache, sid);
	raw_spin_lock_irqsave(&iommu->lock, flags);
	mock_do_commands(iommu);
	if (ats && mock_devtlb_find(cache, sid, pasid, addr, write, entry)) {
		ret = mock_serves_translated(cache, sid) ? 0 : -EFAULT;
	} else {
		ret = mock_translate(cache, sid, pasid, addr, write, ats,
				     entry);
		if (!ret && ats)
			mock_devtlb_insert(cache, sid, pasid, addr, entry);
	}
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
	return ret;
}

/**
 * mock_dma() - emulate a memory access by a device
 * @dev: The device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: DMA address.
 * @write: Write instead of read.
 * @pa: Set to the physical address that the access reaches.
 *
 * Memory is neither read nor written.
 *
 * Context: Any but NMI.
 * Return: 0, or -EFAULT if the IOMMU refuses the request.
 */
int mock_dma(struct device *dev, ioasid_t pasid, u64 addr, bool write,
	     phys_addr_t *pa)
{
	struct mock_entry entry;
	int ret = pci_translate(dev, pasid, addr, write, &entry);

	if (!ret)
		*pa = entry.pa + (addr - entry.addr);
	return ret;
}

/**
 * mock_request_page() - send a page request from a device
 * @dev: The device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: Address of the page.
 * @index: Page request group index, below 512.
 * @last: Last request of its group; software then answers the group.
 *
 * Does nothing if the page request interface of the device is disabled.
 *
 * Context: Any but NMI.
 */
void mock_request_page(struct device *dev, ioasid_t pasid, u64 addr, u16 index,
		       bool last)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_segment *segment = pci_segment_of(pdev->bus);
	struct mock_iommu *iommu = segment->iommu;
	const struct mock_request req = {
		.sid = pci_dev_id(pdev),
		.pasid = pasid,
		.addr = addr,
		.index = index,
		.last = last,
	};
	const u8 *config = pci_find(segment, req.sid)->config;
	unsigned long flags;

	if (!(config[PCI_PRI_EXT + PCI_PRI_CTRL] & PCI_PRI_CTRL_ENABLE))
		return;
	raw_spin_lock_irqsave(&iommu->lock, flags);
	mock_prq_add(&iommu->prq, &req);
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_dma_snoops() - whether the IOMMU makes a no-snoop read coherent
 * @dev: The device.
 * @pasid: PASID of the request, %IOMMU_NO_PASID for a request without one.
 * @addr: DMA address of the read.
 *
 * Context: Any but NMI.
 * Return: Whether the IOMMU enforces coherence; false if it refuses the
 * request.
 */
bool mock_dma_snoops(struct device *dev, ioasid_t pasid, u64 addr)
{
	struct mock_entry entry;

	return !pci_translate(dev, pasid, addr, false, &entry) && entry.snoop;
}

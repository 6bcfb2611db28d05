// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices behind units made of memory: a PCI segment for each unit, with a
 * configuration space in memory for each device, and the DMA that they do.
 */

#define pr_fmt(fmt)	"unit-model: " fmt

#include <linux/acpi.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "unit-model.h"

#define CONFIG_SIZE	4096
#define EXP_CAP		0x40
#define ATS_CAP		0x100
#define PASID_CAP	0x110
#define PRI_CAP		0x120
#define FIRST_SLOT	1
#define BRIDGED_BUS	1
#define VMD_SEGMENT	0x10000	/* more than a DMAR table can name */

struct model_segment {
	struct pci_sysdata sysdata;
	struct resource buses;
	struct model_unit *unit;
};

static struct model_segment segments[MODEL_UNITS];

static struct model_unit *unit_of(const struct pci_bus *bus)
{
	return container_of(to_pci_sysdata(bus), struct model_segment,
			    sysdata)->unit;
}

/* By where it is, which is what it asks under unless it is behind a bridge. */
static struct model_device *find_device(struct model_unit *unit, u16 sid)
{
	unsigned int i = PCI_SLOT(sid) - FIRST_SLOT;

	if (PCI_BUS_NUM(sid) == BRIDGED_BUS && !i)
		return &unit->devs[MODEL_BRIDGED];
	if (PCI_BUS_NUM(sid) || i == MODEL_BRIDGED || i >= MODEL_SLOTS)
		return NULL;
	return &unit->devs[i];
}

/* No two functions of a device: the slot says which it is. */
static u8 *config_of(struct pci_bus *bus, unsigned int devfn)
{
	struct model_device *dev;

	dev = find_device(unit_of(bus), PCI_DEVID(bus->number, devfn));
	if (PCI_FUNC(devfn) || !dev || READ_ONCE(dev->gone))
		return NULL;
	return dev->config;
}

static int config_read(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	u8 *config = config_of(bus, devfn);

	*value = ~0;
	if (!config)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*value = 0;
	memcpy(value, config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

/*
 * There are no registers of the device itself to place anywhere. A device that
 * gets ATS begins with an empty TLB.
 */
static int config_write(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 value)
{
	struct model_unit *unit = unit_of(bus);
	u8 *config = config_of(bus, devfn);
	bool ats;

	if (!config)
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (where >= PCI_BASE_ADDRESS_0 && where < PCI_CAPABILITY_LIST)
		return PCIBIOS_SUCCESSFUL;
	ats = model_ats_enabled(unit, PCI_DEVID(bus->number, devfn));
	memcpy(config + where, &value, size);
	if (!ats && model_ats_enabled(unit, PCI_DEVID(bus->number, devfn)))
		model_devtlb_clear(unit, PCI_DEVID(bus->number, devfn));
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops config_ops = {
	.read = config_read,
	.write = config_write,
};

static void set16(u8 *config, int where, u16 value)
{
	memcpy(config + where, &value, sizeof(value));
}

static void set32(u8 *config, int where, u32 value)
{
	memcpy(config + where, &value, sizeof(value));
}

/* Page requests: there are none under way. */
static void fill_pri(u8 *config)
{
	set32(config, PASID_CAP,
	      PCI_EXT_CAP_ID_PASID | 1 << 16 | PRI_CAP << 20);
	set32(config, PRI_CAP, PCI_EXT_CAP_ID_PRI | 1 << 16);
	set16(config, PRI_CAP + PCI_PRI_STATUS,
	      PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID);
	set32(config, PRI_CAP + PCI_PRI_MAX_REQ, 32);
}

/* Something that no driver knows. */
static void fill_any(u8 *config)
{
	set16(config, PCI_VENDOR_ID, 0x1b36);
	set16(config, PCI_DEVICE_ID, 0xfff0);
	set32(config, PCI_CLASS_REVISION, PCI_CLASS_NOT_DEFINED << 16);
}

static void fill_express(u8 *config, unsigned int type)
{
	fill_any(config);
	set16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	config[PCI_CAPABILITY_LIST] = EXP_CAP;
	config[EXP_CAP] = PCI_CAP_ID_EXP;
	set16(config, EXP_CAP + PCI_EXP_FLAGS, 2 | type << 4);
}

/* From PCI Express to PCI. Its windows are closed. */
static void fill_bridge(u8 *config)
{
	fill_express(config, PCI_EXP_TYPE_PCI_BRIDGE);
	config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	set32(config, PCI_CLASS_REVISION, PCI_CLASS_BRIDGE_PCI << 16);
	config[PCI_SECONDARY_BUS] = BRIDGED_BUS;
	config[PCI_SUBORDINATE_BUS] = BRIDGED_BUS;
	set16(config, PCI_MEMORY_BASE, 0xfff0);
}

/* An endpoint integrated into the root complex. */
static void fill_endpoint(const struct model_unit *unit, u8 *config, bool ats)
{
	fill_express(config, PCI_EXP_TYPE_RC_END);
	set32(config, EXP_CAP + PCI_EXP_DEVCAP2,
	      PCI_EXP_DEVCAP2_EE_PREFIX | 1 << 22);

	set32(config, PASID_CAP, PCI_EXT_CAP_ID_PASID | 1 << 16);
	set16(config, PASID_CAP + PCI_PASID_CAP, 20 << 8);
	if (ats) {
		set32(config, ATS_CAP,
		      PCI_EXT_CAP_ID_ATS | 1 << 16 | PASID_CAP << 20);
		set16(config, ATS_CAP + PCI_ATS_CAP, PCI_ATS_CAP_PAGE_ALIGNED);
		if (unit->ecap & MODEL_ECAP_PRS)
			fill_pri(config);
	} else {
		/* The list begins here: an empty entry leads on. */
		set32(config, ATS_CAP, PCI_EXT_CAP_ID_VNDR | 1 << 16 |
		      PASID_CAP << 20);
	}
}

/**
 * model_ats_enabled() - does a device have a TLB of its own?
 * @unit: The unit.
 * @sid: Requester id of the device.
 *
 * Context: Any.
 * Return: Whether its configuration space says so.
 */
bool model_ats_enabled(struct model_unit *unit, u16 sid)
{
	struct model_device *dev = find_device(unit, sid);

	return dev && dev->config[ATS_CAP] == PCI_EXT_CAP_ID_ATS &&
	       dev->config[ATS_CAP + PCI_ATS_CTRL + 1] & 0x80;
}

static int fill_configs(struct model_unit *unit)
{
	unsigned int i;

	for (i = 0; i < MODEL_SLOTS; i++) {
		unit->devs[i].config = kzalloc(CONFIG_SIZE, GFP_KERNEL);
		if (!unit->devs[i].config)
			return -ENOMEM;
	}
	for (i = 0; i < MODEL_DEVS; i++)
		fill_endpoint(unit, unit->devs[i].config, i > 0);
	fill_any(unit->devs[MODEL_BRIDGED].config);
	fill_bridge(unit->devs[MODEL_BRIDGE].config);
	return 0;
}

/* A segment with all that its configuration space shows; NULL if it cannot be. */
static struct pci_bus *scan_segment(struct model_segment *segment,
				    struct pci_ops *ops)
{
	LIST_HEAD(resources);
	struct pci_bus *bus;

	segment->sysdata.node = NUMA_NO_NODE;
	segment->buses = (struct resource) {
		.name = segment->unit->name,
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

/**
 * model_pci_create() - make the segment of a unit and its devices
 * @unit: The unit.
 *
 * They stay for good.
 *
 * Context: May sleep. The driver has been initialised.
 * Return: 0, or a negative error code.
 */
int model_pci_create(struct model_unit *unit)
{
	struct model_segment *segment = &segments[unit - model_unit(0)];
	struct pci_bus *bus, *parent;
	unsigned int i, slot;
	int ret;

	ret = fill_configs(unit);
	if (ret)
		return ret;
	segment->unit = unit;
	segment->sysdata.domain = unit->segment;
	bus = scan_segment(segment, &config_ops);
	if (!bus)
		return -ENODEV;

	for (i = 0; i < MODEL_SLOTS; i++) {
		parent = bus;
		slot = FIRST_SLOT + i;
		if (i == MODEL_BRIDGED) {
			parent = pci_find_bus(unit->segment, BRIDGED_BUS);
			slot = FIRST_SLOT;
		}
		if (parent)
			unit->devs[i].pdev =
				pci_get_slot(parent, PCI_DEVFN(slot, 0));
		if (!unit->devs[i].pdev)
			return -ENODEV;
	}
	return 0;
}

/* What VMD hides, and its requests come under the id of VMD itself */

#if IS_ENABLED(CONFIG_VMD)
static struct model_segment vmd_segment;

static int vmd_read(struct pci_bus *bus, unsigned int devfn, int where,
		    int size, u32 *value)
{
	u8 config[PCI_CFG_SPACE_SIZE] = {};

	*value = ~0;
	if (devfn || bus->number)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*value = 0;
	fill_any(config);
	if (where + size <= sizeof(config))
		memcpy(value, config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int vmd_write(struct pci_bus *bus, unsigned int devfn, int where,
		     int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops vmd_ops = {
	.read = vmd_read,
	.write = vmd_write,
};

static struct pci_bus *scan_vmd(struct pci_dev *pdev)
{
	vmd_segment = (struct model_segment) {
		.unit = unit_of(pdev->bus),
		.sysdata.domain = VMD_SEGMENT,
		.sysdata.vmd_dev = pdev,
	};
	return scan_segment(&vmd_segment, &vmd_ops);
}
#else
static struct pci_bus *scan_vmd(struct pci_dev *pdev)
{
	return NULL;
}
#endif

/**
 * model_vmd_create() - let a device hide another one behind itself
 * @dev: The device, which has its unit for itself and for the other.
 *
 * Context: May sleep. One at a time.
 * Return: The other's bus; NULL if the kernel knows nothing of VMD.
 */
struct pci_bus *model_vmd_create(struct device *dev)
{
	return scan_vmd(to_pci_dev(dev));
}

/**
 * model_vmd_remove() - undo model_vmd_create()
 * @bus: What it has returned.
 *
 * Context: May sleep.
 */
void model_vmd_remove(struct pci_bus *bus)
{
	struct device *bridge = bus->bridge;

	pci_lock_rescan_remove();
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_unlock_rescan_remove();
	/* Whoever has created it has still got it. */
	put_device(bridge);
}

/**
 * model_dev() - a device behind a unit
 * @id: The unit.
 * @i: Which of its devices; the first does not have ATS, and %MODEL_BRIDGED
 *	shares its group with a bridge.
 *
 * Return: The device.
 */
struct device *model_dev(enum model_unit_id id, unsigned int i)
{
	return &model_unit(id)->devs[i].pdev->dev;
}

/**
 * model_sid() - what the requests of a device come under
 * @i: Which of a unit's devices.
 *
 * Return: Its requester id, or that which a bridge takes for it.
 */
u16 model_sid(unsigned int i)
{
	return i == MODEL_BRIDGED ? PCI_DEVID(BRIDGED_BUS, 0) :
	       PCI_DEVID(0, PCI_DEVFN(FIRST_SLOT + i, 0));
}

/**
 * model_set_gone() - take a device out of its slot, or put it back
 * @dev: The device. When it comes back its TLB is empty.
 * @gone: To take it out.
 *
 * While it is gone, its TLB does not answer.
 */
void model_set_gone(struct device *dev, bool gone)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct model_unit *unit = unit_of(pdev->bus);
	unsigned long flags;

	model_devtlb_clear(unit, pci_dev_id(pdev));
	raw_spin_lock_irqsave(&unit->lock, flags);
	WRITE_ONCE(find_device(unit, pci_dev_id(pdev))->gone, gone);
	unit->faults.ite = gone ? pci_dev_id(pdev) : 0;
	raw_spin_unlock_irqrestore(&unit->lock, flags);
}

/* With ATS, a device asks for a translation first and keeps it. */
static int translate(struct device *dev, ioasid_t pasid, u64 addr, bool write,
		     struct model_entry *entry)
{
	struct model_unit *unit = unit_of(to_pci_dev(dev)->bus);
	u16 sid = pci_is_root_bus(to_pci_dev(dev)->bus) ?
		  pci_dev_id(to_pci_dev(dev)) : model_sid(MODEL_BRIDGED);
	bool ats = model_ats_enabled(unit, sid);
	unsigned long flags;
	int ret = 0;

	raw_spin_lock_irqsave(&unit->lock, flags);
	model_do_commands(unit);
	if (!ats || !model_devtlb_find(unit, sid, pasid, addr, write, entry)) {
		ret = model_translate(unit, sid, pasid, addr, write, ats,
				      entry);
		if (!ret && ats)
			model_devtlb_insert(unit, sid, pasid, addr, entry);
	}
	raw_spin_unlock_irqrestore(&unit->lock, flags);
	return ret;
}

/**
 * model_dma() - let a device access memory
 * @dev: The device.
 * @pasid: PASID, %IOMMU_NO_PASID for none.
 * @addr: Address.
 * @write: To write there.
 * @pa: Where the access went to.
 *
 * Context: Any but NMI.
 * Return: 0; -EFAULT if the unit has refused.
 */
int model_dma(struct device *dev, ioasid_t pasid, u64 addr, bool write,
	      phys_addr_t *pa)
{
	struct model_entry entry;
	int ret = translate(dev, pasid, addr, write, &entry);

	if (!ret)
		*pa = entry.pa + (addr - entry.addr);
	return ret;
}

/**
 * model_dma_snoops() - is an access coherent, even if the device says it is not?
 * @dev: The device.
 * @pasid: PASID, %IOMMU_NO_PASID for none.
 * @addr: Address that it reads.
 *
 * Context: Any but NMI.
 * Return: Whether it is; false if the unit has refused.
 */
bool model_dma_snoops(struct device *dev, ioasid_t pasid, u64 addr)
{
	struct model_entry entry;

	return !translate(dev, pasid, addr, false, &entry) && entry.snoop;
}

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

static struct model_device *find_device(struct model_unit *unit, u16 sid)
{
	unsigned int i = PCI_SLOT(sid) - FIRST_SLOT;

	return i < MODEL_DEVS ? &unit->devs[i] : NULL;
}

/* No two functions of a device: the slot says which it is. */
static u8 *config_of(struct pci_bus *bus, unsigned int devfn)
{
	struct model_device *dev = find_device(unit_of(bus), devfn);

	if (bus->number || PCI_FUNC(devfn) || !dev || READ_ONCE(dev->gone))
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
	ats = model_ats_enabled(unit, devfn);
	memcpy(config + where, &value, size);
	if (!ats && model_ats_enabled(unit, devfn))
		model_devtlb_clear(unit, devfn);
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

/* An endpoint integrated into the root complex, which no driver knows. */
static void fill_config(const struct model_unit *unit, u8 *config, bool ats)
{
	set16(config, PCI_VENDOR_ID, 0x1b36);
	set16(config, PCI_DEVICE_ID, 0xfff0);
	set16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	set32(config, PCI_CLASS_REVISION, PCI_CLASS_NOT_DEFINED << 16);
	config[PCI_CAPABILITY_LIST] = EXP_CAP;

	config[EXP_CAP] = PCI_CAP_ID_EXP;
	set16(config, EXP_CAP + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_RC_END << 4);
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
	LIST_HEAD(resources);
	struct pci_bus *bus;
	unsigned int i;

	for (i = 0; i < MODEL_DEVS; i++) {
		unit->devs[i].config = kzalloc(CONFIG_SIZE, GFP_KERNEL);
		if (!unit->devs[i].config)
			return -ENOMEM;
		fill_config(unit, unit->devs[i].config, i > 0);
	}

	segment->unit = unit;
	segment->sysdata.domain = unit->segment;
	segment->sysdata.node = NUMA_NO_NODE;
	segment->buses = (struct resource) {
		.name = unit->name,
		.end = 0xff,
		.flags = IORESOURCE_BUS,
	};
	pci_add_resource(&resources, &segment->buses);

	pci_lock_rescan_remove();
	bus = pci_create_root_bus(NULL, 0, &config_ops, &segment->sysdata,
				  &resources);
	if (bus) {
		pci_scan_child_bus(bus);
		pci_bus_add_devices(bus);
	}
	pci_unlock_rescan_remove();
	if (!bus)
		return -ENODEV;

	for (i = 0; i < MODEL_DEVS; i++) {
		unit->devs[i].pdev = pci_get_slot(bus, PCI_DEVFN(FIRST_SLOT + i, 0));
		if (!unit->devs[i].pdev)
			return -ENODEV;
	}
	return 0;
}

/**
 * model_dev() - a device behind a unit
 * @id: The unit.
 * @i: Which of its devices; the first does not have ATS.
 *
 * Return: The device.
 */
struct device *model_dev(enum model_unit_id id, unsigned int i)
{
	return &model_unit(id)->devs[i].pdev->dev;
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
	u16 sid = pci_dev_id(to_pci_dev(dev));
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

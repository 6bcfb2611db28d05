# SPDX-License-Identifier: GPL-2.0
"""x86-64 with VT-d units that are made of memory.

The firmware's DMAR table names units whose registers are in memory that the
kernel leaves alone, for drivers/iommu/intel/unit-model.c to play. Nothing in
the machine does DMA by itself.
"""

import atexit
import os
import struct
import tempfile

from ..qemu_config import QemuArchParams

UNITS = 11
REGISTERS = 0x10000000
REGISTERS_SIZE = 0x10000
# Segment 0 is the machine's own, and not behind a unit.
FIRST_SEGMENT = 1
CPUS = 4
HARDWARE_CPU = CPUS - 1

ADDRESS_BITS = 48
HARDWARE_UNIT = 0
INCLUDE_ALL = 1


def unit(number):
	"""A unit definition without scope: all devices of a segment."""
	return struct.pack('<HHBBHQ', HARDWARE_UNIT, 16, INCLUDE_ALL, 0,
			   FIRST_SEGMENT + number,
			   REGISTERS + 0x1000 * number)


def table():
	"""What follows the header of the DMAR table."""
	return struct.pack('<BB10x', ADDRESS_BITS - 1, 0) + \
		b''.join(unit(number) for number in range(UNITS))


def write_table():
	"""QEMU wants a file."""
	descriptor, path = tempfile.mkstemp(prefix='kunit-dmar-')
	atexit.register(os.unlink, path)
	with os.fdopen(descriptor, 'wb') as file:
		file.write(table())
	return path


QEMU_ARCH = QemuArchParams(
	linux_arch='x86_64',
	kconfig='''
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y''',
	qemu_arch='x86_64',
	kernel_path='arch/x86/boot/bzImage',
	kernel_command_line=f'console=ttyS0 intel_iommu=on,sm_on '
			    f'memmap={REGISTERS_SIZE:#x}${REGISTERS:#x} '
			    # Errors make the driver talk a lot.
			    f'log_buf_len=16M isolcpus={HARDWARE_CPU}',
	extra_qemu_params=['-bios', 'qboot.rom', '-smp', str(CPUS),
			   '-acpitable',
			   f'sig=DMAR,rev=1,oem_id=KUNIT ,oem_table_id=VTDMODEL,'
			   f'data={write_table()}'])

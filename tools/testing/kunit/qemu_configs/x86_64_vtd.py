# SPDX-License-Identifier: GPL-2.0
"""x86-64 with mock VT-d IOMMUs, for the tests in drivers/iommu/intel/tests.

The DMAR table describes IOMMUs whose registers are reserved memory. The mock
hardware in drivers/iommu/intel/tests/mock emulates them. The devices of the
machine itself are not behind any of these IOMMUs.
"""

import atexit
import os
import struct
import tempfile

from ..qemu_config import QemuArchParams

# MOCK_IOMMUS in drivers/iommu/intel/tests/mock/unit.h
IOMMUS = 13
REGISTERS = 0x10000000
REGISTERS_SIZE = 0x10000
# Segment 0 is that of the machine itself.
FIRST_SEGMENT = 1
CPUS = 4
# CPU that is isolated for the timer that emulates the IOMMUs
MOCK_CPU = CPUS - 1

ADDRESS_BITS = 48
HARDWARE_UNIT = 0
INCLUDE_ALL = 1


def drhd(number):
	"""A hardware unit definition that includes all devices of a segment."""
	return struct.pack('<HHBBHQ', HARDWARE_UNIT, 16, INCLUDE_ALL, 0,
			   FIRST_SEGMENT + number,
			   REGISTERS + 0x1000 * number)


def table():
	"""The DMAR table without its ACPI header, which QEMU adds."""
	return struct.pack('<BB10x', ADDRESS_BITS - 1, 0) + \
		b''.join(drhd(number) for number in range(IOMMUS))


def write_table():
	"""Write the table to a file, deleted at exit; return its path."""
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
			    # There is no interrupt remapping.
			    f'iommufd.allow_unsafe_interrupts=1 '
			    # The driver logs every injected error.
			    f'log_buf_len=64M isolcpus={MOCK_CPU}',
	extra_qemu_params=['-bios', 'qboot.rom', '-smp', str(CPUS),
			   '-acpitable',
			   f'sig=DMAR,rev=1,oem_id=KUNIT ,oem_table_id=VTDMOCK ,'
			   f'data={write_table()}'])

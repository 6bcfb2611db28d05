# SPDX-License-Identifier: GPL-2.0
"""QEMU configuration of kunit.py for a machine that goes on after the suites.

It is x86_64_vtd of the kernel tree, in which kunit.py runs, with one more kernel
parameter. An initramfs then looks for memory leaks.
"""

from dataclasses import replace

BASE = 'tools/testing/kunit/qemu_configs/x86_64_vtd.py'

with open(BASE, encoding='utf-8') as file:
	exec(compile(file.read(), BASE, 'exec'))  # defines QEMU_ARCH
QEMU_ARCH = replace(QEMU_ARCH, kernel_command_line=(
	QEMU_ARCH.kernel_command_line + ' kunit_shutdown=none'))

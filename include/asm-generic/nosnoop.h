/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_GENERIC_NOSNOOP_H
#define _ASM_GENERIC_NOSNOOP_H

#include <linux/build_bug.h>

/*
 * Fallback for architectures without arch_flush_nosnoop(), with which iommufd
 * flushes CPU caches for devices that bypass them with no-snoop requests. On
 * some of these architectures, devices cannot bypass the caches; on others they
 * can. An empty function would hide the difference, so a call fails to build
 * unless it is guarded by ARCH_CAN_FLUSH_NOSNOOP.
 */
#define ARCH_CAN_FLUSH_NOSNOOP 0

static inline void arch_flush_nosnoop(unsigned long pfn, unsigned long npfns)
{
	BUILD_BUG();
}

#endif

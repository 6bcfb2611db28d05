/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_GENERIC_NOSNOOP_H
#define _ASM_GENERIC_NOSNOOP_H

#include <linux/build_bug.h>

/*
 * An architecture whose devices cannot bypass the CPU caches has nothing to do,
 * one whose devices can has to say how. To do nothing here would hide which of
 * the two it is, so callers have to ask.
 */
#define ARCH_CAN_FLUSH_NOSNOOP 0

static inline void arch_flush_nosnoop(unsigned long pfn, unsigned long npfns)
{
	BUILD_BUG();
}

#endif

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Run statically linked programs in a virtual machine. Source it after lib.sh.

# guest_pack OBJ DIR INIT PROGRAM...: make an initramfs in DIR for the kernel that
# was built in OBJ, with busybox, the script INIT, and the programs in /programs.
guest_pack()
{
	local obj=$1 dir=$2 init=$3 busybox program
	shift 3

	busybox=$(command -v busybox) || die "busybox is not installed (run make setup)"
	{
		printf 'dir /%s 0755 0 0\n' bin dev proc sys tmp programs
		echo "nod /dev/console 0600 0 0 c 5 1"
		echo "file /bin/busybox $busybox 0755 0 0"
		echo "file /init $init 0755 0 0"
		for program; do
			echo "file /programs/${program##*/} $program 0755 0 0"
		done
	} >"$dir/contents"
	"$obj/usr/gen_init_cpio" "$dir/contents" >"$dir/initramfs.cpio" ||
		die "cannot pack the initramfs (list: $dir/contents)"
}

# guest_run KERNEL DIR LIMIT QEMU-ARGUMENT...: run the machine with the initramfs in DIR
# until it reboots or panics, LIMIT seconds at most, with its console in
# DIR/console.log. KERNEL_ARGS is added to the kernel's command line.
guest_run()
{
	local kernel=$1 dir=$2 limit=$3 status=0
	shift 3

	timeout --foreground -k 20 "$limit" "$TOP/dev/machine/qemu" -machine q35 -m 3G \
		-cpu max,la57=off -nodefaults -no-user-config -display none \
		-no-reboot -serial "file:$dir/console.log" -kernel "$kernel" \
		-initrd "$dir/initramfs.cpio" "$@" -append 'console=ttyS0 quiet
			panic=-1 tsc=nowatchdog kunit.enable=0
			log_buf_len=32M '"${KERNEL_ARGS:-}" \
		>"$dir/qemu.log" 2>&1 </dev/null || status=$?
	restarts "$dir/qemu.log"
	[ "$status" -eq 0 ] ||
		die "QEMU failed or did not end within $limit s (log: $dir/console.log): $(tail -n 1 "$dir/qemu.log")"
	sed -i 's/\r$//' "$dir/console.log"
}

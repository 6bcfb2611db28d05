# SPDX-License-Identifier: GPL-2.0
# Counts what an emulated VT-d unit was asked to do, from QEMU's own trace.
#
#   awk -f dev/count.awk TRACE
#
# The guest writes "begin NAME OP" and "end" to the parallel port; what lies
# between the two is one run of OP. For each NAME and OP one line is printed:
#
#   NAME OP IOTLB DEVTLB OTHER WAITS DOORBELLS KIND RUNS STEADY
#
# IOTLB counts IOTLB and PASID-IOTLB descriptors, DEVTLB those for a device's
# own TLB, OTHER everything else but waits. KIND is the kind of the IOTLB
# descriptors: pages, domain, global, pasid-pages, pasid, "mixed" or "-".
# STEADY is 1 if all runs were equal; if not, the numbers are the largest.

function hex(text,	i, value)
{
	value = 0
	for (i = 1; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value
}

# Bits 5:4 of a descriptor's low word: the second hexadecimal digit from the
# right
function granularity(low)
{
	return hex(substr(low, length(low) - 1, 1)) % 4
}

function iotlb_kind(low)
{
	if (granularity(low) == 1)
		return "global"
	return granularity(low) == 2 ? "domain" : "pages"
}

function piotlb_kind(low)
{
	return granularity(low) == 2 ? "pasid" : "pasid-pages"
}

function descriptor(type, low,		k)
{
	if (type == "wait") {
		waits++
	} else if (type ~ /^iotlb/) {
		iotlb++
		k = iotlb_kind(low)
	} else if (type ~ /^p-iotlb/) {
		iotlb++
		k = piotlb_kind(low)
	} else if (type ~ /^device/) {
		devtlb++
	} else {
		other++
	}
	if (k != "")
		kind = kind == "-" || kind == k ? k : "mixed"
}

function begin(what)
{
	current = what
	iotlb = devtlb = other = waits = doorbells = 0
	kind = "-"
}

function largest(i, value)
{
	if (!(current in runs) || value > most[current, i])
		most[current, i] = value
}

function end(	seen)
{
	if (current == "")
		return
	seen = iotlb " " devtlb " " other " " waits " " doorbells " " kind
	if (!(current in runs)) {
		order[++n] = current
		steady[current] = 1
	} else if (seen != first[current]) {
		steady[current] = 0
		if (kind != kinds[current])
			kind = "mixed"
	}
	largest(1, iotlb)
	largest(2, devtlb)
	largest(3, other)
	largest(4, waits)
	largest(5, doorbells)
	first[current] = seen
	kinds[current] = kind
	runs[current]++
	current = ""
}

function mark(line)
{
	if (line ~ /^begin /)
		begin(substr(line, 7))
	else if (line == "end")
		end()
}

# "parallel_ioport_write write [SW] addr 0x00 val 0x62"
/^parallel_ioport_write / {
	if ($5 != "0x00")
		next
	c = hex(substr($7, 3))
	if (c == 10) {
		mark(text)
		text = ""
	} else {
		text = text sprintf("%c", c)
	}
	next
}

# "vtd_inv_desc invalidate desc type TYPE high 0x... low 0x..."
/^vtd_inv_desc / && current != "" {
	match($0, /type .* high /)
	type = substr($0, RSTART + 5, RLENGTH - 11)
	descriptor(type, $NF)
	next
}

# The write of the queue's tail register: the doorbell
/^vtd_inv_qi_tail / && current != "" {
	doorbells++
}

END {
	for (i = 1; i <= n; i++) {
		c = order[i]
		print c, most[c, 1], most[c, 2], most[c, 3], most[c, 4], \
			most[c, 5], kinds[c], runs[c], steady[c]
	}
}

# SPDX-License-Identifier: GPL-2.0
"""Messages of checkpatch.pl --show-types."""

import re

# False positives: the type and the files, as regular expressions
EXCEPTIONS = (
	# It requests a change to MAINTAINERS even if a pattern there covers the new file.
	# dev/check/source looks for the pattern.
	('FILE_PATH_CHANGES', r'.*'),
	# It looks for commits in the history. The base is a single commit.
	('UNKNOWN_COMMIT_ID', r'.*'),
	# Macros of trace events take blocks as arguments, which the kernel does not align
	# as arguments.
	('PARENTHESIS_ALIGNMENT', r'.*/trace\.h'),
	('OPEN_ENDED_LINE', r'.*/trace\.h'),
	# It defines the kernel's macros for user space.
	(r'.*', r'tools/testing/iommu-alist/shim\.h'),
)

MESSAGE = re.compile(r'(?:ERROR|WARNING|CHECK):([A-Z_]+): ')
FILE = re.compile(r'#\d+: FILE: ([^:]*)')
TOTAL = re.compile(r'total: (\d+) errors, (\d+) warnings, (?:(\d+) checks, )?')


def is_exception(kind, file):
	"""Whether a message of this type about this file is a false positive"""
	return any(re.fullmatch(k, kind) and re.fullmatch(f, file) for k, f in EXCEPTIONS)


def complaints(lines):
	"""The messages that are no exceptions, and one if the report is not complete"""
	messages = []	# text, type and file of each
	total = None
	for line in lines:
		message, file, sums = MESSAGE.match(line), FILE.match(line), TOTAL.match(line)
		if message:
			messages.append([line, message.group(1), ''])
		elif file and messages and not messages[-1][2]:
			messages[-1][2] = file.group(1)
		elif sums:
			total = sum(int(number or 0) for number in sums.groups())
		elif line.startswith('Traceback'):
			yield 'checkpatch cannot check the licence lines (run make setup)'
	for text, kind, file in messages:
		if not is_exception(kind, file):
			yield f'{text} {file}'.rstrip()
	if total != len(messages):
		yield 'the report of checkpatch is not complete'

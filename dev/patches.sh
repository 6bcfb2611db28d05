# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The patch files and the kernel repository that is made from them: how a
# patch file is read, and how the series becomes commits. Source it after
# lib.sh. Every function takes the ROOT that holds patches/ and the new files;
# the commits are made in the repository KGIT without touching its work tree.
#
#	Subject: iommu: Do this and that
#
#	Message.
#
#	---
#	New-file: PATH		a file of ROOT that comes whole with this commit
#
#	diff --git ...		the edits to files that are there already
#
# A file of ROOT is as the last patch leaves it. The patch that brings it does so
# without what later ones edit.

KERNEL=$BUILD/linux
KGIT=$KERNEL/.git
# What the harness keeps about the repository: "made" has the commits made so
# far, each after its key; "commits" the series as last checked out, each
# before its patch file.
STATE=$KGIT/alist

kgit()
{
	git --git-dir="$KGIT" "$@"
}

# The lines of a list, without comments and empty ones.
list()
{
	[ ! -e "$1" ] || sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1"
}

# The topics in order.
topics()
{
	list "$1/patches/series"
}

# The patch files in order, relative to ROOT.
patch_files()
{
	local root=$1 topic file
	for topic in $(topics "$root"); do
		[ -d "$root/patches/$topic" ] ||
			die "patches/series names $topic, but there is no patches/$topic"
		for file in "$root/patches/$topic"/*.patch; do
			[ ! -e "$file" ] || printf '%s\n' "${file#"$root/"}"
		done
	done
	for file in "$root"/patches/*/; do
		topic=$(basename "$file")
		[ ! -d "$file" ] || topics "$root" | grep -xF "$topic" >/dev/null ||
			die "patches/$topic is not named in patches/series"
	done
}

patch_subject()
{
	sed -n '1s/^Subject: //p' "$1"
}

# Subject, empty line and body, without empty lines at the end.
patch_message()
{
	awk '
		NR == 1 { sub(/^Subject: /, "") }
		$0 == "---" { exit }
		$0 == "" { empty++; next }
		{ for (; empty; empty--) print ""; print }' "$1"
}

patch_new_files()
{
	awk '
		/^diff --git / { exit }
		after && sub(/^New-file: */, "")
		$0 == "---" { after = 1 }' "$1"
}

patch_diff()
{
	awk '
		after && /^diff --git / { diff = 1 }
		diff
		$0 == "---" { after = 1 }' "$1"
}

# The paths that the diff of a patch file edits.
patch_edits()
{
	patch_diff "$1" | sed -n 's|^diff --git a/.* b/||p'
}

# Who makes the commits: the user that git is configured for, as NAME <ADDRESS>.
own_identity()
{
	local name email
	name=${GIT_AUTHOR_NAME:-$(git config user.name || :)}
	email=${GIT_AUTHOR_EMAIL:-$(git config user.email || :)}
	[ -n "$name" ] && [ -n "$email" ] && printf '%s <%s>\n' "$name" "$email"
}

# Where git is not configured, the author of this checkout's last commit stands
# in: enough to build and test with, and dev/series refuses to write mails.
identity()
{
	own_identity || git -c safe.directory='*' -C "$TOP" \
		log -1 --format='%an <%ae>' 2>/dev/null ||
		no_identity
}

no_identity()
{
	die "git does not know who you are: git config --global user.name NAME; git config --global user.email ADDRESS"
}

# check_patches ROOT: the rules of the patch files that need no git.
check_patches()
{
	local root=$1 files file path
	declare -A brought=()
	files=$(patch_files "$root")
	for file in $files; do
		[ -n "$(patch_subject "$root/$file")" ] ||
			die "$file does not begin with \"Subject: \""
		grep -qx -e --- "$root/$file" || die "$file has no line \"---\""
		grep -qE '^(New-file: |diff --git )' "$root/$file" ||
			die "$file changes nothing"
		! patch_diff "$root/$file" | grep '^new file mode' >/dev/null ||
			die "$file adds a file by diff: name it as New-file instead"
		for path in $(patch_new_files "$root/$file"); do
			[ -z "${brought[$path]:-}" ] ||
				die "$path is a New-file of two patches: ${brought[$path]} and $file"
			[ -f "$root/$path" ] ||
				die "$file names New-file $path, which does not exist"
			brought[$path]=$file
		done
	done
	for file in $files; do
		for path in $(patch_edits "$root/$file"); do
			[ "${brought[$path]:-}" != "$file" ] ||
				die "$file edits $path, which it brings whole"
		done
	done
}

# edited_later ROOT FILE PATH: the patch files after FILE that edit PATH, the
# last one first.
edited_later()
{
	local root=$1 file=$2 path=$3
	patch_files "$root" | awk -v file="$file" 'after; $0 == file { after = 1 }' |
		tac | while read -r file; do
			! patch_edits "$root/$file" | grep -qxF -e "$path" ||
				printf '%s\n' "$file"
		done
}

# new_file_blob ROOT FILE PATH: what FILE brings PATH with, as an object.
new_file_blob()
{
	local root=$1 file=$2 path=$3 blob later
	blob=$(kgit hash-object -w --no-filters "$root/$path")
	if grep -qsxF -e "diff --git a/$path b/$path" "$root"/patches/*/*.patch; then
		export GIT_INDEX_FILE=$STATE/index.new
		rm -f "$GIT_INDEX_FILE"
		kgit update-index --add \
			--cacheinfo "$(file_mode "$root/$path"),$blob,$path"
		for later in $(edited_later "$root" "$file" "$path"); do
			patch_diff "$root/$later" |
				kgit apply --cached -R --whitespace=nowarn \
					--include="$path" 2>/dev/null ||
				die "$path is not what $later makes of it: edit both"
		done
		blob=$(kgit ls-files -s "$path" | cut -d' ' -f2)
	fi
	printf '%s\n' "$blob"
}

# The New-files of all patches.
all_new_files()
{
	local root=$1 files file
	files=$(patch_files "$root")
	for file in $files; do
		patch_new_files "$root/$file"
	done
}

# check_strays ROOT BASE: every file below a directory that the kernel has too
# must be part of a patch.
check_strays()
{
	local root=$1 base=$2 dir stray
	stray=$(for dir in $(kgit ls-tree -d --name-only "$base"); do
		[ ! -d "$root/$dir" ] || (cd "$root" && find "$dir" -type f \
			! -name '*~' ! -name '.*.sw?' ! -name '*.pyc')
	done | grep -vxF -f <(all_new_files "$root") || :)
	[ -z "$stray" ] ||
		die "${stray%%$'\n'*} belongs to no patch: name it as New-file in one of patches/"
}

# assemble ROOT BASE [TOPIC]: one commit per patch file, of all topics or of
# one, on top of BASE. Prints a line "COMMIT FILE" for each. What was made before
# is found again by its key, so that an edit redoes only what comes after it.
assemble()
{
	local root=$1 base=$2 topic=${3:-.*} files file commit author date key made
	check_patches "$root"
	files=$(patch_files "$root" | grep "^patches/$topic/" || :)
	author=$(identity)
	date=$(kgit log -1 --format=%at "$base")
	mkdir -p "$STATE"
	touch "$STATE/made"
	commit=$base
	for file in $files; do
		date=$((date + 60))
		key=$(patch_key "$root" "$file" "$commit" "$author")
		made=$(awk -v key="$key" '$1 == key { print $2; exit }' "$STATE/made")
		if [ -z "$made" ] || ! kgit cat-file -e "$made" 2>/dev/null; then
			made=$(commit_patch "$root" "$file" "$commit" "$author" "$date")
			printf '%s %s\n' "$key" "$made" >>"$STATE/made"
		fi
		commit=$made
		printf '%s %s\n' "$commit" "$file"
	done
}

# patch_key ROOT FILE PARENT AUTHOR: what the commit of a patch file depends on.
patch_key()
{
	local root=$1 file=$2 path
	{
		printf '%s\n%s\n' "$3" "$4"
		cat "$root/$file"
		for path in $(patch_new_files "$root/$file"); do
			file_mode "$root/$path"
			new_file_blob "$root" "$file" "$path"
		done
	} | kgit hash-object --stdin
}

file_mode()
{
	if [ -x "$1" ]; then echo 100755; else echo 100644; fi
}

# commit_patch ROOT FILE PARENT AUTHOR DATE: the commit, made in an index of
# its own. The index is kept: the next patch mostly continues where it stands.
commit_patch()
{
	local root=$1 file=$2 parent=$3 author=$4 date=$5 tree path blob log
	export GIT_INDEX_FILE=$STATE/index
	[ "$(cat "$STATE/index.commit" 2>/dev/null)" = "$parent" ] ||
		kgit read-tree "$parent"
	rm -f "$STATE/index.commit"
	if grep -q '^diff --git ' "$root/$file"; then
		log=$(patch_diff "$root/$file" |
			kgit apply --cached --whitespace=nowarn 2>&1) ||
			die "$file does not apply to $(base_version "$parent"): $(sed -n '/^error: /{s///p;q}' <<<"$log")"
	fi
	for path in $(patch_new_files "$root/$file"); do
		blob=$(new_file_blob "$root" "$file" "$path")
		printf '%s %s\t%s\n' "$(file_mode "$root/$path")" "$blob" "$path"
	done | kgit update-index --add --index-info
	tree=$(kgit write-tree)
	[ "$tree" != "$(kgit rev-parse "$parent^{tree}")" ] ||
		die "$file changes nothing"
	export GIT_AUTHOR_NAME=${author% <*} GIT_AUTHOR_EMAIL=${author##* <}
	export GIT_AUTHOR_EMAIL=${GIT_AUTHOR_EMAIL%>}
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_AUTHOR_DATE="$date +0000"
	export GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL GIT_COMMITTER_DATE="$date +0000"
	parent=$(patch_message "$root/$file" |
		git interpret-trailers --trailer "Signed-off-by: $author" |
		kgit commit-tree "$tree" -p "$parent")
	printf '%s\n' "$parent" | tee "$STATE/index.commit"
}

# The version of the base below a commit: "7.3.4".
base_version()
{
	kgit log --max-parents=0 -1 --format=%s "$1" | sed 's/^Linux //'
}

# known COMMIT: it can be made again from what this repository holds.
known()
{
	grep -q " $1\$" "$STATE/made"
}

# last_commit FILE: the tip of the series that assemble printed into FILE.
last_commit()
{
	awk 'END { print $1 }' "$1"
}

# What git is in the middle of in DIR, if anything.
unfinished()
{
	local gitdir state
	gitdir=$(git -C "$1" rev-parse --absolute-git-dir)
	for state in rebase-merge rebase-apply MERGE_HEAD CHERRY_PICK_HEAD \
		REVERT_HEAD; do
		if [ -e "$gitdir/$state" ]; then
			state=${state%%[-_]*}
			echo "an unfinished ${state,,}"
			return
		fi
	done
}

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

# For the patterns that assemble takes
shopt -s extglob

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
	local root=$1 topics topic file
	topics=$(topics "$root")
	for topic in $topics; do
		[ -d "$root/patches/$topic" ] ||
			die "patches/series names $topic, but there is no patches/$topic"
		for file in "$root/patches/$topic"/*.patch; do
			[ ! -e "$file" ] || printf '%s\n' "${file#"$root/"}"
		done
	done
	for file in "$root"/patches/*/; do
		topic=${file%/}
		topic=${topic##*/}
		[ ! -d "$file" ] || case " ${topics//$'\n'/ } " in
		*" $topic "*) ;;
		*) die "patches/$topic is not named in patches/series" ;;
		esac
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

# read_patches ROOT: what the patch files are made of, so that assembling need not
# read them again for each file. FILES has their names in order; NEWS and EDITS
# the paths that each brings and edits, between spaces.
read_patches()
{
	local root=$1 kind file path
	file=$(patch_files "$root")
	FILES=()
	[ -z "$file" ] || mapfile -t FILES <<<"$file"
	declare -gA NEWS=() EDITS=() MARKS=()
	# shellcheck disable=SC2016 # these are awk's variables
	while read -r kind file path; do
		case $kind in
		new)	NEWS[$file]+=" $path " ;;
		edit)	EDITS[$file]+=" $path " ;;
		mark)	MARKS[$file]+=" $path " ;;
		esac
	done < <(cd "$root" && printf '%s\n' "$file" | xargs -r awk '
		FNR == 1 {
			after = diff = 0
			if (/^Subject: ./)
				print "mark", FILENAME, "subject"
		}
		after && /^diff --git / { diff = 1 }
		after && !diff && sub(/^New-file: */, "") { print "new", FILENAME, $0 }
		diff && /^new file mode/ { print "mark", FILENAME, "adds" }
		diff && sub(/^diff --git a\/.* b\//, "") { print "edit", FILENAME, $0 }
		$0 == "---" && !after {
			after = 1
			print "mark", FILENAME, "ruler"
		}')
}

# marked FILE MARK
marked()
{
	case ${MARKS[$1]:-} in *" $2 "*) ;; *) return 1 ;; esac
}

# check_patches ROOT: the rules of the patch files that need no git.
check_patches()
{
	local root=$1 file path
	declare -A brought=()
	for file in "${FILES[@]}"; do
		marked "$file" subject || die "$file does not begin with \"Subject: \""
		marked "$file" ruler || die "$file has no line \"---\""
		[ -n "${NEWS[$file]:-}${EDITS[$file]:-}" ] || die "$file changes nothing"
		! marked "$file" adds ||
			die "$file adds a file by diff: name it as New-file instead"
		for path in ${NEWS[$file]:-}; do
			[ -z "${brought[$path]:-}" ] ||
				die "$path is a New-file of two patches: ${brought[$path]} and $file"
			[ -f "$root/$path" ] ||
				die "$file names New-file $path, which does not exist"
			brought[$path]=$file
		done
	done
	for file in "${FILES[@]}"; do
		for path in ${EDITS[$file]:-}; do
			[ "${brought[$path]:-}" != "$file" ] ||
				die "$file edits $path, which it brings whole"
		done
	done
}

# edited_later FILE PATH: the patch files after FILE that edit PATH, the last one
# first.
edited_later()
{
	local i
	for ((i = ${#FILES[@]} - 1; i >= 0; i--)); do
		[ "${FILES[i]}" != "$1" ] || return 0
		case ${EDITS[${FILES[i]}]:-} in *" $2 "*) echo "${FILES[i]}" ;; esac
	done
}

# new_files ROOT FILE: what FILE brings, as entries for an index.
new_files()
{
	local root=$1 file=$2 path blob later
	for path in ${NEWS[$file]:-}; do
		blob=$(kgit hash-object -w --no-filters "$root/$path")
		later=$(edited_later "$file" "$path")
		[ -z "$later" ] || blob=$(without "$root" "$path" "$blob" "$later")
		printf '%s %s\t%s\n' "$(file_mode "$root/$path")" "$blob" "$path"
	done
}

# without ROOT PATH BLOB PATCHES: PATH before those patch files edited it.
without()
{
	local root=$1 path=$2 blob=$3 later
	export GIT_INDEX_FILE=$STATE/index.new
	rm -f "$GIT_INDEX_FILE"
	kgit update-index --add \
		--cacheinfo "$(file_mode "$root/$path"),$blob,$path"
	for later in $4; do
		patch_diff "$root/$later" |
			kgit apply --cached -R --whitespace=nowarn \
				--include="$path" 2>/dev/null ||
			die "$path is not what $later makes of it: edit both"
	done
	kgit ls-files -s "$path" | cut -d' ' -f2
}

# The New-files of all patches.
all_new_files()
{
	local paths
	read_patches "$1"
	read -ra paths <<<"${NEWS[*]}"
	[ ${#paths[@]} -eq 0 ] || printf '%s\n' "${paths[@]}"
}

# check_strays ROOT BASE: every file below a directory that the kernel has too
# must be part of a patch.
check_strays()
{
	local root=$1 base=$2 dirs=() dir stray
	for dir in $(kgit ls-tree -d --name-only "$base"); do
		[ ! -d "$root/$dir" ] || dirs+=("$dir")
	done
	[ ${#dirs[@]} -gt 0 ] || return 0
	stray=$(cd "$root" || exit; find "${dirs[@]}" -type f \
		! -name '*~' ! -name '.*.sw?' ! -name '*.pyc' |
		grep -vxF -f <(all_new_files "$root") || :)
	[ -z "$stray" ] ||
		die "${stray%%$'\n'*} belongs to no patch: name it as New-file in one of patches/"
}

# assembled ROOT BASE [PATTERN]: what assemble prints, which is the same as long
# as what goes into it is.
assembled()
{
	local name=${3:-all} memory inputs
	memory=$STATE/assembled-${name//[^a-z]/-}
	inputs=$(inputs "$@")
	if [ "$(cat "$memory.inputs" 2>/dev/null)" != "$inputs" ]; then
		rm -f "$memory.inputs"
		assemble "$@" >"$memory"
		inputs "$@" >"$memory.inputs"
	fi
	cat "$memory"
}

# inputs ROOT BASE: everything that the commits depend on, in a line
inputs()
{
	local files
	files=$(all_new_files "$1")
	{
		printf '%s\n' "$2"
		identity
		cd "$1" || exit
		# shellcheck disable=SC2086 # one word for each file
		stat -c '%A %n' patches/series $files
		cat "$TOP/dev/patches.sh" patches/series
		# shellcheck disable=SC2086
		sha1sum patches/*/*.patch $files
	} 2>&1 | sha1sum
}

# assemble ROOT BASE [PATTERN]: one commit per patch file, of all or of those below
# patches/ that the shell pattern matches, on top of BASE. Prints a line "COMMIT
# FILE" for each. What was made before is found again by its key, so that an edit
# redoes only what comes after it.
assemble()
{
	local root=$1 base=$2 pattern=${3:-*} file commit author date key new
	declare -A made=()
	read_patches "$root"
	check_patches "$root"
	author=$(identity)
	date=$(kgit log -1 --format=%at "$base")
	mkdir -p "$STATE"
	touch "$STATE/made"
	while read -r key commit; do
		made[$key]=$commit
	done <"$STATE/made"
	commit=$base
	for file in "${FILES[@]}"; do
		# shellcheck disable=SC2254 # it is a pattern
		case $file in patches/$pattern) ;; *) continue ;; esac
		date=$((date + 60))
		new=$(new_files "$root" "$file")
		# What the commit depends on
		key=$({
			printf '%s\n' "$commit" "$author" "$new"
			cat "$root/$file"
		} | kgit hash-object --stdin)
		if [ -n "${made[$key]:-}" ] && kgit cat-file -e "${made[$key]}" 2>/dev/null; then
			commit=${made[$key]}
		else
			commit=$(commit_patch "$root" "$file" "$commit" "$author" "$date" "$new")
			printf '%s %s\n' "$key" "$commit" >>"$STATE/made"
		fi
		printf '%s %s\n' "$commit" "$file"
	done
}

file_mode()
{
	if [ -x "$1" ]; then echo 100755; else echo 100644; fi
}

# commit_patch ROOT FILE PARENT AUTHOR DATE NEW-FILES: the commit, made in an
# index of its own that holds no more than the files in question.
commit_patch()
{
	local root=$1 file=$2 parent=$3 author=$4 date=$5 new=$6 paths log
	export GIT_INDEX_FILE=$STATE/index
	rm -f "$GIT_INDEX_FILE"
	read -ra paths <<<"${EDITS[$file]:-}${NEWS[$file]:-}"
	kgit ls-tree "$parent" -- "${paths[@]}" >"$STATE/before"
	kgit update-index --add --index-info <"$STATE/before"
	if [ -n "${EDITS[$file]:-}" ]; then
		log=$(patch_diff "$root/$file" |
			kgit apply --cached --whitespace=nowarn 2>&1) ||
			die "$file does not apply to $(base_version "$parent"): $(sed -n '/^error: /{s///p;q}' <<<"$log")"
	fi
	[ -z "$new" ] || kgit update-index --add --index-info <<<"$new"
	kgit ls-files -s >"$STATE/after"
	patch_message "$root/$file" |
		git interpret-trailers --trailer "Signed-off-by: $author" \
			>"$STATE/message"
	changes >"$STATE/changes"
	[ -s "$STATE/changes" ] || die "$file changes nothing"
	import_commit "$parent" "$author" "$date"
}

# What differs between the listings of a tree and an index, for git fast-import
changes()
{
	awk -F '\t' '
		{ split($1, part, " ") }
		FILENAME == ARGV[1] { before[$2] = part[1] " " part[3]; next }
		before[$2] != part[1] " " part[2] { print "M", part[1], part[2], $2 }
		{ delete before[$2] }
		END { for (path in before) print "D", path }' \
		"$STATE/before" "$STATE/after"
}

# import_commit PARENT AUTHOR DATE: the commit of these changes and that message,
# which no reference keeps.
import_commit()
{
	local ref=refs/alist/new-$BASHPID
	{
		printf 'commit %s\nmark :1\n' "$ref"
		printf '%s %s %s +0000\n' author "$2" "$3" committer "$2" "$3"
		printf 'data %d\n' "$(wc -c <"$STATE/message")"
		cat "$STATE/message"
		printf 'from %s\n' "$1"
		cat "$STATE/changes"
		printf 'get-mark :1\n'
		printf 'reset %s\nfrom %040d\n' "$ref" 0
	} | kgit fast-import --quiet --force
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

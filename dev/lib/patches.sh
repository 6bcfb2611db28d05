# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The patch files, and the kernel repository that is made from them. Source it
# after lib.sh. ROOT is a directory with patches/ and the new files. Commits are
# made in the repository KGIT, without touching its work tree. A patch file:
#
#	Subject: iommu: Do this and that
#
#	Message.
#
#	---
#	New-file: PATH		a file of ROOT that this commit adds
#
#	diff --git ...		the edits to existing files
#
# A new file is stored in ROOT as it is after the last patch. The commit that adds it
# has the contents before the edits of later patches.

# Needed by the patterns that assemble takes
shopt -s extglob

KERNEL=$BUILD/linux
KGIT=$KERNEL/.git
# State of the harness in the repository: "made" lists all commits ever made, each
# after its key; "commits" the series as last checked out, each commit before its
# patch file.
STATE=$KGIT/alist

kgit()
{
	git --git-dir="$KGIT" "$@"
}

# list FILE: print the lines of FILE without comments and empty lines.
list()
{
	[ ! -e "$1" ] || sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1"
}

# topics ROOT: print the topics in order.
topics()
{
	list "$1/patches/series"
}

# patch_files ROOT: print the patch files in order, relative to ROOT.
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

# patch_message FILE: print subject, empty line and body, without empty lines at
# the end.
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

# patch_edits FILE: print the paths that its diff edits.
patch_edits()
{
	patch_diff "$1" | sed -n 's|^diff --git a/.* b/||p'
}

# The user that git is configured for, as NAME <ADDRESS>
own_identity()
{
	local name email
	name=${GIT_AUTHOR_NAME:-$(git config user.name || :)}
	email=${GIT_AUTHOR_EMAIL:-$(git config user.email || :)}
	[ -n "$name" ] && [ -n "$email" ] && printf '%s <%s>\n' "$name" "$email"
}

# Print the author of the commits. If git is not configured, this is the author of the
# last commit of this checkout; "make series" then writes no mails.
identity()
{
	own_identity || git -c safe.directory='*' -C "$TOP" \
		log -1 --format='%an <%ae>' 2>/dev/null ||
		no_identity
}

no_identity()
{
	die "git has no user name or address: git config --global user.name NAME; git config --global user.email ADDRESS"
}

# read_patches ROOT: read all patch files at once. Sets FILES to their names in order.
# For each of them, sets NEWS and EDITS to the paths that it adds and edits, between
# spaces, and MARKS to the parts that it has.
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

# marked FILE MARK: whether FILE has the part MARK
marked()
{
	case ${MARKS[$1]:-} in *" $2 "*) ;; *) return 1 ;; esac
}

# check_patches ROOT: exit with an error if a patch file breaks a rule that git does
# not check.
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
				die "$file edits $path, which it adds as New-file"
		done
	done
}

# edited_later FILE PATH: print the patch files after FILE that edit PATH, the last
# one first.
edited_later()
{
	local i
	for ((i = ${#FILES[@]} - 1; i >= 0; i--)); do
		[ "${FILES[i]}" != "$1" ] || return 0
		case ${EDITS[${FILES[i]}]:-} in *" $2 "*) echo "${FILES[i]}" ;; esac
	done
}

# new_files ROOT FILE: print the files that the patch FILE adds, as index entries.
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

# without ROOT PATH BLOB PATCHES: print the blob of PATH before those patch files
# edited it.
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
			die "$path does not have the edits of $later: change both"
	done
	kgit ls-files -s "$path" | cut -d' ' -f2
}

# all_new_files ROOT: print the New-files of all patches.
all_new_files()
{
	local paths
	read_patches "$1"
	read -ra paths <<<"${NEWS[*]}"
	[ ${#paths[@]} -eq 0 ] || printf '%s\n' "${paths[@]}"
}

# check_strays ROOT BASE: exit with an error if a file in a directory of the kernel
# belongs to no patch.
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

# assembled ROOT BASE [PATTERN]: print the output of assemble, which is kept as long
# as its inputs are the same.
assembled()
{
	local name=${3:-all} memory inputs
	memory=$STATE/assembled-${name//[^a-z]/-}
	inputs=$(inputs "$@")
	if [ "$(cat "$memory.inputs" 2>/dev/null)" != "$inputs" ]; then
		rm -f "$memory.inputs"
		assemble "$@" >"$memory"
		echo "$inputs" >"$memory.inputs"
	fi
	cat "$memory"
}

# inputs ROOT BASE: print a hash of everything that the commits depend on.
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
		cat "$TOP/dev/lib/patches.sh" patches/series
		# shellcheck disable=SC2086
		sha1sum patches/*/*.patch $files
	} 2>&1 | sha1sum
}

# assemble ROOT BASE [PATTERN]: make one commit per patch file, of all or of those
# below patches/ that match the shell pattern, on top of BASE. Prints a line "COMMIT
# FILE" for each. Earlier commits are looked up by their key, so that an edit only
# makes the commits from there on again.
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

# commit_patch ROOT FILE PARENT AUTHOR DATE NEW-FILES: print the commit, which is
# made in a separate index with only the files that the patch touches.
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

# Print the differences between $STATE/before and $STATE/after for git
# fast-import.
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

# import_commit PARENT AUTHOR DATE: make a commit with $STATE/changes and
# $STATE/message, and print it. No ref points to it.
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

# base_version COMMIT: print the version of its base, such as 7.3.4.
base_version()
{
	kgit log --max-parents=0 -1 --format=%s "$1" | sed 's/^Linux //'
}

# known COMMIT: whether it was made from patch files, the present or earlier ones
known()
{
	grep -q " $1\$" "$STATE/made"
}

# last_commit FILE: print the last commit that assemble printed into FILE.
last_commit()
{
	awk 'END { print $1 }' "$1"
}

# unfinished DIR: print the unfinished operation of git in DIR, if any.
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

# edits DIR REF...: print what checking out another commit in DIR would lose, if
# anything: unfinished operations, uncommitted changes, and commits of the refs that
# were not made from patch files.
edits()
{
	local dir=$1 ref commit changed
	shift
	changed=$(unfinished "$dir")
	if [ -n "$changed" ]; then
		echo "$changed"
		return
	fi
	changed=$(git -C "$dir" status --porcelain | cut -c4-)
	if [ -n "$changed" ]; then
		echo "uncommitted changes (${changed%%$'\n'*})"
		return
	fi
	for ref; do
		commit=$(kgit rev-parse -q --verify "$ref^{commit}") || continue
		if ! known "$commit"; then
			kgit log -1 --format="commits of its own (${ref##*/}: %s)" \
				"$commit"
			return
		fi
	done
}

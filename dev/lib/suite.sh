# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Use apt with a suite of the Debian archive that the machine is not configured for,
# from the mirror of the machine, with signatures checked. The configuration of the
# machine does not change. Source it after lib.sh:
#
#	suite_open [--source | --beside] SUITE	then
#	suite_apt apt-get download PACKAGE
#	suite_close
#
# --source reads the index of source packages instead. --beside adds the suite to
# those of the machine, which is necessary to install packages.

KEYRING=/usr/share/keyrings/debian-archive-keyring
SUITE_DIR=
SUITE_OPTS=()

# Print the address of the Debian archive that this machine uses. Before the first
# "apt-get update", apt knows no origins, and the archive of the release is used.
mirror()
{
	local codename
	# shellcheck disable=SC2016 # these are apt's variables
	apt-get indextargets --format '$(ORIGIN):$(LABEL) $(REPO_URI)' \
		'Identifier: Packages' 2>/dev/null |
		awk '$1 == "Debian:Debian" && !n++ { print $2 }
			END { exit !n }' && return
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-none}")
	apt-get update --print-uris 2>/dev/null |
		awk -F "'" -v end="dists/$codename/InRelease" '
			(at = index($2, end)) && !n++ { print substr($2, 1, at - 1) }
			END { exit !n }'
}

suite_open()
{
	local mode=deb suite uri key
	case $1 in
	--source) mode=deb-src; shift ;;
	--beside) mode=beside; shift ;;
	esac
	suite=$1
	suite_close
	command -v apt-get >/dev/null ||
		die "$suite is a suite of Debian, and this machine has no apt"
	uri=$(mirror) ||
		die "no Debian archive in this machine's apt configuration"
	for key in "$KEYRING.gpg" "$KEYRING.pgp"; do
		[ ! -e "$key" ] || break
	done
	[ -e "$key" ] || die "the package debian-archive-keyring is missing"

	SUITE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/suite.XXXXXX")
	trap suite_close EXIT
	mkdir -p "$SUITE_DIR/parts" "$SUITE_DIR/lists/partial" \
		"$SUITE_DIR/archives/partial"
	printf '%s\n' "Types: ${mode/beside/deb}" "URIs: $uri" \
		"Suites: $suite" "Components: main" "Signed-By: $key" \
		>"$SUITE_DIR/parts/suite.sources"
	SUITE_OPTS=(
		-o "Dir::Etc::SourceParts=$SUITE_DIR/parts"
		-o "Dir::State::Lists=$SUITE_DIR/lists"
		-o "Dir::Cache::Archives=$SUITE_DIR/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o Acquire::Languages=none -o APT::Sandbox::User=root
	)
	if [ "$mode" = beside ]; then
		find /etc/apt/sources.list.d -type f \
			-exec cp -t "$SUITE_DIR/parts" {} +
	else
		SUITE_OPTS+=(-o Dir::Etc::SourceList=/dev/null)
	fi
	update_lists suite_apt apt-get
}

# update_lists COMMAND...: run COMMAND, which is apt-get with options, with "update".
# Prints one line if the mirror does not answer.
update_lists()
{
	local log
	log=$(mktemp)
	"$@" -q -o APT::Update::Error-Mode=any -o Acquire::Retries=2 update \
		>"$log" 2>&1 || {
		log=$(sed -n 's/^[EW]: //p' "$log"; rm -f "$log")
		die "no package lists from the mirror: ${log%%$'\n'*}"
	}
	rm -f "$log"
}

# suite_apt PROGRAM ARGUMENT...: run a program of apt with the suite.
suite_apt()
{
	local program=$1
	shift
	"$program" "${SUITE_OPTS[@]}" "$@"
}

suite_close()
{
	[ -z "$SUITE_DIR" ] || rm -rf "$SUITE_DIR" 2>/dev/null ||
		as_root rm -rf "$SUITE_DIR"
	SUITE_DIR=
}

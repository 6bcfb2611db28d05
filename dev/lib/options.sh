# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Options and arguments of the commands. lib.sh sources it.
#
#	options 'variant= limit=N leaks' "$@"
#	arguments 0 1
#	set -- "${ARGUMENTS[@]}"
#
# Every command calls options before it does anything else: with -h or --help,
# this prints the comment at the top of the script and exits.

# Exit status for an option or an argument that a command does not take
USAGE_ERROR=2

usage_error()
{
	printf '%s: %s (see %s --help)\n' "$ME" "$*" "${COMMAND#"$TOP/"}" >&2
	exit "$USAGE_ERROR"
}

# Print the comment at the top of the script, without the licence line.
print_header()
{
	awk 'NR > 2 && !/^#/ { exit }
		NR > 2 { sub(/^# ?/, ""); print }' "$COMMAND"
}

# kind_of NAME SPEC: print "flag", "text" or "number" for an option that SPEC
# lists. Fails if SPEC does not list it.
kind_of()
{
	case " $2 " in
	*" $1 "*)	echo flag ;;
	*" $1= "*)	echo text ;;
	*" $1=N "*)	echo number ;;
	*)		return 1 ;;
	esac
}

# set_option NAME KIND VALUE: --limit 60 sets LIMIT=60, --as-is sets AS_IS=1.
set_option()
{
	local variable=${1^^}

	case $2,$3 in
	number,'' | number,*[!0-9]* | number,0)
		usage_error "--$1 takes a positive number, not \"$3\"" ;;
	text,)	usage_error "--$1 takes a value" ;;
	esac
	printf -v "${variable//-/_}" %s "$3"
}

# options SPEC ARGUMENT...: set a variable for each option that is given, and
# ARGUMENTS to the remaining arguments. SPEC lists the options without "--":
# NAME is a flag, NAME= takes a text, NAME=N a positive number. Arguments after
# "--" are not examined.
options()
{
	local spec=$1 name kind value
	shift

	ARGUMENTS=()
	while [ $# -gt 0 ]; do
		value=1
		case $1 in
		-h | --help)
			print_header
			exit 0 ;;
		--)
			shift
			ARGUMENTS+=("$@")
			return ;;
		--?*)
			name=${1#--}
			name=${name%%=*}
			kind=$(kind_of "$name" "$spec") || usage_error "no option --$name"
			case $kind,$1 in
			flag,*=*) usage_error "--$name takes no value" ;;
			flag,*)	;;
			*=*)	value=${1#*=} ;;
			*)
				[ $# -gt 1 ] || usage_error "--$name takes a value"
				value=$2
				shift ;;
			esac
			set_option "$name" "$kind" "$value" ;;
		-?*)
			usage_error "no option $1" ;;
		*)
			ARGUMENTS+=("$1") ;;
		esac
		shift
	done
}

# arguments LEAST MOST: exit with an error unless there are LEAST to MOST ARGUMENTS.
arguments()
{
	[ ${#ARGUMENTS[@]} -ge "$1" ] || usage_error "too few arguments"
	[ ${#ARGUMENTS[@]} -le "$2" ] || usage_error "unexpected argument ${ARGUMENTS[$2]}"
}

# required OPTION...: exit with an error unless all of these options have been given.
required()
{
	local name variable

	for name; do
		variable=${name^^}
		variable=${variable//-/_}
		[ -n "${!variable:-}" ] || usage_error "--$name is missing"
	done
}

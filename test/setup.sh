#!/bin/sh
# setup.sh run|test: has what is missing on a Debian or Ubuntu machine put there: as root, or by sudo.
# An ordinary user without sudo is told the one command that somebody has to run.
set -eu

packages=
need() { # need PROGRAM-OR-FILE PACKAGE
	case $1 in
	/*) [ -e "$1" ] || packages="$packages $2" ;;
	*) command -v "$1" >/dev/null 2>&1 || packages="$packages $2" ;;
	esac
}

PATH=$PATH:/usr/sbin:/sbin
need fusermount3 fuse3
need /etc/ssl/certs/ca-certificates.crt ca-certificates # for modules
need ssh openssh-client
if [ "${1:-run}" = test ]; then
	need git git
	need sshd openssh-server
	need rsync rsync
	need gcc gcc # for the race detector
	need /usr/include/stdlib.h libc6-dev
	need setfattr attr
	need setfacl acl
fi

todo=
if [ -n "$packages" ]; then
	echo "syncfs: missing:$packages"
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "syncfs: install them with this system's package manager" >&2
		exit 1
	fi
	todo="apt-get update && apt-get install -y --no-install-recommends$packages"
fi
if [ ! -e /etc/mtab ]; then # without it fusermount3 unmounts nothing for an ordinary user
	todo="${todo:+$todo && }ln -s /proc/self/mounts /etc/mtab"
fi
if [ -n "$todo" ]; then
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive sh -c "$todo"
	elif command -v sudo >/dev/null 2>&1; then
		sudo env DEBIAN_FRONTEND=noninteractive sh -c "$todo"
	else
		echo "syncfs: have this run as root, then try again:" >&2
		echo "    $todo" >&2
		exit 1
	fi
fi

if [ ! -e /dev/fuse ]; then
	echo "syncfs: /dev/fuse is missing: as root, \`modprobe fuse\`; in a container, give it the device and CAP_SYS_ADMIN" >&2
	exit 1
fi

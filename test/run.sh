#!/bin/sh
# run.sh DIR: mounts DIR with bin/syncfs and says what to do next.
set -eu
dir=$1
if bin/syncfs status "$dir" >/dev/null 2>&1 && grep -q " $(realpath "$dir") fuse.syncfs " /proc/mounts; then
	echo "$dir is mounted already."
else
	bin/syncfs mount "$dir"
fi
bin/syncfs status "$dir"
cat <<NEXT

$dir is a replica now; work in it as in any folder. To have it on a second machine, where syncfs is
on the PATH and that you reach by ssh:

    there   syncfs mount ~/Sync && syncfs key ~/Sync
    here    bin/syncfs peer add THERE ssh://user@there/~/Sync --key 'THE LINE PRINTED THERE' -C $dir
    there   syncfs peer add HERE --key '$(bin/syncfs key "$dir")' -C ~/Sync
    here    bin/syncfs flush $dir

    bin/syncfs status $dir      how things stand
    bin/syncfs umount $dir      the plain folder again
NEXT

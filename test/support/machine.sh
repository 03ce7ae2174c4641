#!/bin/sh
# A disposable machine; machine.ts starts it in namespaces of its own:
#   unshare --mount --pid --fork --kill-child --propagation private machine.sh DIRECTORY
# Inside, / is this machine's, copied on write, so that dpkg, its database and the files it installs
# are the real ones, and nothing outside changes. DIRECTORY/share is the same inside and outside.
# /run and /dev are its own. Prints "ready", and ends when its stdin does, with all processes.
set -eu
dir=$1
root=$dir/layers/root

mount -t tmpfs tmpfs "$dir/layers"
mkdir "$dir/layers/upper" "$dir/layers/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$dir/layers/upper,workdir=$dir/layers/work" overlay "$root"
mkdir -p "$root/$dir/share"
mount --bind "$dir/share" "$root/$dir/share"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
cp -a /dev/null /dev/zero /dev/full /dev/tty /dev/random /dev/urandom "$root/dev/"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
# The test checks what it installs, whatever this machine has.
rm -rf "$root/var/lib/man-db/auto-update" "$root/etc/baton" "$root/var/lib/baton" "$root/usr/sbin/policy-rc.d"
# The shell reaps all orphans, as process 1 has to.
exec chroot "$root" /bin/sh -c 'echo ready; cat >/dev/null'

#!/bin/sh
# A machine with a real systemd, for as long as a test needs it; guest.ts starts it in a mount
# namespace of its own:
#   unshare --mount --propagation private guest.sh TREE DIRECTORY NAME
# .ci/debian-root makes TREE. It is copied on write, so nothing in it changes, and what the guest
# writes survives its reboots. DIRECTORY/share is /share in the guest. Each line on stdin boots the
# guest once: "pid PID", the pid of systemd-nspawn, is then printed, and "off" when the guest is
# down. The end of stdin ends everything.
set -eu
tree=$1
dir=$2
name=$3
root=$dir/layers/root

mount -t tmpfs tmpfs "$dir/layers"
mkdir "$dir/layers/upper" "$dir/layers/work" "$root" "$dir/layers/cgroup"
mount -t overlay -o "lowerdir=$tree,upperdir=$dir/layers/upper,workdir=$dir/layers/work" overlay "$root"

# Guests that share a control group would kill each other's processes.
mount -t cgroup2 cgroup2 "$dir/layers/cgroup"
groups="$dir/layers/cgroup/$name"
[ ! -d /sys/fs/cgroup/systemd ] || groups="$groups /sys/fs/cgroup/systemd/$name"
for group in $groups; do
  mkdir "$group"
  echo 0 >"$group/cgroup.procs"
done

while read -r _; do
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q --boot -D "$root" --register=no --keep-unit \
    --private-network --console=read-only --resolv-conf=off --link-journal=no --timezone=off \
    --hostname=guest --bind="$dir/share:/share" >>"$dir/console" 2>&1 </dev/null &
  echo "pid $!"
  wait $! || :
  echo off
done

for group in $groups; do
  [ ! -e "$group/cgroup.kill" ] || echo 0 >"$group/../cgroup.procs"
  [ -e "$group/cgroup.kill" ] || echo 0 >"${group%/*}/cgroup.procs"
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
done

#!/bin/sh
# The real cron on a faked clock, in a mount namespace of its own; cron.ts starts it:
#   unshare --mount --propagation private cron.sh DIRECTORY 'YYYY-MM-DD hh:mm:ss'
# Inside, /etc/crontab, /etc/cron.d, the tabs and /run are those in DIRECTORY, and /usr/bin and
# /usr/sbin are overlaid with DIRECTORY/bin and DIRECTORY/sbin. cron's log goes to stdout. It ends
# when its stdin does. With "copy" as the third argument the machine is disposable (machine.sh): the
# files are copied to their places, and nothing is mounted.
set -eu
dir=$1 clock=$2

if [ "${3-}" = copy ]; then
  rm -rf /etc/cron.d/* /var/spool/cron/crontabs/* /usr/sbin/sendmail
  cp "$dir/crontab" /etc/crontab
  cp "$dir"/cron.d/* /etc/cron.d/
  cp "$dir/sbin/sendmail" /usr/sbin/
else
  # Other file systems may not work as an overlay layer.
  mount -t tmpfs tmpfs "$dir/layers"
  cp -a "$dir/bin" "$dir/sbin" "$dir/layers/"
  mount -t overlay -o "lowerdir=$dir/layers/bin:/usr/bin" overlay /usr/bin
  mount -t overlay -o "lowerdir=$dir/layers/sbin:/usr/sbin" overlay /usr/sbin
  chown root:crontab "$dir/tabs"
  chmod 1730 "$dir/tabs"
  mount --bind "$dir/crontab" /etc/crontab
  mount --bind "$dir/cron.d" /etc/cron.d
  mount --bind "$dir/tabs" /var/spool/cron/crontabs
  mkdir "$dir/layers/dev"
  cp -a /dev/null /dev/zero /dev/full /dev/tty /dev/random /dev/urandom "$dir/layers/dev/"
  ln -s /proc/self/fd "$dir/layers/dev/fd"
  mkdir -m 1777 "$dir/layers/dev/shm"
  mount --bind "$dir/layers/dev" /dev
  mount --bind "$dir/run" /run
fi

exec 3<&0 </dev/null
socat -u UNIX-RECV:/dev/log,mode=666 STDOUT &
log=$!
until [ -S /dev/log ]; do sleep 0.01; done
lib=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
echo "cron starts"
LD_PRELOAD=$lib FAKETIME="@$clock" FAKETIME_DONT_FAKE_MONOTONIC=1 /usr/sbin/cron -f -L 15 &
cron=$!
cat <&3 >/dev/null
kill "$cron" "$log"
wait || true

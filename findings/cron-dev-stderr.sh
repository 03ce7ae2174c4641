#!/bin/sh
# Debian's cron: `> /dev/stderr` in a crontab line works for root and fails for all other users.
#
# Guess:  a job owns its stderr, so a script of any user can open /dev/stderr, as in any shell: the
#         output of `echo "backup failed" > /dev/stderr` is in cron's mail.
# Is:     cron creates the pipe for the output of the job while it is still root, and switches to
#         the user afterwards. /dev/stderr leads to /proc/self/fd/2. Opening it opens the pipe by
#         its inode, which belongs to root and has mode 0600. All other users get "Permission
#         denied": status 2 in dash, and the end of a script with `set -e`. `>&2` only copies the
#         descriptor, and works.
# Seen:   cron 3.0pl1-162 (Debian 12), Linux 6.
#
# Needs root on Debian 12, apt-get and util-linux. Takes up to 70 seconds, until cron's next minute
# is over. Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu

version=3.0pl1-162
user=nobody

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
mkdir "$work/package" "$work/tabs" "$work/cron.d" "$work/run"
mkdir -m 1777 "$work/seen"

# apt-get would switch to a user who cannot write to a directory of root.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "cron=$version" >/dev/null)
dpkg-deb -x "$work"/cron_*.deb "$work/package"

for who in root "$user"; do
  # The status of opening it, and that of copying the descriptor.
  printf '* * * * * echo text >/dev/stderr; echo "open $?" >%s/%s; echo text >&2; echo "copy $?" >>%s/%s\n' \
    "$work/seen" "$who" "$work/seen" "$who" >"$work/tabs/$who"
  chmod 600 "$work/tabs/$who"
  chown "$who" "$work/tabs/$who"
done
: >"$work/crontab"

# A private cron, in a mount namespace where the crontabs above are the only ones.
# shellcheck disable=SC2016 # $1 is for the inner shell
unshare --mount --propagation private sh -c '
  mkdir -p /var/spool/cron/crontabs /etc/cron.d
  touch /etc/crontab
  mount --bind "$1/tabs" /var/spool/cron/crontabs
  mount --bind "$1/cron.d" /etc/cron.d
  mount --bind "$1/crontab" /etc/crontab
  mount --bind "$1/run" /run
  exec timeout 70 "$1/package/usr/sbin/cron" -f
' sh "$work" >/dev/null 2>&1 &
cron=$!
for _ in $(seq 70); do
  if grep -qs copy "$work/seen/root" && grep -qs copy "$work/seen/$user"; then break; fi
  sleep 1
done
kill "$cron" 2>/dev/null || true
wait "$cron" 2>/dev/null || true

echo "cron $version"
for who in root "$user"; do
  echo "$who: $(tr '\n' ' ' <"$work/seen/$who")"
done
seen=$(cat "$work/seen/root" "$work/seen/$user" | tr '\n' ' ')
if [ "$seen" = 'open 0 copy 0 open 2 copy 0 ' ]; then
  echo "as stated: only root can open /dev/stderr in a crontab line"
else
  echo "changed: expected open 0, copy 0 for root and open 2, copy 0 for $user"
  exit 1
fi

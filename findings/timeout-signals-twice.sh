#!/bin/sh
# coreutils' timeout: a command gets the signal of its end twice, and sometimes sees both.
#
# Guess:  when the time is over, timeout sends TERM to its command, once; a second TERM comes from
#         somebody who means it. Programs that end gently on the first signal and at once on the
#         second may be put behind timeout in a crontab.
# Is:     timeout makes a process group, and sends the signal to its child and then to the group,
#         which the child is in. It is the same for a signal that timeout passes on. Of two TERM that
#         come together the kernel makes one; but a child that handles the first before the second
#         comes sees two, now and then. Real-time signals are queued, so they show both each time.
#         --foreground makes no group, and sends one.
# Seen:   coreutils 9.1-1 (Debian 12).
#
# Wants root, apt-get with Debian 12, perl; takes some seconds. Exits with 0 while it is as said here,
# with 1 if it has changed.
set -eu

version=9.1-1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# As a user that apt-get drops its rights to cannot write to a directory of root.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "coreutils=$version" >/dev/null)
dpkg-deb -x "$work"/coreutils_*.deb "$work/package"
timeout=$work/package/usr/bin/timeout
"$timeout" --version | head -n 1

# How many signals a command got that goes on for a moment after the first one.
# shellcheck disable=SC2016 # $SIG and $seen are perl's
count() {
  PERL_SIGNALS=unsafe "$timeout" "$@" -s RTMIN 0.3 perl -e '
    $| = 1;
    $SIG{RTMIN} = sub { $seen++ };
    select undef, undef, undef, 1 until $seen;
    select undef, undef, undef, 0.1 for 1 .. 3;
    print "$seen\n"' || true
}
group=$(count)
foreground=$(count --foreground)
echo "signals at the end of the time: $group, with --foreground: $foreground"
[ "$group" = 2 ] && [ "$foreground" = 1 ] || exit 1

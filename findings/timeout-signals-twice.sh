#!/bin/sh
# coreutils' timeout: the command gets the final signal twice, and sometimes handles both.
#
# Guess:  when the time is over, timeout sends TERM to its command once. A second TERM comes from
#         somebody who wants to end it at once. So you can put timeout in front of a program that
#         ends gently on the first signal and at once on the second.
# Is:     timeout creates a process group. It sends the signal to its child, and then to the group,
#         which includes the child. It does the same with a signal that it passes on. The kernel
#         merges two TERM signals that arrive together, but a child that handles the first before
#         the second arrives gets two, now and then. Real-time signals are queued, so they always
#         show both. With --foreground, timeout creates no group and sends one signal.
# Seen:   coreutils 9.1-1 (Debian 12).
#
# Needs root, apt-get with Debian 12, and perl. Takes some seconds.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu

version=9.1-1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# apt-get would switch to a user who cannot write to a directory of root.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "coreutils=$version" >/dev/null)
dpkg-deb -x "$work"/coreutils_*.deb "$work/package"
timeout=$work/package/usr/bin/timeout
"$timeout" --version | head -n 1

# Prints the number of signals that a command gets; it continues briefly after the first one.
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

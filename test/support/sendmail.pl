#!/usr/bin/perl
# The sendmail of cron: passes the mail unchanged to the test that listens on the socket.
use strict;
use warnings;
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => '@SOCKET@') or die "no test listens: $!";
binmode $_ for *STDIN, $socket;
print $socket $_ while sysread STDIN, $_, 65_536;
# cron takes the exit of this for the end of the mail: the test must have all of it before that.
shutdown $socket, 1;
sysread $socket, $_, 1;

#!/usr/bin/perl
# What cron takes for sendmail: hands the mail, as it is, to the test that listens on the socket.
use strict;
use warnings;
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => '@SOCKET@') or die "no test listens: $!";
binmode $_ for *STDIN, $socket;
print $socket $_ while sysread STDIN, $_, 65_536;
# cron takes the end of this for the end of the mail: the test has to have all of it by then.
shutdown $socket, 1;
sysread $socket, $_, 1;

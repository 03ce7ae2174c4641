# The verdicts of the installed rsnapshot on many files, without compiling it for each: after it has
# been compiled and before it starts, it forks a child for every path on stdin, which continues as
# `configtest` of that file. Its output goes to PATH.said, its exit status to stdout.
#
#   perl -I test/support -MConfigtest /usr/bin/rsnapshot
package Configtest;
use strict;
use warnings;

INIT {
  $| = 1;
  while (defined(my $path = <STDIN>)) {
    chomp $path;
    my $pid = fork;
    defined $pid or die "fork: $!\n";
    if ($pid == 0) {
      open STDERR, '>', "$path.said" or die "$path.said: $!\n";
      open STDOUT, '>', '/dev/null';
      open STDIN, '<', '/dev/null';
      @ARGV = ('-c', $path, 'configtest');
      # Only the child continues as rsnapshot.
      last;
    }
    waitpid $pid, 0;
    print "$?\n";
    exit 0 if eof STDIN;
  }
}

1;

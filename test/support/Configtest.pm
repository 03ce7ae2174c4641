# The verdicts of the installed rsnapshot on many files, without compiling it for each: after it has been
# compiled and before it begins, a child of it goes on for every path on stdin, as `configtest` of
# that file. What it says goes to PATH.said, how it ended to stdout.
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
      # Only the child becomes rsnapshot.
      last;
    }
    waitpid $pid, 0;
    print "$?\n";
    exit 0 if eof STDIN;
  }
}

1;

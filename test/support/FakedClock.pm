# Gives keepers the clock of faketime: perl -MFakedClock. They read the kernel's time with
# syscall(), which faketime does not intercept; this uses the C library instead.
package FakedClock;
use strict;
use warnings;
use Time::HiRes qw(clock_gettime);

# clock_gettime on x86-64, and on the architectures with the common table.
my %clock = map { $_ => 1 } 228, 113;

BEGIN {
  *CORE::GLOBAL::syscall = sub {
    my $number = shift;
    return CORE::syscall($number, @_) if !$clock{$number} || @_ != 2;
    my $now = clock_gettime($_[0]);
    $_[1] = pack 'q2', int $now, int(1e9 * ($now - int $now));
    return 0;
  };
}

1;

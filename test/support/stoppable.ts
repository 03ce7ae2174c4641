/**
 * A command with a helper: each prints the signals that it gets. The helper ends by any signal; the
 * command sends it USR1 first, waits for its answer, and ends with 3. `deaf`: it ignores INT.
 */
const COMMAND = `
  my ($isDeaf) = @ARGV;
  pipe my $r, my $w;
  my $helper = fork;
  my $name = $helper ? 'command' : 'helper';
  sub say_it { syswrite STDOUT, "$name $_[0]\\n" }
  for my $signal (qw(INT TERM HUP QUIT)) {
    $SIG{$signal} = sub {
      say_it($signal);
      exit 9 if !$helper;
      kill USR1 => $helper;
      sysread $r, my $answer, 1;
      exit 3;
    };
  }
  $SIG{INT} = 'IGNORE' if $isDeaf && $helper;
  $SIG{USR1} = sub { say_it('asked'); syswrite $w, '.' } if !$helper;
  if ($helper) { close $w; sysread $r, my $is_up, 1 } else { close $r; syswrite $w, '.' }
  say_it('is up') if $helper;
  sleep 1 while 1;
`;
/** The command that runs it, on any machine. */
export const stoppable = (...more: readonly string[]): readonly string[] => [
  ...['/usr/bin/perl', '-e', COMMAND],
  ...more,
];

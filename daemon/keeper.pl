#!/usr/bin/perl
# The process keeper: outlives the daemon, holds one child, and records how it ended.
#
#   perl keeper.pl NAME STATUSFILE PRCTL PRLIMIT NOFILE UMASK CWD COMMAND [ARG...]
#
# fd 0 is /dev/null, 1 and 2 are the output files, 3 is the control socket: one line means go, EOF
# means that the command must never run. The keeper answers go before it forks, so that whoever has
# no answer of a dead one knows that nothing ran. It closes 3 when the status file is in place (or by
# dying), and stays until its last descendant is gone, so that nothing can slip out of reach.
#
# Perl without modules: perl-base is on every Debian, starts in 3 ms and tells an exit code, a
# signal and a failed exec apart, which no shell does. PRCTL and PRLIMIT are numbers of system
# calls, 0 where the machine's are not known.
my ($name, $file, $prctl, $prlimit, $nofile, $umask, $cwd) = splice @ARGV, 0, 7;
$0 = $name;
my @sigs = qw(HUP INT QUIT TERM USR1 USR2 ALRM PIPE);
$SIG{$_} = sub { } for @sigs;                    # survive; exec gives the child the defaults back
syscall 0 + $prctl, 36, 1, 0, 0, 0 if $prctl;    # PR_SET_CHILD_SUBREAPER
open CTL, '+<&=', 3;
syscall 436, 3, 0xFFFFFFFF, 4;                   # close_range(2): all from 3 on are close-on-exec
my $go = <CTL>;
my ($status, $failure) = (0, '');
if (defined $go) {
  syswrite CTL, "begun\n";                       # whoever dies before has run nothing
  pipe R, W;                                     # close-on-exec: EOF says that exec worked
  my $pid = fork;
  if (defined $pid && !$pid) {
    $SIG{$_} = 'DEFAULT' for @sigs;
    setpgrp 0, 0;                                # a group of its own: killing it spares the keeper
    umask $umask;
    if ($prlimit) {                              # RLIMIT_NOFILE is 7; Node had raised the soft one
      my $limits = pack 'Q2', 0, 0;
      syscall 0 + $prlimit, 0, 7, 0, $limits;
      my $hard = (unpack 'Q2', $limits)[1];
      syscall 0 + $prlimit, 0, 7, pack('Q2', $nofile < $hard ? $nofile : $hard, $hard), 0;
    }
    delete $ENV{PERL_BADLANG};                   # set for this keeper only
    for (grep /^BATON_ENV_/, keys %ENV) {        # variables that would have changed this perl
      my $value = delete $ENV{$_};
      $ENV{substr $_, 10} = $value;
    }
    if (chdir $cwd) {
      exec { $ARGV[0] } @ARGV;
      syswrite W, 'command ' . (0 + $!);
    } else {
      syswrite W, 'directory ' . (0 + $!);
    }
    exit 127;
  }
  if (defined $pid) {
    close W;
    sysread R, $failure, 32;
    1 until waitpid(-1, 0) == $pid;              # adopted orphans are reaped on the way
    $status = $?;
  } else {
    $failure = 'system ' . (0 + $!);
  }
}
my ($stage, $errno) = split ' ', $failure;
my @cpu = times;
my $record = sprintf qq({"started":%s,"code":%s,"signal":%s,"core":%s,"stage":%s,"errno":%s,"cpuS":%.2f,"endedAtS":%d}\n),
  defined $go ? 'true' : 'false', $status & 127 ? 'null' : $status >> 8, $status & 127 || 'null',
  $status & 128 ? 'true' : 'false', $stage ? qq("$stage") : 'null', $errno || 'null',
  $cpu[2] + $cpu[3], time;
# 04011101 = O_WRONLY|O_CREAT|O_TRUNC|O_SYNC: on disk before the rename; a full disk is waited out,
# a run directory that vanished is made anew, unless its parent is gone, too
until (sysopen(F, "$file.tmp", 04011101, 0600) && syswrite(F, $record) == length $record
    && close F && rename "$file.tmp", $file) {
  my $dir = substr $file, 0, rindex $file, '/';
  next if !-d $dir && defined $go && mkdir $dir, 0700;
  last unless -d $dir;
  select undef, undef, undef, 1;
}
close CTL;
1 while waitpid(-1, 0) > 0 || $! == 4;           # until the last descendant is gone (EINTR is 4)

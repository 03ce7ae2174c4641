# The common part of the keepers of commands on this machine and of those inside Slurm jobs: starts
# a command, copies its output, and describes its end. The build puts it in front of fork-server.pl
# and of slurm-keeper.pl, so that each keeper is one file.
#
# The command writes into pipes, only one if its streams are merged, and its keeper copies the
# output into the files. If the command had the files themselves, `> /dev/stderr` would truncate
# them.
#
# Perl without modules: perl-base is on every Debian, starts in 3 ms, and can tell an exit code, a
# signal and a failed exec apart, which no shell can. It has no names for some system calls.
my $nofile = 1024;                               # Node or slurmd has raised the soft limit
# By the machine field of the ELF header: x86-64, ARM, RISC-V, LoongArch, PowerPC, s390.
my @common = (167, 261, 157, 113, 82, 94);
my %syscalls = (                                 # prctl prlimit setsid clock fsync exit_group
  62 => [157, 302, 112, 228, 74, 231],
  183 => \@common, 243 => \@common, 258 => \@common,
  21 => [171, 325, 66, 246, 118, 234],
  22 => [172, 334, 66, 260, 118, 248],
);
my ($prctl, $prlimit, $setsid, $clock, $fsync, $exit_group) = system_calls();
my $term_ms;                                     # when the last TERM came
my @sigs = qw(HUP INT QUIT TERM USR1 USR2 ALRM PIPE XFSZ);
$SIG{$_} = sub { } for @sigs;                    # survive; exec resets them for the child

# The numbers for the 64-bit program that runs this; none if they are not known.
sub system_calls {
  open my $self, '<', '/proc/self/exe' or return;
  sysread($self, my $head, 20) == 20 or return;
  my ($class, $machine) = unpack 'x4 C x13 S', $head;
  return $class == 2 ? @{ $syscalls{$machine} || [] } : ();
}

# Starts a command. Returns its pid or undef, and what failed: "STAGE ERRNO", or nothing. `bound`:
# the command dies with its keeper, because nothing can replace that.
sub start {
  my ($streams, $umask, $cwd, $env, $words, $bound) = @_;
  my ($keeper, $pid) = $$;
  # close-on-exec: EOF means that exec worked
  $pid = fork if pipe my $r, my $w;
  return (undef, 'system ' . (0 + $!)) if !defined $pid;
  if (!$pid) {
    $SIG{$_} = 'DEFAULT' for @sigs;
    setpgrp 0, 0;                                # a group of its own: killing it spares the keeper
    if ($bound && $prctl) {
      syscall $prctl, 1, 9, 0, 0, 0;             # PR_SET_PDEATHSIG, SIGKILL
      kill 9, $$ if getppid != $keeper;
    }
    umask $umask;
    if ($prlimit) {                              # RLIMIT_NOFILE is 7
      my $limits = pack 'Q2', 0, 0;
      syscall $prlimit, 0, 7, 0, $limits;
      my $hard = (unpack 'Q2', $limits)[1];
      syscall $prlimit, 0, 7, pack('Q2', $nofile < $hard ? $nofile : $hard, $hard), 0;
    } else {
      unshift @$words, 'prlimit', "--nofile=$nofile:", '--';
    }
    %ENV = %$env;
    if (!open STDOUT, '>&', $streams->[0]{end} or !open STDERR, '>&', $streams->[-1]{end}) {
      syswrite $w, 'system ' . (0 + $!);
    } elsif (chdir $cwd) {
      exec { $words->[0] } @$words;
      syswrite $w, 'command ' . (0 + $!);
    } else {
      syswrite $w, 'directory ' . (0 + $!);
    }
    exit 127;
  }
  close $w;
  delete $_->{end} for @$streams;                # so that EOF comes when the last writer is gone
  my $failure = '';
  1 until defined sysread($r, $failure, 32) || $! != 4;
  return ($pid, $failure);
}

# Exits immediately: freeing the memory page by page would cost a short run as much as its fork.
# Nothing is buffered.
sub leave {
  my ($code) = @_;
  syscall $exit_group, 0 + $code if $exit_group;
  exit $code;
}

# Opened by the keeper, because the user of the command may have no access to the file.
sub open_stdin {
  my ($path) = @_;
  return length $path && open(STDIN, '<', $path) || open STDIN, '<', '/dev/null';
}

# A pipe to a file. With `later`, the file is not opened before the first byte.
sub make_stream {
  my ($path, $later) = @_;
  my $file;
  $later or open $file, '>>', $path or return;
  pipe my $pipe, my $end or return;
  return { pipe => $pipe, end => $end, path => $path, file => $file, lost => 0 };
}

# Copies until this child has ended, and then what it left in the pipes. Returns its status. `tick`
# is called repeatedly, and returns the number of seconds until its next call.
sub attend {
  my ($child, $streams, $tick) = @_;
  my $fd = syscall 434, $child, 0;               # pidfd_open: the same number on all machines
  my $ended = $fd < 0 ? undef : do { open my $handle, '<&=', $fd; $handle };
  my $status;
  local $SIG{CHLD} = sub { };                    # adopted orphans are reaped, too
  until (defined $status) {
    my $timeout = $tick ? $tick->() : undef;
    $timeout = .05 if !$ended;
    copy_some($streams, $ended, $timeout);
    while ((my $pid = waitpid -1, 1) > 0) {      # WNOHANG
      $status = $? if $pid == $child;
    }
  }
  # Others may go on writing, but what was there when it ended is at most a full pipe.
  for my $stream (@$streams) {
    my $left = $stream->{pipe} ? fcntl $stream->{pipe}, 1032, 0 : 0;   # F_GETPIPE_SZ
    while ($left > 0 && (my $got = copy_some([$stream], undef, 0))) {
      $left -= $got;
    }
  }
  return $status;
}

# Copies until no process has the pipes open, and stays until the last descendant is gone.
sub finish {
  my ($streams, $tick) = @_;
  local $SIG{CHLD} = sub { };
  for (;;) {
    my $is_open = grep { $_->{pipe} } @$streams;
    my $pid = waitpid -1, $is_open || $tick ? 1 : 0;   # WNOHANG
    next if $pid > 0;
    last if $pid < 0 && $! != 4 && !$is_open;
    my $timeout = $tick ? $tick->() : undef;
    copy_some($streams, undef, $timeout) if $is_open || $tick;
  }
}

# Waits until there is something to copy, `other` can be read, or the timeout has passed. Returns
# the number of bytes read. What cannot be written is lost and counted: a run must not block on a
# full disk, because nobody would hear of it until the run ends.
sub copy_some {
  my ($streams, $other, $timeout) = @_;
  my @open = grep { $_->{pipe} } @$streams;
  my ($all, $bytes) = ('', 0);
  vec($all, fileno $_, 1) = 1 for map({ $_->{pipe} } @open), $other || ();
  return 0 if select(my $ready = $all, undef, undef, $timeout) <= 0;
  for my $stream (grep { vec $ready, fileno $_->{pipe}, 1 } @open) {
    my $got = sysread $stream->{pipe}, my $data, 65536;
    next if !defined $got;
    delete $stream->{pipe} if !$got;
    $bytes += $got;
    my $at = 0;
    while ($at < $got) {
      $stream->{file} or open $stream->{file}, '>>', $stream->{path} or delete $stream->{file};
      my $put = $stream->{file} && syswrite $stream->{file}, $data, $got - $at, $at;
      next if !defined $put && $! == 4;          # EINTR
      if (!$put) {
        @$stream{'lost', 'errno'} = ($stream->{lost} + $got - $at, 0 + $!);
        last;
      }
      $at += $put;
    }
  }
  return $bytes;
}

# The record of the end, as status-file.ts reads it.
sub describe {
  my ($begun_ms, $started, $status, $streams, $stage, $errno) = @_;
  my ($lost, $why) = (0, 0);
  for (grep { $_->{lost} } @$streams) {
    $lost += $_->{lost};
    $why = $_->{errno};
  }
  my ($now_ms, @cpu) = (clock_ms(1), times);
  my $after_ms = defined $term_ms ? $now_ms - $term_ms : 'null';
  # In the last phase of a shutdown, PID 1 is "systemd-shutdown"; comm has only 15 characters.
  my $is_down = first_line('/proc/1/comm') eq "systemd-shutdow\n";
  return sprintf
    qq({"started":%s,"code":%s,"signal":%s,"core":%s,"stage":%s,"errno":%s,"lostBytes":%d,)
    . qq("lostErrno":%s,"cpuS":%.2f,"tookMs":%d,"steadyMs":%d,"wallMs":%d,"termMs":%s,"down":%s}),
    $started ? 'true' : 'false', $status & 127 ? 'null' : $status >> 8, $status & 127 || 'null',
    $status & 128 ? 'true' : 'false', $stage ? qq("$stage") : 'null', $errno || 'null',
    $lost, $why || 'null', $cpu[2] + $cpu[3], $now_ms - $begun_ms, $now_ms, clock_ms(0), $after_ms,
    $is_down ? 'true' : 'false';
}

# Writes a file that is on disk before it gets its name. With `later`, the caller has to sync the
# returned handle. Anything in the way is moved aside: a job can create even a directory or a FIFO.
sub place {
  my ($file, $text, $later) = @_;
  my $f;
  unlink "$file.tmp" or rename "$file.tmp", "$file.tmp.aside";
  # 04010301 = O_WRONLY|O_CREAT|O_EXCL|O_SYNC
  return sysopen($f, "$file.tmp", $later ? 0301 : 04010301, 0600)
    && syswrite($f, $text) == length $text && ($later || close $f)
    && (rename "$file.tmp", $file or rename $file, "$file.aside" and rename "$file.tmp", $file)
    && $f;
}

# 0: the time of day; 1: CLOCK_MONOTONIC, which nobody can set.
sub clock_ms {
  my ($which) = @_;
  my $spec = pack 'q2', 0, 0;
  if ($clock && syscall($clock, $which, $spec) == 0) {
    my ($seconds, $nanos) = unpack 'q2', $spec;
    return $seconds * 1000 + int($nanos / 1_000_000);
  }
  return 1000 * time if !$which;
  return first_line('/proc/uptime') =~ /^([\d.]+)/ ? int(1000 * $1) : 0;
}

sub first_line {
  my ($path) = @_;
  open my $file, '<', $path or return '';
  return scalar(<$file>) // '';
}

# Perl pads a short title with blanks, which systemctl status shows; this one fills all the room.
sub title {
  return $_[0] . "\0" x 512;
}


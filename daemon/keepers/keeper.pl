#!/usr/bin/perl
# The fork server and the keepers that come from it.
#
#   perl keeper.pl PRCTL PRLIMIT SETSID CLOCK NOFILE TITLE
#
# The fork server is one process a daemon, and does what the daemon is too large to do fast: it forks
# a keeper for every run. A keeper outlives the daemon and the fork server, holds one child, and
# records how it ended.
#
# Orders come on fd 3, each a length (32 bits, network order) and its words with NUL between them:
#   keep KEY TITLE STATUSFILE UMASK CWD OWNER IN OUT ERR N [NAME=VALUE]... COMMAND [ARG]...
#                 N variables; OWNER is UID:GID or empty; without ERR both streams go to OUT
#   go KEY        the start is in the journal: the command may run
#   drop KEY      it must never run
#   rescue TITLE OUT ERR PID...   their keeper is gone: go on with what it did for their output
# Answers go out there, too, each a line:
#   kept KEY PID | none KEY ERRNO | begun KEY | unwritten KEY | closed KEY
# EOF is the end of the daemon: the fork server leaves, and no keeper that has not read go runs its
# command ever. A keeper says begun before it forks, so that who has not said it has run nothing. It
# closes its end when the status file is in place (or by dying), and stays until its last descendant
# is gone, so that nothing can slip out of reach. While the status file cannot be written, the record
# is the keeper's title: any daemon finds it there, and "unwritten" tells this one to look.
#
# The record says when the command ended, by the keeper's own clocks, and what speaks for a machine
# that goes down: TERM comes to everybody then, so to the keeper, too.
#
# The command writes into pipes, one if the streams are one, and its keeper copies what comes into
# the files. A command that had the files themselves would cut them off by `> /dev/stderr`. It has
# its pipes open for reading, too: it gets no SIGPIPE should its keeper be killed, but waits, when
# the pipe is full, for the process that the next daemon sends to its rescue. That one knows the
# pipes by the links FILE.pipe.
#
# Perl without modules: perl-base is on every Debian, starts in 3 ms and tells an exit code, a
# signal and a failed exec apart, which no shell does. PRCTL, PRLIMIT, SETSID and CLOCK are numbers of
# system calls, 0 where the machine's are not known. TITLE is room for the titles of the keepers.
my ($prctl, $prlimit, $setsid, $clock, $nofile) = map { 0 + $_ } @ARGV;
my (%keepers, %keys);                            # the server's ends by key, the keys by fd
my $watched = '';                                # for select(2)
my $term_ms;                                     # when the last TERM came
my @sigs = qw(HUP INT QUIT TERM USR1 USR2 ALRM PIPE XFSZ);
$0 = title('baton fork server');
$SIG{$_} = sub { } for @sigs;                    # survive; exec gives the child the defaults back
$SIG{TERM} = sub { $term_ms = clock_ms(1) };
$SIG{CHLD} = 'IGNORE';                           # the system buries the keepers
close_inherited();
open my $daemon, '+<&=', 3 or die $!;
serve();

sub serve {
  my $input = '';
  vec($watched, 3, 1) = 1;
  for (;;) {
    next if 0 > select my $ready = $watched, undef, undef, undef;
    for my $fd (grep { vec $ready, $_, 1 } keys %keys) {
      my $key = $keys{$fd};
      my $got = sysread $keepers{$key}, my $said, 64;
      next if !defined $got && $! == 4;          # EINTR
      answer("$_ $key") for $got ? split /\n/, $said : 'closed';
      forget($key) if !$got;
    }
    next if !vec $ready, 3, 1;
    my $got = sysread $daemon, $input, 65536, length $input;
    exit if defined $got ? !$got : $! != 4;
    while (length $input >= 4 && length $input >= 4 + (my $length = unpack 'N', $input)) {
      my ($order, $key, @words) = split /\0/, substr($input, 4, $length), -1;
      substr $input, 0, 4 + $length, '';
      if ($order eq 'keep') {
        spawn($key, @words);
      } elsif ($order eq 'rescue') {
        rescue($key, @words);
      } elsif (defined $keepers{$key}) {
        $order eq 'go' ? syswrite $keepers{$key}, "go\n" : forget($key);
      }
    }
  }
}

sub spawn {
  my ($key, @words) = @_;
  my $pid;
  # AF_UNIX and SOCK_STREAM are 1
  if (socketpair(my $server, my $keeper, 1, 1, 0) && defined($pid = fork)) {
    if (!$pid) {
      close $_ for $daemon, $server, values %keepers;   # EOF must come to all, whoever lives
      keep($keeper, @words);
      exit;
    }
    $keepers{$key} = $server;
    $keys{fileno $server} = $key;
    answer("kept $key $pid");
    vec($watched, fileno $server, 1) = 1;
  } else {
    answer("none $key " . (0 + $!));
  }
}

sub keep {
  my ($ctl, $title, $file, $umask, $cwd, $owner, $in, $out, $err, $count, @words) = @_;
  my @env = splice @words, 0, $count;
  $0 = title($title);
  chdir substr $file, 0, rindex $file, '/' or return;
  undef $term_ms;
  $SIG{CHLD} = 'DEFAULT';
  $setsid ? syscall $setsid : (require POSIX, POSIX::setsid());
  syscall $prctl, 36, 1, 0, 0, 0 if $prctl;      # PR_SET_CHILD_SUBREAPER
  # its own user may not be let in there, so that the command gets it open
  (length $in && open STDIN, '<', $in) or open STDIN, '<', '/dev/null' or return;
  my @streams = map { make_stream($_, $owner) || return } $out, length $err ? $err : ();
  my $go = <$ctl>;
  my ($pid, $status, $failure) = (undef, 0, '');
  my $begun_ms = clock_ms(1);
  my $record;                                    # open while the command runs: see keeper-record.ts
  if (defined $go) {
    (my $path = $file) =~ s{/status(\.[^/]*)$}{/keeper$1};
    open $record, '<', $path;
    syswrite $ctl, "begun\n";                    # whoever dies before has run nothing
    # close-on-exec: EOF says that exec worked
    $pid = fork if pipe my $r, my $w;
    if (defined $pid && !$pid) {
      $SIG{$_} = 'DEFAULT' for @sigs;
      setpgrp 0, 0;                              # a group of its own: killing it spares the keeper
      umask $umask;
      if ($prlimit) {                            # RLIMIT_NOFILE is 7; Node had raised the soft one
        my $limits = pack 'Q2', 0, 0;
        syscall $prlimit, 0, 7, 0, $limits;
        my $hard = (unpack 'Q2', $limits)[1];
        syscall $prlimit, 0, 7, pack('Q2', $nofile < $hard ? $nofile : $hard, $hard), 0;
      }
      %ENV = map { split /=/, $_, 2 } @env;
      if (!open STDOUT, '>&', $streams[0]{end} or !open STDERR, '>&', $streams[-1]{end}) {
        syswrite $w, 'system ' . (0 + $!);
      } elsif (chdir $cwd) {
        exec { $words[0] } @words;
        syswrite $w, 'command ' . (0 + $!);
      } else {
        syswrite $w, 'directory ' . (0 + $!);
      }
      exit 127;
    }
    if (defined $pid) {
      close $w;
      delete $_->{end} for @streams;             # the last writer's end is the end of the file
      1 until defined sysread($r, $failure, 32) || $! != 4;
      $status = attend($pid, \@streams);
    } else {
      $failure = 'system ' . (0 + $!);
    }
  }
  my $report = describe($begun_ms, defined $go, $status, \@streams, split ' ', $failure);
  write_record($file, $report, $ctl, $title) if defined $go || is_here();
  (my $ended = $title) =~ s/ run / ended run /;
  $0 = title($ended);                            # what it left behind holds no place
  close $record if $record;
  close $ctl;
  finish(\@streams) if $pid;
}

# A pipe to a file. The user that opens its own /dev/stderr has to own it.
sub make_stream {
  my ($path, $owner) = @_;
  open my $file, '>>', $path or return;
  pipe my $pipe, my $end or return;
  my $self = '/proc/self/fd/' . fileno $end;
  unlink "$path.pipe";
  symlink readlink $self, "$path.pipe";
  my $both;
  $end = $both if open $both, '+<', $self;
  chown split(/:/, $owner), $end if length $owner;
  return { pipe => $pipe, end => $end, file => $file, lost => 0 };
}

# Copies until this child has ended, and then what it has left in the pipes. Returns its status.
sub attend {
  my ($child, $streams) = @_;
  my $fd = syscall 434, $child, 0;               # pidfd_open, by the same number everywhere
  my $ended = $fd < 0 ? undef : do { open my $handle, '<&=', $fd; $handle };
  my $status;
  local $SIG{CHLD} = sub { };                    # adopted orphans are reaped on the way
  until (defined $status) {
    copy_some($streams, $ended, $ended ? undef : .05);
    while ((my $pid = waitpid -1, 1) > 0) {      # WNOHANG
      $status = $? if $pid == $child;
    }
  }
  # Others may go on writing: what was there at its end is no more than a pipe holds.
  for my $stream (@$streams) {
    my $left = $stream->{pipe} ? fcntl $stream->{pipe}, 1032, 0 : 0;   # F_GETPIPE_SZ
    while ($left > 0 && (my $got = copy_some([$stream], undef, 0))) {
      $left -= $got;
    }
  }
  return $status;
}

# Copies until nobody has the pipes open any more, and stays until the last descendant is gone.
sub finish {
  my ($streams) = @_;
  local $SIG{CHLD} = sub { };
  while (grep { $_->{pipe} } @$streams) {
    copy_some($streams, undef, undef);
    1 while waitpid(-1, 1) > 0;
  }
  1 while waitpid(-1, 0) > 0 || $! == 4;
}

# Does for processes whose keeper is gone what it did: their pipes are where they have them open.
sub rescue {
  my ($key, $title, $out, $err, @pids) = @_;
  my $pid = fork;
  return answer(defined $pid ? "closed $key" : "none $key " . (0 + $!)) if $pid || !defined $pid;
  close $_ for $daemon, values %keepers;
  $0 = title($title);
  my @streams;
  for my $path ($out, $err) {
    my $name = readlink "$path.pipe";
    defined $name or next;
    open(my $file, '>>', $path) or next;
    flock($file, 6) or next;                     # LOCK_EX|LOCK_NB: one is enough
    for my $fd (map { files_of($_) } @pids) {
      next if $name ne (readlink($fd) || '') || !open my $pipe, '<', $fd;
      push @streams, { pipe => $pipe, file => $file, lost => 0 };
      last;
    }
  }
  finish(\@streams);
  exit;
}

sub files_of {
  my ($pid) = @_;
  opendir my $dir, "/proc/$pid/fd" or return;
  return map { "/proc/$pid/fd/$_" } grep { /^\d+$/ } readdir $dir;
}

# Waits until there is something to copy, or `other` to be read, or the time is over. Returns how
# much there was. What cannot be written is lost and counted: a run must not stand still for a full
# disk, of which nobody would hear until it ends.
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
      my $put = syswrite $stream->{file}, $data, $got - $at, $at;
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

sub describe {
  my ($begun_ms, $started, $status, $streams, $stage, $errno) = @_;
  my ($lost, $why) = (0, 0);
  for (grep { $_->{lost} } @$streams) {
    $lost += $_->{lost};
    $why = $_->{errno};
  }
  my ($now_ms, @cpu) = (clock_ms(1), times);
  my $after_ms = defined $term_ms ? $now_ms - $term_ms : 'null';
  # The last process of systemd in a shutdown is "systemd-shutdown", which is cut off there.
  my $is_down = first_line('/proc/1/comm') eq "systemd-shutdow\n";
  return sprintf
    qq({"started":%s,"code":%s,"signal":%s,"core":%s,"stage":%s,"errno":%s,"lostBytes":%d,)
    . qq("lostErrno":%s,"cpuS":%.2f,"tookMs":%d,"steadyMs":%d,"wallMs":%d,"termMs":%s,"down":%s}),
    $started ? 'true' : 'false', $status & 127 ? 'null' : $status >> 8, $status & 127 || 'null',
    $status & 128 ? 'true' : 'false', $stage ? qq("$stage") : 'null', $errno || 'null',
    $lost, $why || 'null', $cpu[2] + $cpu[3], $now_ms - $begun_ms, $now_ms, clock_ms(0), $after_ms, $is_down ? 'true' : 'false';
}

# Whether the run directory, this one's working directory, is there, wherever it was moved.
sub is_here {
  return (readlink '/proc/self/cwd' // ' (deleted)') !~ / \(deleted\)$/;
}

# A full disk is waited out. By its name alone, the file gets into the run directory also while that
# is moved. A run directory that vanished is made anew, unless its parent is gone, too.
sub write_record {
  my ($file, $record, $ctl, $title) = @_;
  my ($dir, $name) = $file =~ m{(.*)/(.*)}s;
  my $is_here = is_here();
  my $was_there = $is_here || -d $dir || mkdir $dir, 0700;
  for (my $tries = 0; !place($is_here ? $name : $file, "$record\n"); $tries++) {
    my $errno = 0 + $!;
    $is_here &&= is_here();
    last if !$is_here && !-d $dir && ($was_there || !mkdir($dir, 0700) && $! == 2);
    if (!$tries) {
      $0 = title("baton ended $errno $record $title");
      syswrite $ctl, "unwritten\n";
    }
    select undef, undef, undef, 1;
  }
}

# On disk before it gets its name. What stands in the way is put aside: a job can make anything here,
# a directory or a FIFO, too.
sub place {
  my ($file, $text) = @_;
  my $f;
  unlink "$file.tmp" or rename "$file.tmp", "$file.tmp.aside";
  # 04010301 = O_WRONLY|O_CREAT|O_EXCL|O_SYNC
  return sysopen($f, "$file.tmp", 04010301, 0600) && syswrite($f, $text) == length $text && close $f
    && (rename "$file.tmp", $file or rename $file, "$file.aside" and rename "$file.tmp", $file);
}

# 0: the time of day; 1: CLOCK_MONOTONIC, which nobody sets.
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

# Perl fills the rest of the room with blanks, which systemctl status shows, unless there is no rest.
sub title {
  return $_[0] . "\0" x 512;
}

sub answer {
  syswrite $daemon, "$_[0]\n";
}

sub forget {
  my ($key) = @_;
  my $server = delete $keepers{$key};
  delete $keys{fileno $server};
  vec($watched, fileno $server, 1) = 0;
  close $server;
}

# A listening socket that came by socket activation would be held as long as any keeper lives.
sub close_inherited {
  opendir my $dir, '/proc/self/fd' or return;
  my @fds = grep { /^\d+$/ && $_ > 3 } readdir $dir;
  closedir $dir;
  for my $fd (@fds) {
    my $handle;
    close $handle if open $handle, '<&=', $fd;
  }
}

# The fork server and the keepers that come from it, behind keeper.pl in one file.
#
#   perl keeper.pl TITLE
#
# The fork server is one process a daemon, and does what the daemon is too large to do fast: it
# forks a keeper for every run. A keeper outlives the daemon and the fork server, holds one child,
# and records how it ended.
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
# is gone, so that nothing can slip out of reach. While the status file cannot be written, the
# record is the keeper's title: any daemon finds it there, and "unwritten" tells this one to look.
#
# The record says when the command ended, by the keeper's own clocks, and what speaks for a machine
# that goes down: TERM comes to everybody then, so to the keeper, too.
#
# A command has its pipes open for reading, too: it gets no SIGPIPE should its keeper be killed, but
# waits, when the pipe is full, for the process that the next daemon sends to its rescue. That one
# knows the pipes by the links FILE.pipe.
#
# TITLE is room for the titles of the keepers.
# The server's ends by key, and the keys by them: bare descriptors, which a keeper closes at once.
# To close hundreds of handles would take it as long as all else, and a third of its memory.
my (%keepers, %keys);
my $watched = '';                                # for select(2)
my $AGAIN_MAX = 10;                              # one a second
$0 = title('baton fork server');
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
      my $end = end_of($fd) or next;
      my $got = sysread $end, my $said, 64;
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
        $order eq 'go' ? let_go($key) : forget($key);
      }
    }
  }
}

sub spawn {
  my ($key, @words) = @_;
  my ($server, $keeper, $fd, $pid);
  # AF_UNIX and SOCK_STREAM are 1, F_DUPFD_CLOEXEC is 1030
  $fd = fcntl $server, 1030, 4 if socketpair $server, $keeper, 1, 1, 0;
  if (defined $fd && defined($pid = fork)) {
    if (!$pid) {
      close $_ for $daemon, $server;             # else no keeper would get EOF while another lives
      if (!close_all_but(fileno $keeper)) {
        close_bare($_) for $fd, values %keepers;
      }
      keep($keeper, @words);
      leave(0);
    }
    $keepers{$key} = $fd;
    $keys{$fd} = $key;
    answer("kept $key $pid");
    vec($watched, $fd, 1) = 1;
  } else {
    my $errno = 0 + $!;
    close_bare($fd) if defined $fd;
    answer("none $key $errno");
  }
}

# A handle for one of the server's ends; nothing, after a while, where there is no room for one.
sub end_of {
  my ($fd) = @_;
  my $end;
  return $end if open $end, '+<&', $fd;
  select undef, undef, undef, .05;
  return;
}

# Who cannot be told is given up: it has run nothing, and the run is started again.
sub let_go {
  my ($key) = @_;
  my $end = end_of($keepers{$key});
  return syswrite $end, "go\n" if $end;
  forget($key);
  answer("closed $key");
}

sub close_bare {
  open my $end, '+<&=', $_[0];
}

# All bare descriptors, by close_range(2), which has the same number everywhere. False before 5.9.
sub close_all_but {
  my ($spared) = @_;
  return !syscall(436, 3, $spared - 1, 0) && !syscall 436, $spared + 1, 0xffffffff, 0;
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
  open_stdin($in) or return;
  my @streams = map { make_rescuable($_, $owner) || return } $out, length $err ? $err : ();
  my $go = <$ctl>;
  my ($pid, $status, $failure) = (undef, 0, '');
  my $begun_ms = clock_ms(1);
  my $record;                                    # open while the command runs: see keeper-record.ts
  if (defined $go) {
    (my $path = $file) =~ s{/status(\.[^/]*)$}{/keeper$1};
    open $record, '<', $path;
    syswrite $ctl, "begun\n";                    # a keeper that dies before ran nothing
    my %env = map { split /=/, $_, 2 } @env;
    ($pid, $failure) = start(\@streams, $umask, $cwd, \%env, \@words);
    $status = attend($pid, \@streams) if defined $pid;
  }
  my $report = describe($begun_ms, defined $go, $status, \@streams, split ' ', $failure);
  my $placed;
  $placed = write_record($file, $report, $ctl, $title, $fsync) if defined $go || is_here();
  (my $ended = $title) =~ s/ run / ended run /;
  $0 = title($ended);                            # what it left behind holds no place
  close $record if $record;
  close $ctl;
  # A daemon that lives has it in its journal soon; for the next one it has to be on the disk.
  if ($placed && $fsync && syscall $fsync, fileno $placed) {
    my $name = substr $file, 1 + rindex $file, '/';
    for (1 .. $AGAIN_MAX) {
      last if !is_here() || place($name, "$report\n");
      select undef, undef, undef, 1;
    }
  }
  finish(\@streams) if $pid;
}

# A stream whose pipe can be found again, and stays open as long as who writes into it lives.
sub make_rescuable {
  my ($path, $owner) = @_;
  my $stream = make_stream($path) or return;
  my $self = '/proc/self/fd/' . fileno $stream->{end};
  unlink "$path.pipe";
  symlink readlink $self, "$path.pipe";
  my $both;
  $stream->{end} = $both if open $both, '+<', $self;
  # The user that opens its own /dev/stderr has to own it.
  chown split(/:/, $owner), $stream->{end} if length $owner;
  return $stream;
}

# Does for processes whose keeper is gone what it did: their pipes are where they have them open.
sub rescue {
  my ($key, $title, $out, $err, @pids) = @_;
  my $pid = fork;
  return answer(defined $pid ? "closed $key" : "none $key " . (0 + $!)) if $pid || !defined $pid;
  close $daemon;
  close_bare($_) for values %keepers;
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
  leave(0);
}

sub files_of {
  my ($pid) = @_;
  opendir my $dir, "/proc/$pid/fd" or return;
  return map { "/proc/$pid/fd/$_" } grep { /^\d+$/ } readdir $dir;
}

# Whether the run directory, this one's working directory, is there, wherever it was moved.
sub is_here {
  return (readlink '/proc/self/cwd' // ' (deleted)') !~ / \(deleted\)$/;
}

# A full disk is waited out. By its name alone, the file gets into the run directory also while that
# is moved. A run directory that vanished is made anew, unless its parent is gone, too.
sub write_record {
  my ($file, $record, $ctl, $title, $later) = @_;
  my ($dir, $name) = $file =~ m{(.*)/(.*)}s;
  my $is_here = is_here();
  my $was_there = $is_here || -d $dir || mkdir $dir, 0700;
  for (my $tries = 0;; $tries++) {
    my $placed = place($is_here ? $name : $file, "$record\n", $later);
    return $placed if $placed;
    my $errno = 0 + $!;
    $is_here &&= is_here();
    return if !$is_here && !-d $dir && ($was_there || !mkdir($dir, 0700) && $! == 2);
    if (!$tries) {
      $0 = title("baton ended $errno $record $title");
      syswrite $ctl, "unwritten\n";
    }
    select undef, undef, undef, 1;
  }
}

sub answer {
  syswrite $daemon, "$_[0]\n";
}

sub forget {
  my ($key) = @_;
  my $fd = delete $keepers{$key};
  delete $keys{$fd};
  vec($watched, $fd, 1) = 0;
  close_bare($fd);
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

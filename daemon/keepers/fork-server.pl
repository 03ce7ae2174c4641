# The fork server and the keepers that it forks; the build puts keeper.pl in front of this.
#
#   perl keeper.pl TITLE
#
# There is one fork server per daemon, and it does what the daemon is too large to do fast: it forks
# a keeper for every run. A keeper outlives the daemon and the fork server, runs one child, and
# records how it ended.
#
# Orders come on fd 3, each a length (32 bits, network order) and its words, separated by NUL:
#   keep KEY TITLE STATUSFILE UMASK CWD OWNER IN OUT ERR N [NAME=VALUE]... COMMAND [ARG]...
#                 N variables; OWNER is UID:GID or empty; without ERR both streams go to OUT
#   go KEY        the start is in the journal: the command may run
#   drop KEY      it must never start
#   rescue KEY TITLE OUT ERR PID...   their keeper is gone: go on copying their output
# Answers go out on fd 3, too, each a line:
#   kept KEY PID | none KEY ERRNO | begun KEY | unwritten KEY | closed KEY
# EOF means that the daemon has ended: the fork server exits, and a keeper that has not read go
# never runs its command. A keeper says begun before it forks, so one that has not said it has run
# nothing. It closes its end when the status file is in place (or when it dies), and stays until its
# last descendant is gone, so that none can get out of reach. While the status file cannot be
# written, the record is in the keeper's title: any daemon finds it there, and "unwritten" tells
# this one to look.
#
# The record says when the command ended, by the keeper's own clocks, and what suggests that the
# machine is shutting down: then every process gets TERM, the keeper included.
#
# A command has its pipes open for reading, too: if its keeper is killed, it gets no SIGPIPE, but
# blocks when the pipe is full, until the process that the next daemon sends to rescue its output
# reads on. That process recognizes the pipes by the links FILE.pipe.
#
# TITLE is padding that makes room for the titles of the keepers.

# The server's ends by key, and the keys by end: bare descriptors, which a keeper closes with one
# call. Closing hundreds of handles would take as long as all the rest, and a third of its memory.
my (%keepers, %keys);
my $watched = '';                                # for select(2)
my $AGAIN_MAX = 10;                              # one per second
$0 = title('baton fork server');
$SIG{TERM} = sub { $term_ms = clock_ms(1) };
$SIG{CHLD} = 'IGNORE';                           # the kernel reaps the keepers
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
      close $_ for $daemon, $server;             # or no keeper gets EOF while another one lives
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

# A handle for one of the server's ends; if none can be opened, nothing, after a short delay.
sub end_of {
  my ($fd) = @_;
  my $end;
  return $end if open $end, '+<&', $fd;
  select undef, undef, undef, .05;
  return;
}

# A keeper that cannot be told is given up: it has run nothing, and the run is started again.
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

# By close_range(2), which has the same number on all machines. False before Linux 5.9.
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
    syswrite $ctl, "begun\n";                    # a keeper that died before this ran nothing
    my %env = map { split /=/, $_, 2 } @env;
    ($pid, $failure) = start(\@streams, $umask, $cwd, \%env, \@words);
    $status = attend($pid, \@streams) if defined $pid;
  }
  my $report = describe($begun_ms, defined $go, $status, \@streams, split ' ', $failure);
  my $placed;
  $placed = write_record($file, $report, $ctl, $title, $fsync) if defined $go || is_here();
  (my $ended = $title) =~ s/ run / ended run /;
  $0 = title($ended);                            # processes that it left hold no place
  close $record if $record;
  close $ctl;
  # A running daemon soon has the record in its journal; the next one needs it on disk.
  if ($placed && $fsync && syscall $fsync, fileno $placed) {
    my $name = substr $file, 1 + rindex $file, '/';
    for (1 .. $AGAIN_MAX) {
      last if !is_here() || place($name, "$report\n");
      select undef, undef, undef, 1;
    }
  }
  finish(\@streams) if $pid;
}

# A stream whose pipe can be found again, and stays open as long as its writers live.
sub make_rescuable {
  my ($path, $owner) = @_;
  my $stream = make_stream($path) or return;
  my $self = '/proc/self/fd/' . fileno $stream->{end};
  unlink "$path.pipe";
  symlink readlink $self, "$path.pipe";
  my $both;
  $stream->{end} = $both if open $both, '+<', $self;
  # To open /dev/stderr, the user of the command has to own the pipe.
  chown split(/:/, $owner), $stream->{end} if length $owner;
  return $stream;
}

# Copies the output of processes whose keeper is gone: opens the pipes through their descriptors.
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
    flock($file, 6) or next;                     # LOCK_EX|LOCK_NB: one copier is enough
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

# Whether the run directory, which is the working directory, still exists, wherever it was moved.
sub is_here {
  return (readlink '/proc/self/cwd' // ' (deleted)') !~ / \(deleted\)$/;
}

# Retries while the disk is full. By its bare name, the file gets into the run directory even if
# that is being moved. A run directory that is missing at first is created, unless its parent is
# missing, too; if it vanishes later, nothing is written.
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

# Otherwise a listening socket from socket activation would stay open as long as any keeper lives.
sub close_inherited {
  opendir my $dir, '/proc/self/fd' or return;
  my @fds = grep { /^\d+$/ && $_ > 3 } readdir $dir;
  closedir $dir;
  for my $fd (@fds) {
    my $handle;
    close $handle if open $handle, '<&=', $fd;
  }
}

# The keeper of a run inside a job of Slurm. With keeper.pl in front, it is the batch script.
#
#   slurm_script DIRECTORY ATTEMPT TOKEN
#
# DIRECTORY is shared by the nodes and the daemon, which has created it, and in it
#   spawn.ATTEMPT   what to run, words separated by NUL:
#     baton-spawn-3 TOKEN GRACE_MS SIGNAL TO TIMEOUT_MS
#     TITLE STATUSFILE UMASK CWD OWNER IN OUT ERR N [NAME=VALUE]... COMMAND [ARG]...
#                   OWNER is empty; a TIMEOUT_MS of 0 means none. On a node without the shared file
#                   system the file is missing, and in the file of another job TOKEN differs.
# The keeper creates there
#   begun.ATTEMPT   before anything else, by O_EXCL: Slurm may start a job twice, but the command
#                   must not. "JOB NODE RESTARTS WALL_MS PID"; incomplete without a newline.
#   beat.ATTEMPT    touched every 10 s while the keeper lives, the first time after 10 s
#   STATUSFILE      how the command ended, on disk after all of its output. Only this counts:
#                   Slurm says COMPLETED even of jobs that never ran.
#   over.ATTEMPT    once no process of the run is left; a hard link to begun.ATTEMPT, if possible
# and checks every second for
#   stop.ATTEMPT    the daemon's request to stop: GRACE_MS SIGNAL TO
# TERM, which scancel --batch sends, is the same request, and so is the end of TIMEOUT_MS: SIGNAL
# and CONT go to every descendant (if TO is "main", only to the command until it has ended), and
# KILL to all after the grace period. The keeper adopts the processes that a command leaves.
#
# Exit status 75: this job has run nothing; without begun.ATTEMPT it has not created anything,
# either. No other status means anything to baton.
#
# The environment of the command is what it is given, and what Slurm tells every job about itself.
#
# Parsing this costs more than a job that runs `true`, and so does creating files: so no file is
# created that says nothing, and what few jobs need is behind __END__.
my ($dir, $attempt, $token) = @ARGV;
my $refused = 75;
my %passed = map { $_ => 1 }
  qw(CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES ZE_AFFINITY_MASK GPU_DEVICE_ORDINAL TMPDIR);
my ($look_every_ms, $beat_every_ms) = (1_000, 10_000);
my ($grace_ms, $signal, $to, $timeout_ms);       # from the spawn file
my $end_ms;                                      # when the command times out
my ($stopped_by, $kill_ms, %told);               # why it is stopped, when to KILL, who was told
my $main;                                        # the command, until it has ended
my ($look_ms, $beat_ms) = (0, clock_ms(1) + $beat_every_ms);   # when the next is due
my $has_term = 0;
$SIG{TERM} = sub { $has_term = 1 };
$SIG{CHLD} = 'DEFAULT';
leave(keep_job());

sub keep_job {
  my ($title, $file, $umask, $cwd, $in, $out, $err, $env, @words) = claim();
  # proctrack/linuxproc finds neither a process with a blank in /proc/PID/comm nor its children.
  # $0 changes that name, too, so PR_SET_NAME comes after it.
  if ($prctl) {
    $0 = title($title);
    syscall $prctl, 15, my $name = "baton-keeper\0", 0, 0, 0;
  }
  umask 077;
  syscall $prctl, 36, 1, 0, 0, 0 if $prctl;      # PR_SET_CHILD_SUBREAPER
  my $begun_ms = clock_ms(1);
  my ($pid, $status, $failure, @streams) = (undef, 0, '');
  tick();
  my $started = !defined $stopped_by;
  if ($started) {
    @streams = (make_stream($out) || (), length $err ? make_stream($err, 1) || () : ())
      if open_stdin($in);
    $failure = 'system ' . (0 + $!) if @streams < (length $err ? 2 : 1);
    ($pid, $failure) = start(\@streams, $umask, $cwd, $env, \@words, 1) if !$failure;
    $main = $pid;
    $end_ms = clock_ms(1) + $timeout_ms if $timeout_ms;
    $status = attend($pid, \@streams, \&tick) if defined $pid;
  }
  undef $end_ms;
  undef $main;
  my @sizes = map { sync($_) } @streams;
  my $record = describe($begun_ms, $started, $status, \@streams, split ' ', $failure);
  my $by = $stopped_by ? qq("$stopped_by") : 'null';
  my $more = sprintf qq("stop":%s,"outBytes":%d,"errBytes":%d), $by, map { $_ || 0 } @sizes[0, 1];
  $record =~ s/\}$/,$more}/;
  for (my $tries = 0; !place($file, "$record\n"); $tries++) {   # retries while the disk is full
    print STDERR "baton: $file cannot be written ($!): this is tried again\n" if !$tries;
    last if !-d $dir && $! == 2;                 # only the daemon creates it
    select undef, undef, undef, tick();
  }
  finish(\@streams, \&tick) if defined $pid;
  link "$dir/begun.$attempt", "$dir/over.$attempt"
    or sysopen my $over, "$dir/over.$attempt", 0101, 0600;
  return $refused if !$started;
  return $failure eq 'command 2' ? 127 : 126 if $failure;
  return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

# Returns what to run, once nothing else can run it.
sub claim {
  my $path = "$dir/spawn.$attempt";
  my ($form, $known, @words) = split /\0/, slurp($path) // '', -1;
  ($grace_ms, $signal, $to, $timeout_ms, my ($title, $file, $umask, $cwd, undef, $in, $out, $err, $count)) =
    splice @words, 0, 13;
  refuse("$path is not there, or empty. Is $dir the shared directory on this node?")
    if !defined $form;
  refuse("$path cannot be read, or is of another version of baton")
    if $form ne 'baton-spawn-3' || @words <= ($count // 0);
  refuse("$path is of another job") if !length $known || $known ne $token;
  # 04010301 = O_WRONLY|O_CREAT|O_EXCL|O_SYNC
  sysopen my $begun, "$dir/begun.$attempt", 04010301, 0600
    or refuse("$dir/begun.$attempt cannot be made ($!): this attempt has begun before");
  my ($job, $node, $restarts) =
    map { $ENV{"$_"} // '-' } qw(SLURM_JOB_ID SLURMD_NODENAME SLURM_RESTART_COUNT);
  syswrite $begun, join(' ', $job, $node, $restarts eq '-' ? 0 : $restarts, clock_ms(0), $$) . "\n";
  close $begun;
  my %env = map { $_ => $ENV{$_} } grep { /^SLURMD?_/ || $passed{$_} } keys %ENV;
  %env = (%env, map { split /=/, $_, 2 } splice @words, 0, $count);
  return ($title, $file, $umask, $cwd, $in, $out, $err, \%env, @words);
}

# Does what is due, and returns the number of seconds until more is due.
sub tick {
  my $now_ms = clock_ms(1);
  $look_ms = $now_ms if $has_term;               # the daemon wrote the file before it sent TERM
  if ($now_ms >= $beat_ms) {
    $beat_ms = $now_ms + $beat_every_ms;
    my $beat = "$dir/beat.$attempt";
    utime undef, undef, $beat or sysopen my $file, $beat, 0101, 0600;
  }
  if ($now_ms >= $look_ms) {
    $look_ms = $now_ms + $look_every_ms;
    my $wish = slurp("$dir/stop.$attempt");
    wish('file', split ' ', $wish) if defined $wish;
  }
  wish('signal') if $has_term;
  $has_term = 0;
  if (defined $end_ms && $now_ms >= $end_ms) {
    undef $end_ms;
    wish('timeout');
  }
  return end_members($now_ms) if defined $kill_ms;
  my ($next_ms) = sort { $a <=> $b } $look_ms, $beat_ms, $end_ms // ();
  return ($next_ms - $now_ms) / 1_000;
}

# Output that the file system accepted but cannot store counts as lost. Returns the file's size.
sub sync {
  my ($stream) = @_;
  my $bytes = $stream->{file} && -s $stream->{file} or return 0;
  # EINVAL: not a file on disk, but for example /dev/null
  return $bytes if !$fsync || syscall($fsync, fileno $stream->{file}) == 0 || $! == 22;
  @$stream{'lost', 'errno'} = ($stream->{lost} || 1, 0 + $!);
  return $bytes;
}

# All of a file; undef if there is none. Does not block on a FIFO.
sub slurp {
  my ($path) = @_;
  sysopen my $file, $path, 04000 or return;      # O_NONBLOCK
  local $/;
  return readline($file) // '';
}

# Loads the rest, only in a job that is stopped or that runs nothing.
sub AUTOLOAD {
  my $called = $AUTOLOAD;
  local $/;
  if (my $rest = readline DATA) {
    eval "$rest; 1" or die $@;
  }
  goto &$called;
}

__END__
sub refuse {
  print STDERR "baton: this job runs nothing: $_[0]\n";
  exit $refused;
}

# The first request decides how to stop, the earliest KILL time when; the defaults are in spawn.*.
sub wish {
  my ($by, $after_ms, $sent, $whom) = @_;
  my $is_known = grep { $_ eq ($sent // '') } @sigs;
  ($signal, $to) = ($sent, $whom // '') if $is_known && !defined $stopped_by;
  $stopped_by //= $by;
  my $at_ms = clock_ms(1) + (($after_ms // '') =~ /^\d+$/ ? $after_ms : $grace_ms);
  $kill_ms = $at_ms if !defined $kill_ms || $at_ms < $kill_ms;
}

# To be repeated, because there may be new ones. Returns after how many seconds.
sub end_members {
  my ($now_ms) = @_;
  my %members = descendants();
  if ($now_ms >= $kill_ms) {
    kill 'KILL', keys %members;
    return .05;
  }
  my @heard = $to eq 'main' && defined $main ? grep { $_ == $main } keys %members : keys %members;
  for my $pid (grep { !$told{"$_ $members{$_}"}++ } @heard) {
    kill $_, $pid for $signal, 'CONT';
  }
  my $left = ($kill_ms - $now_ms) / 1_000;
  return $left < .25 ? $left : .25;
}

# Start times by pid.
sub descendants {
  my (%children, %since);
  opendir my $proc, '/proc' or return;
  for my $pid (grep { /^\d/ } readdir $proc) {
    my ($state, $parent, $start) =
      (slurp("/proc/$pid/stat") // '') =~ /^.*\) (\S) (\d+) (?:\S+ ){17}(\d+)/s or next;
    push @{ $children{$parent} }, [$pid, $start] if $state ne 'Z';
  }
  my @found = ($$);
  while (defined(my $pid = shift @found)) {
    for (@{ $children{$pid} || [] }) {
      $since{ $_->[0] } = $_->[1];
      push @found, $_->[0];
    }
  }
  return %since;
}

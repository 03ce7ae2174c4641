# The keeper of a run inside a job of Slurm, behind keeper.pl in one file: it is the batch script.
#
#   slurm_script DIRECTORY ATTEMPT TOKEN
#
# DIRECTORY is that of the run, shared by the nodes and the daemon, who has made it and in it
#   spawn.ATTEMPT   what to run, words with NUL between them:
#     baton-spawn-3 TOKEN GRACE_MS SIGNAL TO TIMEOUT_MS
#     TITLE STATUSFILE UMASK CWD OWNER IN OUT ERR N [NAME=VALUE]... COMMAND [ARG]...
#                   OWNER is empty; a TIMEOUT_MS of 0 is none. A node without the shared file
#                   system does not have it, and another job has another TOKEN.
# The keeper makes there
#   begun.ATTEMPT   before anything else, by O_EXCL: Slurm may start a job twice, and a command must
#                   not. "JOB NODE RESTARTS WALL_MS PID"; without a newline it is being written.
#   beat.ATTEMPT    touched every 10 s as long as the keeper lives, the first time after 10 s
#   STATUSFILE      the end of the command, on the disk after all that it has written. The only
#                   word on it that counts: Slurm says COMPLETED of what never ran.
#   over.ATTEMPT    once no process of the run is left; another name of begun.ATTEMPT
# and looks every second for
#   stop.ATTEMPT    the wish to end, of the daemon: GRACE_MS SIGNAL TO
# TERM, which scancel --batch sends, is the same wish, and so is the end of TIMEOUT_MS: SIGNAL and
# CONT to every descendant, or where TO is "main" to the command alone until it has ended; and KILL
# to all after the grace. The keeper adopts what a command leaves.
#
# Exit status 75: this job has run nothing; without begun.ATTEMPT it has made nothing, either. No
# other status means anything to baton.
#
# The command has no environment but what it is given, and what Slurm tells every job of itself.
#
# To parse it costs more than a job of `true`, and so do files that are made: there is none that
# tells nothing, and what few jobs need is behind __END__.
my ($dir, $attempt, $token) = @ARGV;
my $refused = 75;
my %passed = map { $_ => 1 }
  qw(CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES ZE_AFFINITY_MASK GPU_DEVICE_ORDINAL TMPDIR);
my ($look_every_ms, $beat_every_ms) = (1_000, 10_000);
my ($grace_ms, $signal, $to, $timeout_ms);       # from the spawn file
my $end_ms;                                      # when the time of the command is over
my ($stopped_by, $kill_ms, %told);               # why and when it is to end; who was told
my $main;                                        # the command, until it has ended
my ($look_ms, $beat_ms) = (0, clock_ms(1) + $beat_every_ms);   # when it is time for the next
my $has_term = 0;
$SIG{TERM} = sub { $has_term = 1 };
$SIG{CHLD} = 'DEFAULT';
leave(keep_job());

sub keep_job {
  my ($title, $file, $umask, $cwd, $in, $out, $err, $env, @words) = claim();
  # proctrack/linuxproc does not find a process whose name has a blank, nor its children; the name
  # is what stands in /proc/PID/comm, which $0 sets, too. PR_SET_NAME
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
  for (my $tries = 0; !place($file, "$record\n"); $tries++) {   # a full disk is waited out
    print STDERR "baton: $file cannot be written ($!): this is tried again\n" if !$tries;
    last if !-d $dir && $! == 2;                 # it is the daemon's, and never made here
    select undef, undef, undef, tick();
  }
  finish(\@streams, \&tick) if defined $pid;
  link "$dir/begun.$attempt", "$dir/over.$attempt"
    or sysopen my $over, "$dir/over.$attempt", 0101, 0600;
  return $refused if !$started;
  return $failure eq 'command 2' ? 127 : 126 if $failure;
  return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

# What to run, once nobody else can run it any more.
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

# Does what it is time for, and returns after how many seconds there is more to do.
sub tick {
  my $now_ms = clock_ms(1);
  $look_ms = $now_ms if $has_term;               # the daemon has written before it had TERM sent
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

# What the file system has taken and cannot keep is lost. Returns how much is in the file.
sub sync {
  my ($stream) = @_;
  my $bytes = $stream->{file} && -s $stream->{file} or return 0;
  # EINVAL: it is no file of a disk, such as /dev/null
  return $bytes if !$fsync || syscall($fsync, fileno $stream->{file}) == 0 || $! == 22;
  @$stream{'lost', 'errno'} = ($stream->{lost} || 1, 0 + $!);
  return $bytes;
}

# All of a file; undef where there is none. What is no plain file is not waited for.
sub slurp {
  my ($path) = @_;
  sysopen my $file, $path, 04000 or return;      # O_NONBLOCK
  local $/;
  return readline($file) // '';
}

# Only at the end of a job that is ended, or that runs nothing.
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

# Of all wishes the first says how, and the earliest when; what one does not say is as at the start.
sub wish {
  my ($by, $after_ms, $sent, $whom) = @_;
  my $is_known = grep { $_ eq ($sent // '') } @sigs;
  ($signal, $to) = ($sent, $whom // '') if $is_known && !defined $stopped_by;
  $stopped_by //= $by;
  my $at_ms = clock_ms(1) + (($after_ms // '') =~ /^\d+$/ ? $after_ms : $grace_ms);
  $kill_ms = $at_ms if !defined $kill_ms || $at_ms < $kill_ms;
}

# Again and again, as there may be new ones. Returns after how many seconds.
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

# The start time of each by its pid.
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

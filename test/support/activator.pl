# Holds a listening socket as systemd does, and starts the command with it as descriptor 3 whenever
# somebody connects and the process is not running. Reports that in JSON lines, mixed with those of
# the command. TERM ends both. perl activator.pl SOCKET NAME COMMAND [ARG...]
my ($path, $name, @command) = @ARGV;
$^F = 3;
close STDIN;
open STDIN, '<', '/dev/null';
socket S, 1, 1, 0 or die "socket: $!";
bind S, pack('Sa108', 1, $path) or die "bind: $!";
listen S, 4096 or die "listen: $!";
die 'the socket is not descriptor 3' if fileno(S) != 3;
my ($pid, $over);
$SIG{TERM} = sub { $over = 1; kill 'TERM', $pid if $pid };
sub say_so { syswrite STDOUT, "{\"msg\":\"$_[0]\",\"pid\":$pid,\"status\":$_[1]}\n" }
$pid = 0;
say_so('listening', 0);
until ($over) {
  my $ready = '';
  vec($ready, 3, 1) = 1;
  next if select($ready, undef, undef, undef) < 1;
  last if $over;
  $pid = fork;
  if (!$pid) {
    @ENV{'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'} = ($$, 1, $name);
    exec @command;
    exit 127;
  }
  kill 'TERM', $pid if $over;
  1 while waitpid($pid, 0) < 0;
  say_so('gone', $?);
  $pid = 0;
}

# A command that a test controls remotely: connects to a socket, sends its name, and does what it is
# told, one line at a time. perl puppet.pl SOCKET NAME
my ($path, $name) = @ARGV;
socket S, 1, 1, 0 or die "socket: $!";
connect S, pack('Sa108', 1, $path) or die "connect: $!";
select S; $| = 1; select STDOUT; $| = 1;
my $run = $ENV{BATON_RUN} || '';
my $cwd = readlink "/proc/$$/cwd";
print S "hello $name $$ $run $cwd\n";
while (<S>) {
  chomp;
  my ($verb, $rest) = split ' ', $_, 2;
  if ($verb eq 'exit') { exit $rest }
  elsif ($verb eq 'out') { print STDOUT pack('H*', $rest) }
  elsif ($verb eq 'err') { syswrite STDERR, pack('H*', $rest) }
  elsif ($verb eq 'kill') { kill $rest, $$ }
  elsif ($verb eq 'trap') { my ($sig, $what) = split ' ', $rest; $SIG{$sig} = $what eq 'ignore' ? 'IGNORE' : sub { exit $what } }
  elsif ($verb eq 'env') { print S join("\t", map { "$_=$ENV{$_}" } sort keys %ENV), "\n"; next }
  elsif ($verb eq 'limits') { open L, "/proc/$$/limits"; my ($l) = grep /open files/, <L>; chomp $l; print S "$l\n"; next }
  elsif ($verb eq 'umask') { printf S "%04o\n", umask; next }
  elsif ($verb eq 'id') { print S "$< $(\n"; next }
  elsif ($verb eq 'spawn') { my $pid = fork; if (!$pid) { exec 'sh', '-c', $rest or die } print S "$pid\n"; next }
  elsif ($verb eq 'sh') { my $t = `$rest`; chomp $t; $t =~ s/\n/\\n/g; print S "$t\n"; next }
  print S "ok\n";
}
exit 99;

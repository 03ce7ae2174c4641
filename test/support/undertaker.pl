# Ends everything that a test file has left, however it ended: perl undertaker.pl PID DIRECTORY
#
# PID is the file's process, its parent, and stdin a pipe that no other process holds. The pipe ends
# a little before the process does, which may still have files open. Once that is gone, every
# process that has a path below DIRECTORY in its arguments or its environment, or has it open or as
# its working directory, is killed with all that it has started, and DIRECTORY is removed.
my ($parent, $root) = @ARGV;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
1 while sysread STDIN, my $said, 4096;
select undef, undef, undef, 0.005 while getppid == $parent;
for (1 .. 400) {
  my @left = left();
  last if !@left;
  kill 'KILL', @left;
  select undef, undef, undef, 0.025;
}
exec 'rm', '-rf', '--one-file-system', $root;

sub left {
  my (%children, @found);
  for my $pid (grep { $_ != $$ } map { m{(\d+)} } glob '/proc/[0-9]*') {
    my ($state, $parent) = slurp("/proc/$pid/stat") =~ /.*\) (\S) (\d+)/s or next;
    next if $state eq 'Z';
    push @{$children{$parent}}, $pid;
    my @places = map { readlink } "/proc/$pid/cwd", glob "/proc/$pid/fd/*";
    my $words = slurp("/proc/$pid/cmdline") . slurp("/proc/$pid/environ");
    push @found, $pid if grep { 0 <= index $_, "$root/" } "$words/", map { "$_/" } @places;
  }
  my %seen;
  while (defined(my $pid = shift @found)) {
    push @found, @{$children{$pid} || []} if !$seen{$pid}++;
  }
  return keys %seen;
}

sub slurp {
  open my $file, '<', $_[0] or return '';
  local $/;
  return readline($file) // '';
}

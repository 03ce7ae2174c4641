#!/usr/bin/env -S -u PERL5OPT -u PERL5DB -u PERL_UNICODE PERL_BADLANG=0 /usr/bin/perl
# baton: the front end. It handles `run TARGET [--wait]` and `wait RUN`, the commands of crontabs,
# in a tenth of the time that Node takes to start. For everything else, and for anything unusual, it
# becomes the client in TypeScript (client/main.ts), which continues the same request at the same
# byte. That one also reports failed runs, because it has the texts.
#
# Invariants: those of client/connection/relay.ts. Every byte is written once, in the order of its
# stream; the status is 0 only if the daemon said so for this same request; none of its own output
# goes to stdout. test/e2e/front-door.test.ts tests both clients with one table.
#
# Perl without modules starts in 2 ms. Replies are parsed in the form that JSON.stringify produces:
# one per line, the type first, and quotes inside strings escaped with a backslash, so that "name":
# is always a name.
BEGIN { $^H |= 0x602 }           # use strict, without its file

our $node; $node //= 'node';     # a launcher sets it
my $SILENT_S = 60;               # SILENT_MS_DEFAULT of client/connection/silence.ts
my $AGAIN_S = 0.5;               # AGAIN_MS of client/connection/signals.ts
my $AWAY_S = 55;                 # almost REACH_RUN_MS_DEFAULT of client/connection/conversation.ts
my $CALLER_CHARS_MAX = 4_096;
my $SOCKET_PATH_BYTES_MAX = 107;
my $OUTPUT_BYTES_MAX = 4 << 20;  # Node relays more than this faster
my ($EINTR, $EAGAIN, $EPIPE) = (4, 11, 32);
my ($AF_UNIX, $SOCK_STREAM, $F_SETFL, $O_RDWR_NONBLOCK) = (1, 1, 4, 04002);
my %signals = (HUP => 1, INT => 2, TERM => 15);

my ($target, $waits, $run, $nonce, $token, $is_foreign, $is_mid_line, $signal, $connection);
my ($was_asked, $was_heard, $signalled_at);
my $label = '';                  # prefix of lines on stderr
my %at = (out => 0, err => 0);   # bytes of each stream that were written, or that nobody wants
my %file = (out => \*STDOUT, err => \*STDERR);
my %is_shut;                     # streams that nobody reads any more
my $input = '';

open_closed();
parse(@ARGV);
become_node() if $waits && -t STDERR;    # people get a progress display
my ($out, $err) = map { join ' ', (stat $_)[0, 1] } \*STDOUT, \*STDERR;
my $is_merged = $out eq $err;
my $path = find_socket();
my $caller = find_caller();
$token = new_token() if defined $target;
@SIG{qw(PIPE XFSZ)} = ('IGNORE') x 2;
if ($waits) {
  $SIG{HUP} = sub { exit 128 + $signals{HUP} };
  for my $name (qw(INT TERM)) { $SIG{$name} = sub { interrupt($signals{$name}) } }
}
dial() or become_node();
listen_to_it();

# As in Node, a closed stream becomes /dev/null. perl may have opened its own files in its place.
sub open_closed {
  my $own = join '|', map { join ' ', (stat $_)[0, 1] } $0, __FILE__;
  for my $file (\*STDIN, \*STDOUT, \*STDERR) {
    my $at = join ' ', (stat $file)[0, 1];
    open $file, '+<', '/dev/null' if $at eq '' || $at =~ /^(?:$own)\z/;
    binmode $file;
  }
}

# Names with a character that JSON would escape are left to Node.
sub parse {
  my ($verb, @words) = @_;
  if ($verb eq 'wait' && @words == 1 && $words[0] =~ /^[1-9]\d{0,14}\z/) {
    return ($run, $waits, $is_foreign, $label) = ($words[0], 1, 1, "run $words[0]: ");
  }
  my @targets = grep { $_ ne '--wait' } @words;
  ($target, $waits) = ($targets[0], @words - @targets);
  become_node() if $verb ne 'run' || @targets != 1 || $waits > 1;
  become_node() if $target !~ /^(?!-)[!#-\[\]-~]+\z/;
  $label = "$target: ";
}

sub find_socket {
  my $socket = $ENV{BATON_SOCKET};
  if (!length $socket) {
    my $common = '/run/baton/baton.sock';
    my $own = ($ENV{XDG_RUNTIME_DIR} || "/run/user/$<") . '/baton.sock';
    my @paths = ($own, $common, '/run/baton/submit.sock');
    ($socket) = $< == 0 ? $common : ((grep { -R && -W } @paths), (grep { -e } @paths), $own);
  }
  become_node() if length $socket > $SOCKET_PATH_BYTES_MAX;
  return $socket;
}

# If a run's command calls this, the daemon must know that: a run must not wait for itself.
sub find_caller {
  my $directory = $ENV{BATON_RUN_DIR};
  return '' if !length $directory || length $directory > $CALLER_CHARS_MAX;
  become_node() if $directory !~ /^[ !#-\[\]-~]+\z/;
  return qq(,"caller":"$directory");
}

sub new_token {
  open my $random, '<', '/dev/urandom' or become_node();
  binmode $random;
  sysread($random, my $bytes, 16) == 16 or become_node();
  return "$$-" . unpack 'H*', $bytes;
}

# False if nobody answers. Does not block: if the daemon's backlog is full, connect fails at once.
sub dial {
  socket $connection, $AF_UNIX, $SOCK_STREAM, 0 or return 0;
  binmode $connection;    # PERL_UNICODE may say otherwise
  fcntl $connection, $F_SETFL, $O_RDWR_NONBLOCK or return 0;
  connect $connection, pack 'S a108', $AF_UNIX, $path or return 0;
  ($input, $was_asked) = ('', 1);
  my $is_told = tell_it(request());
  cancel();
  return $is_told;
}

sub request {
  my $more = $waits ? ',"wait":true,"merged":' . json($is_merged) . $caller : '';
  return qq({"type":"run","v":1,"target":"$target","token":"$token"$more}) if !defined $run;
  my $by = defined $token ? qq(,"token":"$token") : '';
  my $from = qq(,"from":{"out":$at{out},"err":$at{err}});
  return qq({"type":"wait","v":1,"run":$run) . named() . "$from$by$caller}";
}

# The number alone may belong to another run, if a journal was restored.
sub named { return defined $nonce ? qq(,"nonce":"$nonce") : '' }

sub tell_it {
  my $line = "$_[0]\n";
  return syswrite($connection, $line) == length $line;
}

sub listen_to_it {
  my $was_pinged = 0;
  for (;;) {
    my $ready = '';
    vec($ready, fileno $connection, 1) = 1;
    my $is_leaving = $signal && !$was_heard;
    my $found = select $ready, undef, undef, $is_leaving ? 1 : $SILENT_S / 2;
    next if $found < 0;
    if (!$found) {
      become_node() if $is_leaving;
      become_node('"silent":true') if $was_pinged;
      $was_pinged = 1;
      tell_it('{"type":"ping","v":1}') or dial_again();
      next;
    }
    my $got = sysread $connection, $input, 262_144, length $input;
    next if !defined $got && ($! == $EINTR || $! == $EAGAIN);
    ($was_pinged, $was_heard) = (0, 1);
    dial_again() if !$got;
    while ((my $end = index $input, "\n") >= 0) { take(substr $input, 0, $end + 1, '') }
  }
}

# A daemon that is being upgraded comes back; Node's client may be missing in the meantime.
sub dial_again {
  my ($away, $pause) = (0, 0.02);
  while (defined $run && $away < $AWAY_S) {
    return if dial();
    select undef, undef, undef, $pause;
    $away += $pause;
    $pause = $pause > 0.5 ? 1 : 2 * $pause;
  }
  become_node('"awayMs":' . int 1_000 * $away);
}

sub take {
  my $line = $_[0];
  my ($type) = $line =~ /^\{"type":"([a-z]+)"/ or become_node();
  if ($type eq 'output') { put($line) }
  elsif ($type eq 'accepted' || $type eq 'joined') {
    exit 0 if !$waits;
    return if defined $run;
    $run = number($line, 'run');
    ($nonce) = $line =~ /"nonce":"([\w-]+)"/;
    $is_foreign = $type eq 'joined';
    cancel();
  }
  elsif ($type eq 'ended') {
    my $exit = number($line, 'exit');
    my $was_silent = $exit && $at{out} + $at{err} == 0 && $line =~ /"verdict":"failed"/;
    become_node() if $was_silent || $line !~ /"tell":false/;
    exit $exit;
  }
  elsif ($type eq 'ignored') { exit 0 }
  elsif ($type eq 'fleet' && !$waits) { exit 0 }    # else Node: the same token finds the same fleet
  elsif ($type eq 'refused') {
    complain(text($line, 'reason'));
    exit(number($line, 'exit') || 125);    # never 0: the run did not succeed
  }
  elsif ($type eq 'notice') {
    # cron would mail it, although the next attempt may well succeed.
    complain(text($line, 'text')) if $line !~ /"isNews":true/;
  }
  elsif ($type !~ /^(?:started|pong|done)\z/) { become_node() }
}

sub number {
  my ($line, $name) = @_;
  my ($value) = $line =~ /"$name":(\d+)/ or become_node();
  return $value;
}

sub text {
  my ($line, $name) = @_;
  my ($value) = $line =~ /"$name":"((?:[^"\\]|\\.)*)"/ or become_node();
  return characters($value);
}

# The bytes of a JSON string.
sub characters {
  my $text = $_[0];
  my %named = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");
  $text =~ s{\\(?:u([0-9a-f]{4})|(.))}{defined $1 ? utf8_of(hex $1) : $named{$2} // $2}gei;
  return $text;
}

# What JSON.stringify escapes by number: control characters, and lone surrogates, which are invalid.
sub utf8_of {
  my $text = chr($_[0] >= 0xd800 && $_[0] < 0xe000 ? 0xfffd : $_[0]);
  utf8::encode($text);
  return $text;
}

# uuencode is base64 with a different alphabet, and lines that begin with their length.
sub bytes_of {
  my $base64 = $_[0];
  $base64 =~ tr{A-Za-z0-9+/}{}cd;
  $base64 =~ tr{A-Za-z0-9+/}{ -_};
  return join '', map { unpack 'u', chr(32 + length($_) * 3 / 4) . $_ } $base64 =~ /(.{1,60})/gs;
}

# Writes the new part of a frame: after a reconnect, it may begin before our offset.
sub put {
  my $line = $_[0];
  my ($stream, $offset) =
    $line =~ /^\{"type":"output","run":$run,"stream":"(out|err)","offset":(\d+),/ or become_node();
  become_node() if $at{out} + $at{err} > $OUTPUT_BYTES_MAX;
  my $begin = index($line, '"data":"') + 8;
  my $is_base64 = $line =~ /","encoding":"base64"\}\n\z/;
  my $data = substr $line, $begin, ($is_base64 ? $-[0] : length($line) - 3) - $begin;
  my $bytes = $is_base64 ? bytes_of($data) : characters($data);
  my $behind = $at{$stream} - $offset;
  return if $behind >= length $bytes;
  substr $bytes, 0, $behind, '' if $behind > 0;
  $at{$stream} = $offset if $behind < 0;
  $is_mid_line = $bytes !~ /\n\z/ if $stream eq 'err' || $is_merged;
  while (length $bytes && !$is_shut{$stream}) {
    my $written = syswrite $file{$stream}, $bytes;
    if (defined $written) {
      $at{$stream} += $written;
      substr $bytes, 0, $written, '';
    }
    elsif ($! == $EPIPE) { $is_shut{$stream} = 1 }
    elsif ($! != $EINTR) { become_node() }
  }
  $at{$stream} += length $bytes;
}

# The first signal ends the run, the second one this client. timeout(1) sends its signal twice, to
# its child and to the whole group: a second signal that soon after the first counts as the same.
sub interrupt {
  local $!;    # of the interrupted call
  exit 128 + $_[0] if !$was_asked;
  if ($signal) {
    exit 128 + $_[0] if uptime() >= $signalled_at + $AGAIN_S;
    return;
  }
  ($signal, $was_heard, $signalled_at) = ($_[0], 0, uptime());
  cancel();
}

# Seconds, with hundredths, which time() does not have.
sub uptime {
  open my $file, '<', '/proc/uptime' or return time;
  return readline($file) =~ /^([\d.]+)/ ? $1 : time;
}

# Passes on a signal once there is a run.
sub cancel {
  return if !$signal || !defined $run;
  become_node() if $is_foreign;
  tell_it(qq({"type":"cancel","v":1,"id":"cancel","of":$run) . named() . '}');
}

# Makes foreign text harmless for a terminal: no control characters, one line.
sub complain {
  my $words = $label . $_[0];
  $words =~ s/(?:[\0-\x1f\x7f]|\xc2[\x80-\x9f])+/ /g;
  syswrite STDERR, ($is_mid_line ? "\n" : '') . "baton: $words\n";
  $is_mid_line = 0;
}

# Execs the client in TypeScript, with the state that client/connection/resumed.ts reads.
sub become_node {
  my @more = @_;
  if ($was_asked) {
    push @more, qq("pid":$$);
    push @more, qq("run":$run) if defined $run;
    push @more, qq("nonce":"$nonce") if defined $nonce;
    push @more, qq("token":"$token") if defined $token;
    push @more, qq("signal":$signal) if $signal;
    push @more, map { qq("$_":{"offset":$at{$_},"isShut":) . json($is_shut{$_}) . '}' } keys %at;
    push @more, '"isForeign":' . json($is_foreign), '"isMidLine":' . json($is_mid_line);
    $ENV{BATON_RESUME} = '{' . join(',', @more) . '}';
  }
  my $own = __FILE__;
  while (defined(my $link = readlink $own)) { $own = $link =~ m{^/} ? $link : beside($own) . $link }
  my $main = beside($own) . 'main.cjs';
  if ($signal) {
    # timeout(1)'s second signal would arrive before Node can handle signals.
    select undef, undef, undef, 0.02 while uptime() < $signalled_at + $AGAIN_S;
    @SIG{qw(INT TERM)} = ('IGNORE') x 2;    # drops one that is pending until this handler ends
  }
  # For a missing file, Node would exit with 1, like many commands.
  exec { $node } $node, $main, @ARGV if -r $main;
  my $missing = -r $main ? $node : $main;
  my $more = defined $run ? "; run $run may continue; wait for it later: baton wait $run" : '';
  complain("cannot start $missing ($!); install it, or put it on PATH$more");
  exit(defined $run ? 69 : 125);
}

sub json { return $_[0] ? 'true' : 'false' }

sub beside { return $_[0] =~ m{^(.*/)}s ? $1 : '' }

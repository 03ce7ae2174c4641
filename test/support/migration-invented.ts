/**
 * Crontab lines of the same kinds as in migration.ts, invented later, and judged before any program
 * had read them.
 */
import type { MigrationCase } from './migration.ts';

const RUN = 'baton run rsnap-daily --wait';
const WEEKLY = 'baton run rsnap-weekly --wait';

/** Only the call is replaced. */
const kept = (around: string): MigrationCase => ({
  id: around,
  line: around.replace('CALL', 'rsnapshot daily'),
  instead: around.replace('CALL', RUN),
});
/** The whole line is the call, and goes into the target. */
const taken = (line: string, ...target: readonly string[]): MigrationCase => ({
  ...{ id: line, line, instead: RUN, target },
});
const silent = (line: string): MigrationCase => ({ id: line, line, isSilent: true });
const byHand = (line: string, why: RegExp): MigrationCase => ({ id: line, line, byHand: why });
const left = (line: string, says: RegExp): MigrationCase => ({ id: line, line, instead: '', says });

export const INVENTED: readonly MigrationCase[] = [
  kept('[ -f /etc/no-backup ] || CALL'),
  kept('pgrep -x rsync >/dev/null || CALL'),
  kept('mount /mnt/usb && CALL; umount /mnt/usb'),
  kept('(sleep 300; CALL) &'),
  kept('if mountpoint -q /b; then CALL 2>&1 | logger -t snap; else echo none; fi'),
  kept('while ! CALL; do sleep 60; done'),
  kept('for i in 1 2 3; do CALL && break; sleep 60; done'),
  kept('test $(id -u) -eq 0 && CALL > /dev/null 2>&1'),
  kept('{ date; CALL; date; } >> /var/log/snap.log'),
  kept('CALL || { echo failed >&2; exit 1; }'),
  kept('trap "rm -f /tmp/x" EXIT; CALL'),
  kept('CALL | tee -a /var/log/snap | mail -E -s snap root'),
  kept('set -e; mount /b; CALL; umount /b'),
  kept('[ "$(cat /sys/class/power_supply/AC/online)" = 1 ] && CALL'),
  kept('X=1; [ $X = 1 ] && CALL'),
  kept('chronic -e CALL'),
  kept('mk-job-async snap true; mk-job snap CALL'),
  kept('cronitor exec a1B2 CALL'),
  kept('runitor -uuid 1-2 -- CALL'),
  kept('time -p CALL 2>/var/log/time'),
  kept('systemd-cat -p info -t snap CALL'),
  kept('setsid -w CALL'),
  {
    id: 'nohup nice',
    line: 'nohup nice rsnapshot daily >/dev/null 2>&1 &',
    instead: `nohup ${RUN} >/dev/null 2>&1 &`,
    target: ['"nice":10'],
  },
  kept("sh -c 'CALL || reboot'"),
  kept('"/bin/sh" -c "CALL; touch /x"'),
  taken('nice -n19 ionice -c 2 -n 7 /usr/bin/rsnapshot daily', '"nice":19', '"best-effort:7"'),
  taken('ionice -c idle rsnapshot daily', '"ionice":"idle"'),
  taken('timeout --kill-after=1m 6h rsnapshot daily', '"timeout":"6h"', '"killAfter":"1m"'),
  taken('timeout -s TERM 90m rsnapshot daily', '"timeout":"90m"'),
  taken('timeout -s KILL 90m rsnapshot daily', '"args":["timeout","-s","KILL","90m","rsnapshot"'),
  taken('env -i PATH=/bin rsnapshot daily', '"args":["env","-i","PATH=/bin","rsnapshot","daily"]'),
  taken('TMPDIR=/var/tmp nice rsnapshot daily', '"TMPDIR":"/var/tmp"', '"nice":10'),
  taken('rsnapshot   daily', '"interval":"daily"'),
  taken('sudo -u backup rsnapshot -c /etc/rsnapshot.conf daily', '"user":"backup"'),
  taken('sudo -n -u backup -g disk rsnapshot daily', '"user":"backup"', '"group":"disk"'),
  taken('su backup -c "nice rsnapshot daily"', '"user":"backup"', '"nice":10'),
  taken('runuser -l backup -c "rsnapshot daily"', '"user":"backup"'),
  taken('setpriv --reuid 34 --clear-groups rsnapshot daily', '"args":["setpriv","--reuid","34"'),
  taken('chrt --idle 0 rsnapshot daily', '"args":["chrt","--idle","0","rsnapshot","daily"]'),
  taken('systemd-run --scope -p MemoryMax=1G rsnapshot daily', '"args":["systemd-run","--scope"'),
  taken(
    'flock --nonblock /run/s.lock rsnapshot daily',
    '"group":"/run/s.lock","whenFull":"refuse"',
  ),
  taken('flock -w 3600 /run/s.lock rsnapshot daily', '"maxWait":"3600s"'),
  taken('flock -s /run/s.lock rsnapshot daily', '"args":["flock","-s","/run/s.lock"'),
  taken('/usr/bin/env rsnapshot daily', '"interval":"daily"'),
  taken('rsnapshot -x -v daily', '"args":["rsnapshot","-x","-v","daily"]'),
  taken("'/usr/bin/rsnapshot' 'daily'", '"args":["/usr/bin/rsnapshot","daily"]'),
  { id: 'two levels', line: 'rsnapshot weekly; rsnapshot daily', instead: `${WEEKLY}; ${RUN}` },
  byHand('R="/usr/bin/rsnapshot -q"; $R daily', /only the shell knows/),
  byHand('rsnapshot -c "$(hostname).conf" daily', /only the shell knows/),
  byHand(
    'find /etc/rs -name "*.conf" -exec rsnapshot -c {} daily \\;',
    /find constructs the command/,
  ),
  byHand('echo rsnapshot daily | at 04:00', /at constructs the command/),
  byHand('echo "/usr/bin/rsnapshot daily" | at now + 5 minutes 2>/dev/null', /at constructs/),
  byHand("printf 'rsnapshot daily\\n' | batch", /batch constructs the command/),
  byHand('( echo cd /; echo nice rsnapshot daily ) | sh', /sh constructs the command/),
  silent('echo rsnapshot daily has run | mail -s rsnapshot root'),
  silent('echo rsnapshot daily | tee -a /var/log/rsnapshot.log'),
  byHand('systemd-run rsnapshot daily', /in the background/),
  silent('tail -n 50 /var/log/rsnapshot'),
  silent('du -sh /srv/rsnapshot/daily.0 | mail -s rsnapshot root'),
  silent('pgrep rsnapshot || echo idle'),
  silent('test -f /run/rsnapshot.pid && echo rsnapshot daily hangs'),
  silent('rsnapshot du | mail -s du root'),
  left('ssh -A nas rsnapshot weekly', /leave it as it is: -A of ssh has no equivalent key/),
  left('podman exec -u 0 snap /usr/bin/rsnapshot daily', /through podman; leave it as it is/),
  {
    id: 'ssh with a port',
    line: 'ssh -p2200 -l snap nas.lan "rsnapshot weekly"',
    instead: 'baton run rsnapshot-weekly-on-nas.lan --wait',
    target: ['"host":"nas.lan","port":2200,"user":"snap","args":["rsnapshot","weekly"]'],
  },
];

/**
 * Crontab lines that call rsnapshot, or only look as if they did, and the right output for each.
 * Those with an `id` that begins with "case" come from reports; the others are common in public
 * crontabs. `conf` has hourly, daily and weekly.
 */

export interface MigrationCase {
  readonly id: string;
  /** A whole line, or what follows `0 3 * * * root `. */
  readonly line: string;
  /** Lines before it. */
  readonly before?: string;
  readonly file?: string;
  /** What to write instead, without the five fields and root. */
  readonly instead?: string;
  /** No output. */
  readonly isSilent?: true;
  /** To be rewritten by a person, for this reason. */
  readonly byHand?: RegExp;
  /** A remark about it, whether it is rewritten or not. */
  readonly says?: RegExp;
  /** A second remark about the line. */
  readonly also?: RegExp;
  /** Keys and values of the first target, each as in config.json. */
  readonly target?: readonly string[];
}

const RUN = 'baton run rsnap-daily --wait';

export const CASES: readonly MigrationCase[] = [
  // Shell
  {
    id: 'case shell: if then',
    line: 'if [ -x /usr/bin/rsnapshot ]; then /usr/bin/rsnapshot daily; fi',
    instead: `if [ -x /usr/bin/rsnapshot ]; then ${RUN}; fi`,
  },
  {
    id: 'case shell: braces',
    line: '{ rsnapshot sync; rsnapshot daily; } 2>&1 | mail -s x root',
    instead: `{ baton run rsnap-sync --wait; ${RUN}; } 2>&1 | mail -s x root`,
  },
  {
    id: 'case shell: until',
    line: 'until rsnapshot daily; do sleep 600; done',
    instead: `until ${RUN}; do sleep 600; done`,
  },
  {
    id: 'case shell: negation',
    line: '! rsnapshot daily && mail -s failed root </dev/null',
    instead: `! ${RUN} && mail -s failed root </dev/null`,
  },
  {
    id: 'case shell: else',
    line: 'if x; then y; else rsnapshot daily; fi',
    instead: `if x; then y; else ${RUN}; fi`,
  },
  {
    id: 'case shell: bash -lc',
    line: "bash -lc 'rsnapshot daily; date > /var/tmp/x'",
    instead: `bash -lc '${RUN}; date > /var/tmp/x'`,
    says: /profile/,
  },
  {
    id: 'case shell: cd, nice and ionice',
    line: 'cd /srv && nice -n 19 ionice -c3 rsnapshot daily',
    instead: `cd /srv && ${RUN}`,
    target: ['"nice":19', '"ionice":"idle"', '"cwd":"/srv"'],
  },
  {
    id: 'case shell: ssh',
    line: 'ssh backup.example.com rsnapshot daily',
    instead: 'baton run rsnapshot-daily-on-backup.example.com --wait',
    target: [
      '"runner":{"type":"ssh","via":"openssh","host":"backup.example.com","args":["rsnapshot","daily"]}',
      '"policies":[{"type":"rsnapshot","interval":"daily"}]',
    ],
  },
  {
    id: 'ssh with all that it needs',
    line: 'timeout 4h ssh -q -o BatchMode=yes -i /root/.ssh/id_b -p 2222 snap@nas "rsnapshot sync; rsnapshot daily" >/dev/null',
    instead: 'baton run rsnapshot-sync-on-nas --wait >/dev/null',
    target: [
      '"host":"nas","port":2222,"user":"snap","key":"/root/.ssh/id_b"',
      '"cmds":["rsnapshot sync; rsnapshot daily"],"stopOnError":false',
      '"timeout":"4h"',
    ],
    says: /forced command on the other machine, add "verbatim": true/,
  },
  {
    id: 'ssh behind another command',
    line: 'ping -c1 nas >/dev/null && ssh root@nas nice rsnapshot daily',
    instead: 'ping -c1 nas >/dev/null && baton run nice-rsnapshot-on-nas --wait',
    target: ['"user":"root","args":["nice","rsnapshot","daily"]'],
  },
  {
    id: 'ssh with what no key says',
    line: 'ssh -o ProxyCommand="nc -X 5 %h %p" nas rsnapshot daily'.replaceAll('%', '\\%'),
    says: /runs rsnapshot daily through ssh; leave it as it is: -o ProxyCommand=.* has no equivalent key in a target/,
    instead: '',
  },
  {
    id: 'ssh of another user',
    line: '0 3 * * * backup ssh nas rsnapshot daily',
    says: /leave it as it is: it uses the keys of backup, but batond runs as another user/,
    instead: '',
  },
  {
    id: 'case shell: a shared lock',
    before: '0 1 * * * root flock -n /run/bk.lock borg create x',
    line: 'flock -n -E 0 /run/bk.lock rsnapshot daily',
    instead: RUN,
    target: ['{"type":"cardinality","group":"/run/bk.lock","whenFull":"ignore"}'],
    says: /lock \/run\/bk\.lock is also used by .*:1;/,
  },
  {
    id: 'case shell: timeout',
    line: 'timeout 8h rsnapshot daily',
    instead: RUN,
    target: ['"timeout":"8h"'],
  },
  {
    id: 'case shell: assignments',
    line: 'LANG=C PATH=/opt/bin:$PATH rsnapshot daily',
    instead: RUN,
    target: ['"LANG":"C"', '"PATH":"/opt/bin:/usr/bin:/bin"'],
  },
  {
    id: 'case shell: the argument of sync',
    line: 'rsnapshot sync gw-04 && rsnapshot hourly',
    instead: 'baton run rsnap-sync-gw-04 --wait && baton run rsnap-hourly --wait',
    target: ['"args":["rsnapshot","sync","gw-04"]'],
    also: /^a sync that exits with 2 has succeeded with warnings, but this line then skips hourly/,
  },
  {
    id: 'case shell: a variable',
    line: 'for c in /etc/a.conf /etc/b.conf; do rsnapshot -c "$c" daily; done',
    byHand: /only the shell knows what "\$c" is/,
  },
  // Not a call
  ...[
    'find /var/cache/rsnapshot -type d -empty -delete',
    'restic backup --tag rsnapshot home',
    'rsync -a --delete /srv/rsnapshot usbdisk',
    'systemctl restart rsnapshot nginx',
    'echo rsnapshot daily begins | wall',
  ].map((line) => ({ id: `case no call: ${line}`, line, isSilent: true as const })),
  // Missed
  {
    id: 'case missed: flock -c',
    line: 'flock -n /run/x.lock -c "/usr/bin/rsnapshot daily"',
    instead: RUN,
  },
  {
    id: 'case missed: su -c',
    line: "su - backup -c 'rsnapshot daily'",
    instead: RUN,
    target: ['"user":"backup"'],
  },
  { id: 'case missed: which', line: '$(which rsnapshot) daily', instead: RUN },
  // Users, environment, names
  {
    id: 'case user',
    line: '0 3 * * * backup /usr/bin/rsnapshot -c /etc/b.conf daily',
    instead: 'baton run rsnap-b-daily --wait',
    target: ['"user":"backup"'],
  },
  {
    id: 'case environment',
    before: 'PATH=/opt/tools:/usr/bin:/bin',
    line: 'rsnapshot daily',
    instead: RUN,
    target: ['"PATH":"/opt/tools:/usr/bin:/bin"'],
  },
  {
    id: 'case names',
    before: '0 3 * * * root rsnapshot -c /srv/web1/rsnapshot.conf daily',
    line: 'rsnapshot -c /srv/db2/rsnapshot.conf daily',
    instead: 'baton run rsnap-db2-daily --wait',
  },
  // Levels
  {
    id: 'case level',
    line: 'rsnapshot alpha',
    says: /alpha is not a level of \/etc\/rsnapshot\.conf.*rsnapshot refuses it/,
  },
  // Shapes of public crontabs
  {
    id: 'test -x',
    line: 'test -x /usr/bin/rsnapshot && rsnapshot daily',
    instead: `test -x /usr/bin/rsnapshot && ${RUN}`,
  },
  {
    id: 'log and mail',
    line: 'rsnapshot daily >>/var/log/x.log 2>&1 || mail -s "failed $(hostname)" root </dev/null',
    instead: `${RUN} >>/var/log/x.log 2>&1 || mail -s "failed $(hostname)" root </dev/null`,
  },
  {
    id: 'percent',
    line: 'rsnapshot daily > /tmp/log-$(date +\\%F)',
    instead: `${RUN} > /tmp/log-$(date +\\%F)`,
  },
  {
    id: 'ping',
    line: 'rsnapshot -q daily && curl -fsS -m 10 https://example.com/ping',
    instead: `${RUN} && curl -fsS -m 10 https://example.com/ping`,
  },
  {
    id: 'chronic',
    line: 'chronic nice rsnapshot daily',
    instead: `chronic ${RUN}`,
    target: ['"nice":10'],
  },
  {
    id: 'mk-job',
    line: 'mk-job snapshot /usr/bin/rsnapshot daily',
    instead: `mk-job snapshot ${RUN}`,
  },
  {
    id: 'systemd-cat',
    line: 'systemd-cat -t snap rsnapshot daily',
    instead: `systemd-cat -t snap ${RUN}`,
  },
  {
    id: 'sleep first',
    line: 'sleep $((RANDOM \\% 300)); rsnapshot daily',
    instead: `sleep $((RANDOM \\% 300)); ${RUN}`,
  },
  {
    id: 'mountpoint',
    line: 'mountpoint -q /backup && ionice -c 2 -n 7 nice -19 rsnapshot daily',
    instead: `mountpoint -q /backup && ${RUN}`,
    target: ['"nice":19', '"ionice":"best-effort:7"'],
  },
  {
    id: 'ssh behind and before',
    line: 'ssh db /root/dump && rsnapshot daily; ssh db rm /root/x',
    instead: `ssh db /root/dump && ${RUN}; ssh db rm /root/x`,
  },
  {
    id: 'subshell with a lock',
    line: '( flock -n 9 || exit 1; rsnapshot daily ) 9>/run/a.lock',
    instead: `( flock -n 9 || exit 1; ${RUN} ) 9>/run/a.lock`,
  },
  {
    id: 'case esac',
    line: 'case $(date +\\%u) in 7) rsnapshot weekly;; *) rsnapshot daily;; esac',
    instead: `case $(date +\\%u) in 7) baton run rsnap-weekly --wait;; *) ${RUN};; esac`,
  },
  {
    id: 'first day of the month',
    line: '[ "$(date +\\%d)" -le 7 ] && rsnapshot weekly; rsnapshot daily # both',
    instead: `[ "$(date +\\%d)" -le 7 ] && baton run rsnap-weekly --wait; ${RUN} # both`,
  },
  { id: 'background', line: 'rsnapshot daily &', instead: `${RUN} &` },
  { id: 'time', line: 'time rsnapshot daily', instead: `time ${RUN}` },
  { id: 'nohup', line: 'nohup rsnapshot daily &', instead: `nohup ${RUN} &` },
  {
    id: 'output of a call',
    line: 'out=$(rsnapshot daily 2>&1) || echo "$out"',
    instead: `out=$(${RUN} 2>&1) || echo "$out"`,
  },
  {
    id: 'redirection inside',
    line: 'rsnapshot >/dev/null daily 2>&1',
    instead: `${RUN} >/dev/null 2>&1`,
  },
  {
    id: 'sudo',
    line: 'sudo -u backup -n rsnapshot daily',
    instead: RUN,
    target: ['"user":"backup"'],
  },
  {
    id: 'runuser',
    line: 'runuser -u backup -- rsnapshot daily',
    instead: RUN,
    target: ['"user":"backup"'],
  },
  {
    id: 'env',
    line: 'env TMPDIR=/var/tmp rsnapshot daily',
    instead: RUN,
    target: ['"TMPDIR":"/var/tmp"'],
  },
  {
    id: 'chrt',
    line: 'chrt -i 0 rsnapshot daily',
    instead: RUN,
    target: ['"args":["chrt","-i","0","rsnapshot","daily"]'],
  },
  {
    id: 'timeout -k',
    line: 'timeout -k 60 7200 rsnapshot daily',
    instead: RUN,
    target: ['"timeout":"7200s"', '"killAfter":"60s"'],
  },
  {
    id: 'flags',
    line: 'rsnapshot -v -V daily',
    instead: RUN,
    target: ['"args":["rsnapshot","-v","-V","daily"]'],
  },
  { id: 'test mode', line: 'rsnapshot -t daily', isSilent: true },
  {
    id: 'configtest',
    line: 'rsnapshot configtest && rsnapshot daily',
    instead: `rsnapshot configtest && ${RUN}`,
  },
  {
    id: 'docker',
    line: 'docker exec snap rsnapshot daily',
    says: /^runs rsnapshot daily through docker; leave it as it is: baton does not know the environment in which docker starts/,
    instead: '',
  },
  {
    id: 'chroot',
    line: 'chroot /srv/x rsnapshot daily',
    says: /leave it as it is: baton does not know the environment in which chroot starts it/,
    instead: '',
  },
  { id: 'ssh without rsnapshot', line: 'ssh nas ls /srv/rsnapshot', isSilent: true },
  { id: 'docker without rsnapshot', line: 'docker restart rsnapshot', isSilent: true },
  {
    id: 'sentry',
    line: 'sentry-cli monitors run nightly -- rsnapshot daily',
    instead: `sentry-cli monitors run nightly -- ${RUN}`,
  },
  { id: 'comment', line: 'true # rsnapshot daily', isSilent: true },
  { id: 'quoted text', line: 'logger "rsnapshot daily has run"', isSilent: true },
  { id: 'a file of that name', line: '/root/bin/rsnapshot-report daily', isSilent: true },
  {
    id: 'xargs',
    line: 'ls /etc/rs/*.conf | xargs -I{} rsnapshot -c {} daily',
    byHand: /xargs constructs the command from it/,
  },
  { id: 'eval', line: 'eval "rsnapshot daily"', byHand: /eval constructs the command from it/ },
  {
    id: 'a wrapper of their own',
    line: '/usr/local/bin/cronwrap /usr/bin/rsnapshot daily',
    byHand: /cronwrap constructs/,
  },
  { id: 'bash without bash', line: 'rsnapshot daily |& logger', byHand: /\|&, which \/bin\/sh/ },
  {
    id: 'bash',
    before: 'SHELL=/bin/bash',
    line: '[[ -d /backup ]] && rsnapshot daily',
    instead: `[[ -d /backup ]] && ${RUN}`,
  },
  { id: 'a level by variable', line: 'L=daily; rsnapshot $L', instead: `L=daily; ${RUN}` },
  { id: 'a level by date', line: 'rsnapshot $(date +\\%a)', byHand: /only the shell knows/ },
  { id: 'profile', line: '. /etc/profile; rsnapshot daily', byHand: /change its environment/ },
  {
    id: 'a broken line',
    line: 'if true; then rsnapshot daily',
    byHand: /the shell cannot read it/,
  },
  {
    id: 'su with several',
    line: 'su backup -c "rsnapshot daily; date"',
    byHand: /starts it among other commands/,
  },
  {
    id: 'escaped quotes',
    line: 'sh -c "rsnapshot daily; echo \\"done\\""',
    byHand: /several quotes or escapes/,
  },
  {
    id: 'sh -c of one',
    line: 'sh -c "exec rsnapshot daily" >/dev/null',
    instead: `${RUN} >/dev/null`,
  },
  {
    id: 'sh -c with a watcher',
    line: "nice sh -c 'chronic rsnapshot daily'",
    instead: `nice sh -c 'chronic ${RUN}'`,
    target: ['"nice":10'],
  },
  {
    id: 'root by sudo in a line of backup',
    line: '0 3 * * * backup sudo rsnapshot daily',
    instead: RUN,
  },
];

/** import crontab with lines that start something on another machine or in another root. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import type { Knowledge } from '../../../client/crontab/findings.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { accepted, load } from '../../support/config.ts';

const KNOWN: Knowledge = { targets: undefined, conf: () => undefined, suggest: () => undefined };
const FILE = '/etc/cron.d/x';

function importOf(...rows: readonly string[]) {
  const text = rows.map((row) => (/^[A-Z_]+=/.test(row) ? row : `0 3 * * * ${row}`)).join('\n');
  const lines = parseCrontab(FILE, `${text}\n`, () => true);
  const { targets, notes, changed } = importAll(
    { texts: new Map([[FILE, `${text}\n`]]), lines, unread: [] },
    KNOWN,
    true,
  );
  // The daemon accepts them.
  accepted(load({ targets }, {}));
  return { targets: Object.values(targets), names: Object.keys(targets), notes, changed };
}

const runnerOf = (row: string) => importOf(row).targets[0]?.runner;

test('a command of ssh becomes a target that runs it there', () => {
  const { targets, names, changed } = importOf(
    'root timeout 2h ssh -i /root/k -p 2222 -o ConnectTimeout=9 me@db.example /root/dump --all >/x',
  );
  assert.deepEqual(targets, [
    {
      runner: {
        ...{ type: 'ssh', host: 'db.example', port: 2222, user: 'me', key: '/root/k' },
        ...{ connectTimeout: '9s', args: ['/root/dump', '--all'] },
      },
      policies: [{ type: 'cardinality' }],
      timeout: '2h',
    },
  ]);
  assert.deepEqual(names, ['dump-on-db.example']);
  assert.equal(changed[0]?.after, '0 3 * * * root baton run dump-on-db.example --wait >/x\n');
});

test('what the line does not say goes on to come from ssh_config', () => {
  assert.deepEqual(runnerOf('root ssh -J gate@g:2022,h db ./x'), {
    ...{ type: 'ssh', via: 'openssh', host: 'db', jump: ['gate@g:2022', 'h'], args: ['./x'] },
  });
  const { targets } = importOf('SSH_AUTH_SOCK=/run/agent', 'root ssh -l me db x');
  assert.deepEqual(targets[0]?.runner, {
    ...{ type: 'ssh', via: 'openssh', host: 'db', user: 'me', agent: '/run/agent', args: ['x'] },
  });
});

test('what needs a shell there is left to the shell there', () => {
  for (const text of [
    'cd /srv && ./x',
    'a; b',
    'x >/y',
    'A=1 x',
    'cd /srv',
    'echo $HOME',
    'ls *',
  ]) {
    const runner = runnerOf(`root ssh db '${text}'`);
    assert.deepEqual(runner?.['cmds'], [text]);
    assert.equal(runner?.['stopOnError'], false);
  }
  // ssh puts blanks between the words, and the remote shell splits them.
  assert.deepEqual(runnerOf(`root ssh db x 'a b' "'c d'"`)?.args, ['x', 'a', 'b', 'c d']);
});

test('what no key says, and what another user asks for, stays a command of ssh', () => {
  const kept: readonly (readonly [row: string, why: RegExp])[] = [
    ['root ssh -t db x', /-t of ssh has no equivalent key in a target/],
    ['root ssh -o ProxyCommand=nc db x', /-o ProxyCommand=nc of ssh has no equivalent key/],
    ['root ssh -i k db x', /-i k of ssh has no equivalent key/],
    ['root ssh -fNR 1:h:1 db', /-f of ssh has no equivalent key/],
    ['root ssh db', /it has no command for the other machine/],
    ['root ssh ssh://db x', /"ssh:\/\/db" is not a host name/],
    ['backup ssh db x', /it uses the keys of backup/],
    ['root sudo -u backup ssh db x', /it uses the keys of backup/],
    ['root TZ=UTC ssh db x', /ssh itself needs TZ/],
    ['root chrt -b 0 ssh db x', /chrt starts it among other commands/],
  ];
  for (const [row, why] of kept) {
    const { targets, notes } = importOf(row);
    assert.equal(targets[0]?.runner['type'], 'local', row);
    assert.ok(targets[0]?.runner.args?.includes('ssh'), row);
    assert.match(notes.join('\n'), why, row);
  }
  assert.deepEqual(runnerOf('root ssh db "$X"')?.args, ['/bin/sh', '-c', 'ssh db "$X"']);
});

test('what docker starts is a command of docker, and what baton cannot end is said', () => {
  const { targets, notes } = importOf('root nice docker exec db pg_dumpall');
  const args = ['docker', 'exec', 'db', 'pg_dumpall'];
  assert.deepEqual(targets[0]?.runner, { type: 'local', args, nice: 10 });
  assert.match(notes[0] ?? '', /"baton cancel" cannot stop what it starts$/);
  assert.deepEqual(importOf('root chroot /srv/x dump').notes, []);
});

test('a host key that need not be known is taken once, and said', () => {
  const { targets, notes } = importOf('root ssh -oStrictHostKeyChecking=no db x');
  assert.equal(targets[0]?.runner['hostKey'], 'accept-new');
  assert.match(notes.join('\n'), /always checks host keys/);
});

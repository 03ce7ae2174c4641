/** Tools for databases and for system maintenance; see tool-shape.ts. */
import { type KnownTool, seenIn } from './tool-shape.ts';

const POSTGRES = [
  ...seenIn('postgresql-client-15', '15.18-0+deb12u1', undefined, { 12: true }),
  ...seenIn('postgresql-client-15', '15.20-0+deb12u1', undefined),
  ...seenIn('postgresql-client-17', undefined, '17.12-0+deb13u1', { 13: true }),
];
const APT = [
  ...seenIn('apt', '2.6.1', undefined, { 12: true }),
  ...seenIn('apt', '2.6.2', '3.0.4', { 13: true }),
];

export const SYSTEMS = {
  pg_dump: {
    programs: ['pg_dump'],
    failed: { 1: 'any failure' },
    stop: 'TERM',
    stopped: [1, 1, 1],
    leaves: 'a part of the dump',
    caution:
      'exits with 0 although one of several patterns (-t, -n, -e) matches nothing; ' +
      'add --strict-names',
    cautionIf: {
      options: ['-t', '--table', '-n', '--schema', '-e', '--extension'],
      least: 2,
      unless: '--strict-names',
    },
    seen: POSTGRES,
  },
  pg_dumpall: {
    programs: ['pg_dumpall'],
    failed: { 1: 'any failure' },
    stop: 'TERM',
    stopped: [143, 143, 143],
    leavesOthers: true,
    leaves: 'a part of the dump',
    seen: POSTGRES,
  },
  pg_basebackup: {
    programs: ['pg_basebackup'],
    failed: { 1: 'any failure' },
    stop: 'TERM',
    stopped: [143, 143, 143],
    leavesOthers: true,
    leaves: 'the target folder, which the next run refuses',
    percent: ['-P', '--progress'],
    seen: POSTGRES,
  },
  'mariadb-dump': {
    programs: ['mariadb-dump', 'mysqldump'],
    failed: { 2: 'server, login, database, rights or view', 5: 'disk full', 6: 'table missing' },
    stop: 'TERM',
    stopped: [143, 143, 143],
    leaves: 'a part of the dump',
    seen: [
      ...seenIn('mariadb-client', '1:10.11.18-0+deb12u1', undefined, { 12: true }),
      ...seenIn('mariadb-client', '1:10.11.19-0+deb12u1', '1:11.8.9+ds-0+deb13u1', { 13: true }),
    ],
  },
  'sqlite3 .dump': {
    programs: ['sqlite3'],
    word: '.dump',
    caution:
      'exits with 0 although the database is damaged, locked or missing, or the disk is full; ' +
      'use -readonly, and see that the last line of its output is "COMMIT;"',
    seen: seenIn('sqlite3', '3.40.1-2+deb12u2', '3.46.1-7+deb13u2', { 12: true, 13: true }),
  },
  sqlite3: {
    programs: ['sqlite3'],
    lockedText: 'database is locked',
    stop: 'TERM',
    stopped: [143, 143],
    caution: 'exits with 0 although the database is missing, and makes an empty one; use -readonly',
    seen: seenIn('sqlite3', '3.40.1-2+deb12u2', '3.46.1-7+deb13u2', { 12: true, 13: true }),
  },
  certbot: {
    programs: ['certbot'],
    lockedText: 'Another instance of Certbot is already running',
    failed: { 1: 'any failure' },
    // While it waits for the certificate authority.
    stop: 'TERM',
    stopped: [143, 143],
    seen: seenIn('certbot', '2.1.0-4', '4.0.0-2+deb13u1', { 12: true, 13: true }),
  },
  'apt-get update': {
    programs: ['apt-get', 'apt'],
    word: 'update',
    lockedText: 'Could not get lock',
    failed: { 100: 'any failure' },
    stop: 'TERM',
    stopped: [143, 143, 143],
    caution: 'exits with 0 although a mirror is down; use -o APT::Update::Error-Mode=any',
    seen: APT,
  },
  'apt-get': {
    programs: ['apt-get', 'apt'],
    lockedText: 'Could not get lock',
    failed: { 100: 'any failure' },
    seen: APT,
  },
  'unattended-upgrade': {
    programs: ['unattended-upgrade', 'unattended-upgrades'],
    failed: { 1: 'locked by another run, of which it says nothing, or another failure' },
    // It finishes the package that it is installing, which may take longer than `killAfter`.
    stop: 'TERM',
    stopTo: 'main',
    stopped: [1, 1],
    ignores: ['HUP'],
    leaves: 'after INT, and TERM to all, a half-configured package, which the next run completes',
    seen: seenIn('unattended-upgrades', '2.9.1+nmu3', '2.12', { 12: true, 13: true }),
  },
  logrotate: {
    programs: ['logrotate'],
    failed: { 1: 'any failure: a script, a configuration, a full disk' },
    locked: [3],
    again: [3],
    stop: 'TERM',
    stopped: [143, 143],
    leavesOthers: true,
    leaves: 'a script that goes on, where its main process alone is told',
    seen: seenIn('logrotate', '3.21.0-1', '3.22.0-1', { 12: true, 13: true }),
  },
  zstd: {
    programs: ['zstd'],
    failed: { 1: 'missing, unreadable, or the target exists', 70: 'disk full' },
    stop: 'INT',
    stopped: [2, 2, 2],
    leaves: 'after TERM, HUP and KILL a part under the final name',
    percent: ['--progress'],
    seen: [
      ...seenIn('zstd', '1.5.4+dfsg2-5', '1.5.7+dfsg-1', { 12: true, 13: true }),
      ...seenIn('zstd', undefined, '1.5.7+dfsg-1+deb13u1'),
    ],
  },
  etckeeper: {
    programs: ['etckeeper'],
    failed: { 1: 'nothing to commit, or a failure', 128: 'index.lock is there' },
    stop: 'TERM',
    stopped: [143, 143],
    leaves: 'after KILL .git/index.lock, until it is removed by hand',
    seen: seenIn('etckeeper', '1.18.20-1', '1.18.22-2', { 12: true, 13: true }),
  },
  chronic: {
    programs: ['chronic'],
    failed: { 1: 'the command was ended by a signal, or exited with 1' },
    stop: 'TERM',
    stopped: [143, 143],
    leavesOthers: true,
    seen: seenIn('moreutils', '0.67-1', '0.69-1', { 12: true, 13: true }),
  },
} as const satisfies Readonly<Record<string, KnownTool>>;

/** What is mounted where, by lines of /proc/self/mountinfo. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountAt, parseMounts } from '../../../daemon/system/mounts.ts';

const LINES = [
  '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
  '30 25 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw',
  '40 25 8:17 / /mnt/backup rw,noatime shared:7 master:3 - ext4 /dev/sdb1 rw',
  '41 25 8:1 /srv/photos /mnt/photos rw shared:1 - ext4 /dev/sda1 rw',
  '42 25 8:33 / /mnt/with\\040space\\011\\134x rw - ext4 /dev/disk\\040x rw',
  '43 25 0:50 / /mnt/auto rw - autofs systemd-1 rw,fd=30',
  '44 25 0:50 / /mnt/nas rw - autofs systemd-1 rw,fd=31',
  '45 44 0:51 / /mnt/nas rw - nfs4 nas:/backup rw,vers=4.2',
];

function at(path: string, more: readonly string[] = []) {
  const mount = mountAt(parseMounts([...LINES, ...more, ''].join('\n')), path);
  return mount === undefined ? undefined : `${mount.source} ${mount.type} ${mount.device}`;
}

test('a mount point is where something is mounted, and not below or beside it', () => {
  assert.equal(at('/mnt/backup'), '/dev/sdb1 ext4 8:17');
  assert.equal(at('/'), '/dev/sda1 ext4 8:1');
  for (const path of ['/mnt', '/mnt/backup/x', '/mnt/back', '/mnt/backup2', '/x']) {
    assert.equal(at(path), undefined, path);
  }
});

test('a bind mount is one, and names with spaces, tabs and backslashes are read', () => {
  assert.equal(at('/mnt/photos'), '/dev/sda1 ext4 8:1');
  assert.equal(at('/mnt/with space\t\\x'), '/dev/disk x ext4 8:33');
});

test('of several mounts at one place the topmost counts, whatever the order of the lines', () => {
  assert.equal(at('/mnt/auto'), 'systemd-1 autofs 0:50');
  assert.equal(at('/mnt/nas'), 'nas:/backup nfs4 0:51');
  const over = '46 45 0:60 / /mnt/nas rw - tmpfs tmpfs rw';
  assert.equal(at('/mnt/nas', [over]), 'tmpfs tmpfs 0:60');
  const lines = [...LINES, over].reverse().join('\n');
  assert.equal(mountAt(parseMounts(lines), '/mnt/nas')?.type, 'tmpfs');
});

test('a mount that another one has covered from above is none that anybody reaches', () => {
  const cover = '50 25 0:60 / /mnt rw - tmpfs cover rw';
  assert.equal(at('/mnt/backup', [cover]), undefined);
  assert.equal(at('/mnt', [cover]), 'cover tmpfs 0:60');
  const within = '51 50 8:49 / /mnt/backup rw - xfs /dev/sdd1 rw';
  assert.equal(at('/mnt/backup', [cover, within]), '/dev/sdd1 xfs 8:49');
  const root = '52 25 0:61 / / rw - overlay newroot rw';
  assert.equal(at('/mnt/backup', [root]), undefined);
  assert.equal(at('/', [root]), 'newroot overlay 0:61');
});

test('what is no such line is passed over, and a list without a root has no mounts', () => {
  assert.deepEqual(parseMounts('nonsense\n\n1 2 3\n'), []);
  assert.equal(mountAt([], '/'), undefined);
  const own = '1 1 0:2 / / rw - rootfs rootfs rw';
  assert.equal(mountAt(parseMounts(own), '/')?.type, 'rootfs');
});

/** Users and groups in messages: a number says little to a person, a name little to a command. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameGroup, nameUser } from '../../../daemon/system/owner-name.ts';
import { directory } from '../../support/config.ts';

test('an owner is told by name and number, and by number alone where there is no name', (t) => {
  const file = join(directory(t), 'file');
  writeFileSync(
    file,
    '# 1000\nodd\nroot:x:0:0::/root:/bin/sh\nalice:x:1000:7::/:/bin/sh\n:x:5:5::\n',
  );
  const users = [0, 1000, 7, 5].map((uid) => nameUser(uid, file));
  assert.deepEqual(users, ['root (uid 0)', 'alice (uid 1000)', 'uid 7', 'uid 5']);
  writeFileSync(file, 'root:x:0:\nbackup:x:34:alice\n');
  assert.deepEqual(
    [34, 35].map((gid) => nameGroup(gid, file)),
    ['backup (gid 34)', 'gid 35'],
  );
  assert.equal(nameUser(1000, join(file, 'none')), 'uid 1000');
  assert.equal(nameUser(0), 'root (uid 0)');
});

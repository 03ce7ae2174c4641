/** The client while its own files are replaced, as by an upgrade of the package. */
import { mkdirSync, renameSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { accepted, assertEnd, ended, output } from '../support/replies.ts';
import { publish } from '../support/tools.ts';

/** A copy of the client, and a promise that resolves when all of it is loaded. */
function watchedClient(directory: string) {
  const dist = join(publish(directory), 'dist/client');
  const parts = [join(dist, 'cli.cjs'), join(dist, 'whole.cjs')] as const;
  renameSync(...parts);
  const marks = join(directory, 'marks');
  mkdirSync(marks);
  const mark = JSON.stringify(join(marks, 'loaded'));
  writeFileSync(
    parts[0],
    `module.exports = require('./whole.cjs'); require('node:fs').writeFileSync(${mark}, '');`,
  );
  const loaded = new Promise<void>((resolve) => {
    const watcher = watch(marks, () => {
      watcher.close();
      resolve();
    });
  });
  return { main: join(dist, 'main.cjs'), parts, loaded };
}

test('a client that waits is not harmed when its files become those of another version', async (t) => {
  const daemon = await FakeDaemon.open();
  t.after(() => daemon.close());
  const { main, parts, loaded } = watchedClient(daemon.directory);
  const baton = daemon.baton(['run', 'x', '--wait'], { client: main });
  const first = await daemon.asked();
  first.connection.send(accepted, output('out', 0, 'one,'));
  await loaded;
  for (const part of parts) writeFileSync(part, 'throw new Error("of another version");');
  first.connection.cut();
  const second = await daemon.asked();
  second.connection.send(output('out', 4, 'two'), ended(3));
  assertEnd(await baton.ended, { status: 3, text: 'one,two' });
});

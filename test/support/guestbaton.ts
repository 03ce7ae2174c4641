/** Installs this tree's baton in a guest, following README.md and contrib/systemd/README.md. */
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './config.ts';
import type { Guest } from './guest.ts';

/** What npm would install, except the modules that only SSH needs. */
const PARTS = [
  'package.json',
  'contrib',
  'dist/client',
  'dist/daemon',
  'dist/policies',
  'dist/runners',
];

export function installBaton(guest: Guest): void {
  for (const part of PARTS) {
    const to = join(guest.share, 'baton', part);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(ROOT, part), to, {
      recursive: true,
      filter: (file) => !file.endsWith('.map') && !file.endsWith('.d.ts'),
    });
  }
  const units = readdirSync(join(ROOT, 'contrib/systemd'))
    .filter((name) => /\.(socket|service|timer)$/.test(name))
    .map((name) => `/usr/lib/baton/contrib/systemd/${name}`);
  guest.ask(`set -e
    cp -R /share/baton /usr/lib/baton
    node /usr/lib/baton/contrib/launchers.mjs
    mkdir -p /etc/baton
    cp ${units.join(' ')} /etc/systemd/system/
    cp /usr/lib/baton/contrib/systemd/baton.sysusers /usr/lib/sysusers.d/baton.conf
    systemd-sysusers
    install -Dm 644 -t /usr/lib/systemd/user /usr/lib/baton/contrib/systemd/user/*
    systemctl daemon-reload
    systemctl enable baton.socket baton.service`);
}

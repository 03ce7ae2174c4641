/**
 * From a downloaded Debian package to the first nightly backup in five steps: those of its
 * README.Debian, run as printed on a Debian under systemd, with its own cron and rsnapshot.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../support/config.ts';
import { outside } from '../support/deb.ts';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { letNightCome } from '../support/guestnight.ts';
import { installNode } from '../support/guestnode.ts';
import { stepsOf } from '../support/guide.ts';
import { whyWithout } from '../support/tools.ts';

const NEEDS = [...GUEST_NEEDS, 'dpkg-buildpackage', 'dh', 'npm', 'faketime'];
const STEPS = stepsOf('contrib/debian/baton.README.Debian');
const SAVED = '/var/cache/rsnapshot/alpha.0/localhost/home/alice/letter';

describe('from the downloaded package to the first nightly backup', {
  skip: whyWithout(...NEEDS),
}, () => {
  let place = '';
  let guest: Guest;
  before(async () => {
    place = mkdtempSync(join(tmpdir(), 'baton-nightly-'));
    const deb = outside(process.execPath, join(ROOT, 'contrib/deb.mjs'), '--out', place).trim();
    guest = await Guest.boot({ hasNode: false });
    installNode(guest, place);
    cpSync(deb, join(guest.share, deb.split('/').at(-1) ?? ''));
    // The mail server for cron.
    guest.ask(`cp /share/baton_*.deb /root && mkdir -p /home/alice && echo dear >/home/alice/letter
      printf '#!/bin/sh\\ncat >/share/mail.new && mv /share/mail.new /share/mail\\n' >/usr/sbin/sendmail
      chmod 755 /usr/sbin/sendmail`);
    // The reader answers yes.
    guest.ask(`echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/yes`);
  });
  after(async () => {
    await guest?.close();
    rmSync(place, { recursive: true, force: true });
  });

  const type = (commands: readonly string[]): string =>
    commands.map((command) => guest.ask(`cd /root && ${command}`)).join('');
  const nightsOver = (nights: number): Promise<string> =>
    guest.until('journalctl -u cron', new RegExp(`(session closed[\\s\\S]*){${nights}}`));

  test('five steps, each as README.Debian prints it, and a tree is saved without a mail', async () => {
    assert.equal(STEPS.length, 5);
    const [install = [], ...others] = STEPS;
    assert.match(type(install), /^hello from baton$/m);
    const morning = others.pop() ?? [];
    for (const commands of others) type(commands);
    assert.doesNotMatch(guest.ask('baton doctor'), /^wrong/m);
    letNightCome(guest, '2027-01-04 02:59:57');
    await nightsOver(1);
    assert.match(type(morning), /^\+ rsnap-alpha +ok[\s\S]*^\+ \d+ +rsnap-alpha .*exited with 0$/m);
    assert.equal(guest.ask(`cat ${SAVED}`), 'dear\n');
    assert.ok(!existsSync(join(guest.share, 'mail')), 'nothing to mail');
  });

  test('the night in which it fails, cron mails what rsnapshot said, and status shows it', async () => {
    guest.ask('mv /home /elsewhere');
    letNightCome(guest, '2027-01-05 02:59:57');
    await nightsOver(2);
    const mail = readFileSync(join(guest.share, 'mail'), 'utf8');
    assert.match(mail, /^Subject: .*baton run rsnap-alpha --wait$/m);
    assert.match(mail, /^ERROR: .*Source directory "\/home\/" doesn't/m);
    assert.match(guest.ask('baton status'), /^! rsnap-alpha +failed .*exited with 1/m);
  });
});

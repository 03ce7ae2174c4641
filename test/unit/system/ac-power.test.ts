/** AC power, with sysfs trees of laptops, desktops and guests. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyOf } from '../../../daemon/core/world.ts';
import { findAcPower } from '../../../daemon/system/ac-power.ts';
import { machine } from '../../../daemon/system/machine.ts';
import { directory } from '../../support/config.ts';

type Supplies = Readonly<Record<string, Readonly<Record<string, string>>>>;

const ON = 'the machine is on AC power';
const OFF = 'the machine is not on AC power';
const MAINS = { type: 'Mains', online: '1' };
const BATTERY = { type: 'Battery', status: 'Discharging', scope: 'System' };

const TREES: Readonly<Record<string, readonly [Supplies, string]>> = {
  'nothing, as in a server': [{}, ON],
  'an adapter that is plugged in': [{ AC0: MAINS, BAT0: BATTERY }, ON],
  'an adapter that is not': [
    { AC0: { ...MAINS, online: '0' }, BAT0: { ...BATTERY, status: 'Full' } },
    `${OFF} (AC0 is offline)`,
  ],
  'one of two adapters': [
    { AC0: { ...MAINS, online: '0' }, USB1: { type: 'USB', online: '2' } },
    ON,
  ],
  'a battery that discharges, and no adapter': [{ BAT1: BATTERY }, `${OFF} (BAT1 discharges)`],
  'a battery that charges, and no adapter': [{ BAT1: { ...BATTERY, status: 'Charging' } }, ON],
  'the battery of a mouse': [{ hid: { ...BATTERY, scope: 'Device' } }, ON],
  'the charger of a mouse': [
    { hid: { ...MAINS, scope: 'Device' }, BAT0: BATTERY },
    `${OFF} (BAT0 discharges)`,
  ],
  'a supply that tells nothing': [{ odd: {} }, ON],
};

for (const [name, [supplies, text]] of Object.entries(TREES)) {
  test(`AC power of a machine with ${name}`, (t) => {
    const root = directory(t);
    for (const [supply, files] of Object.entries(supplies)) {
      mkdirSync(join(root, supply));
      for (const [file, line] of Object.entries(files)) {
        writeFileSync(join(root, supply, file), `${line}\n`);
      }
    }
    assert.deepEqual(findAcPower('it', root), { holds: text === ON, text });
  });
}

test('a kernel without power supplies is on AC power; what cannot be read is not known', (t) => {
  const root = directory(t);
  assert.deepEqual(findAcPower('it', join(root, 'none')), { holds: true, text: ON });
  const file = join(root, 'file');
  writeFileSync(file, '');
  const text = 'it cannot be checked (ENOTDIR)';
  assert.deepEqual(findAcPower('it', file), { holds: false, text });
});

test('this machine has an answer at once', () => {
  const condition = { kind: 'acPower' } as const;
  const said = machine.look([condition]).get(keyOf(condition));
  assert.match(said?.text ?? '', /^the machine is (not )?on AC power/);
});

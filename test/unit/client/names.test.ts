/** The completions for the name of a group. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsOf } from '../../../client/commands/names.ts';
import type { TargetView } from '../../../daemon/protocol/request.ts';

function view(target: string, groups: readonly string[], fleet?: string): TargetView {
  return {
    ...{ target, groups, runner: 'local', paused: false, active: [], queued: [], waiting: 0 },
    ...(fleet === undefined ? {} : { fleet }),
    counts: [],
  };
}

test('groups are offered by the names that pause takes, with the targets of each', () => {
  const targets = [
    view('daily', ['rsnapshot:/etc/rsnapshot.conf', 'cardinality:disk']),
    view('weekly', ['rsnapshot:/etc/rsnapshot.conf', 'priority:disk']),
    view('copy', ['cardinality:nas:/disk']),
  ];
  assert.deepEqual(groupsOf({ targets }), [
    ['/etc/rsnapshot.conf', 'daily, weekly'],
    ['disk', 'daily, weekly'],
    ['nas:/disk', 'copy'],
  ]);
});

test('the group of one target or fleet alone is not offered, and a fleet is named once', () => {
  const targets = [
    view('copy', ['cardinality:target copy', 'require:target copy, mount /mnt']),
    view('up@a', ['cardinality:fleet up', 'window:target up@a', 'priority:net'], 'up'),
    view('up@b', ['cardinality:fleet up', 'window:target up@b', 'priority:net'], 'up'),
    view('other', ['cardinality:target copy']),
  ];
  assert.deepEqual(groupsOf({ targets }), [
    ['net', 'up'],
    ['target copy', 'other'],
  ]);
});

test('a group that is paused is offered after it has left the configuration', () => {
  const targets = [view('copy', ['cardinality:disk'])];
  const pauses = [{ group: 'disk' }, { group: 'old' }, { all: true }] as const;
  assert.deepEqual(groupsOf({ targets, pauses }), [
    ['disk', 'copy'],
    ['old', 'paused'],
  ]);
});

test('a name that is no line of its own is not offered', () => {
  for (const name of ['two\nlines', 'a\ttab', '\u001b[31mred']) {
    assert.deepEqual(groupsOf({ targets: [view('t', [`odd:${name}`])] }), []);
  }
});

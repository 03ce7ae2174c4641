/** System errors come with advice. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { describeErrno } from '../../../daemon/shared/errno.ts';

test('a system error is its code and what to do, of an error or of a code alone', () => {
  assert.equal(describeErrno('ENOSPC'), '(ENOSPC); free space on its disk');
  let said = '';
  try {
    readFileSync('/proc');
  } catch (error) {
    said = describeErrno(error);
  }
  assert.equal(said, '(EISDIR); it is a directory; name a file');
});

test('a code that nobody has thought of is looked up, and other errors are told in their own words', () => {
  assert.equal(describeErrno('EXDEV'), '(EXDEV); see errno(3)');
  assert.equal(describeErrno(new Error('not an absolute path')), '(Error: not an absolute path)');
});

/**
 * Loaded before every test file (test/run.sh). With BATON_TEST_SEED=N, an integer, the random cases
 * of properties and histories are those of N, so that .ci/run tries the same ones whenever it tests
 * the same commit. Without it they are new each time.
 */
export const seed = read(process.env['BATON_TEST_SEED']);

if (seed !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed });
}

function read(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number)) return number % 2 ** 31;
  throw new Error(`BATON_TEST_SEED: expected an integer, found ${JSON.stringify(text)}`);
}

/**
 * How much is done of what a test repeats for the sake of chance: BATON_TEST_AMOUNT of what is
 * usual, such as 0.1 for a tenth, where the same suite runs several times (.ci/run).
 */
export function amount(usual: number): number {
  const share = Number(process.env['BATON_TEST_AMOUNT'] ?? 1);
  if (!(share > 0)) throw new Error('BATON_TEST_AMOUNT: expected a number above 0, such as 0.1');
  return Math.ceil(usual * share);
}

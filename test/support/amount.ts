/**
 * How often tests repeat random cases: BATON_TEST_AMOUNT times the usual number, such as 0.1 for a
 * tenth if the same suite runs several times (.ci/run).
 */
export function amount(usual: number): number {
  const share = Number(process.env['BATON_TEST_AMOUNT'] ?? 1);
  if (!(share > 0)) throw new Error('BATON_TEST_AMOUNT: expected a number above 0, such as 0.1');
  return Math.ceil(usual * share);
}

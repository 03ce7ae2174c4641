/**
 * What axe-core has against a page that is open in a browser:
 * https://github.com/dequelabs/axe-core
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from './browser.ts';

const SCRIPT = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));

/** Of all rules, best practices too: which one, and the first element that breaks it. */
export async function violations(browser: Browser): Promise<readonly string[]> {
  // Not as an element: the policy of the page would keep it out.
  await browser.evaluate(`${readFileSync(SCRIPT, 'utf8')}; void 0`);
  return await browser.evaluate<readonly string[]>(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, help, nodes }) => id + ': ' + help + ': ' + nodes[0].html.slice(0, 200)))`);
}

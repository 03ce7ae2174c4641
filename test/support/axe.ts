/**
 * The complaints of axe-core about a page that is open in a browser:
 * https://github.com/dequelabs/axe-core
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from './browser.ts';

const SCRIPT = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));

/** By all rules, including best practices: the rule, and the first element that breaks it. */
export async function violations(browser: Browser): Promise<readonly string[]> {
  // Not as an element, which the page's policy would block.
  await browser.evaluate(`${readFileSync(SCRIPT, 'utf8')}; void 0`);
  return await browser.evaluate<readonly string[]>(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, help, nodes }) => id + ': ' + help + ': ' + nodes[0].html.slice(0, 200)))`);
}

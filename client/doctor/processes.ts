/** The names of running programs, as in the kernel. */
import { readdir, readFile } from 'node:fs/promises';

/** At most 15 characters each. */
export async function namesOfProcesses(): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // It may have ended meanwhile.
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    names.add(name.trim());
  }
  return [...names];
}

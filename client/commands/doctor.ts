/** `baton doctor [CRONTAB…]`: checks everything (client/doctor/), and prints what is wrong. */
import type { Command } from '../command-line/invocation.ts';
import type { Place } from '../connection/conversation.ts';
import { examine } from '../doctor/examine.ts';
import { type Ending, printed } from '../ending.ts';
import { showFindings } from '../terminal/doctor-text.ts';
import { jsonText } from '../terminal/json-text.ts';
import { screen } from '../terminal/screen.ts';

type DoctorCommand = Extract<Command, { readonly verb: 'doctor' }>;

/** As in check-crontab and linters. */
const EXIT_WRONG = 1;

export async function doctor(
  { files, json }: DoctorCommand,
  place: Place,
  version: string,
): Promise<Ending> {
  const uid = process.getuid?.() ?? 0;
  const findings = await examine({ place, version, crontabs: files, uid });
  const wrong = findings.filter(({ level }) => level === 'wrong').length;
  const notes = findings.filter(({ level }) => level === 'note').length;
  const report = { version, atMs: Date.now(), wrong, notes, findings };
  const ending = printed(json ? jsonText(report) : showFindings(findings, screen()));
  // A hanging command would keep the process alive; the result is known before this.
  setImmediate(() => process.exit());
  if (ending.status !== 0) return ending;
  return { status: wrong === 0 ? 0 : EXIT_WRONG, isOwn: true };
}

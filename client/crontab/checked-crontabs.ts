/** What `baton check-crontab --json` prints: for programs, and for `baton doctor`. Pure. */
import { callsOf } from './calls.ts';
import type { CronFiles } from './cron-files.ts';
import type { CronLine } from './crontab.ts';
import type { Finding } from './findings.ts';

export interface CheckedCrontabs {
  readonly findings: readonly CheckedLine[];
  /** A sentence for each file that could not be read. */
  readonly unread: readonly string[];
  readonly crontabs: number;
  readonly lines: number;
  /** Lines that request a run from baton. */
  readonly calls: number;
}

interface CheckedLine {
  readonly file: string;
  /** Absent: it is about the whole file. */
  readonly line?: number;
  /**
   * "wrong": a call of baton, or a file with one, that cron does not run as written; "better":
   * something to change; "remark": something to know.
   */
  readonly level: 'wrong' | 'better' | 'remark';
  readonly text: string;
  readonly instead?: string;
  readonly targets?: readonly string[];
  readonly notes?: readonly string[];
}

const BATON = /\bbaton\b/;

export function checkedCrontabs(read: {
  readonly findings: readonly Finding[];
  readonly ignored: CronFiles['ignored'];
  readonly lines: readonly CronLine[];
  readonly unread: readonly string[];
  readonly crontabs: number;
  textOf(file: string): string;
}): CheckedCrontabs {
  const { findings, ignored, lines, unread, crontabs, textOf } = read;
  const wrongOr = (file: string, otherwise: 'better' | 'remark'): CheckedLine['level'] =>
    BATON.test(textOf(file)) ? 'wrong' : otherwise;
  return {
    findings: [
      ...ignored.map(({ file, text }) => ({ file, level: wrongOr(file, 'better'), text })),
      ...findings.map(({ line, isRemark, isBroken, ...rest }) => {
        const usual = isRemark === true ? 'remark' : 'better';
        const level = isBroken === true ? wrongOr(line.file, usual) : usual;
        return { file: line.file, line: line.line, level, ...rest };
      }),
    ],
    ...{ unread, crontabs, lines: lines.length },
    calls: lines.filter((line) => callsOf(line).some(({ kind }) => kind === 'baton')).length,
  };
}

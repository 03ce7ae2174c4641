/** Parses the jobs of a user as squeue(1) lists them. Pure. */

/** A job as squeue(1) shows it. Its state is no verdict. */
export interface Job {
  readonly job: string;
  readonly token: string;
  readonly state: string;
  readonly reason: string;
  readonly node: string;
}

/** Ignores lines of jobs that are not baton's: their names may contain anything. */
export function parseJobs(text: string): readonly Job[] {
  return text.split('\n').flatMap((line) => {
    const found = /^(\d+)\|([A-Z_]+)\|([^|]*)\|([^|]*)\|(baton:[\w.:-]+)$/.exec(line);
    if (found === null) return [];
    const [, job = '', state = '', reason = '', node = '', token = ''] = found;
    return [{ job, token, state, reason, node }];
  });
}

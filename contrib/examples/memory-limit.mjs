/**
 * A plugin for batond (baton-plugin(7)): a runner that gives a command no more memory than it may
 * have. systemd ends what takes more, and nothing else on the machine suffers. In config.json:
 *
 *   "plugins": ["/etc/baton/memory-limit.mjs"],
 *   … "runner": { "type": "memory-limit", "memory": "2G", "args": ["/usr/local/bin/dump"] }
 *
 * With --scope the command stays a child of its keeper: its status, its output and its end by
 * "baton cancel" are as without. The daemon has to run as root, beside a systemd. The command runs
 * as root, too; another key, such as "user", is a mistake, since nothing would come of it.
 */

/** @type {import('batond/plugin').Runner<{ memory: string, args: [string, ...string[]] }>} */
export const memoryLimit = {
  type: 'memory-limit',
  options: {
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate(value) {
        const issues = Object.keys(value)
          .filter((key) => !['memory', 'args'].includes(key))
          .map((key) => ({ message: 'unknown key; known here: memory, args', path: [key] }));
        if (!/^\d+[KMGT]?$/.test(value.memory)) {
          issues.push({ message: 'expected a size such as "2G"', path: ['memory'] });
        }
        const isList = Array.isArray(value.args) && value.args.length > 0;
        if (!isList || !value.args.every((word) => typeof word === 'string')) {
          issues.push({ message: 'expected a command as a list of words', path: ['args'] });
        }
        return issues.length > 0 ? { issues } : { value };
      },
    },
  },

  plan: ({ memory, args }) => ({
    args: ['systemd-run', '--scope', '--quiet', '-p', `MemoryMax=${memory}`, '--', ...args],
  }),
};

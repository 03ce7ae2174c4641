/**
 * A plugin for batond (baton-plugin(7)): a runner that limits the memory of a command. If the
 * command uses more, only the command is killed. Copy this file to /etc/baton. In config.json:
 *
 *   "plugins": ["/etc/baton/memory-limit.mjs"],
 *   … "runner": { "type": "memory-limit", "memory": "2G", "args": ["/usr/local/bin/dump"] }
 *
 * With --scope the command stays a child of its keeper, so its status, its output and "baton
 * cancel" work as without the limit. The daemon must run as root on a machine with systemd. The
 * command runs as root, too. The runner refuses other keys, such as "user", since it would ignore
 * them.
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
          issues.push({ message: 'expected a command as a list of strings', path: ['args'] });
        }
        return issues.length > 0 ? { issues } : { value };
      },
    },
  },

  plan: ({ memory, args }) => ({
    args: ['systemd-run', '--scope', '--quiet', '-p', `MemoryMax=${memory}`, '--', ...args],
  }),
};

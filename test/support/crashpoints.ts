/**
 * Loaded into a real daemon by `node --import`: makes it kill itself, as SIGKILL would, with the
 * chance CRASH_CHANCE at every step between two effects. Nothing of this is in the product.
 */
import { Journal } from '../../daemon/journal.ts';
import { Keepers } from '../../daemon/keeper.ts';
import { Service } from '../../daemon/service.ts';

const chance = Number(process.env['CRASH_CHANCE'] ?? 0);
const only = process.env['CRASH_AT'];

function mayDie(point: string): void {
  if (only !== undefined && only !== point) return;
  if (Math.random() < chance) process.kill(process.pid, 'SIGKILL');
}

/** Wraps a method: the daemon may die before it and after it. */
function arm<T extends object, K extends keyof T & string>(prototype: T, name: K): void {
  const original = prototype[name];
  if (typeof original !== 'function') throw new Error(`no method ${name}`);
  Object.defineProperty(prototype, name, {
    value: function armed(this: T, ...args: unknown[]): unknown {
      mayDie(`before ${name}`);
      const result: unknown = original.apply(this, args);
      mayDie(`after ${name}`);
      return result;
    },
  });
}

arm(Journal.prototype, 'append');
arm(Journal.prototype, 'sync');
arm(Keepers.prototype, 'start');
arm(Keepers.prototype, 'go');
arm(Keepers.prototype, 'adopt');
arm(Service.prototype, 'handle');
arm(Service.prototype, 'notify');

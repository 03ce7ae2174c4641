/**
 * Lets only so many in at a time, first come first served. One gate a server: sshd's default
 * MaxStartups (10:30:100) drops handshakes at random beyond ten. It counts a connection until the
 * process that serves it says that the user is known, which is after the client has heard so: whoever
 * came in leaves the gate only when that process has answered something else.
 */
/** Most handshakes with one server at a time. */
export const HANDSHAKES_MAX = 8;

export class Gates {
  readonly #gates = new Map<string, { inside: number; readonly waiting: (() => void)[] }>();
  readonly #max: number;

  constructor(max: number = HANDSHAKES_MAX) {
    this.#max = max;
  }

  /** Resolves, with the way out, when it is this caller's turn. */
  async enter(name: string): Promise<() => void> {
    const gate = this.#gates.get(name) ?? { inside: 0, waiting: [] };
    this.#gates.set(name, gate);
    if (gate.inside >= this.#max) await new Promise<void>((resolve) => gate.waiting.push(resolve));
    else gate.inside++;
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      const next = gate.waiting.shift();
      if (next !== undefined) return next();
      if (--gate.inside === 0) this.#gates.delete(name);
    };
  }
}

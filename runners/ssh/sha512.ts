/**
 * RSA keys for a server that accepts only rsa-sha2-512. ssh2 offers only rsa-sha2-256 if the
 * server's list of algorithms has both, and OpenSSH's list has both whatever the server accepts. A
 * key whose type is the name of an algorithm is offered under that name.
 */
import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { SshAgent } from './agent.ts';

const TYPE = 'rsa-sha2-512';
const HASH = 'sha512';

/** The same private key. */
export function signingSha512(key: ParsedKey): ParsedKey {
  return Object.create(key, {
    type: { value: TYPE },
    sign: { value: (data: Buffer) => key.sign(data, HASH) },
  });
}

/** Only the RSA keys of an agent. */
export class Sha512Agent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  /** By the offered key, the key that the agent knows. */
  readonly #keys = new Map<ParsedKey, ParsedKey>();

  constructor(socket: string, abort: AbortSignal) {
    super();
    this.#agent = new SshAgent(socket, abort);
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, found) => {
      if (error) return done(error);
      for (const known of found ?? []) {
        const key = ssh2.utils.parseKey(known as ParsedKey);
        if (key instanceof Error || Array.isArray(key) || key.type !== 'ssh-rsa') continue;
        this.#keys.set(Object.create(key, { type: { value: TYPE } }), key);
      }
      done(null, [...this.#keys.keys()]);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const answer = typeof options === 'function' ? options : done;
    this.#agent.sign(this.#keys.get(key) ?? key, data, { hash: HASH }, answer);
  }
}

/** The findings of `baton doctor`: each check has one or several, each with a level. */

/** What is checked, in the order in which an administrator would ask. */
export type Look =
  | 'socket'
  | 'daemon'
  | 'units'
  | 'crashes'
  | 'config'
  | 'state'
  | 'programs'
  | 'crontabs'
  | 'clock'
  | 'machine';

/** A problem. */
export interface Trouble {
  readonly found: string;
  readonly expected: string;
  readonly todo: string;
}

export function say(found: string, expected: string, todo: string): Trouble {
  return { found, expected, todo };
}

/** A "note" is information, and does not affect the exit status. */
export type Finding =
  | ({ readonly look: Look; readonly level: 'wrong' | 'note' } & Trouble)
  | { readonly look: Look; readonly level: 'ok'; readonly found: string };

export function wrong(look: Look, trouble: Trouble): Finding {
  return { look, level: 'wrong', ...trouble };
}

export function note(look: Look, trouble: Trouble): Finding {
  return { look, level: 'note', ...trouble };
}

export function ok(look: Look, found: string): Finding {
  return { look, level: 'ok', found };
}

/** For something that may not be about the daemon that is examined. */
export function asNote(finding: Finding): Finding {
  return finding.level === 'wrong' ? { ...finding, level: 'note' } : finding;
}

/**
 * Splits one of baton's messages, which says what to do after its last semicolon. `otherwise` is
 * for a message that does not.
 */
export function troubleOf(sentence: string, expected: string, otherwise: string): Trouble {
  const at = sentence.lastIndexOf('; ');
  if (at < 0) return { found: sentence, expected, todo: otherwise };
  return { found: sentence.slice(0, at), expected, todo: sentence.slice(at + 2) };
}

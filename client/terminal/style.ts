/**
 * Formats text for a terminal of a known width: in colour if wanted, wrapped or cut, and with only
 * the printable characters of foreign text. Pure.
 */
import stringWidth from 'string-width';

export interface Screen {
  /** At least `COLUMNS_MIN`. */
  readonly columns: number;
  readonly isColoured: boolean;
  /** False: only ASCII characters are safe. */
  readonly isUnicode: boolean;
}

export const COLUMNS_MIN = 20;

/** SGR parameters. */
const COLOURS = {
  ...{ waits: '33', runs: '34', ok: '32', now: '1;34', warning: '1;33', failed: '1;31' },
  faint: '2',
} as const;

export type Tone = keyof typeof COLOURS;

export class Style {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  paint(text: string, tone: Tone): string {
    if (!this.#screen.isColoured || text.trim() === '') return text;
    return `\x1b[${COLOURS[tone]}m${text}\x1b[0m`;
  }

  /** Foreign text, padded or cut to `columns`. */
  cell(text: string, columns: number): string {
    const clean = printable(text);
    const missing = columns - stringWidth(clean);
    if (missing >= 0) return clean + ' '.repeat(missing);
    const kept = fit(clean, columns - 1);
    const mark = this.#screen.isUnicode ? '…' : '~';
    return kept + mark + ' '.repeat(columns - 1 - stringWidth(kept));
  }

  /** Symbols with their meanings, as many in a line as fit. */
  flow(items: readonly (readonly [sign: string, tone: Tone, word: string])[]): string {
    let text = '';
    let width = 0;
    for (const [sign, tone, word] of items) {
      const own = sign.length + 1 + word.length;
      const isFirst = width === 0 || width + 2 + own > this.#screen.columns;
      if (isFirst && width > 0) text += '\n';
      text += `${isFirst ? '' : '  '}${this.paint(sign, tone)} ${word}`;
      width = isFirst ? own : width + 2 + own;
    }
    return text === '' ? '' : `${text}\n`;
  }

  /**
   * A paragraph of foreign text, wrapped. With a lead, a coloured symbol of one column, it is
   * indented behind that.
   */
  paragraph(text: string, lead?: string): string {
    const { columns } = this.#screen;
    const indent = lead === undefined ? '' : '  ';
    const lines = wrap(printable(text), Math.max(1, columns - indent.length));
    const first = indent === '' ? '' : `${lead} `;
    return lines.map((line, at) => `${at === 0 ? first : indent}${line}\n`).join('');
  }
}

/** No control characters, no line separators, nothing that changes the direction of the text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replace(/\p{C}/gu, '');
}

/** Lines of whole words; a word that is wider than a line is broken. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter(Boolean)) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (stringWidth(joined) <= columns) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (stringWidth(line) > columns) {
      const part = fit(line, columns);
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** As much of the beginning as fits, but at least one character. */
export function fit(text: string, columns: number): string {
  let kept = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns && kept !== '') return kept;
    kept += segment;
  }
  return kept;
}

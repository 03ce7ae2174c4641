/**
 * HTML that nothing can break out of: values in the template `html` are escaped, unless they are
 * markup already, and only this template creates markup. Pure.
 *
 * Invariant: characters that HTML does not permit, or that change the direction of the text around
 * them, become U+FFFD; control characters become their pictures.
 */

/** A piece of HTML. Its constructor is for this file only: see `html` and `raw`. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | readonly Content[];

/** Markup with values: undefined is nothing, lists are joined, everything else is escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const pieces = strings.map((text, at) => (at === 0 ? text : show(values[at - 1]) + text));
  return new Markup(pieces.join(''));
}

/** Our own text, used unchanged, such as a style sheet. Never foreign text. */
export function raw(text: string): Markup {
  return new Markup(text);
}

function show(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(show).join('');
  return clean(String(value)).replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
};

/** The first picture of a control character. */
const PICTURES = 0x2400;
const DELETE = 0x7f;
const DELETE_PICTURE = '\u2421';
const REPLACEMENT = '\ufffd';
/** Lone surrogates, noncharacters, and characters that change the direction. */
const NOT_SHOWN = /[\p{Cs}\p{Noncharacter_Code_Point}\p{Bidi_Control}]/gu;

function clean(text: string): string {
  return text
    .replace(/(?![\n\t])\p{Cc}/gu, (control) => {
      const code = control.charCodeAt(0);
      if (code === DELETE) return DELETE_PICTURE;
      return code < DELETE ? String.fromCharCode(PICTURES + code) : REPLACEMENT;
    })
    .replace(NOT_SHOWN, REPLACEMENT);
}

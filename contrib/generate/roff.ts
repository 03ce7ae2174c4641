/**
 * Man pages in the macros of man(7), for groff and mandoc. Each function returns lines; texts are
 * plain English with `backticks` around what is typed, which becomes bold, and words in capitals
 * from PLACEHOLDERS, which become italic. Everything special to roff is escaped.
 */

/** Placeholders. Other words in capitals (TERM, JSON) stay as they are. */
const PLACEHOLDERS =
  /\b(TARGET|RUN|FILE|ARG|COMMAND|CONF|PATH|TIME|DIR|LEVEL|TYPE|N|S|SOCKET|OUTCOME|NAME)(?![=\w])/g;
const REFERENCE = /\b([a-z][\w.-]*)\((\d)\)/g;

/** `# ` begins a comment in roff. */
export function page(
  name: string,
  section: number,
  about: { readonly brief: string; readonly version: string },
  body: readonly string[],
): string {
  const title = `.TH "${escaped(name.toUpperCase())}" "${section}" "" "baton ${about.version}" "baton"`;
  const comment = '.\\" Written by "npm run generate"; changes here are lost.';
  const layout = ['.nh', '.ad l'];
  const lines = [
    comment,
    title,
    ...layout,
    ...heading('NAME'),
    `${escaped(name)} \\- ${escaped(about.brief)}`,
  ];
  const all = [...lines, ...body];
  // A heading already begins a paragraph.
  const needed = all.filter((it, at) => it !== '.PP' || !/^\.S[HS] /.test(all[at - 1] ?? ''));
  return `${needed.join('\n')}\n`;
}

export function heading(text: string): readonly string[] {
  return [`.SH ${text}`];
}

export function subheading(text: string): readonly string[] {
  return [`.SS ${line(text)}`];
}

export function paragraph(text: string): readonly string[] {
  return ['.PP', ...prose(text)];
}

/** A term and its description, indented below. */
export function item(term: string, ...texts: readonly string[]): readonly string[] {
  const [first = '', ...more] = texts;
  return ['.TP', line(term), ...prose(first), ...more.flatMap((text) => ['.IP', ...prose(text)])];
}

/** The output of a program, filled like prose, and its description, indented below. */
export function quotation(text: string, about: string): readonly string[] {
  const lines = wrap(text).map((part) => `\\fB${escaped(part, true)}\\fP`);
  return ['.PP', ...lines, '.RS 4', ...prose(about), '.RE'];
}

/** Lines as they are typed. */
export function example(text: string): readonly string[] {
  const lines = text.split('\n').map((it) => guard(escaped(it, true)));
  return ['.PP', '.RS 4', '.EX', ...lines, '.EE', '.RE'];
}

/** How to call a command; bracketed parts are kept on one line. */
export function synopsis(command: string, words: string): readonly string[] {
  const parts = words
    .split(/ (?![^[]*\])/)
    .map((part) => whole(literal(part).replaceAll(' ', '\\ ')));
  return [`.SY "${escaped(command)}"`, ...parts.filter((part) => part !== ''), '.YS'];
}

/** One line of text, with its fonts. */
function line(text: string): string {
  return guard(marked(text));
}

/** Each sentence begins a line, as is usual in roff; no line is long. */
function prose(text: string): readonly string[] {
  const sentences = text.split(/(?<=[a-z)`"][.:]) (?=[A-Z`"])/);
  return sentences.flatMap((sentence) => wrap(marked(sentence)).map(guard));
}

function wrap(text: string): readonly string[] {
  return text.match(/.{1,80}(?= |$)|\S+/g)?.map((part) => part.trim()) ?? [];
}

function marked(text: string): string {
  return text
    .split('`')
    .map((part, at) => (at % 2 === 1 ? literal(part) : plain(part)))
    .join('');
}

function plain(text: string): string {
  return escaped(text).replace(PLACEHOLDERS, '\\fI$1\\fP').replace(REFERENCE, '\\%\\fB$1\\fP($2)');
}

/** What is typed is bold and never hyphenated, placeholders are italic, brackets are neither. */
function literal(text: string): string {
  // PATH by itself is the variable of that name.
  if (/^[A-Z_]+$/.test(text) && !/^(TARGET|RUN|FILE|ARG|N)$/.test(text)) return bold(text);
  return text
    .split(/([[\]|…]|\s+)/)
    .map((part, at) => (at % 2 === 1 ? escaped(part) : word(part)))
    .join('');
}

function word(text: string): string {
  const parts = text.split(PLACEHOLDERS);
  return parts.map((part, at) => (at % 2 === 1 ? `\\fI${part}\\fP` : bold(part))).join('');
}

function bold(text: string): string {
  return text === '' ? '' : `\\%\\fB${escaped(text, true)}\\fP`;
}

/** `isCode`: hyphens and quotes are ASCII, so that the text can be copied. */
function escaped(text: string, isCode = false): string {
  const safe = text
    .replaceAll('\\', '\\e')
    .replaceAll('…', isCode ? '...' : '\\|.\\|.\\|.\\|')
    .replaceAll('≥', '\\(>=')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", isCode ? '\\(aq' : "'")
    .replaceAll('"', '\\(dq');
  return isCode ? safe.replaceAll('-', '\\-') : safe;
}

/** A line that begins with a dot or a quote would be a roff request. */
function guard(text: string): string {
  return /^[.']/.test(text) ? `\\&${text}` : whole(text);
}

/** `\%` at the beginning keeps a word whole; further on it would allow a hyphen. */
function whole(text: string): string {
  return text.replace(/(?:\\ |\S)+/g, (word) =>
    word.includes('\\%') ? `\\%${word.replaceAll('\\%', '')}` : word,
  );
}

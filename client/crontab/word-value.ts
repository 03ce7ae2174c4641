/** The value of a word in a shell, if it does not depend on when and where it runs. Pure. */
import type { Word } from 'unbash';

type Known = ReadonlyMap<string, string>;
type Part = NonNullable<Word['parts']>[number];

/** `isWhole`: its value is not split into words, as after `NAME=`. */
export function valueOfWord(
  { text, value, parts }: Word,
  known: Known,
  isWhole = false,
): string | undefined {
  if (text.startsWith('~') || (isWhole && text.includes(':~'))) return undefined;
  if (parts === undefined) return value;
  const values = parts.map((part) => valueOfPart(part, known, isWhole));
  return values.includes(undefined) ? undefined : values.join('');
}

function valueOfPart(part: Part, known: Known, isWhole: boolean): string | undefined {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return part.value;
    case 'DoubleQuoted': {
      const values = part.parts.map((inner) => valueOfPart(inner, known, true));
      return values.includes(undefined) ? undefined : values.join('');
    }
    case 'SimpleExpansion':
      return valueOfVariable(part.text.slice(1), known, isWhole);
    case 'ParameterExpansion': {
      const isPlain = part.operation === undefined && part.prefix === undefined;
      if (!isPlain || part.index !== undefined) return undefined;
      return valueOfVariable(part.parameter, known, isWhole);
    }
    default:
      return undefined;
  }
}

function valueOfVariable(name: string, known: Known, isWhole: boolean): string | undefined {
  const value = known.get(name);
  return value === undefined || isWhole || /^[\w./:@%+,-]+$/.test(value) ? value : undefined;
}

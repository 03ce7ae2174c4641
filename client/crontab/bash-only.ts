/** Where bash differs from the sh of crontabs. Pure. */
import type { SyntaxNode } from 'unbash';

/** Well-known names, by the type of the node. */
const BASH_ONLY: Readonly<Record<string, string>> = {
  TestCommand: '[[ ]]',
  ArithmeticCommand: '(( ))',
  ArithmeticFor: 'for (( ))',
  Select: 'select',
  Coproc: 'coproc',
  ProcessSubstitution: '<( )',
  HereString: '<<<',
  AnsiCQuoted: "$' '",
  LocaleString: '$" "',
  ArrayValue: 'an array',
  ExtendedGlob: 'an extended glob',
  FileDescriptorVariable: 'a named descriptor',
};

/** Undefined if sh reads it the same way. */
export function bashOnly(node: SyntaxNode, text: string): string | undefined {
  if (node.type === 'CommandExpansion' && node.text.startsWith('$((')) return '$(( with a command';
  if (node.type === 'Redirect' && node.operator.startsWith('&>')) return node.operator;
  if (node.type === 'Redirect' && node.operator === '>&') {
    return /^(?:\d+|-|\$.*|"\$.*)$/.test(node.target?.text ?? '') ? undefined : '>& with a file';
  }
  if (node.type === 'Pipeline' && node.operators.includes('|&')) return '|&';
  if (node.type === 'Pipeline' && node.prefixes.length > 1)
    return 'several words before a pipeline';
  if (node.type === 'Function' && /^function\b/.test(text.slice(node.pos, node.pos + 9))) {
    return 'function';
  }
  if (node.type === 'Assignment' && (node.append === true || node.index !== undefined)) return '+=';
  if (node.type === 'CaseItem' && node.terminator !== ';;' && node.terminator !== undefined) {
    return node.terminator;
  }
  return BASH_ONLY[node.type];
}

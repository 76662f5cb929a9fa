/**
 * Makes what a script requires at once be required at each use: compilers name the module there (`import_a.b`).
 *
 * Not guaranteed: that modules run in the order they had.
 * @param text what a compiler made of a script
 * @param requires finds whole statements; the groups are the name and the expression
 * @throws Error for a name that is used in another way, which would find `undefined` there
 */
export function lazily(text: string, requires: RegExp): string {
  const required = new Map([...text.matchAll(requires)].map(([, name, expression]) => [name, expression]));
  if (required.size === 0) return text;
  const names = [...required.keys()].join('|');
  const rest = text.replace(requires, '');
  const odd = new RegExp(`^.*\\b(?:${names})\\b(?!\\.).*$`, 'm').exec(rest.replace(DECLARATIONS, ''));
  if (odd !== null) throw new Error(`a module that is to be required where it is used is used as a value: ${odd[0]}`);
  return rest
    .replace(new RegExp(`\\b(${names})\\.`, 'g'), (_, name) => `(${name} ??= ${required.get(name)}).`)
    .concat(`\nvar ${[...required.keys()].join(', ')};\n`);
}

/** Of names without a value, which they may have twice. */
const DECLARATIONS = /^ *var [\w$]+(?:, [\w$]+)*;$/gm;

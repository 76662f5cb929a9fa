/** Text that a browser may read as markup. Only {@link html} and {@link trusted} make it. */
export interface Markup {
  readonly markup: string;
}

type Part = Markup | string | number | readonly Markup[];

/** A template whose values are text, unless they are markup: no name can become an element or an attribute. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const rendered = parts.map(render);
  return { markup: strings.map((text, at) => text + (rendered[at] ?? '')).join('') };
}

/** Our own source. What comes from a host never goes in here. */
export function trusted(source: string): Markup {
  return { markup: source };
}

function render(part: Part): string {
  if (typeof part === 'number') return `${part}`;
  if (typeof part === 'string') return escapeText(part);
  return 'markup' in part ? part.markup : part.map(render).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

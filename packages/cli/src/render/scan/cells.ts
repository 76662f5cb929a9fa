import stringWidth from 'string-width';

/** One column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be made narrower, but not below this. */
  readonly least?: number;
}

/** Columns with text in them: a list is cut between its items. */
export type Cell = string | readonly string[];

const GAP = 2;

/** Cells below each other, cut so that no line is wider than `width` terminal cells as long as the columns can shrink. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): string[] {
  const wanted = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => stringWidth(textOf(row[at] ?? '')))),
  );
  const widths = fit(columns, wanted, width - GAP * (columns.length - 1));
  const line = (cells: readonly Cell[]): string =>
    columns
      .map(({ align }, at) => pad(cut(cells[at] ?? '', widths[at] ?? 0), widths[at] ?? 0, align))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** The widest gives first. */
function fit(columns: readonly Column[], wanted: readonly number[], width: number): number[] {
  const widths = [...wanted];
  for (let over = widths.reduce((sum, one) => sum + one, 0) - width; over > 0; over--) {
    const spare = columns.map(({ least }, at) => (least !== undefined && (widths[at] ?? 0) > least ? widths[at] : 0));
    const widest = Math.max(...spare.map((one) => one ?? 0));
    if (widest === 0) break;
    const at = spare.indexOf(widest);
    widths[at] = widest - 1;
  }
  return widths;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.join(', ');
}

function pad(text: string, width: number, align: Column['align']): string {
  const blank = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? blank + text : text + blank;
}

/** `openssl, zlib, +3`: whole items while they fit, then how many more there are. */
function cut(cell: Cell, width: number): string {
  const all = textOf(cell);
  if (stringWidth(all) <= width || typeof cell === 'string') return truncate(all, width);
  const more = (count: number): string => (count === cell.length ? '' : `, +${cell.length - count}`);
  let [used, fitting] = [0, 0];
  for (const [at, item] of cell.entries()) {
    used += stringWidth(item) + (at === 0 ? 0 : ', '.length);
    if (used > width) break;
    if (used + more(at + 1).length <= width) fitting = at + 1;
  }
  if (fitting > 0) return cell.slice(0, fitting).join(', ') + more(fitting);
  return truncate(cell[0] ?? '', width - more(1).length) + more(1);
}

/** By what a person takes for a character, so that none is torn. */
function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

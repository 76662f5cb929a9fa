/// <reference lib="dom" />

/**
 * What the page does in the browser: filter, sort, and the picture as buttons. Its source is put into the page as it is,
 * so it may use nothing from outside itself. Without it the page can still be read.
 */
export function pageScript(): void {
  const all = <T extends Element>(selector: string, within: ParentNode = document): T[] =>
    Array.from(within.querySelectorAll<T>(selector));
  const body = document.querySelector('#findings tbody');
  const search = document.querySelector<HTMLInputElement>('#search');
  const status = document.querySelector('#status');
  const reset = document.querySelector<HTMLButtonElement>('#reset');
  if (body === null || search === null || status === null || reset === null) return;

  const keysOf = (element: Element): string[] => (element.getAttribute('data-keys') ?? '').split(' ');
  const rows = all<HTMLTableRowElement>('tr', body).map((row) => ({
    row,
    text: (row.textContent ?? '').toLowerCase(),
    keys: keysOf(row),
    kind: row.getAttribute('data-class') ?? '',
  }));
  const boxes = all<HTMLInputElement>('#classes input');
  const nodes = all<SVGGElement>('.node');
  const flows = all<SVGPathElement>('.flow');
  let chosen: SVGGElement | undefined;

  const shares = (a: readonly string[], b: readonly string[]): boolean => a.some((key) => b.includes(key));

  function apply(): void {
    const words = search?.value.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
    const kinds = boxes.filter((box) => box.checked).map((box) => box.value);
    const keys = chosen === undefined ? undefined : keysOf(chosen);
    let count = 0;
    for (const { row, text, keys: own, kind } of rows) {
      const shown =
        (kinds.length === 0 || kinds.includes(kind)) &&
        (keys === undefined || shares(own, keys)) &&
        words.every((word) => text.includes(word));
      row.hidden = !shown;
      if (shown) count++;
    }
    const of = chosen === undefined ? '' : ` of ${chosen.getAttribute('data-name')}`;
    if (status) status.textContent = `${count} of ${rows.length} findings shown${of}`;
    if (reset) reset.hidden = words.length === 0 && kinds.length === 0 && chosen === undefined;
    const none = document.querySelector<HTMLElement>('#none');
    if (none) none.hidden = count > 0;
  }

  function highlight(node: SVGGElement | undefined): void {
    const keys = node === undefined ? undefined : keysOf(node);
    for (const flow of flows) {
      flow.classList.toggle('on', keys !== undefined && shares(keysOf(flow), keys));
      flow.classList.toggle('off', keys !== undefined && !shares(keysOf(flow), keys));
    }
  }

  function choose(node: SVGGElement | undefined): void {
    chosen = chosen === node ? undefined : node;
    for (const other of nodes) other.setAttribute('aria-pressed', String(other === chosen));
    highlight(chosen);
    apply();
  }

  for (const node of nodes) {
    node.setAttribute('role', 'button');
    node.setAttribute('tabindex', '0');
    node.setAttribute('aria-pressed', 'false');
    node.addEventListener('click', () => choose(node));
    node.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose(node);
    });
    for (const type of ['pointerenter', 'focus']) node.addEventListener(type, () => highlight(node));
    for (const type of ['pointerleave', 'blur']) node.addEventListener(type, () => highlight(chosen));
  }

  const collator = new Intl.Collator('en', { numeric: true });
  const valueIn = (row: HTMLTableRowElement, at: number): string => {
    const cell = row.cells[at];
    return cell?.getAttribute('data-value') ?? cell?.textContent?.trim() ?? '';
  };
  const heads = all<HTMLTableCellElement>('#findings thead th');
  heads.forEach((head, at) => {
    head.querySelector('button')?.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      const values = new Map(rows.map(({ row }) => [row, valueIn(row, at)]));
      rows.sort((a, b) => {
        const order = collator.compare(values.get(a.row) ?? '', values.get(b.row) ?? '');
        return descending ? -order : order;
      });
      body.append(...rows.map(({ row }) => row));
    });
  });

  search.addEventListener('input', apply);
  for (const box of boxes) box.addEventListener('change', apply);
  reset.addEventListener('click', () => {
    search.value = '';
    for (const box of boxes) box.checked = false;
    choose(undefined);
    search.focus();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.activeElement === search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
  document.documentElement.classList.add('alive');
  apply();
}

import type { ScannedProcess, ScanReport } from '@emplace/fsprobe';
import { show } from '@emplace/syscalls';
import { byGrade, classWords } from './classes.ts';
import { groupsBy, packagesOf, type Row, serviceKey } from './groups.ts';
import { html, type Markup } from './html.ts';
import type { Keys } from './keys.ts';
import { commandLineOf, commandOf, placeOf, showText, showWords, timeOf } from './names.ts';

/** What all processes of one service hold alike: one row, or ten workers with ten libraries would be a hundred. */
type Alike = readonly [Row, ...Row[]];

/** What is named in one row. The number is of all. */
const NAMED_MAX = 50;

/** The table of all findings, the worst services first, with what filters it. */
export function renderFindings(report: ScanReport, keys: Keys): Markup {
  const found = alike(groupsBy('service', report).flatMap(({ rows }) => rows));
  return html`<section aria-labelledby="findings-title">
<header><h2 id="findings-title">Findings</h2></header>
<div class="controls" role="search">
<label><span class="visually-hidden">Filter</span><input type="search" id="search" placeholder="Filter by any words" autocomplete="off" spellcheck="false" aria-describedby="search-key"></label>
<span class="muted small" id="search-key"><kbd>/</kbd> to filter</span>
<span id="status" role="status"></span>
<button type="button" id="reset" hidden>Show all</button>
<fieldset id="classes"><legend>Only these kinds</legend>${renderKinds(found)}</fieldset>
</div>
<div class="scroll" tabindex="0" role="region" aria-labelledby="findings-title">
<table id="findings">
<thead><tr>${COLUMNS.map((name) => html`<th scope="col" class="${name.toLowerCase()}"><button type="button">${name}</button></th>`)}</tr></thead>
<tbody>
${found.map((rows) => renderRow(rows, keys))}
</tbody>
</table>
<p id="none" hidden>No finding matches.</p>
</div>
</section>`;
}

const COLUMNS = ['Service', 'Finding', 'File', 'Package', 'Processes'];

function alike(rows: readonly Row[]): Alike[] {
  const found = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    const { class: name, held, confidence, shown, owners } = row.finding;
    const { service, place } = row.process;
    const key = JSON.stringify([serviceKey(service), place, name, held, confidence, shown, owners]);
    const others = found.get(key);
    if (others === undefined) found.set(key, [row]);
    else others.push(row);
  }
  return [...found.values()];
}

function renderKinds(found: readonly Alike[]): Markup[] {
  const kinds = [...new Set(found.map(([{ finding }]) => finding.class))].sort(byGrade);
  return kinds.map(
    (kind) =>
      html`<label><input type="checkbox" value="${kind}"><span class="badge ${classWords[kind].grade}">${kind}</span></label>`,
  );
}

function renderRow(rows: Alike, keys: Keys): Markup {
  const [{ process, finding }] = rows;
  const packages = packagesOf(finding);
  const own = [keys.service(process), ...packages.map(keys.package)].join(' ');
  const { grade, meaning } = classWords[finding.class];
  const place = placeOf(process);
  const processes = [...new Set(rows.map((row) => row.process))];
  return html`<tr data-keys="${own}" data-class="${finding.class}">
<td><bdi>${showText(process.service.name)}</bdi>${place === '' ? '' : html` <span class="badge note">${place}</span>`}</td>
<td><span class="badge ${grade}" title="${meaning}">${finding.class}</span><div class="muted small">${finding.held}, ${finding.confidence} confidence</div></td>
<td><bdi class="mono">${show(finding.shown)}</bdi><details><summary>why</summary><ul>
<li>${meaning}</li>
${evidenceOf(rows).map((words) => html`<li>${words}</li>`)}
</ul></details></td>
<td><bdi>${packages.join(', ')}</bdi></td>
<td data-value="${processes.length}"><details><summary>${processes.length} × ${commandsOf(processes)}</summary><ul>
${renderSome(processes, renderProcess)}
</ul></details></td>
</tr>
`;
}

function evidenceOf(rows: Alike): string[] {
  return [...new Set(rows.flatMap(({ finding }) => finding.evidence.map(showWords)))].slice(0, NAMED_MAX);
}

function commandsOf(processes: readonly ScannedProcess[]): Markup {
  const [first = '', ...others] = new Set(processes.map(commandOf));
  return html`<bdi>${first}</bdi>${others.length === 0 ? '' : `, +${others.length}`}`;
}

function renderProcess(process: ScannedProcess): Markup {
  const facts = `uid ${process.uid}, since ${timeOf(process.started)} UTC`;
  return html`<li>${process.pid} <bdi class="mono">${commandLineOf(process)}</bdi> (${facts})</li>`;
}

function renderSome<T>(all: readonly T[], one: (value: T) => Markup): Markup[] {
  const more = all.length - NAMED_MAX;
  return [...all.slice(0, NAMED_MAX).map(one), ...(more > 0 ? [html`<li>${more} more</li>`] : [])];
}

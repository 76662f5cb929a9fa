import { createHash } from 'node:crypto';
import type { ScanReport } from '@emplace/fsprobe';
import { grouped } from '../grouped.ts';
import { classWords, type Grade } from './classes.ts';
import { renderFindings } from './findings.ts';
import { advicesOf, type Group, groupsBy, NO_PACKAGE } from './groups.ts';
import { html, type Markup, trusted } from './html.ts';
import { keysOf } from './keys.ts';
import { showText, timeOf } from './names.ts';
import { pageScript } from './page-script.ts';
import { pageStyle } from './page-style.ts';
import { renderPicture } from './picture.ts';
import { unknownOf } from './text.ts';

export interface PageOptions {
  readonly hostname: string;
}

/** Beyond that the list of what to do is folded. */
const TODO_MAX = 12;

/**
 * One page that needs nothing else: no file, no network. Its policy (CSP) lets nothing run but our own script, known by its
 * digest, and nothing be loaded; names of a host are text wherever they stand.
 */
export function renderPage(report: ScanReport, { hostname }: PageOptions): string {
  const script = `(${pageScript})();`;
  const policy = [
    ...["default-src 'none'", "base-uri 'none'", "form-action 'none'", 'img-src data:'],
    ...[`script-src ${digestOf(script)}`, `style-src ${digestOf(pageStyle)}`],
  ].join('; ');
  const host = showText(hostname);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Replaced files in use on ${host}</title>
<style>${trusted(pageStyle)}</style>
</head>
<body>
<header class="top">
<h1>Replaced files in use on <bdi>${host}</bdi></h1>
<p class="muted">Scanned ${timeOf(report.scanned)} UTC in ${Math.round(report.durationMs)} ms. Up since ${timeOf(report.booted)} UTC.</p>
${renderTiles(report)}
${renderUnknown(report)}
</header>
<main>
${renderBody(report)}
</main>
<footer>
<p>Made by <code>emplace scan --html</code>. A file is found by its device and inode, not by its name: what is shown is not what lies at that path now.</p>
</footer>
<script>${trusted(script)}</script>
</body>
</html>
`;
  return page.markup;
}

function digestOf(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

function renderBody(report: ScanReport): Markup {
  if (report.processes.length === 0)
    return html`<section><p class="clean">No process that could be read holds a replaced file.</p></section>`;
  const keys = keysOf(report);
  return html`<section aria-labelledby="todo-title">
<header><h2 id="todo-title">What to do</h2><p class="muted small">One entry for each thing to start anew, the worst first.</p></header>
${renderTodo(groupsBy('service', report))}
</section>
<section class="picture" aria-labelledby="picture-title">
<header><h2 id="picture-title">Which packages keep which services stale</h2><p class="muted small">The wider, the more processes. Choose a package or a service to see only its findings below.</p></header>
<div class="scroll" tabindex="0" role="region" aria-labelledby="picture-title">${renderPicture(report, keys)}</div>
<p class="legend"><span class="alarm">needs a look: a path of an image, a staged name, no file at all</span><span class="stale">stale code: start anew</span><span class="note">data or directories</span></p>
</section>
${renderFindings(report, keys)}`;
}

function renderTiles(report: ScanReport): Markup {
  const packages = groupsBy('package', report).filter(({ name }) => name !== NO_PACKAGE).length;
  const services = groupsBy('service', report);
  const alarms = services
    .flatMap(({ rows }) => rows)
    .filter(({ finding }) => classWords[finding.class].grade === 'alarm').length;
  const { processes, counts } = report;
  const tiles: [name: string, value: number, grade: Grade][] = [
    ['Services to act on', services.length, 'note'],
    ['Processes with findings', processes.length, 'stale'],
    ['Packages', packages, 'note'],
    ['Findings that need a look', alarms, 'alarm'],
    ['Processes looked at', counts.processes, 'note'],
  ];
  return html`<dl class="tiles">${tiles.map(
    ([name, value, grade]) =>
      html`<div><dt>${name}</dt><dd class="${value > 0 ? grade : ''}">${grouped(value)}</dd></div>`,
  )}</dl>`;
}

function renderUnknown({ counts }: ScanReport): Markup {
  const unknown = unknownOf(counts);
  if (unknown.length === 0) return html``;
  return html`<div class="unknown" role="note">${unknown.map((line) => html`<p>${line}</p>`)}</div>`;
}

function renderTodo(groups: readonly Group[]): Markup {
  const [first, rest] = [groups.slice(0, TODO_MAX), groups.slice(TODO_MAX)];
  const list = html`<ul class="todo">${first.map(renderEntry)}</ul>`;
  if (rest.length === 0) return list;
  return html`${list}<details class="more"><summary>${rest.length} more</summary><ul class="todo">${rest.map(renderEntry)}</ul></details>`;
}

function renderEntry({ name, rows, processes, packages, grade }: Group): Markup {
  const owners = packages.slice(0, 3).join(', ') + (packages.length > 3 ? `, +${packages.length - 3}` : '');
  const many = `${grouped(processes.length)} ${processes.length === 1 ? 'process' : 'processes'}`;
  return html`<li>
<span><bdi>${name}</bdi> <span class="badge ${grade}">${many}</span></span>
<span class="do">${advicesOf(rows).map((advice) => html`<div><code>${advice}</code></div>`)}</span>
<span class="muted small"><bdi>${owners}</bdi></span>
</li>`;
}

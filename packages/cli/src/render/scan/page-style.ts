/** Of the page. No rule loads anything. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #f4f5f8; --card: #fff; --text: #1b2230; --muted: #596275; --line: #dde1e9; --accent: #1f55c4; --wash: #eef2fb;
  --alarm: #b3202b; --alarm-wash: #fdebec; --stale: #8a5200; --stale-wash: #fdf1de; --note: #4d5870; --note-wash: #edeff4;
  --flow-alarm: #d9535c; --flow-stale: #dd9a3c; --flow-note: #98a2b7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #11141a; --card: #191e27; --text: #e7eaf0; --muted: #9da7b8; --line: #2c3340; --accent: #8fb4ff; --wash: #202838;
    --alarm: #ff9a97; --alarm-wash: #43191d; --stale: #f2bd68; --stale-wash: #3b2b12; --note: #b3bccb; --note-wash: #262c37;
    --flow-alarm: #e0646a; --flow-stale: #c98c35; --flow-note: #64708a;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main, header.top, footer { max-width: 1240px; margin: 0 auto; padding: 0 24px; }
header.top { padding-top: 32px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 2px; }
p { margin: 0; }
.muted { color: var(--muted); }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.88em; }
bdi, code { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 22px; margin: 18px 0; }
section > header { margin-bottom: 14px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.tiles dt { color: var(--muted); font-size: 13px; }
.tiles dd { margin: 0; font-size: 26px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tiles dd.alarm { color: var(--alarm); }
.tiles dd.stale { color: var(--stale); }
.unknown { border-left: 4px solid var(--stale); background: var(--stale-wash); padding: 10px 16px; border-radius: 6px; margin-top: 14px; }
.unknown p { color: var(--text); }

.todo { list-style: none; margin: 0; padding: 0; }
.todo li {
  display: grid; grid-template-columns: minmax(180px, 1fr) minmax(260px, 1.7fr) minmax(160px, 1fr); gap: 4px 20px;
  padding: 10px 0; border-top: 1px solid var(--line); align-items: baseline;
}
.todo li:first-child { border-top: 0; padding-top: 0; }
.todo li:last-child { padding-bottom: 0; }
.todo .do code { background: var(--wash); border-radius: 5px; padding: 2px 7px; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.todo .do > * + * { margin-top: 4px; }
details.more > summary { margin: 12px 0 10px; }

.badge { display: inline-block; border-radius: 999px; padding: 1px 9px; font-size: 12.5px; font-weight: 600; white-space: nowrap; }
.badge.alarm { color: var(--alarm); background: var(--alarm-wash); }
.badge.stale { color: var(--stale); background: var(--stale-wash); }
.badge.note { color: var(--note); background: var(--note-wash); }

.scroll { overflow-x: auto; margin: 0 -22px; padding: 0 22px; }
.picture svg { display: block; width: 100%; min-width: 720px; height: auto; font-size: 13px; }
.picture text { fill: var(--text); }
.picture .axis { fill: var(--muted); font-size: 12px; font-weight: 600; }
.picture .count { fill: var(--muted); font-variant-numeric: tabular-nums; }
.flow { fill: none; stroke-opacity: 0.42; transition: stroke-opacity 0.12s; }
.flow.on { stroke-opacity: 0.9; }
.flow.off { stroke-opacity: 0.1; }
.flow.alarm { stroke: var(--flow-alarm); } .flow.stale { stroke: var(--flow-stale); } .flow.note { stroke: var(--flow-note); }
.node .bar { fill: var(--flow-note); }
.node.alarm .bar { fill: var(--flow-alarm); } .node.stale .bar { fill: var(--flow-stale); }
.node .hit { fill: transparent; }
.alive .node { cursor: pointer; }
.node:hover .hit, .node:focus-visible .hit { fill: var(--wash); }
.node[aria-pressed="true"] .hit { fill: var(--wash); stroke: var(--accent); stroke-width: 1.5; }
.node:focus-visible { outline: none; }
.node:focus-visible .hit { stroke: var(--accent); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin-top: 12px; font-size: 13px; color: var(--muted); }
.legend span::before { content: ""; display: inline-block; width: 18px; height: 8px; border-radius: 3px; margin-right: 7px; background: var(--flow-note); }
.legend .alarm::before { background: var(--flow-alarm); } .legend .stale::before { background: var(--flow-stale); }

.controls { display: none; }
.alive .controls { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: center; margin-bottom: 12px; }
.controls input[type="search"] {
  font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 7px; padding: 7px 11px; width: 280px; max-width: 100%;
}
#classes { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; }
#classes legend, .visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#classes label { cursor: pointer; }
#classes input { position: absolute; opacity: 0; }
#classes .badge { border: 1.5px solid transparent; padding: 2px 10px; }
#classes input:checked + .badge { border-color: currentColor; }
#classes input:checked + .badge::before { content: "✓ "; }
#classes input:focus-visible + .badge { outline: 2px solid var(--accent); outline-offset: 2px; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
#reset { color: var(--accent); text-decoration: underline; }
#classes { flex-basis: 100%; }
#status { color: var(--muted); font-size: 13.5px; }

table { width: 100%; min-width: 860px; border-collapse: collapse; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: 9px 12px 9px 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: 13px; color: var(--muted); font-weight: 600; }
thead button { font-weight: inherit; display: inline-flex; gap: 5px; }
thead button::after { content: "↕"; opacity: 0.4; }
th[aria-sort] { color: var(--text); }
th[aria-sort="ascending"] button::after { content: "↑"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "↓"; opacity: 1; }
th.service { width: 19%; } th.finding { width: 16%; } th.package { width: 19%; } th.processes { width: 15%; }
tbody tr > :last-child { padding-right: 0; }
tbody tr:hover { background: var(--wash); }
details > summary { cursor: pointer; color: var(--muted); font-size: 13px; width: fit-content; }
td:last-child summary { color: var(--text); font-size: inherit; font-variant-numeric: tabular-nums; }
details ul { margin: 4px 0 0; padding-left: 18px; color: var(--muted); font-size: 13.5px; }
.small { font-size: 13px; }
#none { padding: 16px 0 4px; color: var(--muted); }
.clean { font-size: 17px; }
kbd { border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; font-size: 12px; font-family: inherit; }
footer { color: var(--muted); font-size: 13px; padding-bottom: 40px; }
footer p + p { margin-top: 4px; }

@media (max-width: 760px) {
  main, header.top, footer { padding-left: 14px; padding-right: 14px; }
  .todo li { grid-template-columns: 1fr; }
}
@media (prefers-reduced-motion: reduce) { .flow { transition: none; } }
@media print {
  body { background: #fff; }
  .alive .controls, footer { display: none; }
  section { break-inside: avoid-page; }
}
`;

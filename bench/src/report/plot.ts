/** Plots as SVG files that need nothing else: bars from zero, one panel a case, lowest and highest as a line. */
import type { CaseResult } from '../run/results.ts';
import { median, times } from '../statistics.ts';

const WIDTH = 860;
const NAMES = 270;
const VALUES = 110;
const ROW = 22;
const HEAD = 34;

/** Grey on both a light and a dark page; only Emplace has a colour. */
const STYLE = `text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 }
.bar { fill: #9aa4af } .floor { fill: #57606a } .emplace { fill: #0969da } .range { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .range { stroke: #e6edf3 } .emplace { fill: #4493f8 } }`;

/** @param cases of one family, by name */
export function plot(cases: readonly (readonly [name: string, result: CaseResult])[]): string {
  let top = 0;
  const panels = cases.map(([name, { runs }]) => {
    const drawn = panel(name, runs, top);
    top += HEAD + Object.keys(runs).length * ROW + 12;
    return drawn;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}">`,
    `<title>Milliseconds: ${escaped(cases.map(([name]) => name).join(', '))}</title>`,
    `<style>${STYLE}</style>`,
    ...panels.flat(),
    '</svg>\n',
  ].join('\n');
}

function panel(name: string, runs: CaseResult['runs'], top: number): string[] {
  const highest = Math.max(...Object.values(runs).flatMap(times));
  const scale = (WIDTH - NAMES - VALUES) / highest;
  const rows = Object.entries(runs).map(([engine, all], row) => {
    const y = top + HEAD + row * ROW;
    const [low, mid, high] = [Math.min(...times(all)), median(times(all)), Math.max(...times(all))];
    const at = (ms: number): string => (NAMES + ms * scale).toFixed(1);
    return [
      `<text x="${NAMES - 8}" y="${y + 14}" text-anchor="end">${escaped(engine)}</text>`,
      `<rect class="${kind(engine)}" x="${NAMES}" y="${y + 2}" width="${(mid * scale).toFixed(1)}" height="${ROW - 6}"/>`,
      `<line class="range" x1="${at(low)}" x2="${at(high)}" y1="${y + ROW / 2 - 1}" y2="${y + ROW / 2 - 1}"/>`,
      `<text x="${(NAMES + high * scale + 8).toFixed(1)}" y="${y + 14}">${mid < 10 ? mid.toFixed(1) : mid.toFixed(0)} ms</text>`,
    ].join('');
  });
  return [`<text class="title" x="8" y="${top + 22}">${escaped(name)}</text>`, ...rows];
}

function kind(engine: string): 'emplace' | 'floor' | 'bar' {
  if (engine.startsWith('emplace')) return 'emplace';
  return engine.startsWith('C loop') ? 'floor' : 'bar';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

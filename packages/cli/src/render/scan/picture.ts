import type { ScanReport } from '@emplace/fsprobe';
import { type Flow, flowsOf, type PlacedNode } from './flows.ts';
import { html, type Markup } from './html.ts';
import type { Keys } from './keys.ts';

const WIDTH = 960;
const BAR = 8;
const LEFT = 330;
const RIGHT = WIDTH - LEFT - BAR;
const LABEL_GAP = 10;
const TOP = 34;
/** Of a label, beside the number: what is longer would leave the picture. */
const LABEL_LENGTH_MAX = 38;

/** A picture (SVG) of which packages keep which services stale. Its nodes name the rows of the table that they stand for. */
export function renderPicture(report: ScanReport, keys: Keys): Markup {
  const { packages, services, flows, height } = flowsOf(report, keys);
  return html`<svg viewBox="0 0 ${WIDTH} ${Math.ceil(height) + TOP + 6}" role="group" aria-labelledby="picture-title">
<text class="axis" x="${LEFT - LABEL_GAP}" y="14" text-anchor="end">Package</text>
<text class="axis" x="${RIGHT + BAR + LABEL_GAP}" y="14">Service</text>
<g transform="translate(0 ${TOP})">
${flows.map(renderFlow)}
${packages.map((node) => renderNode(node, 'package'))}
${services.map((node) => renderNode(node, 'service'))}
</g>
</svg>`;
}

function renderFlow({ from, to, processes, grade, width, fromY, toY }: Flow): Markup {
  const [start, end] = [LEFT + BAR, RIGHT];
  const bend = (start + end) / 2;
  const path = `M${start} ${round(fromY)}C${bend} ${round(fromY)} ${bend} ${round(toY)} ${end} ${round(toY)}`;
  const keys = [...from.keys, ...to.keys].join(' ');
  return html`<path class="flow ${grade}" data-keys="${keys}" d="${path}" stroke-width="${round(width)}"><title>${from.name} → ${to.name}: ${count(processes)}</title></path>
`;
}

function renderNode({ keys, name, processes, grade, top, height }: PlacedNode, side: 'package' | 'service'): Markup {
  const left = side === 'package';
  const x = left ? LEFT : RIGHT;
  const textX = left ? x - LABEL_GAP : x + BAR + LABEL_GAP;
  const middle = top + height / 2;
  return html`<g class="node ${grade}" data-keys="${keys.join(' ')}" data-name="${name}" aria-label="${side} ${name}: ${count(processes)}">
<title>${name}: ${count(processes)}</title>
<rect class="hit" x="${left ? 1 : x}" y="${round(top - 5)}" width="${LEFT + BAR - 1}" height="${round(height + 10)}" rx="5"/>
<rect class="bar" x="${x}" y="${round(top)}" width="${BAR}" height="${round(height)}" rx="2"/>
<text x="${textX}" y="${round(middle)}" dominant-baseline="central" text-anchor="${left ? 'end' : 'start'}">${shorten(name)}<tspan class="count" dx="8">${processes}</tspan></text>
</g>
`;
}

function shorten(name: string): string {
  const characters = Array.from(name);
  if (characters.length <= LABEL_LENGTH_MAX) return name;
  return `${characters.slice(0, LABEL_LENGTH_MAX - 1).join('')}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function count(processes: number): string {
  return `${processes} ${processes === 1 ? 'process' : 'processes'}`;
}

import { describeSite, type RenameShapes } from '@emplace/fsprobe';
import type { ProbeReport } from '@emplace/merge-core';
import { show } from '@emplace/syscalls';
import { renderBytes } from './report.ts';
import { renderFact } from './sites.ts';

type Leaks = NonNullable<ProbeReport['leaks']>;

/** What is known of two directories as a person reads it: facts, strategies with their verdicts, the choice and why. */
export function renderProbe({ site, strategies, choice, shapes, leaks }: ProbeReport): string {
  const lines: string[] = [];
  if (site !== undefined) {
    const { bytesFree, inodesFree, nameMax } = site.space;
    const inodes = inodesFree === undefined ? 'inodes not counted' : `${inodesFree} inodes free`;
    lines.push(describeSite(site.site), `${renderBytes(bytesFree)} free, ${inodes}, names to ${nameMax} bytes`, '');
    lines.push(...columns(Object.entries(site.facts).map(([name, fact]) => [name, renderFact(fact)])), '');
    const told = strategies.map(({ name, refused, clean }) => [
      name,
      refused === undefined ? 'works' : `refused: ${refused}`,
      `clean: ${renderFact(clean)}`,
    ]);
    lines.push(...columns(told), '');
  }
  if (shapes !== undefined) lines.push(...renderShapes(shapes), '');
  if (leaks !== undefined) lines.push(...renderLeaks(leaks), '');
  return [...lines, renderChoice(choice, site !== undefined)].join('\n');
}

function renderChoice({ data, programs }: ProbeReport['choice'], asked: boolean): string {
  if (!asked) return '`auto` merges nothing here: rename does not return';
  if (data === undefined) return '`auto` merges nothing here: no strategy works';
  const cheapest = `\`auto\` takes \`${data}\`, the cheapest that works`;
  return data === programs
    ? cheapest
    : `${cheapest}, and \`${programs}\` for what may be running, the cheapest that is clean`;
}

function renderShapes({ shapes, left }: RenameShapes): string[] {
  const rows = Object.entries(shapes).map(([name, verdict]) => [`rename ${name}`, renderShape(verdict)]);
  return [...columns(rows), ...left.map((path) => `left behind: \`${show(path)}\``)];
}

function renderShape(verdict: RenameShapes['shapes'][keyof RenameShapes['shapes']]): string {
  switch (verdict.verdict) {
    case 'ok':
      return 'ok';
    case 'errno':
      return verdict.errno;
    case 'hung':
      return `hung after ${verdict.afterMs} ms (state ${verdict.state}${verdict.wchan === undefined ? '' : `, in ${verdict.wchan}`})`;
    case 'not-measured':
      return `not measured: ${verdict.why}`;
    default:
      return verdict satisfies never;
  }
}

function renderLeaks({ judged, control, ways }: Leaks): string[] {
  const head = judged ? 'the control leaks, so that clean means clean' : 'cannot judge: the control does not leak';
  const rows = ways.map((way) => {
    if (way.verdict === 'clean') return [`leak ${way.name}`, 'clean'];
    if (way.verdict === 'not-measured') return [`leak ${way.name}`, `not measured: ${way.step} ${way.code}`];
    const [first] = way.leaks;
    return [`leak ${way.name}`, `leaks: ${first?.where} shows \`${show(first?.shown ?? ('' as never))}\``];
  });
  return [...columns([[`leak control (${control.name})`, head], ...rows])];
}

/** Cells under each other. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  '),
  );
}

/** For programs: paths as text. */
export function probeJson({ site, shapes, leaks, ...rest }: ProbeReport): object {
  return {
    ...(site && { between: describeSite(site.site), facts: site.facts, space: site.space }),
    ...rest,
    ...(shapes && { shapes: shapes.shapes, left: shapes.left.map(show) }),
    ...(leaks && { leaks: leaksJson(leaks) }),
  };
}

function leaksJson({ judged, control, ways }: Leaks): object {
  return { judged, control: wayJson(control), ways: ways.map(wayJson) };
}

function wayJson<T extends Leaks['control'] | Leaks['ways'][number]>(way: T): object {
  if (way.verdict !== 'leaks') return way;
  const leaks = way.leaks.map((leak) => ({ ...leak, shown: show(leak.shown), expected: show(leak.expected) }));
  return { ...way, leaks };
}

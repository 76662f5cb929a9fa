import { describeSite, type RenameShapes } from '@emplace/fsprobe';
import type { ProbeReport } from '@emplace/merge-core';
import { type Bytes, show } from '@emplace/syscalls';
import { renderBytes } from './report.ts';
import { renderFact } from './sites.ts';

type Unmeasured = Extract<NonNullable<ProbeReport['leaks']>, { notMeasured: string }>;
type Leaks = Exclude<NonNullable<ProbeReport['leaks']>, Unmeasured>;

/** What is known of two directories as a person reads it: facts, strategies with their verdicts, the choice and why. */
export function renderProbe({ site, strategies, choice, shapes, leaks, unanswered }: ProbeReport): string {
  const lines: string[] = [];
  if (site !== undefined) {
    lines.push(describeSite(site.site), renderSpace(site.space), '');
    lines.push(...columns(Object.entries(site.facts).map(([name, fact]) => [name, renderFact(fact)])), '');
    const told = strategies.map(({ name, works, clean }) => [name, renderWorks(works), `clean: ${renderFact(clean)}`]);
    lines.push(...columns(told), '');
    if (site.left.length > 0) lines.push(...site.left.map(({ path, why }) => `${leftBehind(path)}: ${why}`), '');
  }
  if (shapes !== undefined) lines.push(...renderShapes(shapes), '');
  if (leaks !== undefined) lines.push(...renderLeaks(leaks), '');
  if (unanswered !== undefined) lines.push(`no answer: ${unanswered.why}`, ...unanswered.left.map(leftBehind), '');
  return [...lines, renderChoice(choice, unanswered !== undefined)].join('\n');
}

function renderSpace({ bytesFree, inodesFree, nameMax }: NonNullable<ProbeReport['site']>['space']): string {
  const bytes = Number.isFinite(bytesFree) ? `${renderBytes(bytesFree)} free` : 'free bytes not counted';
  const inodes = inodesFree === undefined ? 'inodes not counted' : `${inodesFree} inodes free`;
  return `${bytes}, ${inodes}, names to ${nameMax} bytes`;
}

function renderWorks(works: ProbeReport['strategies'][number]['works']): string {
  if (works.answer === 'yes') return 'works';
  return works.answer === 'no' ? `refused: ${works.why}` : `not measured: ${works.why}`;
}

function leftBehind(path: Bytes): string {
  return `left behind: \`${show(path)}\``;
}

function renderChoice({ data, programs }: ProbeReport['choice'], unanswered: boolean): string {
  if (unanswered) return '`auto` would take nothing here: what it needs was not answered';
  if (data === undefined) return '`auto` merges nothing here: no strategy is known to work';
  const cheapest = `\`auto\` takes \`${data}\`, the cheapest that works`;
  return data === programs
    ? cheapest
    : `${cheapest}, and \`${programs}\` for what may be running, the cheapest that is clean`;
}

function renderShapes({ shapes, left }: RenameShapes): string[] {
  const rows = Object.entries(shapes).map(([name, verdict]) => [`rename ${name}`, renderShape(verdict)]);
  return [...columns(rows), ...left.map(leftBehind)];
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

function renderLeaks(leaks: Leaks | Unmeasured): string[] {
  if ('notMeasured' in leaks) return [`leaks not measured: ${leaks.notMeasured}`];
  const { judged, control, ways } = leaks;
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

/** For programs: paths as text. Free bytes that are not counted are null. */
export function probeJson({ site, shapes, leaks, unanswered, ...rest }: ProbeReport): object {
  return {
    ...(site && siteJson(site)),
    ...rest,
    ...(shapes && { shapes: shapes.shapes, left: shapes.left.map(show) }),
    ...(leaks && { leaks: 'notMeasured' in leaks ? leaks : leaksJson(leaks) }),
    ...(unanswered && { unanswered: { why: unanswered.why, left: unanswered.left.map(show) } }),
  };
}

function siteJson({ site, facts, space, left }: NonNullable<ProbeReport['site']>): object {
  const bytesFree = Number.isFinite(space.bytesFree) ? space.bytesFree : null;
  return {
    between: describeSite(site),
    facts,
    space: { ...space, bytesFree },
    ...(left.length > 0 && { stays: left.map(({ path, why }) => ({ path: show(path), why })) }),
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

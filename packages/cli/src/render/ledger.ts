import { type LedgerReport, type MergeReport, type Protected, showPath } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';
import { jsonPath } from './json.ts';
import { isWorthTelling, whyItStays } from './verdicts.ts';

/** What a person reads; `--json` has all. */
const LINES_MAX = 20;

/** What a merge did of packages and protected files. */
export function renderLedger({ ledger, protected: kept }: Pick<MergeReport, 'ledger' | 'protected'>): string[] {
  const offers = kept.map(renderProtected);
  if (ledger === undefined) return shortened(offers, 'more are protected');
  const stays = ledger.verdicts
    .filter(isWorthTelling)
    .map((verdict) => `stays: ${showPath(verdict.path, '')} (${whyItStays(verdict)})`);
  const links = ledger.linksKept.map(({ path, owners }) => {
    const whose =
      owners.length === 0 ? 'the new version' : owners.map(({ category, pf }) => `${category}/${pf}`).join(', ');
    return `stays: ${showPath(path, '')}, a symlink to a directory of which ${whose} has files`;
  });
  return [
    ...packageLine(ledger),
    ...shortened(offers, 'more are protected'),
    ...shortened([...stays, ...links], 'more stay'),
  ];
}

function renderProtected({ path, as }: Protected): string {
  const head = `protected: ${showPath(path, '')}`;
  if (as === undefined) return `${head}: its update was offered before`;
  return `${head}: ${as.startsWith('._cfg') ? 'its update is' : 'it is now'} ${showPath(beside(path, as), '')}`;
}

/** Another name in the directory of a path. */
function beside(path: Bytes, name: Bytes): Bytes {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${name}` as Bytes;
}

function packageLine({ package: name, replaced }: LedgerReport): string[] {
  if (name === undefined) return [];
  return [`package: ${name}${replaced.length === 0 ? '' : `, in place of ${replaced.join(', ')}`}`];
}

function shortened(lines: readonly string[], rest: string): string[] {
  if (lines.length <= LINES_MAX) return [...lines];
  return [...lines.slice(0, LINES_MAX), `and ${lines.length - LINES_MAX} ${rest}`];
}

/** For programs: all of it. */
export function ledgerJson({ ledger, protected: kept }: Pick<MergeReport, 'ledger' | 'protected'>): object {
  return {
    protected: kept.map(({ path, as }) => ({
      path: jsonPath(path),
      ...(as !== undefined && { as: jsonPath(beside(path, as)) }),
    })),
    ...(ledger && {
      ledger: {
        ...ledger,
        linksKept: ledger.linksKept.map(({ path, owners }) => ({
          path: jsonPath(path),
          owners: owners.map(({ category, pf }) => `${category}/${pf}`),
        })),
        verdicts: ledger.verdicts.map(({ path, target, ...rest }) => ({
          path: jsonPath(path),
          ...(target !== undefined && { target: jsonPath(target) }),
          ...rest,
        })),
      },
    }),
  };
}

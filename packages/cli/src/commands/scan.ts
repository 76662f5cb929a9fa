import { hostname } from 'node:os';
import {
  ownerFinders,
  ProcUnavailableError,
  type ScanOptions,
  type ScanReport,
  scan,
  staleClasses,
} from '@emplace/fsprobe';
import { MergeError, vdbOwners } from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { ux } from '@oclif/core/ux';
import { BaseCommand } from '../base-command.ts';
import { FOUND } from '../database-flags.ts';
import { renderJsonLine } from '../render/json.ts';
import { groupings, rowsOf } from '../render/scan/groups.ts';
import { scanJson } from '../render/scan/json.ts';
import { renderPage } from '../render/scan/page.ts';
import { paint } from '../render/scan/paint.ts';
import { renderPrometheus } from '../render/scan/prometheus.ts';
import { renderScan } from '../render/scan/text.ts';
import { failuresOf, scanFlags, scanOptionsOf } from '../scan-flags.ts';
import { listen } from '../signals.ts';
import { readerGone, redraw, repeatedly, withInterval } from '../watch.ts';
import { writeBeside } from '../write-beside.ts';

const WATCH_SECONDS = 5;
const TERMINAL_COLUMNS = 80;

export class Scan extends BaseCommand {
  static override summary = 'Name the processes that still run what was replaced, their packages, and what to restart';

  static override description =
    `Compares, by device and inode, what each process holds with what lies at its path now. Nothing is run, stopped or
changed. As an ordinary user it sees its own processes, and counts the others as not read.

Classes: ${staleClasses.join(', ')}.

Exit codes: 0 done, ${FOUND} \`--fail-on\` found what it names, else as for \`merge\`. docs/SCAN.md explains classes and formats.`;

  static override examples = [
    '<%= config.bin %> scan',
    '<%= config.bin %> scan --by package -v',
    '<%= config.bin %> scan --fail-on image-path,replaced-library --json',
    '<%= config.bin %> scan --prometheus /var/lib/node_exporter/emplace.prom --watch 60',
  ];

  static override flags = {
    by: Flags.option({ options: groupings, default: 'service' as const })({ summary: 'what one line is about' }),
    verbose: Flags.boolean({ char: 'v', summary: 'each finding with its evidence' }),
    html: Flags.string({ helpValue: 'FILE', summary: 'write a page for a browser too; only its owner may read it' }),
    prometheus: Flags.string({
      helpValue: 'FILE',
      summary: "write metrics too, for node_exporter's textfile collector",
    }),
    watch: Flags.integer({
      min: 1,
      max: 86_400,
      helpValue: '[SECONDS]',
      summary: `again and again, default ${WATCH_SECONDS}`,
    }),
    ...scanFlags,
  };

  async run(): Promise<object | undefined> {
    const { flags } = await this.parse(Scan, withInterval(this.argv, WATCH_SECONDS));
    const failures = failuresOf(flags['fail-on'] ?? [], flags.class);
    const options = { ...scanOptionsOf(flags), owners: [...ownerFinders, vdbOwners()] };
    const look = (): ScanReport => {
      const report = scanNow(options);
      process.exitCode = rowsOf(report).some(({ finding }) => failures.includes(finding.class)) ? FOUND : 0;
      return report;
    };
    const write = (report: ScanReport): void => {
      if (flags.html !== undefined) writeBeside(flags.html, renderPage(report, { hostname: hostname() }), 0o600);
      if (flags.prometheus !== undefined) writeBeside(flags.prometheus, renderPrometheus(report), 0o644);
    };
    const render = (report: ScanReport): string =>
      renderScan(report, { ...flags, width: process.stdout.columns ?? TERMINAL_COLUMNS, paint });

    if (flags.watch === undefined) {
      const report = look();
      write(report);
      this.log(render(report));
      if (report.counts.unread > 0 && process.geteuid?.() !== 0) this.logToStderr('run as root to read all processes');
      return scanJson(report);
    }
    let isFirst = true;
    /** A disk that is full for an hour does not end a watch of months; a file that cannot be written from the start does. */
    const tryWrite = (report: ScanReport): void => {
      try {
        write(report);
      } catch (error) {
        if (isFirst || !(error instanceof MergeError)) throw error;
        this.logToStderr(error.message);
        process.exitCode = error.exitCode;
      }
      isFirst = false;
    };
    const show = (): void => {
      const report = look();
      if (this.jsonEnabled()) ux.stdout(renderJsonLine(scanJson(report)));
      else this.log(process.stdout.isTTY ? redraw(render(report), process.stdout) : `${render(report)}\n`);
      // Said last: what is drawn over the screen would take it away.
      tryWrite(report);
    };
    await repeatedly(show, flags.watch, AbortSignal.any([listen().signal, readerGone()]));
    return undefined;
  }
}

/** @throws MergeError PROC_UNAVAILABLE */
function scanNow(options: ScanOptions): ScanReport {
  try {
    return scan(options);
  } catch (cause) {
    if (cause instanceof ProcUnavailableError) throw new MergeError('PROC_UNAVAILABLE', cause.message, { cause });
    throw cause;
  }
}

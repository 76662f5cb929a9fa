import { ascii, type Bytes } from '@emplace/syscalls';
import { openProc } from '../../processes/proc.ts';
import { openProcess, readState } from '../../processes/process.ts';
import { attempt, isUnread, readLink, readWhole } from '../../processes/read.ts';
import { linkAt, OWN_ROOT, openDirectory, openRoot, type Root, textOf } from '../below-root.ts';
import { parseCgroups, topOf } from './cgroup.ts';
import { type InitFacts, initName } from './init.ts';
import type { Manager } from './never-restarted.ts';
import { openrcDaemons } from './openrc.ts';
import { readUnitFile, type UnitFile } from './unit-file.ts';

/** What services are asked of: the machine that the scan is on. Each thing is read when it is first asked for. */
export interface Host {
  /** The program that is process 1: `systemd`, `init`, `busybox`… */
  readonly init: string;
  /** See {@link topOf}. */
  readonly cgroupTop: readonly string[];
  /** The unit that is this machine's display manager, with systemd. */
  readonly displayManager: string | undefined;
  /** Whether its user has logged out of a session of logind's and something was left running. */
  isClosing(session: string): boolean;
  unitFile(unit: string, manager: Manager): UnitFile | undefined;
  /** Daemons that OpenRC started, by their process numbers. */
  openrcDaemons(): ReadonlyMap<number, string>;
}

const NOTHING: InitFacts = { command: ascii(''), executable: undefined, cgroup: ascii('') };

/**
 * @param root where unit files and OpenRC's records are looked for
 * @param facts of process 1, read from /proc by default
 * @throws ProcUnavailableError
 */
export function readHost(root: Bytes = OWN_ROOT, facts: InitFacts | undefined = readInit()): Host {
  const files = new Map<string, UnitFile | undefined>();
  let daemons: ReadonlyMap<number, string> | undefined;
  return {
    init: facts === undefined ? initOf(root) : initName(facts),
    cgroupTop: topOf(parseCgroups((facts ?? NOTHING).cgroup)),
    displayManager: below(root, (top) =>
      linkAt(top, ascii('etc/systemd/system/display-manager.service'))?.replace(/^.*\//, ''),
    ),
    isClosing: (session) =>
      below(root, (top) => /^STATE=closing$/m.test(textOf(top, ascii(`run/systemd/sessions/${session}`)) ?? '')) ??
      false,
    unitFile(unit, manager) {
      const key = `${manager} ${unit}`;
      if (!files.has(key))
        files.set(
          key,
          below(root, (top) => readUnitFile(top, unit, manager)),
        );
      return files.get(key);
    },
    openrcDaemons() {
      daemons ??= below(root, openrcDaemons) ?? new Map();
      return daemons;
    },
  };
}

function below<T>(root: Bytes, ask: (top: Root) => T): T | undefined {
  using top = openRoot(root);
  return top === undefined ? undefined : ask(top);
}

/** undefined where process 1 is hidden from us (proc(5), hidepid). */
function readInit(): InitFacts | undefined {
  const facts = attempt(() => {
    using proc = openProc();
    using init = openProcess(proc, 1);
    const state = readState(init.fd);
    if (isUnread(state)) return undefined;
    const { shown } = readLink(init.fd, ascii('exe'));
    const cgroup = attempt(() => readWhole(init.fd, ascii('cgroup')));
    return {
      command: state.command,
      executable: isUnread(shown) ? undefined : shown,
      cgroup: isUnread(cgroup) ? NOTHING.cgroup : cgroup,
    };
  });
  return isUnread(facts) ? undefined : facts;
}

/** As sd_booted(3) tells it. */
function initOf(root: Bytes): string {
  const booted = below(root, (top) => {
    using directory = openDirectory(top, ascii('run/systemd/system'));
    return directory !== undefined;
  });
  return booted === true ? 'systemd' : '';
}

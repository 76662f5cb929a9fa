import { ascii, type Bytes } from '@emplace/syscalls';
import { listNames } from '../../processes/proc.ts';
import { attempt, isUnread } from '../../processes/read.ts';
import { openDirectory, type Root, textOf } from '../below-root.ts';
import type { Manager } from './never-restarted.ts';

/** What a unit's files say, as far as it matters here (systemd.unit(5), systemd.kill(5)). */
export interface UnitFile {
  /** RefuseManualStop=: `systemctl restart` fails. */
  readonly refusesStop: boolean;
  /** KillMode=process or none: processes that its main one started outlive a restart. */
  readonly leavesChildren: boolean;
  /** Names of the programs that it starts, without their directories. */
  readonly programs: readonly string[];
}

/** First that has the unit wins. A user's own directory is not looked at: there is no need to trust what is in it. */
const DIRECTORIES: readonly string[] = ['etc', 'run', 'usr/local/lib', 'usr/lib', 'lib'];
const DROP_INS_MAX = 1000;
const YES = /^(?:1|yes|y|true|t|on)$/i;
const SETTING = /^\s*(RefuseManualStop|KillMode|ExecStart)\s*=\s*(.*?)\s*$/;

/** Reads a unit's file and its drop-ins; undefined when there is no file. */
export function readUnitFile(root: Root, unit: string, manager: Manager): UnitFile | undefined {
  const names = [unit, unit.replace(/@.+(\.[a-z]+)$/, '@$1')].filter((name, i, all) => all.indexOf(name) === i);
  const directories = DIRECTORIES.map((above) => `${above}/systemd/${manager}`);
  for (const name of names) {
    for (const directory of directories) {
      const text = textOf(root, ascii(`${directory}/${name}`), FILE_BYTES_MAX);
      if (text !== undefined) return parseUnit([text, ...dropIns(root, names, directories)]);
    }
  }
  return undefined;
}

/** @param texts in the order in which they count: of a setting the last one does */
function parseUnit(texts: readonly string[]): UnitFile {
  let [refusesStop, killMode] = [false, ''];
  let commands: string[] = [];
  for (const line of texts.flatMap((text) => text.replace(/\\\n/g, ' ').split('\n'))) {
    const [, setting, value = ''] = SETTING.exec(line) ?? [];
    if (setting === 'RefuseManualStop') refusesStop = YES.test(value);
    else if (setting === 'KillMode') killMode = value;
    // An empty one takes back those before it.
    else if (setting === 'ExecStart') commands = value === '' ? [] : [...commands, value];
  }
  const words = commands.flatMap((command) => command.split(/\s+/));
  const programs = words
    .map((word) => word.replace(/^[-@:+!|]+/, '').replace(/^.*\//, ''))
    .filter((word) => word !== '');
  return { refusesStop, leavesChildren: killMode === 'process' || killMode === 'none', programs };
}

const FILE_BYTES_MAX = 256 * 1024;

/** `UNIT.d/*.conf` of all directories by their names; of two with one name that of the first directory counts. */
function dropIns(root: Root, names: readonly string[], directories: readonly string[]): Bytes[] {
  const paths = new Map<string, Bytes>();
  for (const directory of directories.flatMap((one) => names.map((name) => `${one}/${name}.d`))) {
    using opened = openDirectory(root, ascii(directory));
    const files = opened && attempt(() => listNames(opened.fd, ascii('.')));
    if (files === undefined || isUnread(files)) continue;
    for (const file of files.slice(0, DROP_INS_MAX))
      if (file.endsWith('.conf') && !paths.has(file)) paths.set(file, `${directory}/${file}` as Bytes);
  }
  const inOrder = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.flatMap(([, path]) => textOf(root, path, FILE_BYTES_MAX) ?? []);
}

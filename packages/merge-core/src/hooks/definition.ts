import { type Bytes, show } from '@emplace/syscalls';
import type { HookPhase } from '../steps.ts';
import { GLOB_BYTES_MAX } from './glob.ts';
import { HOOK_TIMEOUT_MS, type Hook, type Operation, operations, type Trigger } from './hook.ts';
import { splitWords } from './words.ts';

/** A line of a definition that is not as it has to be; `line` counts from 1, 0 for what is missing altogether. */
export class DefinitionError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/**
 * Our phases, and those of alpm-hooks(5). PreTransaction is the last moment at which a failure still leads back, with
 * everything staged; PostTransaction is after the cleaning up: what caches a directory must not find staged names in it.
 */
const PHASES: Readonly<Record<string, HookPhase>> = {
  PreTransaction: 'pre-commit',
  PostTransaction: 'post-clean',
  'pre-stage': 'pre-stage',
  'pre-commit': 'pre-commit',
  'post-commit': 'post-commit',
  'post-clean': 'post-clean',
};

/** What may stand in a section, and how often. A `flag` has no value. */
const KEYS: Readonly<Record<string, Readonly<Record<string, 'once' | 'often' | 'flag'>>>> = {
  Trigger: { Type: 'once', Operation: 'often', Target: 'often' },
  Action: { Description: 'once', When: 'once', Exec: 'once', NeedsTargets: 'flag', AbortOnFail: 'flag' },
};

interface Value {
  readonly text: Bytes;
  readonly line: number;
}

interface Section {
  readonly name: string;
  readonly line: number;
  readonly values: Map<string, Value[]>;
}

/**
 * Reads a hook definition as alpm-hooks(5) has it. Differences: a hook without [Trigger] always runs; `When` takes our
 * phases as well; there are no packages, so neither `Type = Package` nor `Depends`; what is not known is refused, as it
 * would be ignored in silence otherwise.
 * @throws DefinitionError
 */
export function parseDefinition(text: Bytes, name: Bytes): Hook {
  const sections = readSections(text);
  const [action, second] = sections.filter((section) => section.name === 'Action');
  if (action === undefined) throw new DefinitionError(0, 'there is no [Action]');
  if (second !== undefined) throw new DefinitionError(second.line, 'there is a second [Action]');
  const triggers = sections.filter((section) => section.name === 'Trigger').map(readTrigger);
  const phase = readPhase(action);
  return {
    name,
    phase,
    run: { argv: readExec(action) },
    ...(triggers.length > 0 && { triggers }),
    needsTargets: action.values.has('NeedsTargets'),
    abortOnFail: readAbort(action, phase),
    timeoutMs: HOOK_TIMEOUT_MS,
  };
}

function readSections(text: Bytes): Section[] {
  const sections: Section[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const [line, trimmed] = [index + 1, raw.replace(/^[ \t\r]+|[ \t\r]+$/g, '')];
    if (trimmed.includes('\0')) throw new DefinitionError(line, 'there is a NUL byte');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const name = /^\[(.*)\]$/.exec(trimmed)?.[1];
    if (name !== undefined) {
      if (!Object.hasOwn(KEYS, name)) throw new DefinitionError(line, `there is no section \`${show(name as Bytes)}\``);
      sections.push({ name, line, values: new Map() });
    } else addValue(sections.at(-1), line, trimmed);
  }
  return sections;
}

function addValue(section: Section | undefined, line: number, text: string): void {
  if (section === undefined) throw new DefinitionError(line, 'this stands before any section');
  const [, key = '', equals, value = ''] = /^([^=]*?)[ \t]*(=[ \t]*(.*))?$/s.exec(text) ?? [];
  const kind = Object.hasOwn(KEYS[section.name] ?? {}, key) ? KEYS[section.name]?.[key] : undefined;
  if (kind === undefined) throw new DefinitionError(line, `[${section.name}] has no \`${show(key as Bytes)}\``);
  if ((equals === undefined) !== (kind === 'flag'))
    throw new DefinitionError(line, `\`${key}\` ${kind === 'flag' ? 'takes no value' : 'needs a value'}`);
  if (kind !== 'flag' && value === '') throw new DefinitionError(line, `\`${key}\` is empty`);
  const before = section.values.get(key) ?? [];
  if (before.length > 0 && kind !== 'often') throw new DefinitionError(line, `\`${key}\` is given twice`);
  section.values.set(key, [...before, { text: value as Bytes, line }]);
}

function readTrigger(section: Section): Trigger {
  const [type] = required(section, 'Type');
  if (type.text !== 'Path') throw new DefinitionError(type.line, 'the only `Type` there is here is `Path`');
  return {
    operations: required(section, 'Operation').map(readOperation),
    targets: required(section, 'Target').map(readTarget),
  };
}

function readOperation({ text, line }: Value): Operation {
  const found = operations.find((one) => one === text.toLowerCase());
  if (found === undefined) throw new DefinitionError(line, '`Operation` is one of Install, Upgrade, Remove');
  return found;
}

function readTarget({ text, line }: Value): Bytes {
  if (text.length > GLOB_BYTES_MAX) throw new DefinitionError(line, '`Target` is longer than any path');
  if (/^!?\//.test(text)) throw new DefinitionError(line, '`Target` is a path below the root, without a leading slash');
  return text;
}

function readPhase(action: Section): HookPhase {
  const [{ text, line }] = required(action, 'When');
  const phase = Object.hasOwn(PHASES, text) ? PHASES[text] : undefined;
  if (phase === undefined) throw new DefinitionError(line, `\`When\` is one of ${Object.keys(PHASES).join(', ')}`);
  return phase;
}

function readExec(action: Section): Bytes[] {
  const [{ text, line }] = required(action, 'Exec');
  const argv = splitWords(text);
  if (argv === undefined) throw new DefinitionError(line, '`Exec` has a quote or backslash that is left open');
  // There is no search path to look it up in: what is found there may be just what is replaced.
  if (!argv[0]?.startsWith('/')) throw new DefinitionError(line, '`Exec` needs the absolute path of its program');
  return argv;
}

function readAbort(action: Section, phase: HookPhase): boolean {
  const [flag] = action.values.get('AbortOnFail') ?? [];
  if (flag !== undefined && phase.startsWith('post-'))
    throw new DefinitionError(flag.line, '`AbortOnFail`: after the commit nothing can be aborted');
  return flag !== undefined;
}

function required({ name, line, values }: Section, key: string): [Value, ...Value[]] {
  const [first, ...others] = values.get(key) ?? [];
  if (first === undefined) throw new DefinitionError(line, `[${name}] has no \`${key}\``);
  return [first, ...others];
}

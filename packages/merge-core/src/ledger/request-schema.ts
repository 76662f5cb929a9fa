import * as z from 'zod';
import type { MergeOptions, UnmergeOptions } from '../options.ts';
import { losable } from '../plan/carry.ts';
import { digestNames } from './digests.ts';
import { collisionPolicies, type PackageOptions, type PathText } from './package-request.ts';
import { portageVariables } from './portage-config.ts';

export const REQUEST_VERSION = 1;

/** JSON has no `undefined`, but the types of a schema do. */
type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/** What no document can say: functions, and what a caller makes of `hooks` and `hooksDir`. */
type NotSaid = 'onEvent' | 'signal' | 'mover' | 'fs' | 'facts' | 'strategies' | 'hooks' | 'hookSettings' | 'ledger';

interface Said {
  readonly version: number;
  readonly hooks?: readonly string[] | undefined;
  readonly hooksDir?: PathText | undefined;
}

/** A document that is right. */
export type Requested = Said &
  (
    | ({ operation: 'merge'; ledger?: Loose<PackageOptions> | undefined } & Loose<Omit<MergeOptions, NotSaid>>)
    | ({ operation: 'unmerge'; ledger: Loose<PackageOptions> } & Loose<Omit<UnmergeOptions, NotSaid>>)
  );

/** What a document may say; keys are those of MergeOptions, UnmergeOptions and PackageOptions. Anything else is refused. */
export function requestSchema(): z.ZodType<Requested> {
  const text = z.string().min(1).refine(isUnicode, 'half of a surrogate pair is no character');
  const path = z
    .union(
      [text, z.strictObject({ base64: z.base64().min(1) }).transform(({ base64 }) => Buffer.from(base64, 'base64'))],
      'a path is text, or {"base64": "…"}',
    )
    .meta({ id: 'path' });
  const paths = z.array(path);
  const name = z.string().regex(/^[^/]+\/[^/]+$/, 'a package is CATEGORY/PF');
  const ms = z.int().min(0);
  const variables = Object.fromEntries(portageVariables.map((variable) => [variable, z.string().optional()]));

  const ledger = z
    .strictObject({
      package: name.optional().describe('The package, CATEGORY/PF'),
      vdb: path
        .optional()
        .describe(
          'Portage’s package database, a directory in the root; with `package` the default is var/db/pkg there',
        ),
      buildInfo: path.optional().describe('A directory whose files become part of the database entry'),
      slot: z.string().optional().describe('Default: what the build info says'),
      replace: z.array(name).optional().describe('Versions that give way; default: what the slot has of the package'),
      contents: path
        .optional()
        .describe('Instead of a database: a file in the root that lists what is merged, as Portage’s CONTENTS'),
      portageConfig: z
        .boolean()
        .optional()
        .describe('Take what is not said here from make.globals, make.conf and env.d in the root'),
      environment: z.strictObject(variables).optional().describe('With `portageConfig`: what counts before its files'),
      collisions: z
        .enum(collisionPolicies)
        .optional()
        .describe('Files that belong to nobody or to others: default protect-owned'),
      collisionIgnore: paths.optional().describe('Globs of paths that may be overwritten'),
      configProtect: paths.optional().describe('Paths in the root whose files are offered as ._cfgNNNN_NAME'),
      configProtectMask: paths.optional().describe('Paths below those that are not'),
      configProtectIfModified: z.boolean().optional().describe('false: protect what nobody changed too'),
      noConfMem: z.boolean().optional().describe('Offer again what was offered before'),
      installMask: path.optional().describe('Portage’s patterns of what stays out, separated by blanks'),
      digests: z
        .array(z.enum(digestNames))
        .optional()
        .describe('For the record beside CONTENTS; md5 always; default sha256'),
      preserveLibs: z.boolean().optional().describe('Keep libraries of the old version that others need'),
      keepModified: z.boolean().optional().describe('Files of the old version that somebody changed stay'),
      mergeUseVdb: z
        .boolean()
        .optional()
        .describe('Believe the database of a file whose time is that of the merge: its content is not compared'),
      uninstallIgnore: paths.optional().describe('Globs of paths that no version takes along when it goes'),
    })
    .meta({ id: 'ledger', description: 'The package, and what is recorded of it' });

  const common = {
    version: z.literal(REQUEST_VERSION),
    root: path.describe('The root directory. A relative path starts at the current directory'),
    hardlink: z.boolean().optional().describe('false: no link(2) call at all'),
    undo: z.enum(['auto', 'none']).optional(),
    sync: z.enum(['full', 'none']).optional().describe('none: a power cut may leave anything'),
    dryRun: z.boolean().optional().describe('Only plan'),
    hooks: z.array(text).optional().describe('PHASE=COMMAND each, as --hook'),
    hooksDir: path.optional().describe('As --hooks-dir'),
    inProcess: z.boolean().optional(),
    stallTimeoutMs: ms.optional(),
    lockTimeoutMs: ms.optional(),
  };
  const merge = z.strictObject({
    operation: z.literal('merge'),
    ...common,
    image: path.describe('The image directory ($D)'),
    strategy: z.string().optional(),
    keepImage: z.boolean().optional(),
    replaceTypes: z.boolean().optional(),
    directories: z.enum(['keep', 'image']).optional(),
    exclude: z.array(text).optional().describe('Globs below the image that stay out'),
    busy: z.enum(['refuse', 'in-place']).optional(),
    lossy: z.array(z.enum(losable)).optional(),
    ledger: ledger.optional(),
  });
  // What is said of a version that comes has no meaning where one goes.
  const going = ledger
    .pick({
      ...{ package: true, vdb: true, contents: true, portageConfig: true, environment: true },
      ...{ configProtect: true, configProtectMask: true, keepModified: true, uninstallIgnore: true },
    })
    .meta({ id: 'unmergedLedger', description: 'The package that goes, and what stays of it' });
  const unmerge = z.strictObject({ operation: z.literal('unmerge'), ...common, ledger: going });
  return z.discriminatedUnion('operation', [merge, unmerge]);
}

/** The same as JSON Schema (draft 2020-12), as docs/request.schema.json has it. */
export function requestJsonSchema(): object {
  const schema = z.toJSONSchema(requestSchema(), { io: 'input' });
  return { $id: `urn:emplace:request:${REQUEST_VERSION}`, title: 'A request to Emplace', ...schema };
}

function isUnicode(text: string): boolean {
  return text.isWellFormed();
}

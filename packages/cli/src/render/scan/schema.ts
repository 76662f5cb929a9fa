import { staleClasses } from '@emplace/fsprobe';
import * as z from 'zod';

/** Keys may be added within a version; what is there keeps its meaning. */
const SCAN_VERSION = 1;

/** What `emplace scan --json` prints. Only its type is loaded by the command. */
export function scanSchema() {
  const path = z
    .union([z.string(), z.strictObject({ base64: z.base64() })])
    .meta({ id: 'path', description: 'Text where the bytes are UTF-8, else the bytes' });
  const identity = z
    .strictObject({ dev: z.int().min(0), ino: z.string().regex(/^\d+$/) })
    .meta({ id: 'identity', description: 'Device number as stat(2) has it, inode number' });
  const seconds = z.number().describe('Seconds since 1970');
  const count = z.int().min(0);

  const finding = z
    .strictObject({
      class: z.enum(staleClasses),
      confidence: z.enum(['high', 'medium', 'low']),
      held: z.enum(['exe', 'library', 'mapping', 'script', 'descriptor', 'cwd', 'root']).describe('By what'),
      shown: path.describe('As the kernel renders it, ` (deleted)` and all'),
      path: path.optional().describe('Where its successor lies or lay, as the root of the process sees it'),
      evidence: z.array(z.string()).describe('Why, for a person'),
      leaks: z.boolean().describe('Shows a path of an image or build directory, or a staged name'),
      heldFile: identity.optional(),
      presentFile: identity.optional(),
      owners: z.array(z.string()).describe('Packages of `path`'),
    })
    .meta({ id: 'finding' });
  const service = z
    .strictObject({
      kind: z.enum(['system-unit', 'user-unit', 'session', 'openrc', 'container', 'init', 'kernel', 'process']),
      name: z.string(),
      advice: z.string().describe('One thing to do'),
      restartable: z.boolean().describe('`advice` is a restart that ends nobody’s session'),
    })
    .meta({ id: 'service' });
  const process = z
    .strictObject({
      pid: z.int().min(1),
      uid: count,
      command: path,
      arguments: z.array(path),
      started: seconds,
      cgroup: path.optional().describe('The text of /proc/PID/cgroup'),
      place: z.enum(['host', 'chroot', 'container']),
      root: path.describe('Where paths of the process are looked up from outside'),
      service,
      findings: z.array(finding).min(1),
    })
    .meta({ id: 'process' });
  return z.strictObject({
    version: z.literal(SCAN_VERSION),
    scanned: seconds,
    booted: seconds,
    durationMs: z.number().min(0),
    counts: z.strictObject({
      processes: count.describe('That were looked at'),
      unread: count.describe('Of those: could not be read in whole'),
      hidden: z.boolean().describe('There may be processes that are not listed'),
      gone: count.describe('Ended while being read'),
      kernelThreads: count,
      unreadDatabases: count.describe('Containers whose package databases took too long to be read in whole'),
    }),
    processes: z.array(process).describe('Only those with findings'),
  });
}

export type ScanDocument = z.infer<ReturnType<typeof scanSchema>>;

/** The same as JSON Schema (draft 2020-12), as docs/scan.schema.json has it. */
export function scanJsonSchema(): object {
  return { $id: `urn:emplace:scan:${SCAN_VERSION}`, title: 'What a scan found', ...z.toJSONSchema(scanSchema()) };
}

import type { Finding, ScannedProcess, ScanReport } from '@emplace/fsprobe';
import { jsonPath } from '../json.ts';
import { ownersOf, showText, showWords } from './names.ts';
import type { ScanDocument } from './schema.ts';

type FoundProcess = ScanDocument['processes'][number];

export function scanJson({ processes, counts, booted, scanned, durationMs }: ScanReport): ScanDocument {
  return { version: 1, scanned, booted, durationMs, counts: { ...counts }, processes: processes.map(processJson) };
}

function processJson(process: ScannedProcess): FoundProcess {
  const { pid, uid, command, started, cgroup, place, root, service, findings } = process;
  return {
    ...{ pid, uid, started, place },
    command: jsonPath(command),
    arguments: process.arguments.map(jsonPath),
    ...(cgroup !== undefined && { cgroup: jsonPath(cgroup) }),
    root: jsonPath(root),
    service: { ...service, name: showText(service.name), advice: showText(service.advice) },
    findings: findings.map(findingJson),
  };
}

function findingJson(finding: Finding): FoundProcess['findings'][number] {
  const { shown, path, evidence, heldFile, presentFile, ...rest } = finding;
  return {
    ...rest,
    shown: jsonPath(shown),
    ...(path !== undefined && { path: jsonPath(path) }),
    evidence: evidence.map(showWords),
    ...(heldFile !== undefined && { heldFile: identityJson(heldFile) }),
    ...(presentFile !== undefined && { presentFile: identityJson(presentFile) }),
    owners: [...ownersOf(finding)],
  };
}

/** An inode number may be more than a double holds. */
function identityJson({ dev, ino }: NonNullable<Finding['heldFile']>): { dev: number; ino: string } {
  return { dev, ino: `${ino}` };
}

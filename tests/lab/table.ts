import { appendFileSync } from 'node:fs';

/** What one lab test tried, for the table at the end of `test:lab` (scripts/lab-table.ts). */
export interface LabRow {
  /** Of fault: `power cut`, `random world`. */
  readonly kind: string;
  readonly fileSystem: string;
  /** Faults tried: cases, cuts, kills, inputs. */
  readonly tried: number;
  /** After which the old tree was there, refusals among them. */
  readonly old: number;
  /** After which the new one was. */
  readonly new: number;
  /** Controls that showed the fault, as they must. */
  readonly controlFailed: number;
}

/** Adds a row to the table, when somebody wants one (EMPLACE_LAB_TABLE names the file). */
export function tell(row: LabRow): void {
  const file = process.env.EMPLACE_LAB_TABLE;
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(row)}\n`);
}

import { type Bytes, toBuffer } from '@emplace/syscalls';

/** A path in JSON: text where its bytes are UTF-8, else `{"base64": "…"}`, as in a request. */
export function jsonPath(path: Bytes): string | { readonly base64: string } {
  const buffer = toBuffer(path);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? text : { base64: buffer.toString('base64') };
}

/** JSON whose strings do nothing to a terminal: JSON.stringify leaves C1 controls and bidi overrides as they are. */
export function renderJson(value: unknown): string {
  return escapeJson(JSON.stringify(value, undefined, 2));
}

/** The same as one line, for a stream of values. */
export function renderJsonLine(value: unknown, replacer?: (key: string, value: unknown) => unknown): string {
  return escapeJson(JSON.stringify(value, replacer));
}

function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits);
}

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, at) => escapeUnit(character.charCodeAt(at))).join('');
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/**
 * The code of an error by which the machine or an engine refused. What has none is a bug, and so is what Node says of
 * its arguments: those are thrown on.
 */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || code.startsWith('ERR_')) throw error;
  return code;
}

/** Flags for a worker thread whose script is beside `url`. Those of this process need not fit: a test runner's, say. */
export function nodeFlags(url: string): string[] {
  return url.endsWith('.ts') ? ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'] : [];
}

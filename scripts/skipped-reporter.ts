/** A Jest reporter that names, at the end, each test that did not run. */

export interface Results {
  readonly testResults: readonly {
    readonly testFilePath: string;
    readonly testResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export default class SkippedReporter {
  onRunComplete(_contexts: unknown, results: Results): void {
    for (const name of skippedTests(results)) process.stderr.write(`skipped: ${name}\n`);
  }
}

/** What did not run, with what it needs. */
export function skippedTests({ testResults }: Results): string[] {
  return testResults
    .flatMap((file) => file.testResults)
    .filter(({ status }) => status === 'pending' || status === 'todo')
    .map(({ fullName }) => fullName);
}

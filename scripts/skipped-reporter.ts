/** A Jest reporter that names, at the end, each test that did not run. */

interface Results {
  readonly testResults: readonly {
    readonly testFilePath: string;
    readonly testResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export default class SkippedReporter {
  onRunComplete(_contexts: unknown, results: Results): void {
    for (const { testResults } of results.testResults) {
      for (const { fullName, status } of testResults) {
        if (status === 'pending' || status === 'todo') process.stderr.write(`skipped: ${fullName}\n`);
      }
    }
  }
}

export type Columns = readonly [Uint32Array, Uint32Array, Uint32Array];

/** The rows sorted by one column, whose values are below `limit`: counting, for there are a million of them. */
export function sorted(columns: Columns, by: 0 | 1 | 2, limit: number): Columns {
  const keys = columns[by];
  const next = startsOf(keys, limit);
  const [a, b, c] = columns;
  const result = [new Uint32Array(a.length), new Uint32Array(a.length), new Uint32Array(a.length)] as const;
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row] as number;
    const to = next[key] as number;
    next[key] = to + 1;
    result[0][to] = a[row] as number;
    result[1][to] = b[row] as number;
    result[2][to] = c[row] as number;
  }
  return result;
}

/** Where the rows of each key start when they are sorted; one more at the end. */
export function startsOf(keys: Uint32Array, limit: number): Uint32Array {
  const starts = new Uint32Array(limit + 1);
  for (const key of keys) starts[key + 1] = (starts[key + 1] as number) + 1;
  for (let key = 0; key < limit; key++) starts[key + 1] = (starts[key + 1] as number) + (starts[key] as number);
  return starts;
}

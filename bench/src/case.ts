/** What there is to measure: cases and engines are data. */

/** Where one run works. Its file systems are new, and are gone when it is disposed of. */
export interface Trees extends Disposable {
  readonly image: string;
  readonly root: string;
  /** A directory on tmpfs for what is neither image nor root, empty. */
  readonly aside: string;
}

/** A way to do what a case asks for. */
export interface Engine {
  readonly name: string;
  /** What it needs beside the trees, before the clock starts: its database, an older version. */
  readonly before?: (trees: Trees) => void;
  readonly command: (trees: Trees) => readonly string[];
  /** It has the image as packages and brings the old tree itself: both directories start empty. */
  readonly hasPackages?: boolean;
  /** It prints its own {@link Run} as JSON; else the whole process is timed from start to exit. */
  readonly timesItself?: boolean;
  /** Its system calls are counted too; those of the second command, which does nothing, are taken off. */
  readonly calls?: (trees: Trees) => readonly [busy: readonly string[], idle?: readonly string[]];
}

/** One thing to do, and who does it. */
export interface Case {
  /** `FAMILY/VARIANT`: both can be asked for by `--cases`. */
  readonly name: string;
  /** Names in what is merged, for what an entry costs. */
  readonly entries: number;
  /** The trees for a run of the engine, written back before it returns. */
  readonly prepare: (engine: Engine) => Trees;
  /** The first is what the others are compared with. */
  readonly engines: readonly Engine[];
  /** How many names the root has afterwards, at least and at most, databases included: no engine did less than its job. */
  readonly left?: readonly [number, number];
  /** Rounds for each that was asked for, where a round is short. Default 1. */
  readonly roundsFactor?: number;
}

/** What one run of an engine took. */
export interface Run {
  readonly ms: number;
  /** The most memory it ever had. */
  readonly rssKiB: number;
}

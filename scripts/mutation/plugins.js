/** What Stryker lacks: a sample of the mutants, and none of the sentences that people read. */
const { every, from, only } = JSON.parse(process.env.EMPLACE_MUTATION_SAMPLE);

/** Whether a mutant is one of the sample. */
const isWanted = ({ id }) => (only === undefined ? Number(id) % every === from % every : only.includes(id));

const sample = {
  async init() {},
  async group(mutants) {
    return mutants.length === 0 ? [] : [mutants.map(({ id }) => id)];
  },
  async check(mutants) {
    const left = { status: 'compileError', reason: 'not in the sample' };
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, isWanted(mutant) ? { status: 'passed' } : left]));
  },
};

/** A literal of three words or more is a message: what it says is checked by reading. */
const messages = {
  shouldIgnore({ node }) {
    const parts = node.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.raw) : [node.value];
    const isText = node.type === 'TemplateLiteral' || node.type === 'StringLiteral';
    return isText && /\w.* .*\w.* .*\w/.test(parts.join('x')) ? 'a message' : undefined;
  },
};

/** What survives is told at once: a run takes long. */
const survivors = {
  onMutantTested({ id, status, fileName, location, replacement }) {
    if (status !== 'Survived') return;
    console.log(`${fileName}:${location.start.line}:${location.start.column} ${id} -> ${replacement}`);
  },
};

export const strykerPlugins = [
  { kind: 'Checker', name: 'sample', value: sample },
  { kind: 'Reporter', name: 'survivors', value: survivors },
  { kind: 'Ignore', name: 'messages', value: messages },
];

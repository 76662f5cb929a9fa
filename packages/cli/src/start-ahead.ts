// A script of its own in the bundle: it starts the process that will work before what asks for the work is loaded.
export { startMoverAhead } from '@emplace/merge-core';

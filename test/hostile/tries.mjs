// A thread that does with files what the commands do, and says how it went: done, refused with a message, or something that should not be.
import { readdirSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { evaluate } from '../../dist/src/cli/eval.js';
import { inspect } from '../../dist/src/cli/inspect.js';
import { predict } from '../../dist/src/cli/predict.js';
import { sample } from '../../dist/src/cli/sample.js';
import { settingsOf, train } from '../../dist/src/cli/train.js';
import { readTable } from '../../dist/src/data/tables/read-table.js';
import { UserError } from '../../dist/src/errors.js';
import { Arena } from '../../dist/src/memory/arena.js';
import { MetricsFile } from '../../dist/src/report/metrics-file.js';
import { prepare } from '../../dist/src/run/plan.js';
import { runConfig } from '../../dist/src/run/run-config.js';
import { start } from '../../dist/src/run/start.js';
import { allocateArena } from '../../dist/src/run/workers.js';

const nowhere = { write: () => true };
const context = { stdout: nowhere, stderr: nowhere, gone: new AbortController().signal };
const COMMANDS = { inspect, sample, eval: evaluate, predict, train };

const DOING = {
  /** What `train` does before it makes a folder and starts its workers. */
  async begin(given) {
    const { values, origin } = settingsOf(given);
    const prepared = await prepare(runConfig(values, origin));
    try {
      const { buffer } = allocateArena(prepared);
      start(prepared, new Arena(buffer, prepared.layout.shape.floatBytes));
    } finally {
      await prepared.data.close();
    }
  },
  table: ({ path, format }) => readTable(path, format),
  async metrics({ path, step }) {
    MetricsFile.open(path, { resumeStep: step }).close();
  },
};

const doing = ([what, given]) => (DOING[what] ? DOING[what](given) : COMMANDS[what].run(given, context));

parentPort.on('message', async (jobs) => {
  let outcome = { did: 'done' };
  for (const job of jobs) {
    try {
      await doing(job);
    } catch (error) {
      outcome =
        error instanceof UserError
          ? { did: 'refused', message: error.message, job: job[0] }
          : { did: 'failed', message: `${error?.stack ?? error}`, job: job[0] };
      if (outcome.did === 'failed') break;
    }
  }
  const { maxRSS } = process.resourceUsage();
  parentPort.postMessage({ ...outcome, maxBytes: maxRSS * 1024, files: readdirSync('/proc/self/fd').length });
});

// npm run quickstart: installs and builds what is missing, trains a character model on Moby-Dick as examples/quickstart.yaml
// says, and prints a sample of it. It starts in a clean clone, before node_modules exists, so it needs Node alone.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const UNROLL = 'dist/src/cli/main.js';
const RUN = 'runs/quickstart';

function must(program, args) {
  const { status, error, signal } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

/** npm, as the one that runs this script where there is one. */
function npm(...args) {
  const running = process.env.npm_execpath;
  if (running) must(process.execPath, [running, ...args]);
  else must('npm', args);
}

const changedMs = (path) => (existsSync(join(ROOT, path)) ? statSync(join(ROOT, path)).mtimeMs : 0);
const installed = changedMs('node_modules/.package-lock.json') >= changedMs('package-lock.json');

console.log(installed ? 'unroll: building' : 'unroll: installing and building');
if (installed) npm('run', 'build', '--silent');
else npm('ci', '--no-audit', '--no-fund', '--loglevel=error');

console.log('\nunroll: training (settings: examples/quickstart.yaml)');
rmSync(join(ROOT, RUN), { recursive: true, force: true });
must(process.execPath, [UNROLL, 'train', 'examples/quickstart.yaml', '--out', RUN]);

console.log('\nunroll: 400 characters of what it learned');
must(process.execPath, [
  UNROLL,
  'sample',
  RUN,
  '--prompt',
  'Call me ',
  '--length',
  '400',
  '--temperature',
  '0.7',
  '--seed',
  '1',
]);

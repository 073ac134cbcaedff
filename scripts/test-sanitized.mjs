// Runs the tests of the kernels on native kernels that check themselves: with the address sanitizer, which sees every read and write
// outside of an arena or a stack's array, and the one for undefined behaviour. What they find ends the test's process.
//
//   node scripts/test-sanitized.mjs            all of test/kernels
//   node scripts/test-sanitized.mjs FILE...    these tests
//
// package.json's "#native" points at the checked kernels under the condition `sanitized`; what is shipped knows nothing of them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function run(program, args, env) {
  const { status, signal } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', env });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ends with ${signal ?? status}`);
}

/** What a process needs that loads the checked kernels. */
function environment() {
  const compiler = process.env.CXX?.trim() || 'g++';
  const found = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout?.trim();
  if (!found?.includes('/')) throw new Error(`${compiler} has no libasan.so: install g++, or set CXX`);
  return {
    ...process.env,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --conditions=sanitized`,
    LD_PRELOAD: found,
    ASAN_OPTIONS: 'detect_leaks=0', // Node gives back little when it ends
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
}

try {
  run(process.execPath, ['scripts/build-native.mjs', '--sanitize'], process.env);
  const env = environment();
  // Tests leave out native kernels that do not load: these must.
  run(process.execPath, ['-e', 'require(require.resolve("#native")).bind(new Uint8Array(8))'], env);
  const tests = process.argv.slice(2);
  run(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...(tests.length > 0 ? tests : ['test/kernels'])],
    env,
  );
} catch (error) {
  console.error(`unroll: ${error.message}`);
  process.exitCode = 1;
}

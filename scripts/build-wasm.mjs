// Builds src/kernels/kernels.wasm from src/kernels/cpp with clang and wasm-ld. The result is committed, so nobody who
// installs or trains needs either.
//
//   node scripts/build-wasm.mjs           rebuilds the committed file
//   node scripts/build-wasm.mjs --check   rebuilds beside it: with clang of the pinned version the bytes must be the
//                                         committed ones, with another the tests of the kernels must pass on the rebuilt file
//
// $CLANG names the compiler; otherwise clang of the pinned major version is tried first, then clang.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(ROOT, 'build');
const COMMITTED = join(ROOT, 'src/kernels/kernels.wasm');
/** Where package.json's "#wasm" points under the condition `rebuilt-wasm`. */
const REBUILT = join(BUILD, 'kernels.wasm');

/** The compiler that makes the committed bytes: clang of Debian 12. Other versions choose other instructions. */
const PINNED = '14.0.6';

const PAGE_BYTES = 65536;
/** Static data and the linker's own stack end below this address; the arena begins there. One page. */
const RESERVED_BYTES = PAGE_BYTES;
/** The stack of an instance whose __stack_pointer nobody moved. A kernel needs a few hundred bytes. */
const STACK_BYTES = 32768;
/** All that 32 bits address. A host's memory may be smaller, never larger, than what a module imports. */
const MAX_MEMORY_BYTES = 2 ** 32;

const FLAGS = [
  // SIMD of 128 bits. Shared memory needs atomics, and bulk memory so that static data is copied in once, by the first
  // instance, and not again by each worker's.
  ...['--target=wasm32', '-msimd128', '-matomics', '-mbulk-memory', '-mmutable-globals'],
  // No C or C++ library, at run time or to compile with.
  ...['-std=c++20', '-O3', '-ffreestanding', '-nostdlib', '-fno-exceptions', '-fno-rtti', '-fno-threadsafe-statics'],
  // The source defines the bits, as in the native build.
  ...['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-fvisibility=hidden'],
  ...['-DUNROLL_ISA=wasm', '-DUNROLL_WASM'],
  // The memory is the arena: made by the host, shared by all instances.
  '-Wl,--import-memory,--shared-memory',
  `-Wl,--initial-memory=${RESERVED_BYTES},--max-memory=${MAX_MEMORY_BYTES}`,
  // A library: no start routine; its functions are those with the attribute export_name.
  '-Wl,--no-entry',
  // Every instance has a copy of the same stack pointer, so two workers would write over each other's stack: it is
  // exported, and each worker sets it to a stack of its own. __heap_base tells where the static part ends.
  '-Wl,--export=__stack_pointer,--export=__heap_base',
  // Data from address 1024 on (0 stays a null pointer), then the stack, both in the reserved page.
  `-Wl,--global-base=1024,-z,stack-size=${STACK_BYTES}`,
  // No names and no versions in the file: equal code gives equal bytes, wherever it is built.
  '-Wl,--strip-all',
];

function findClang() {
  const candidates = process.env.CLANG ? [process.env.CLANG] : [`clang-${PINNED.split('.')[0]}`, 'clang'];
  for (const program of candidates) {
    const version = /clang version (\d+\.\d+\.\d+)/.exec(
      spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout,
    );
    if (version) return { program, version: version[1] };
  }
  throw new Error(`no clang found (tried ${candidates.join(', ')}): install clang-14 and lld-14, or set CLANG`);
}

/** What the rest of the house takes for granted about the file. Throws if it is not so. */
function verify(bytes) {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
  if (imports.join() !== 'env.memory')
    throw new Error(`the module imports more than its memory: ${imports.join(', ')}`);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { __heap_base, __stack_pointer } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  if (__heap_base.value > RESERVED_BYTES)
    throw new Error(`static data and stack take ${__heap_base.value} bytes; ${RESERVED_BYTES} are reserved for them`);
  __stack_pointer.value = __heap_base.value; // throws if it is not mutable
}

/** Compiles into `output`, atomically. */
function build(clang, output) {
  mkdirSync(BUILD, { recursive: true });
  const folder = mkdtempSync(join(BUILD, 'wasm-'));
  try {
    const made = join(folder, 'kernels.wasm');
    // The source by a relative path from a fixed place: an absolute one could find its way into the file.
    const result = spawnSync(clang, [...FLAGS, 'src/kernels/cpp/kernels.cc', '-o', made], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    if (result.status !== 0) throw new Error(`${clang} failed (is lld installed?)\n${result.stderr}`);
    verify(readFileSync(made));
    chmodSync(made, 0o644); // the linker takes it for a program
    renameSync(made, output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check({ program, version }) {
  build(program, REBUILT);
  const same = readFileSync(REBUILT).equals(readFileSync(COMMITTED));
  if (same) return 'the committed kernels.wasm is what its source compiles to';
  if (version === PINNED)
    throw new Error(
      'the committed kernels.wasm is not what its source compiles to: run `npm run build:wasm` and commit it',
    );
  console.log(`clang ${version} gives other bytes than ${PINNED} (expected): testing the rebuilt kernels instead`);
  const tests = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/kernels'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --conditions=rebuilt-wasm` },
  });
  if (tests.status !== 0) throw new Error('the rebuilt kernels fail the tests of the kernels');
  return 'the rebuilt kernels pass the tests of the kernels';
}

try {
  const clang = findClang();
  if (process.argv.includes('--check')) {
    console.log(`unroll: ${check(clang)} (clang ${clang.version})`);
  } else {
    if (clang.version !== PINNED)
      console.log(`unroll: clang is ${clang.version}; the committed file is made with ${PINNED}`);
    build(clang.program, COMMITTED);
    console.log(
      `unroll: wrote src/kernels/kernels.wasm, ${readFileSync(COMMITTED).length} bytes (clang ${clang.version})`,
    );
  }
} catch (error) {
  console.error(`unroll: ${error.message}`);
  process.exitCode = 1;
}

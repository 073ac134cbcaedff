// Builds build/kernels.node, the native kernels, with whatever C++ compiler is there, and with it build/end-process.node, by which
// a process ends whose native code hangs. npm runs it as the install script.
// No compiler is no failure: the committed WebAssembly kernels serve then, and one line says so.
//
//   node scripts/build-native.mjs            a compile error is printed, install goes on (exit 0)
//   node scripts/build-native.mjs --strict   no compiler or a compile error is a failure (exit 1)
//   node scripts/build-native.mjs --sanitize strict, into build/sanitized/: what steps outside of an object or has no defined
//                                            result ends the process (scripts/test-sanitized.mjs runs the tests on it)
//
// Plain JavaScript, nothing but Node and the node-api-headers package: it runs before anything is built.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'src/kernels/cpp');
const BUILD = join(ROOT, 'build');
const sanitizes = process.argv.includes('--sanitize');
const strict = sanitizes || process.argv.includes('--strict');
const OUTPUT = join(BUILD, sanitizes ? 'sanitized/kernels.node' : 'kernels.node');
const END_PROCESS = join(ROOT, 'src/cli/cpp/end-process.cc');
const END_OUTPUT = join(BUILD, 'end-process.node');
const INSTEAD = 'the WebAssembly kernels will be used';

// The instruction sets of each processor family. kernels.cc is compiled once for each; addon.cc chooses when it loads.
const INSTRUCTION_SETS = {
  x64: {
    avx2: ['-DUNROLL_AVX2', '-mavx2', '-mfma'],
    avx512: [
      '-DUNROLL_AVX512',
      ...['-mavx512f', '-mavx512vl', '-mavx512bw', '-mavx512dq', '-mfma'],
      '-mprefer-vector-width=512', // the compilers keep to 256 bits on their own
    ],
  },
  arm64: { neon: ['-DUNROLL_NEON'] },
};

const COMPILE = [
  ...['-std=c++20', '-O3', '-fPIC', '-c'],
  // No C or C++ library at run time: one file serves every libc.
  ...['-ffreestanding', '-fno-exceptions', '-fno-rtti', '-fno-threadsafe-statics', '-fno-stack-protector'],
  // The source defines the bits: no multiply-add that it does not spell. Nobody reads errno or the exception flags.
  ...['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'],
  // Only Node's entry points leave the file. gcc's note that the ABI of vectors changed is about calls across files.
  ...['-fvisibility=hidden', '-Wno-psabi'],
];

// What the sanitizers find ends the process. Their library, and so a C library, is linked; it wants to be preloaded.
const SANITIZE = ['-fsanitize=address,undefined,float-cast-overflow', '-fno-sanitize-recover=all'];
// With more than -O1 the checks of the unrolled loops take minutes to compile.
if (sanitizes) COMPILE.push(...SANITIZE, '-O1', '-g', '-fno-omit-frame-pointer');

const LINK =
  process.platform === 'darwin'
    ? ['-bundle', '-undefined', 'dynamic_lookup']
    : // The stack is not executable, addresses are bound at load and then read-only, symbols are stripped.
      ['-shared', '-nostdlib', '-Wl,-z,noexecstack', '-Wl,-z,relro', '-Wl,-z,now', '-Wl,-s'];
const LINK_SANITIZED = ['-shared', ...SANITIZE];

/** gcc alone has the sanitizers' library where it can be preloaded by name. */
const COMPILERS = sanitizes ? ['g++'] : ['c++', 'g++', 'clang++'];

/** Runs a program; never throws. @returns whether it exited with 0, and what it printed */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** The first candidate that makes an object file of a line of C++20, as [program, ...its own flags]. */
async function findCompiler(candidates, folder) {
  const source = join(folder, 'probe.cc');
  writeFileSync(source, 'template <class T> concept Any = true;\nint unroll_probe() { return Any<int>; }\n');
  for (const candidate of candidates) {
    const compiler = candidate.trim().split(/\s+/); // CXX may hold flags: "ccache g++"
    const [program, ...flags] = compiler;
    if ((await run(program, [...flags, '-std=c++20', '-c', source, '-o', join(folder, 'probe.o')])).ok) return compiler;
  }
  return undefined;
}

/** Compiles all units at once, links them, and loads the file in another process. Throws what the first failure printed. */
async function build([program, ...flags], sets, folder) {
  const must = async (command, args) => {
    const { ok, output } = await run(command, args);
    if (!ok) throw new Error(`${[command, ...args].join(' ')}\n${output}`);
  };
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  const units = [
    { source: 'addon.cc', object: join(folder, 'addon.o'), defines: [`-I${headers}`] },
    ...Object.entries(sets).map(([name, own]) => ({
      source: 'kernels.cc',
      object: join(folder, `kernels.${name}.o`),
      defines: [`-DUNROLL_ISA=${name}`, ...own],
    })),
  ];
  await Promise.all(
    units.map(({ source, object, defines }) =>
      must(program, [...flags, ...COMPILE, ...defines, join(SOURCES, source), '-o', object]),
    ),
  );
  const linked = join(folder, 'kernels.node');
  await must(program, [
    ...flags,
    ...(sanitizes ? LINK_SANITIZED : LINK),
    ...units.map((unit) => unit.object),
    '-o',
    linked,
  ]);
  // A symbol that nothing defines shows only when the file is loaded; a file that does not load is worse than none.
  if (!sanitizes) {
    await must(process.execPath, ['-e', `require(${JSON.stringify(linked)})`]);
    const end = join(folder, 'end-process.node');
    await must(program, [...flags, ...COMPILE, `-I${headers}`, END_PROCESS, '-o', `${end}.o`]);
    await must(program, [...flags, ...LINK, `${end}.o`, '-o', end]);
    await must(process.execPath, ['-e', `require(${JSON.stringify(end)})`]);
    renameSync(end, END_OUTPUT);
  }
  renameSync(linked, OUTPUT); // whoever has the old file open keeps it; nobody ever sees half of one
}

async function main() {
  const drop = () => rmSync(OUTPUT, { force: true });
  const sets = process.platform === 'win32' ? undefined : INSTRUCTION_SETS[process.arch];
  if (!sets) {
    drop();
    console.log(`unroll: no native kernels for ${process.platform} on ${process.arch}: ${INSTEAD}`);
    return 0;
  }
  mkdirSync(dirname(OUTPUT), { recursive: true });
  const folder = mkdtempSync(join(BUILD, 'native-'));
  try {
    const chosen = process.env.CXX?.trim();
    const compiler = await findCompiler(chosen ? [chosen] : COMPILERS, folder);
    if (!compiler) {
      drop();
      console.log(`unroll: no C++ compiler found (${['$CXX', ...COMPILERS].join(', ')}): ${INSTEAD}`);
      return strict ? 1 : 0;
    }
    await build(compiler, sets, folder);
    console.log(`unroll: native kernels built with ${compiler[0]} for ${Object.keys(sets).join(', ')}`);
    return 0;
  } catch (error) {
    drop();
    console.error(error.message);
    console.error(`unroll: the native kernels did not compile (see above): ${INSTEAD}`);
    return strict ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();

// Bundles the command and the code of its worker threads, in the place of what tsc has written for the two: to find and read 150
// small files takes long beside a first step. The library stays as tsc writes it.

import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What package.json's "bin" and "#workers/*" name, and where they are. */
const ENTRIES = [
  ['src/cli/main.ts', 'dist/src/cli'],
  ['workers/step-worker.ts', 'dist/workers'],
];

/** Loaded late or by few, or (piscina) by a thread of its own that looks beside the package's files. */
const EXTERNAL = ['cli-progress', 'nanotar', 'piscina', 'yaml'];

const CHUNKS = 'chunks';

async function bundle(input, dir) {
  rmSync(join(ROOT, dir, CHUNKS), { recursive: true, force: true });
  const build = await rolldown({
    cwd: ROOT,
    input,
    platform: 'node',
    external: EXTERNAL,
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'node20.19' },
    onLog(_, { message }) {
      throw new Error(message);
    },
  });
  const { output } = await build.write({ dir, sourcemap: true, chunkFileNames: `${CHUNKS}/[name].js` });
  await build.close();
  return output.flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []));
}

/** The licences of the packages whose code was bundled: they ask to go with each copy. */
function licences(modules) {
  const packages = new Set(modules.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]));
  packages.delete(undefined);
  return [...packages].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} comes without its licence`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
}

const modules = [];
for (const [input, dir] of ENTRIES) modules.push(...(await bundle(input, dir)));
// npm makes it executable when it installs, and not again when it is built anew.
chmodSync(join(ROOT, 'dist/src/cli/main.js'), 0o755);
writeFileSync(join(ROOT, 'dist/src/cli', CHUNKS, 'LICENSES.txt'), licences(modules).join(`\n${'-'.repeat(80)}\n\n`));

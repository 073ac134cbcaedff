// What nobody who starts two workers can be faster than: the packages that unroll is built on, and a pool that does nothing. It is
// its own worker.
import { isMainThread } from 'node:worker_threads';

export default () => {};

if (isMainThread) {
  const [{ Piscina }] = await Promise.all([import('piscina'), import('yargs'), import('zod'), import('yaml')]);
  const pool = new Piscina({ filename: import.meta.url, minThreads: 2, maxThreads: 2 });
  await Promise.all([pool.run(0), pool.run(1)]);
  console.log('ready');
}

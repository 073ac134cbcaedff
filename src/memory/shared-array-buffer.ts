// SharedArrayBuffer, or what stands in for it where the runtime has none (a page that is not cross-origin isolated, a
// runtime with it switched off): an ArrayBuffer with the same contents and the same API, which only one thread can use.

let warned = false;

/** Whether workers can share memory here. */
export const canShare = (): boolean => typeof SharedArrayBuffer === 'function';

/** Says once that training runs on one thread. */
export function warnOneThread(): void {
  if (!warned) process.emitWarning('SharedArrayBuffer is not available: training runs on one thread', 'UnrollWarning');
  warned = true;
}

/**
 * Zeroed memory; shared between threads where the runtime can, with one warning where it cannot. It may never grow; but what may is
 * made of whole pages, while other buffers begin 16 bytes behind the start of a cache line, so that each vector of a kernel
 * would lie on two lines (4 to 7% of a dense step, half the speed of a sparse product).
 */
export function createSharedBuffer(bytes: number): ArrayBufferLike {
  if (canShare()) return new SharedArrayBuffer(bytes, { maxByteLength: bytes });
  warnOneThread();
  return new ArrayBuffer(bytes);
}

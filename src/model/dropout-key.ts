// The key of a dropout mask: what makes it differ from step to step and from layer to layer, and from nothing else.
// The kernel adds stream, time and unit.

/** lowbias32 (C. Wellons, "Prospecting for hash functions"), as in the kernels. */
export function mix(x: number): number {
  let bits = x >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** @param step number of the training step; its high bits count as well */
export function dropoutKey(seed: number, step: number, layer: number): number {
  const ofSeed = mix(mix(seed) ^ Math.floor(seed / 2 ** 32));
  return mix(mix(mix(ofSeed ^ step) ^ Math.floor(step / 2 ** 32)) ^ (layer + 1));
}

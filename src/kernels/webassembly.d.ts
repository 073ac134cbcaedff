// The part of WebAssembly that the kernels use. The types of Node leave it out, and the browser's library, which has it,
// would let code that needs a window compile.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    constructor(limits: { readonly initial: number; readonly maximum?: number; readonly shared?: boolean });
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    /** @returns the size before, in pages of 64 KiB */
    grow(pages: number): number;
  }
  class Global {
    constructor(
      descriptor: { readonly value: 'i32' | 'i64' | 'f32' | 'f64'; readonly mutable?: boolean },
      value?: number,
    );
    value: number;
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}

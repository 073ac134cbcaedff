// A peer's process: a script that builds its model once, says "ready", and answers each line SECONDS with tokens a second.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RunError, systemReason } from '../src/errors.js';

/** How long a process may take to end by itself when its input ends. */
const END_MS = 2000;

export class PeerProcess {
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<string>;
  #stderr = '';

  /** @param name for messages, such as "PyTorch 1.13.1, 2 threads" */
  constructor(name: string, command: string, args: readonly string[]) {
    const env = { ...process.env };
    // Settings for another processor than this one make OpenBLAS slow.
    delete env.OPENBLAS_CORETYPE;
    delete env.OPENBLAS_L2_SIZE;
    this.#name = name;
    this.#child = spawn(command, args, { env });
    this.#child.stdin.on('error', () => {}); // It has died: that shows where its answer is awaited.
    this.#child.stderr.on('data', (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-10_000);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(systemReason(error)));
      this.#child.on('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
    });
  }

  /** @returns whether it was ready in time @throws RunError when it dies or says something else */
  async ready(limitMs: number): Promise<boolean> {
    const line = await this.#answer(limitMs);
    if (line !== undefined && line !== 'ready') throw this.#rubbish(line, '"ready"');
    return line !== undefined;
  }

  /** @returns tokens a second; undefined when it has no answer in time @throws RunError when it dies or answers no number */
  async tokensPerSecond(seconds: number, limitMs: number): Promise<number | undefined> {
    this.#child.stdin.write(`${seconds}\n`);
    const line = await this.#answer(limitMs);
    if (line === undefined) return undefined;
    const speed = line.trim() === '' ? Number.NaN : Number(line);
    if (!(speed > 0 && speed < Number.POSITIVE_INFINITY)) throw this.#rubbish(line, 'tokens a second');
    return speed;
  }

  /** @param ms that it has to end by itself */
  async close(ms = END_MS): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ms);
    await this.#ended;
    clearTimeout(timer);
    // Children of its own may hold them.
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  async #answer(limitMs: number): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    const next = await Promise.race([this.#lines.next(), late]);
    clearTimeout(timer);
    if (!next?.done) return next?.value;
    const how = await this.#ended;
    const last = this.#stderr.trim().split('\n').at(-1);
    throw new RunError(`${this.#name} died: ${how}${last ? `: ${last}` : ''}`);
  }

  #rubbish(line: string, wanted: string): RunError {
    return new RunError(`${this.#name} answers ${JSON.stringify(line.slice(0, 80))} where ${wanted} should be`);
  }
}

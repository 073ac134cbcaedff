// Settings that name what a run reads, as whole paths: so that it can be gone on with from any folder.

import { resolve } from 'node:path';
import type { SettingName } from './settings.js';

const READ: readonly SettingName[] = ['text', 'csv', 'jsonl', 'parquet', 'svmlight', 'initFrom'];

export function withWholePaths<S extends object>(settings: S): S {
  const whole = Object.entries(settings).filter(
    ([key, path]) => READ.includes(key as SettingName) && typeof path === 'string',
  );
  return { ...settings, ...Object.fromEntries(whole.map(([key, path]) => [key, resolve(path)])) };
}

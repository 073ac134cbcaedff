// The names of the C++ descriptors are those of kernels.ts, in the same order.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as kernels from '../../src/kernels/kernels.js';

const source = (name: string): string =>
  readFileSync(new URL(`../../src/kernels/cpp/${name}`, import.meta.url), 'utf8');
const header = source('descriptors.h');

const layouts = Object.entries(kernels).filter((entry) => typeof entry[1] === 'object' && 'size' in entry[1]);

test.each(layouts)('%s', (name, layout) => {
  const names = new RegExp(`namespace ${name} \\{\\s*enum \\{([^}]*)\\}`).exec(header)?.[1];
  expect(names?.split(',').map((field) => field.trim())).toEqual(Object.keys(layout));
  expect(Object.values(layout)).toEqual(Object.keys(layout).map((_, index) => index));
});

test('there is no other layout', () => {
  expect(header.match(/namespace \w+/g)).toHaveLength(layouts.length);
});

const { Init, Activation, CatchUp, Optimizer } = kernels;
const PREFIXES: Readonly<Record<string, string>> = { Init: 'INIT_', CatchUp: 'CATCH_UP_' };

test.each(Object.entries({ Init, Activation, CatchUp, Optimizer }))('enum %s', (name, values) => {
  const names = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)?.[1].split(',');
  const prefix = PREFIXES[name] ?? '';
  const expected = Object.keys(values).map((value) => prefix + value.toUpperCase());
  expect(names?.map((value) => value.trim())).toEqual(expected);
  expect(Object.values(values)).toEqual(expected.map((_, index) => index));
});

test('the width of a panel', () => {
  expect(source('types.h')).toContain(`#define PANEL ${kernels.PANEL}\n`);
});

// The schema that editors get: it knows every setting, and accepts of a single value what train accepts.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod/v3';
import { resolveConfig } from '../../src/config/config.js';
import { readConfigFile } from '../../src/config/config-file.js';
import { DATASET_NAMES } from '../../src/config/datasets.js';
import { configSchema, type JsonSchema } from '../../src/config/schema.js';
import type { Setting } from '../../src/config/setting.js';
import { SETTING_NAMES, SETTINGS, type SettingName } from '../../src/config/settings.js';

const schema = configSchema();
const properties = schema.properties as Readonly<Record<string, JsonSchema>>;
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

describe('the schema', () => {
  test('has every setting, with what it is, and nothing else but what may stand beside them', () => {
    expect(Object.keys(properties)).toEqual([...SETTING_NAMES, '$schema', 'version']);
    for (const key of SETTING_NAMES) {
      const { about, derived = '' }: Setting = SETTINGS[key];
      expect(properties[key].description).toContain(about);
      expect(properties[key].description).toContain(derived);
    }
  });

  test('tells defaults, bounds and choices', () => {
    const { hidden, dropout, cell, lr, dataset, window } = properties;
    expect(hidden).toMatchObject({ type: 'integer', minimum: 1, maximum: 65_536, default: 256 });
    expect(dropout).toMatchObject({ type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0 });
    expect(cell).toMatchObject({ enum: ['rnn', 'lstm', 'gru', 'mlp'], default: 'lstm' });
    expect(lr).toMatchObject({ type: ['number', 'null'], exclusiveMinimum: 0 });
    expect(lr).not.toHaveProperty('default');
    expect(dataset.enum).toEqual([...DATASET_NAMES, null]);
    expect(window.anyOf).toContainEqual({ const: 'full' });
  });

  test('has the default that a config gets where a key is left out', () => {
    const config = resolveConfig({ text: 'a.txt' });
    for (const key of SETTING_NAMES)
      if (Object.hasOwn(properties[key], 'default')) expect(properties[key].default, key).toEqual(config[key]);
  });
});

/** Values near the bounds of a setting, and some of other kinds. */
const values = (key: SettingName): fc.Arbitrary<unknown> => {
  const { choices = [] }: Setting = SETTINGS[key];
  const bounds = Object.values(properties[key]).filter((value) => typeof value === 'number');
  return fc.oneof(
    fc.constantFrom<unknown>(...choices, null, true, false, '', 'full', 'x', 0, 1, 0.5, -1, [], [5, 8], [0], ['a'], {}),
    fc.constantFrom<unknown>(0, ...bounds.flatMap((bound) => [bound - 1, bound, bound + 1, bound + 0.25])),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
  );
};

test.each(SETTING_NAMES)('a single value of %s is accepted where train accepts it', (key) => {
  const { schema: own }: Setting = SETTINGS[key];
  fc.assert(
    fc.property(values(key), (value) => {
      const isEmpty = value === null && own instanceof z.ZodOptional;
      expect(validate({ [key]: value }), JSON.stringify(value)).toBe(isEmpty || own.safeParse(value).success);
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('a list that does not grow is left to train', () => expect(validate({ milestones: [8, 5] })).toBe(true));

test('a key that is none is refused', () => {
  expect(validate({ hiden: 3 })).toBe(false);
  expect(validate.errors).toMatchObject([{ keyword: 'additionalProperties', params: { additionalProperty: 'hiden' } }]);
});

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const configs = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

test('there are example configs', () => expect(configs.length).toBeGreaterThan(0));

test.each(configs)('the example %s is valid', (name) => {
  expect(validate(readConfigFile(join(examples, name)).values), JSON.stringify(validate.errors)).toBe(true);
});

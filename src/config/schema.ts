// The settings as a JSON Schema (draft 2020-12), by which editors complete and check a config while it is written. What must
// hold between settings is not in it: train checks that.

import { z } from 'zod/v3';
import type { Setting } from './setting.js';
import { SETTING_NAMES, SETTINGS } from './settings.js';

/** A schema, or a part of one, as JSON. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** The schema of a config file, with the keys in the order of the settings. */
export function configSchema(): JsonSchema {
  // JSON has no comments: there the schema, and in the config of a run the version, stand beside the settings.
  const beside = { $schema: { type: 'string' }, version: { type: 'string' } };
  const properties = SETTING_NAMES.map((key) => [key, schemaOf(SETTINGS[key])]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Config of unroll train',
    type: 'object',
    properties: { ...Object.fromEntries(properties), ...beside },
    additionalProperties: false,
  };
}

function schemaOf({ about, allowed, kind, schema, derived }: Setting): JsonSchema {
  const bounds = kind !== 'string' && kind !== 'boolean' ? `, ${allowed}` : '';
  const fallback = derived === undefined ? '' : ` (default: ${derived})`;
  return { description: `${about}${bounds}${fallback}`, ...keywords(schema) };
}

/** @throws Error for a kind of schema that no setting has yet */
function keywords(schema: z.ZodTypeAny): JsonSchema {
  if (schema instanceof z.ZodDefault)
    return { ...keywords(schema._def.innerType), default: schema._def.defaultValue() };
  if (schema instanceof z.ZodOptional) return orNull(keywords(schema.unwrap()));
  if (schema instanceof z.ZodEffects) return keywords(schema.innerType());
  if (schema instanceof z.ZodNumber) return numberKeywords(schema);
  if (schema instanceof z.ZodEnum) return { type: 'string', enum: schema.options };
  if (schema instanceof z.ZodLiteral) return { const: schema.value };
  if (schema instanceof z.ZodString) return { type: 'string', minLength: schema.minLength ?? 0 };
  if (schema instanceof z.ZodBoolean) return { type: 'boolean' };
  if (schema instanceof z.ZodUnion) return { anyOf: schema.options.map(keywords) };
  if (schema instanceof z.ZodRecord) return { type: 'object', additionalProperties: keywords(schema.valueSchema) };
  if (schema instanceof z.ZodArray)
    return { type: 'array', items: keywords(schema.element), minItems: schema._def.minLength?.value ?? 0 };
  throw new Error(`no JSON Schema for ${schema.constructor.name}`);
}

/** A setting that may be left out may also be null: a key without a value is that in YAML. */
function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: choices, anyOf } = schema;
  if (Array.isArray(anyOf)) return { anyOf: [...anyOf, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(choices) ? { enum: [...choices, null] } : {}) };
}

/** A bound that comes later is the narrower one: the range of float32 comes first. */
function numberKeywords(schema: z.ZodNumber): JsonSchema {
  let [least, most]: JsonSchema[] = [{}, {}];
  for (const check of schema._def.checks) {
    if (check.kind === 'min') least = { [check.inclusive ? 'minimum' : 'exclusiveMinimum']: check.value };
    if (check.kind === 'max') most = { [check.inclusive ? 'maximum' : 'exclusiveMaximum']: check.value };
  }
  return { type: schema.isInt ? 'integer' : 'number', ...least, ...most };
}

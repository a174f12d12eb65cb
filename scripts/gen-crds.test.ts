import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { kinds, type SchemaNode } from '@reticle/operator/api';
import { definitionOf, generateCrds } from './gen-crds.ts';

type Tree = { readonly [key: string]: unknown };
type Version = {
  readonly additionalPrinterColumns: readonly {
    readonly name: string;
    readonly priority?: number;
    readonly jsonPath: string;
  }[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly schema: { readonly openAPIV3Schema: Tree };
};
const versionOf = (kind: keyof typeof kinds): Version =>
  (definitionOf(kinds[kind]) as { spec: { versions: [Version] } }).spec.versions[0];

/** Every schema below this one, with the path to it. */
function schemasOf(schema: Tree, path: string): (readonly [string, Tree])[] {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Tree>);
  const items = schema['items'] as Tree | undefined;
  return [
    [path, schema],
    ...properties.flatMap(([name, property]) => schemasOf(property, `${path}.${name}`)),
    ...(items === undefined ? [] : schemasOf(items, `${path}[]`)),
  ];
}

function rulesOf(node: SchemaNode): string[] {
  const own = node.rules.map(({ cel }) => cel);
  if (node.kind === 'object') return [...own, ...Object.values(node.fields).flatMap((field) => rulesOf(field.node))];
  return node.kind === 'list' ? [...own, ...rulesOf(node.item.node)] : own;
}

const names = Object.keys(kinds) as (keyof typeof kinds)[];

/** OPERATOR §2, in its words: columns (those of `-o wide` in parentheses), selectable fields, finalizer. */
const glance: Readonly<Record<keyof typeof kinds, readonly [columns: string, selectable: string, finalizer?: string]>> =
  {
    WaferClass: ['Generation, SRAM, Pools, Wafers, Age', ''],
    WaferPool: [
      'Region, Class, Phase, Free, Claimed, Spare, Window, Service, Available, Reason, Age (Stranded, Frag, Inventory)',
      'spec.region, spec.phaseRef',
      'wafers',
    ],
    Wafer: [
      'Pool, Slot, Phase, Replica, Stage, Healthy, Service, Age (Epoch, Node, Rack)',
      'spec.poolRef, spec.nodeName, spec.claim.uid',
      'claim',
    ],
    CapacityPhase: [
      'Region, MW, State, Weight, Installed, Accepted, Online-by, Reason, Age (Slip, Gate)',
      'spec.region',
      'wafers',
    ],
    AccessTier: ['Priority, Weight, Floor, Ceiling, Accepted, Age', ''],
    Tenant: ['Suspended, Tiers, Keys, Accepted, Age', ''],
    Model: ['Family, Layers, Context, KV/token, Accepted, Age (Digest)', 'spec.family', 'deployments'],
    ModelDeployment: [
      'Ready, Reason, Desired, ReadyReplicas, Updated, Regions, Age (Wafers, Surge, Revision, Gated, MinBreached)',
      'spec.modelRef.name, spec.servedName',
      'drain',
    ],
    ModelReplica: [
      'Phase, Ready, Reason, Region, Pool, Stages, Epoch, Age (Plan, Revision, Tok/s planned, Retire)',
      'spec.region, spec.desired',
      'drain',
    ],
  };

describe('definitions', () => {
  test('are the files of the chart', () => {
    const folder = 'charts/reticle/templates/crds';
    const root = new URL('../', import.meta.url);
    const files = readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`);
    const generated = generateCrds();
    expect(files.toSorted()).toEqual([...generated.keys()].toSorted());
    for (const [path, text] of generated) expect(readFileSync(new URL(path, root), 'utf8')).toBe(text);
  });

  test.each(names)('of %s have the columns, selectable fields and finalizer of OPERATOR §2', (kind) => {
    const { additionalPrinterColumns: columns, selectableFields = [] } = versionOf(kind);
    const shown = columns.filter(({ priority }) => priority === undefined).map(({ name }) => name);
    const wide = columns.filter(({ priority }) => priority === 1).map(({ name }) => name);
    const text = wide.length === 0 ? shown.join(', ') : `${shown.join(', ')} (${wide.join(', ')})`;
    const selectable = selectableFields.map(({ jsonPath }) => jsonPath.slice(1)).join(', ');
    const { finalizer }: { readonly finalizer?: string } = kinds[kind];
    const wanted = glance[kind][2];
    expect([text, selectable]).toEqual(glance[kind].slice(0, 2));
    expect(finalizer).toBe(wanted === undefined ? undefined : `reticle.dev/${wanted}`);
  });

  test.each(names)('of %s read columns from fields that there are', (kind) => {
    const { additionalPrinterColumns: columns, selectableFields = [], schema } = versionOf(kind);
    const paths = new Set(schemasOf(schema.openAPIV3Schema, '').map(([path]) => path));
    const read = [...columns, ...selectableFields].map(({ jsonPath }) => jsonPath.replace(/\[\?.*\]/, '[]'));
    const missing = read.filter((path) => path !== '.metadata.creationTimestamp' && !paths.has(path));
    expect(missing).toEqual([]);
  });

  test.each(names)('of %s need a spec, bound everything, and keep every rule', (kind) => {
    const { openAPIV3Schema: root } = versionOf(kind).schema;
    expect(root['required']).toEqual(['spec']);
    const schemas = schemasOf(root, '').filter(([path]) => path !== '.apiVersion' && path !== '.kind');
    for (const [path, schema] of schemas) {
      const bounds: Readonly<Record<string, readonly string[]>> = {
        string: schema['enum'] === undefined ? ['minLength', 'maxLength'] : [],
        integer: schema['enum'] === undefined ? ['minimum', 'maximum'] : [],
        array: ['maxItems', 'x-kubernetes-list-type'],
        object: schema['additionalProperties'] === undefined ? [] : ['maxProperties'],
        boolean: [],
      };
      const lacking = bounds[String(schema['type'])]?.filter((bound) => schema[bound] === undefined);
      expect([path, lacking]).toEqual([path, []]);
    }
    const emitted = schemas.flatMap(([, schema]) => (schema['x-kubernetes-validations'] ?? []) as { rule: string }[]);
    const declared = [...rulesOf(kinds[kind].schema.node), ...rulesOf(kinds[kind].status.node)];
    expect(emitted.map(({ rule }) => rule).toSorted()).toEqual(declared.toSorted());
  });

  test('mark the rules that also judge creations, and no others', () => {
    const text = [...generateCrds().values()].join('');
    expect(text.match(/.*\n.*\n.*optionalOldSelf: true/g)?.map((lines) => /message: "(\w+):/.exec(lines)?.[1])).toEqual(
      expect.arrayContaining(['wf8', 'mr9']),
    );
    expect(text.match(/optionalOldSelf/g)).toHaveLength(2);
  });

  test('survive an uninstall', () => {
    for (const text of generateCrds().values()) expect(text).toContain('helm.sh/resource-policy: keep');
  });
});

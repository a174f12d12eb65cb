import { describe, expect, test } from '@jest/globals';
import { evaluatePlan, planChain } from '@reticle/core/domain/wafer';
import {
  decodeObject,
  kinds,
  toGeometry,
  toProfile,
  validateScene,
  type Model,
  type ModelReplica,
  type ReticleObject,
  type WaferClass,
} from '@reticle/operator/api';
import { readdirSync, readFileSync } from 'node:fs';
import { readYaml } from './yaml-documents.ts';

const examples = new URL('../../../examples/', import.meta.url);
const folders = ['kinds', 'local', 'one-region', 'three-regions', 'access/manifests'];

type Read = { readonly file: string; readonly object: ReticleObject };

function readFolder(folder: string): readonly Read[] {
  const files = readdirSync(new URL(`${folder}/`, examples)).filter((name) => name.endsWith('.yaml'));
  return files.flatMap((file) =>
    readYaml(readFileSync(new URL(`${folder}/${file}`, examples), 'utf8')).map(({ faults, value }) => {
      expect([file, faults]).toEqual([file, []]);
      const decoded = decodeObject(kinds, value);
      if (decoded.problems !== undefined) throw new Error(`${folder}/${file}: ${JSON.stringify(decoded.problems)}`);
      return { file, object: decoded.ok };
    }),
  );
}

const objectOf = <K extends ReticleObject['kind']>(folder: string, kind: K) => {
  const found = readFolder(folder).find(({ object }) => object.kind === kind)?.object;
  return found as Extract<ReticleObject, { readonly kind: K }>;
};

describe('examples', () => {
  test.each(folders)('of %s decode and fit each other', (folder) => {
    const read = readFolder(folder);
    expect(read.length).toBeGreaterThan(1);
    expect(validateScene(read.map(({ object }) => object))).toEqual([]);
  });

  test('have one file per kind, named after it', () => {
    const kebab = (kind: string) => kind.replaceAll(/\B[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
    const read = readFolder('kinds');
    expect(new Set(read.map(({ object }) => object.kind))).toEqual(new Set(Object.keys(kinds)));
    for (const { file, object } of read) expect(file).toBe(`${kebab(object.kind)}.yaml`);
  });

  test.each(['one-region', 'three-regions'])('of %s hold every chain, a hot spare beside them', (folder) => {
    const objects = readFolder(folder).map(({ object }) => object);
    const pools = objects.filter((object) => object.kind === 'WaferPool');
    const deployments = objects.filter((object) => object.kind === 'ModelDeployment');
    expect(deployments.length).toBeGreaterThan(0);
    for (const { spec } of deployments) {
      for (const { region, replicas, scaling } of spec.regions) {
        const here = pools.filter((pool) => pool.spec.region === region);
        const room = here.map(({ spec: { source, spares } }) =>
          Math.floor(((source.simulated?.wafers ?? 0) - spares.minHot) / spec.shape.wafers),
        );
        expect(room.reduce((sum, chains) => sum + chains, 0)).toBeGreaterThanOrEqual(replicas ?? scaling?.max ?? 0);
      }
    }
  });

  test('show a replica with the plan of its model on its class', () => {
    const model: Model = objectOf('kinds', 'Model');
    const waferClass: WaferClass = objectOf('kinds', 'WaferClass');
    const { plan, inputs }: ModelReplica['spec'] = objectOf('kinds', 'ModelReplica').spec;
    const { wafers, streams, contextTokensMean } = inputs.shape;
    const chain = planChain({ geometry: toGeometry(model), profile: toProfile(waferClass), wafers });
    if (chain === undefined) throw new Error('the model fits its wafers');
    const { kvTokens, stages } = chain;
    const { tokensPerSecond } = evaluatePlan(chain, { streams, meanContextTokens: contextTokensMean });
    expect(plan?.predicted).toMatchObject({ kvTokens, streams, tokensPerSecond: Math.floor(tokensPerSecond) });
    const reserveBytes = (waferClass.spec.sramBytes * waferClass.spec.reservePercent) / 100;
    expect(plan?.stages).toMatchObject(
      stages.map(({ firstLayer, layers, weightBytes, kvBytesPerToken }, stage) => ({
        stage,
        firstLayer,
        lastLayer: firstLayer + layers - 1,
        weightBytes,
        kvBytes: kvTokens * kvBytesPerToken,
        reserveBytes,
      })),
    );
  });
});

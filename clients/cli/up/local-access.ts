import { dirname, resolve } from 'node:path';
import { nearestName, type LocalAccess } from '@reticle/core/domain';
import { readSecret } from '@reticle/core/process';
import {
  decodeValue,
  gatewayConfigSchema,
  subjectOf,
  toAccess,
  type GatewayConfigFile,
  type Place,
} from '@reticle/operator/api';
import type { ManifestFiles, Scene } from '../manifests/load-manifests.ts';
import { ManifestError, type ManifestProblem } from '../manifests/manifest-error.ts';
import { readYaml } from '../manifests/yaml-documents.ts';

const FILE_BYTES_MAX = 256 * 1_024;
/** As many characters as 128 random bits have in hexadecimal. */
const PEPPER_CHARACTERS_MIN = 32;
/** Tenant of the key that each run makes for itself. */
const OWN_TENANT = 'local';

/** A configuration file of the gateway, and what it is worth without one. */
export type GatewayFile = { readonly path: string; readonly config: GatewayConfigFile; readonly pepper?: string };

/** Reads and checks the file, and the secret that it names. Rejects with a `ManifestError` or a `ConfigError`. */
export async function loadGatewayFile(path: string, { disk }: Pick<ManifestFiles, 'disk'>): Promise<GatewayFile> {
  const config = decodeGatewayFile(path, await disk.readText(path, FILE_BYTES_MAX).catch(unreadable(path)));
  if (config.pepperFile === undefined) return { path, config };
  const file = resolve(dirname(path), config.pepperFile);
  const pepper = (await readSecret(disk, 'pepperFile', file)).reveal();
  if (pepper.length < PEPPER_CHARACTERS_MIN) {
    const reason = `the secret has fewer than ${PEPPER_CHARACTERS_MIN} characters (make one: openssl rand -hex 32)`;
    throw new ManifestError([{ file: path, field: 'pepperFile', reason }]);
  }
  return { path, config, pepper };
}

function unreadable(file: string): (error: unknown) => never {
  return (error) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new ManifestError([{ file, reason: `cannot be read: ${why} (check the file)` }]);
  };
}

function decodeGatewayFile(file: string, text: string): GatewayConfigFile {
  const [document, ...more] = readYaml(text);
  const faults = [document, ...more].flatMap((each) => each?.faults ?? []);
  if (faults.length > 0) throw new ManifestError(faults.map((fault) => ({ file, ...fault })));
  if (document === undefined || more.length > 0) {
    throw new ManifestError([{ file, reason: 'must hold one document (split it, or fill it)' }]);
  }
  const { ok, problems } = decodeValue(gatewayConfigSchema, document.value);
  if (problems === undefined) return ok;
  throw new ManifestError(
    problems.map(({ segments, path, message }) => {
      const field = path === '' ? {} : { field: path };
      return { file, line: document.lineOf(segments), ...field, reason: message };
    }),
  );
}

/** Who may come in at a local platform, beside its own key. Throws one `ManifestError` for what does not fit together. */
export function localAccess(scene: Scene, place: Place, file?: GatewayFile): LocalAccess {
  const problems = [...missingPepper(scene, file), ...foreignPolicies(scene, file), ...idleIssuers(scene, file)];
  if (problems.length > 0) throw new ManifestError(problems);
  const { issuers = [], allowedOrigins = [], socketsPerKeyMax, tenantPolicies = [] } = file?.config ?? {};
  return {
    ...toAccess(scene, place),
    keepsPartial: tenantPolicies
      .filter(({ partialOnInterrupt }) => partialOnInterrupt === 'keep')
      .map(({ tenant }) => tenant),
    door: { issuers, allowedOrigins, ...(socketsPerKeyMax === undefined ? {} : { socketsPerKeyMax }) },
    ...(file?.pepper === undefined ? {} : { pepper: file.pepper }),
  };
}

function missingPepper({ tenants }: Scene, file: GatewayFile | undefined): readonly ManifestProblem[] {
  const [first] = tenants.filter(({ spec }) => spec.keys.length > 0);
  if (first === undefined || file?.pepper !== undefined) return [];
  const reason = 'is missing, and keys prove nothing without it (name the secret that their HMACs were made with)';
  return [{ file: file?.path ?? 'the gateway configuration', subject: subjectOf(first), field: 'pepperFile', reason }];
}

function foreignPolicies({ tenants }: Scene, file: GatewayFile | undefined): readonly ManifestProblem[] {
  const names = [...tenants.map(({ metadata }) => metadata.name), OWN_TENANT];
  const policies = file?.config.tenantPolicies ?? [];
  return policies.flatMap(({ tenant }, index) => {
    if (file === undefined || names.includes(tenant)) return [];
    const near = nearestName(tenant, names);
    const hint = near === undefined ? `there are: ${names.join(', ')}` : `did you mean "${near}"?`;
    return [
      { file: file.path, field: `tenantPolicies[${index}].tenant`, reason: `no Tenant is named "${tenant}" (${hint})` },
    ];
  });
}

function idleIssuers({ tenants }: Scene, file: GatewayFile | undefined): readonly ManifestProblem[] {
  if (file === undefined || file.config.issuers.length === 0 || tenants.length > 0) return [];
  return [{ file: file.path, field: 'issuers', reason: 'there is no Tenant for their tokens (add Tenant manifests)' }];
}

/** One line for people: who may come in. */
export function accessLine({ tenants, keys, door }: LocalAccess): string {
  const names = tenants.map(({ name, suspended, elsewhere }) => {
    const state = suspended ? ' suspended' : elsewhere === undefined ? '' : ' served elsewhere';
    return `${name}${state}`;
  });
  const issuers = door.issuers.map(({ issuer }) => issuer);
  const parts = [
    `${count(tenants.length, 'tenant')} (${names.join(', ')})`,
    count(keys.length, 'key'),
    ...(issuers.length === 0 ? [] : [`tokens of ${issuers.join(', ')}`]),
  ];
  return tenants.length === 0 ? '' : `  ${parts.join('; ')}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

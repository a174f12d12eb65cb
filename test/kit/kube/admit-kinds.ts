import { decodeObject, decodeValue, kinds, refuseWrite, type Problem, type Schema } from '@reticle/operator/api';
import type { KubeManifest } from '@reticle/operator/cluster';
import type { Admission } from './fake-objects.ts';

type Definition = { readonly schema: Schema<unknown>; readonly status: Schema<unknown> };

/**
 * Admits objects of our kinds as the API server does with their definitions: schema, defaults, and every rule by its twin.
 * Other objects pass.
 */
export const admitKinds: Admission = ({ subresource, before, next }) => {
  if (!Object.hasOwn(kinds, next.kind)) return { object: next };
  const definition: Definition = kinds[next.kind as keyof typeof kinds];
  return subresource === 'status' ? admitStatus(definition, before, next) : admitObject(definition, before, next);
};

type Verdict = ReturnType<Admission>;

function admitObject({ schema }: Definition, before: KubeManifest | undefined, next: KubeManifest): Verdict {
  const { ok, problems } = decodeObject(kinds, written(next));
  if (problems !== undefined) return refused(problems);
  const old = before === undefined ? undefined : decodeObject(kinds, written(before)).ok;
  const broken = refuseWrite<unknown>(schema, ok, old);
  return broken.length > 0 ? refused(broken) : { object: { ...next, spec: ok.spec } };
}

function admitStatus({ status }: Definition, before: KubeManifest | undefined, next: KubeManifest): Verdict {
  const decoded = decodeValue(status, next.status ?? {}, ['status']);
  if (decoded.problems !== undefined) return refused(decoded.problems);
  const old = before?.status === undefined ? undefined : decodeValue(status, before.status).ok;
  const broken = refuseWrite(status, decoded.ok, old, ['status']);
  return broken.length > 0 ? refused(broken) : { object: { ...next, status: decoded.ok } };
}

/** What people write of an object; the rest of its metadata is the server's own. */
function written({ apiVersion, kind, metadata, spec }: KubeManifest): unknown {
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace }, spec };
}

function refused(problems: readonly Problem[]): Verdict {
  return {
    problems: problems.map(({ path, rule, message }) => `${path}: ${rule === undefined ? '' : `${rule}: `}${message}`),
  };
}

import { decodeValue, isRecord } from './decode.ts';
import { API_VERSION } from './kind.ts';
import type { Decoded } from './kinds.ts';
import { nameOfType, problemAt } from './problem.ts';
import { bool, int, list, obj, opt, str, time, withDefault, type Infer, type Schema } from './schema.ts';
import type { ObjectMeta, Stored } from './stored.ts';
import { utcMs } from './utc-time.ts';

/** What decoding needs of a kind's definition. */
type AnyKind = { readonly kind: string; readonly schema: Schema<unknown>; readonly status: Schema<unknown> };

const owner = obj({ kind: str(), name: str(), uid: str(), controller: withDefault(bool(), false) });

/** What is read of `metadata`, beside labels and annotations; the rest is the server's own. */
const metadata = {
  name: str(),
  namespace: opt(str()),
  uid: str(),
  resourceVersion: str(),
  generation: withDefault(int(0), 0),
  creationTimestamp: time(),
  deletionTimestamp: opt(time()),
  finalizers: withDefault(list(str(), { maxItems: 1_000 }), []),
  ownerReferences: withDefault(list(owner, { maxItems: 1_000 }), []),
};
const metadataSchema = obj(metadata);
const ownerFields = ['kind', 'name', 'uid', 'controller'];

/**
 * An object as an API server returns it. A spec that this version cannot read is refused with every problem
 * (`UnsupportedVersion`, or `InvalidSpec` when a rule refuses it); a status that it cannot read counts as absent, since it
 * is rebuilt (OPERATOR §1 rule 2).
 */
export function decodeStored<D extends AnyKind>(definition: D, raw: unknown): Decoded<Stored<D>> {
  if (!isRecord(raw)) return { problems: [problemAt([], 'type', `must be an object, not ${nameOfType(raw)}`)] };
  const given = isRecord(raw['metadata']) ? raw['metadata'] : {};
  const meta = decodeValue(metadataSchema, pick(given, Object.keys(metadata)), ['metadata']);
  if (meta.problems !== undefined) return { problems: meta.problems };
  const { name, namespace } = meta.ok;
  const place = namespace === undefined ? {} : { namespace };
  const written = {
    apiVersion: raw['apiVersion'] ?? API_VERSION,
    kind: raw['kind'] ?? definition.kind,
    metadata: { name, ...place },
    spec: raw['spec'],
  };
  const decoded = decodeValue(definition.schema, written);
  if (decoded.problems !== undefined) return { problems: decoded.problems };
  const status = isRecord(raw['status']) ? decodeValue(definition.status, raw['status']).ok : undefined;
  const stored = {
    kind: definition.kind,
    meta: metaOf(meta.ok, given),
    spec: (decoded.ok as { readonly spec: unknown }).spec,
    ...(status === undefined ? {} : { status }),
  };
  // Sound because spec and status were decoded by the schemas that D is made of.
  return { ok: stored as Stored<D> };
}

type Entries = Readonly<Record<string, unknown>>;

function pick(from: Entries, names: readonly string[]): Entries {
  const owners = from['ownerReferences'];
  const picked = names.map((name) => [name, from[name]] as const);
  if (!Array.isArray(owners)) return Object.fromEntries(picked);
  const cut = owners.map((each: unknown) => (isRecord(each) ? pick(each, ownerFields) : each));
  return { ...Object.fromEntries(picked), ownerReferences: cut };
}

function metaOf(decoded: Infer<typeof metadataSchema>, given: Entries): ObjectMeta {
  const { name, namespace, uid, resourceVersion, generation, finalizers, ownerReferences } = decoded;
  const deletion = decoded.deletionTimestamp;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    resourceVersion,
    generation,
    // The schema has refused texts that are no moment.
    creationMs: utcMs(decoded.creationTimestamp) ?? 0,
    ...(deletion === undefined ? {} : { deletionMs: utcMs(deletion) ?? 0 }),
    finalizers,
    labels: stringsOf(given['labels']),
    annotations: stringsOf(given['annotations']),
    owners: ownerReferences,
  };
}

/** Any texts, the empty one included: other controllers write labels and annotations too. */
function stringsOf(given: unknown): Readonly<Record<string, string>> {
  const entries = isRecord(given) ? Object.entries(given) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

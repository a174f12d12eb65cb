import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import type { LinkServiceDefinition } from '../gen/reticle/engine/v1/LinkService.ts';
import type { SessionServiceDefinition } from '../gen/reticle/session/v1/SessionService.ts';

/** Folder that holds `reticle/<package>/v1/*.proto`. */
export const PROTO_ROOT = join(import.meta.dirname, '..');

/** How messages look in JavaScript: camelCase, numbers for 64-bit and enums, every field present. Matches proto/gen. */
export const LOADER_OPTIONS: Options = {
  keepCase: false,
  longs: Number,
  defaults: true,
  oneofs: true,
  includeDirs: [PROTO_ROOT],
};

const PACKAGES = ['session', 'engine', 'signal', 'serving'] as const;

/** Paths of all .proto files, relative to {@link PROTO_ROOT}. */
export function protoFiles(): string[] {
  return PACKAGES.flatMap((name) => {
    const folder = `reticle/${name}/v1`;
    return readdirSync(join(PROTO_ROOT, folder))
      .filter((file) => file.endsWith('.proto'))
      .map((file) => `${folder}/${file}`);
  });
}

let definition: PackageDefinition | undefined;

/** The loaded package definition (also what reflection serves); loaded once per process. */
export function packageDefinition(): PackageDefinition {
  definition ??= loadSync(protoFiles(), LOADER_OPTIONS);
  return definition;
}

/** `reticle.session.v1.SessionService` with the library's (de)serialisers. */
export function sessionServiceDefinition(): SessionServiceDefinition {
  return packageDefinition()['reticle.session.v1.SessionService'] as ServiceDefinition as SessionServiceDefinition;
}

/** `reticle.engine.v1.LinkService` with the library's (de)serialisers. */
export function linkServiceDefinition(): LinkServiceDefinition {
  return packageDefinition()['reticle.engine.v1.LinkService'] as ServiceDefinition as LinkServiceDefinition;
}

let root: protobuf.Root | undefined;

/** protobufjs reflection of the same files: field types for strict decoding and for coder tests. */
export function protoRoot(): protobuf.Root {
  if (root === undefined) {
    const loading = new protobuf.Root();
    loading.resolvePath = (_origin, target) => (target.startsWith('google/') ? target : join(PROTO_ROOT, target));
    root = loading.loadSync(protoFiles(), { keepCase: false });
    root.resolveAll();
  }
  return root;
}

const CONVERSION = { longs: Number, defaults: true, arrays: true, oneofs: true } as const;

/** Codec of one message by its full name (`reticle.engine.v1.Presence`), in the shape of proto/gen. */
export function messageCodec<Input extends object, Output extends object>(
  name: string,
): { encode(message: Input): Uint8Array; decode(bytes: Uint8Array): Output } {
  const type = protoRoot().lookupType(name);
  return {
    encode: (message) => type.encode(type.fromObject(message)).finish(),
    decode: (bytes) => type.toObject(type.decode(bytes), CONVERSION) as Output,
  };
}

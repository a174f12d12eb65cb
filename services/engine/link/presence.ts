/**
 * Presence: how gateways find the engine (PROTOCOL E10). A hint, sent again every 250 ms and on change; a lost
 * one is made good by the next.
 */
import { subjects } from '@reticle/proto/contract';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import type { Presence, Presence__Input } from '@reticle/proto/gen/engine/v1/Presence';
import { messageCodec } from '@reticle/proto/load';
import type { EngineHost } from '../host/engine-host.ts';

export type PresenceOptions = {
  readonly host: EngineHost;
  /** Where gateways dial the engine, `host:port`. */
  readonly address: string;
  /** The cell whose gateways listen: the region's name unless it has several. */
  readonly cell: string;
  readonly publish: (subject: string, bytes: Uint8Array) => void;
};

/** Codec of `reticle.engine.v1.Presence`. */
export function presenceCodec(): { encode(message: Presence__Input): Uint8Array; decode(bytes: Uint8Array): Presence } {
  return messageCodec<Presence__Input, Presence>('reticle.engine.v1.Presence');
}

/** Publishes at once and with every load report; returns the function that stops it. */
export function publishPresence({ host, address, cell, publish }: PresenceOptions): () => void {
  const codec = presenceCodec();
  const { engineId, region, replicaEpoch } = host.identity;
  const { model, modelDigest } = host.model;
  const subject = subjects.presence(cell, engineId);
  const constant = { engineId, region, address, model, modelDigest, replicaEpoch, capabilities: host.capabilities };
  let seq = 0;
  const tell = (load: Load): void => publish(subject, codec.encode({ ...constant, seq: ++seq, load }));
  tell(host.load());
  return host.onLoad(tell);
}

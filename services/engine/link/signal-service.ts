/**
 * The host's ears on the bus (PROTOCOL §3): interrupts of its sessions, its drain, and the question who holds a
 * session. Everything else of a signal is in host/signals.ts, where the gRPC path ends as well.
 */
import { subjects } from '@reticle/proto/contract';
import type { Bus } from '@reticle/services/bus';
import type { HostSignals } from '../host/signals.ts';

export type SignalServiceOptions = {
  readonly bus: Pick<Bus, 'respond'>;
  readonly signals: HostSignals;
  readonly cell: string;
  readonly engineId: string;
  /** Where gateways dial the engine, `host:port`; told in `Located`. */
  readonly address: string;
};

/** Answers from now on; returns the function that stops it. */
export function serveSignals({ bus, signals, cell, engineId, address }: SignalServiceOptions): () => void {
  const control = (payload: Uint8Array, subject: string): Promise<Uint8Array | undefined> =>
    signals.signal(payload, subject);
  const stops = [
    bus.respond(subjects.interruptsOfEngine(cell, engineId), control),
    bus.respond(subjects.drain(cell, engineId), control),
    bus.respond(subjects.locate(cell), (payload) => signals.locate(payload, address)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

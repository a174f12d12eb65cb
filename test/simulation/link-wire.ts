/**
 * The link between gateway and engine over the simulated network: the bytes are those of the real codecs, the two ends
 * behave as `GrpcLinkTransport` and `listenLinks` do.
 */
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import { linkServiceDefinition } from '@reticle/proto/load';
import type { EngineHost, HostLink, HostSignals } from '@reticle/services/engine';
import type { LinkTransport, SignalTransport } from '@reticle/services/stream';
import type { LinkWatch } from './link-watch.ts';
import type { End, EndHandlers, Network } from './network.ts';
import type { SimProcess } from './sim-process.ts';

const { requestSerialize, requestDeserialize, responseSerialize } = linkServiceDefinition().Link;

/** The machine of an engine's address: `<node>:<port>`. */
export function nodeOf(address: string): string {
  return address.split(':')[0] ?? '';
}

/** Dials links for a gateway's process. */
export function linkTransport(network: Network, process: SimProcess): LinkTransport {
  return {
    open: (address, handlers) => {
      let open = true;
      const closed = (reason: string): void => {
        if (!open) return;
        open = false;
        handlers.closed(reason);
      };
      const end = network.connect(
        process,
        { node: nodeOf(address), address },
        {
          data: (bytes) => {
            if (open) handlers.data(bytes as Uint8Array);
          },
          closed,
        },
      );
      return {
        send: (request) => {
          if (!open) return;
          const bytes = requestSerialize(request);
          end.send({ bytes: bytes.length, value: bytes });
        },
        close: () => {
          end.close();
          closed('closed here');
        },
      };
    },
  };
}

/** Carries signals of a gateway's process past the bus: one connection per call. */
export function signalTransport(network: Network, process: SimProcess): SignalTransport {
  return {
    call: (address, bytes, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (): void => {
          cancel();
          end.close();
        };
        const cancel = process.clock.after(timeoutMs, () => {
          end.close();
          reject(new Error('no ack came in time'));
        });
        const end = network.connect(
          process,
          { node: nodeOf(address), address: `${address}/signal` },
          {
            data: (ack) => {
              finish();
              resolve(ack as Uint8Array);
            },
            closed: (reason) => {
              finish();
              reject(new Error(reason));
            },
          },
        );
        end.send({ bytes: bytes.length, value: bytes.slice() });
      }),
  };
}

export type LinkListener = {
  readonly network: Network;
  readonly process: SimProcess;
  readonly address: string;
  readonly host: EngineHost;
  readonly signals: HostSignals;
  readonly watch: LinkWatch;
};

/** Serves links of an engine: a step counts as waiting until the wire has taken it. */
export function listenForLinks({ network, process, address, host, signals, watch }: LinkListener): void {
  network.listen(process, address, (end) => serve(end, host, watch.link(process.name)));
  network.listen(process, `${address}/signal`, (end) => answerSignals(end, signals));
}

function answerSignals(end: End, signals: HostSignals): EndHandlers {
  const answer = async (signed: Uint8Array): Promise<void> => {
    const ack = await signals.signal(signed);
    if (ack === undefined) end.close();
    else end.send({ bytes: ack.length, value: ack.slice() });
  };
  return { data: (signed) => void answer(signed as Uint8Array), closed: () => {} };
}

function serve(end: End, host: EngineHost, watch: ReturnType<LinkWatch['link']>): EndHandlers {
  let waiting = false;
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    end.close();
  };
  const link: HostLink = {
    get writable() {
      return open && !waiting;
    },
    control: (message) => {
      if (!open) return;
      watch.control(message);
      const bytes = responseSerialize(message);
      end.send({ bytes: bytes.length, value: bytes });
    },
    step: (bytes) => {
      if (!open) return;
      watch.step(bytes);
      waiting = true;
      end.send({ bytes: bytes.length, value: bytes }, () => {
        waiting = false;
        if (open) peer.writable();
      });
    },
    close,
  };
  const peer = host.connect(link);
  return {
    data: (bytes) => {
      const request: LinkRequest = requestDeserialize(bytes as Buffer);
      watch.request(request);
      peer.message(request);
    },
    closed: () => {
      close();
      peer.closed();
    },
  };
}

import { Client, credentials, type ChannelOptions, type ClientDuplexStream } from '@grpc/grpc-js';
import { limits } from '@reticle/proto/contract';
import { linkServiceDefinition } from '@reticle/proto/load';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';

export type LinkHandlers = {
  readonly data: (bytes: Uint8Array) => void;
  /** Told once, for whatever reason the stream is over. */
  readonly closed: (reason: string) => void;
};

export type OpenLink = { send(request: LinkRequest__Input): void; close(): void };

/** Opens one `Link` stream to an address. */
export interface LinkTransport {
  open(address: string, handlers: LinkHandlers): OpenLink;
}

/** Each link has its own connection (E1); retries are the application's business (PROTOCOL §0). */
const CHANNEL: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': limits.libraryMessageBytesMax,
  // What the engine may send before it hears from here: a wake of 1,000 streams is larger than the default 64 KiB.
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
};

const identity = (bytes: Buffer): Uint8Array => bytes;

/** Links over grpc-js; responses stay bytes, so that steps are read without objects (H2). */
export class GrpcLinkTransport implements LinkTransport {
  open(address: string, handlers: LinkHandlers): OpenLink {
    const method = linkServiceDefinition().Link;
    const client = new Client(address, credentials.createInsecure(), CHANNEL);
    const call: ClientDuplexStream<LinkRequest__Input, Uint8Array> = client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      identity,
    );
    let open = true;
    const close = (reason: string): void => {
      if (!open) return;
      open = false;
      call.cancel();
      client.close();
      handlers.closed(reason);
    };
    call.on('data', (bytes: Uint8Array) => {
      if (open) handlers.data(bytes);
    });
    call.on('error', (error: Error & { code?: number }) => close(`status ${error.code ?? 'unknown'}`));
    call.on('end', () => close('the engine ended the link'));
    return { send: (request) => void (open && call.write(request)), close: () => close('closed here') };
  }
}

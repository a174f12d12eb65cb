/** Referent of the front door: what a relay on `node:http` is when nobody thinks about it. */
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { serveCalls } from '../rig/calls.ts';
import { listenAnywhere } from '../rig/listen.ts';

const agent = new Agent({ keepAlive: true });

function relay(
  behind: { readonly host: string; readonly port: number },
  near: IncomingMessage,
  answer: ServerResponse,
) {
  const { method, url: path, headers } = near;
  const far = request({ ...behind, method, path, headers, agent }, (from) => {
    answer.writeHead(from.statusCode ?? 502, from.headers);
    from.pipe(answer);
    answer.on('close', () => from.destroy());
  });
  far.on('error', () => answer.destroy());
  near.pipe(far);
}

const calls = {
  /** @param address `host:port` of what is behind it. Resolves to its own. */
  start(address: string): Promise<string> {
    const [host = '', port = ''] = address.split(':');
    const behind = { host, port: Number(port) };
    const server = createServer({ noDelay: true }, (near, answer) => relay(behind, near, answer));
    return listenAnywhere(server);
  },
};

export type HttpRelayCalls = typeof calls;
serveCalls(calls);

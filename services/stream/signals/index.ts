export { SignalSender } from './signal-sender.ts';
export type { SignalSenderOptions } from './signal-sender.ts';
export { GrpcSignalTransport } from './signal-transport.ts';
export type { SignalTransport } from './signal-transport.ts';

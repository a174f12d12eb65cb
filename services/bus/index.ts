export { subjectMatches } from './bus.ts';
export type { Bus, BusHandler } from './bus.ts';
export { BusHub, ChannelBus } from './channel-bus.ts';
export type { Channel } from './channel-bus.ts';
export { LocalBus } from './local-bus.ts';

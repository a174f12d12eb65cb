export { engineKey, engineSignalKeys, readSignalKeys, sessionKey, sessionSignalKeys } from './keys.ts';
export type { SignalKey } from './keys.ts';
export { encodeLocated, locateRequest, provesLocate, readLocate, readLocated } from './locate.ts';
export { isFresh, openAck, openSignal, signAck, signalSubject, signSignal } from './signed.ts';
export type { OpenedSignal, SignalFault, SignalOpening } from './signed.ts';

/** Under simulation the real sources of time and chance throw: what reaches for one is not a function of the seed. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

function refuse(name: string): () => never {
  return () => {
    throw new Error(`${name} under simulation: time and chance come in through ports`);
  };
}

/** Replaces them for the rest of the process. What the runner itself needs it takes before. */
export function forbidRealEffects(): void {
  Date.now = refuse('Date.now');
  performance.now = refuse('performance.now');
  Math.random = refuse('Math.random');
  const banned = refuse('setTimeout');
  Object.assign(globalThis, { setTimeout: banned, setInterval: refuse('setInterval'), fetch: refuse('fetch') });
  const random = ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID'] as const;
  Object.assign(crypto, Object.fromEntries(random.map((name) => [name, refuse(`crypto.${name}`)])));
  const web = { value: refuse('crypto.getRandomValues'), configurable: true };
  Object.defineProperty(globalThis.crypto, 'getRandomValues', web);
  syncBuiltinESMExports();
}

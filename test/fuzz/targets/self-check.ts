/** A bug that only coverage leads to: five bytes, each behind the one before (PROMISES §3.6). The fuzzer must find it. */
import type { FuzzTarget } from '../target.ts';

const MAGIC = [0x52, 0x65, 0x74, 0x21, 0x9a] as const;

function run(bytes: Uint8Array): void {
  if (bytes[0] !== MAGIC[0]) return;
  if (bytes[1] !== MAGIC[1]) return;
  if (bytes[2] !== MAGIC[2]) return;
  if (bytes[3] !== MAGIC[3]) return;
  if (bytes[4] === MAGIC[4]) throw new TypeError('planted');
}

export const target: FuzzTarget = {
  name: 'self-check',
  sources: ['/test/fuzz/targets/self-check'],
  dictionary: [],
  bytesMax: 32,
  seeds: [],
  run,
  allows: () => false,
};

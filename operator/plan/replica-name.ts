import { sha256 } from './digest/sha256.ts';

/** Letters and digits of a hash: names keep to `[a-z0-9]` (OPERATOR §1 rule 9). */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const REGION_LETTERS = 4;
const REVISION_LETTERS = 6;

/** `<deployment>-<region hash 4>-<revision 6>-<ordinal>`. */
export function replicaName(deployment: string, region: string, revision: string, ordinal: number): string {
  return `${deployment}-${hashLetters(region, REGION_LETTERS)}-${revision}-${ordinal}`;
}

/** Six letters of the hash of what runs. */
export function revisionName(canonicalInputs: string): string {
  return hashLetters(canonicalInputs, REVISION_LETTERS);
}

/** Name of a pod of a replica. */
export function podName(replica: string, epoch: number, stage: number): string {
  return `${replica}-${epoch}-${stage}`;
}

/** Name of the ConfigMap that carries the plan of an epoch. */
export function planName(replica: string, epoch: number): string {
  return `${replica}-${epoch}`;
}

function hashLetters(text: string, count: number): string {
  const digits = sha256(text).slice('sha256:'.length);
  const letters = Array.from({ length: count }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
  return letters.map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

/** Messages of the stage link, checked where they come in. */
import { ReticleError } from '@reticle/core/domain';
import type { StagePing, StagePong } from './ring-watch.ts';

/** A stage that does not serve the asker's chain says so; it is never counted as an answer. */
export type StageRefusal = { readonly sequence: number; readonly stage: number; readonly refused: string };

const TEXT_MAX = 256;

/** @throws ReticleError `invalid_request` */
export function pingOf(value: unknown): StagePing {
  const { sequence, stage, epoch } = fields(value);
  return { sequence: whole(sequence), stage: whole(stage), epoch: whole(epoch) };
}

/** @throws ReticleError `invalid_request` */
export function answerOf(value: unknown): StagePong | StageRefusal {
  const { sequence, stage, refused, ...pong } = fields(value);
  const head = { sequence: whole(sequence), stage: whole(stage) };
  if (refused !== undefined) return { ...head, refused: text(refused) };
  const { programId, hardwareId, epoch, state } = pong;
  if (state !== 'serving' && state !== 'failed') throw malformed();
  return { ...head, programId: text(programId), hardwareId: text(hardwareId), epoch: whole(epoch), state };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw malformed();
  return { ...value };
}

function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed();
}

function text(value: unknown): string {
  if (typeof value === 'string' && value.length <= TEXT_MAX) return value;
  throw malformed();
}

function malformed(): ReticleError {
  return new ReticleError('invalid_request', 'a message of the stage link is malformed');
}

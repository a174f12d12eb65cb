import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { ClientCommand, Flow } from '@reticle/services/session';
import { runOf, ScriptedFront, SESSION_ID, type ScriptedAttachment } from '../grpc/edge-kit.ts';
import { caller, settled } from '../websocket/websocket-kit.ts';
import { Conversation } from './conversation.ts';
import { started } from './openai-kit.ts';
import { ResponseRecord } from './response-record.ts';

/** One running turn that has told 300 tokens, and the statements of its credit. */
class Rig {
  readonly clock = new VirtualClock();
  readonly attachments: ScriptedAttachment[] = [];
  readonly flows: (readonly [number, number])[] = [];
  readonly conversation: Conversation;

  constructor() {
    const front = new ScriptedFront();
    front.on('attach', (attachment: ScriptedAttachment) => {
      this.attachments.push(attachment);
      attachment.on('command', (command: ClientCommand) => {
        if (command.kind === 'flow') this.#told(command.flow);
      });
    });
    const ids = { sessionId: SESSION_ID, onIdle: () => {} };
    this.conversation = new Conversation({ front, caller, clock: this.clock, random: seededRandom(3), ...ids });
  }

  #told({ receivedThroughOffset, creditTokens }: Flow): void {
    this.flows.push([receivedThroughOffset, creditTokens]);
  }

  async running(): Promise<void> {
    const turn = {
      turnId: 't1',
      parentTurnId: '',
      input: [],
      params: { stop: [] },
      prefillOnly: false,
      bodyDigest: '',
    };
    this.conversation.start(turn, new ResponseRecord('t1'));
    await settled();
    const sink = this.attachments.at(-1)?.sink;
    sink?.event({ ...started, turnId: 't1' });
    sink?.tokens(runOf('t1', 0, 'x'.repeat(300)));
  }
}

describe('the credit of a turn', () => {
  test('is taken once and given again once', async () => {
    const rig = new Rig();
    await rig.running();
    rig.conversation.hold('t1', true);
    rig.conversation.hold('t1', true);
    rig.conversation.flushed('t1', 200);
    rig.conversation.hold('t1', false);
    rig.conversation.hold('t1', false);
    expect(rig.flows).toEqual([
      [0, 0],
      [200, 0],
      [200, 512],
    ]);
  });

  test('stays taken on the next stream of its session', async () => {
    const rig = new Rig();
    await rig.running();
    rig.conversation.hold('t1', true);
    rig.attachments[0]?.sink.end(new ReticleError('engine_lost', 'the link broke'));
    rig.conversation.flushed('t1', 200);
    rig.clock.advance(1_000);
    await settled();
    expect(rig.attachments).toHaveLength(2);
    expect(rig.flows).toEqual([
      [0, 0],
      [200, 0],
    ]);
  });

  test("is nobody else's: another turn is unknown", async () => {
    const rig = new Rig();
    await rig.running();
    rig.conversation.hold('t2', true);
    expect(rig.flows).toEqual([]);
  });
});

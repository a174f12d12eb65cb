import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { ClientCommand, StartTurn } from '@reticle/services/session';
import { controlAck, runOf, ScriptedFront, SESSION_ID, type ScriptedAttachment } from '../grpc/edge-kit.ts';
import { caller, settled } from '../websocket/websocket-kit.ts';
import { Conversation } from './conversation.ts';
import { ended, mark, started } from './openai-kit.ts';
import { ResponseRecord } from './response-record.ts';

const turn = (turnId: string): StartTurn => ({
  turnId,
  parentTurnId: '',
  input: [],
  params: { stop: [] },
  prefillOnly: false,
  bodyDigest: turnId,
});

class Rig {
  readonly clock = new VirtualClock();
  readonly front = new ScriptedFront();
  readonly attachments: ScriptedAttachment[] = [];
  readonly commands: ClientCommand[] = [];
  readonly first = new ResponseRecord('a');
  readonly second = new ResponseRecord('b');
  readonly conversation: Conversation;

  constructor() {
    const { front, clock } = this;
    front.on('attach', (attachment: ScriptedAttachment) => {
      this.attachments.push(attachment);
      attachment.on('command', (command: ClientCommand) => this.commands.push(command));
    });
    const ids = { sessionId: SESSION_ID, onIdle: () => {} };
    this.conversation = new Conversation({ front, caller, clock, random: seededRandom(3), ...ids });
  }

  get sink(): ScriptedAttachment['sink'] {
    const last = this.attachments.at(-1);
    if (last === undefined) throw new Error('nothing is attached');
    return last.sink;
  }

  /** One turn runs, and is redirected. */
  async redirected() {
    this.conversation.start(turn('t1'), this.first);
    await settled();
    this.sink.event({ ...started, turnId: 't1' });
    this.sink.event({ ...mark(0), turnId: 't1' });
    this.sink.tokens(runOf('t1', 0, 'hello'));
    const request = { turnId: 't1', mode: 'keep-generated', reason: 'user' } as const;
    const receipt = this.conversation.redirect(request, turn('t2'), this.second);
    return { receipt };
  }

  get signalId(): string {
    const command = this.commands.findLast(({ kind }) => kind === 'redirect');
    return command?.kind === 'redirect' ? command.redirect.cut.signalId : '';
  }
}

describe('a redirect', () => {
  test('is one command, and its successor has a record of its own', async () => {
    const rig = new Rig();
    const { receipt } = await rig.redirected();
    expect(rig.commands.map(({ kind }) => kind)).toEqual(['start-turn', 'redirect']);
    rig.sink.event({ ...controlAck, signalId: rig.signalId, effectiveOffset: 5 });
    rig.sink.event({ ...ended(5, { status: 'redirected' }), turnId: 't1' });
    rig.sink.event({ ...started, turnId: 't2' });
    expect((await receipt).effectiveOffset).toBe(5);
    expect([rig.first.ended?.status, rig.second.started?.turnId]).toEqual(['redirected', 't2']);
  });

  test('that had no answer when its stream was lost is said again on the next one, and its successor has no cursor', async () => {
    const rig = new Rig();
    await rig.redirected();
    rig.sink.end();
    rig.clock.advance(50);
    await settled();
    expect(rig.commands.map(({ kind }) => kind)).toEqual(['start-turn', 'redirect', 'redirect']);
    const [, , again] = rig.commands;
    expect({ ...again, seq: 0 }).toEqual({ ...rig.commands[1], seq: 0 });
    expect(rig.attachments.at(-1)?.request.cursors.map(({ turnId }) => turnId)).toEqual(['t1']);
  });

  test('that was answered is not said again, and its successor has a cursor', async () => {
    const rig = new Rig();
    await rig.redirected();
    rig.sink.event({ ...controlAck, signalId: rig.signalId, effectiveOffset: 5 });
    rig.sink.end();
    rig.clock.advance(50);
    await settled();
    expect(rig.commands).toHaveLength(2);
    expect(rig.attachments.at(-1)?.request.cursors.map(({ turnId }) => turnId)).toEqual(['t1', 't2']);
  });

  test('that is refused ends its successor, and the turn goes on', async () => {
    const rig = new Rig();
    const { receipt } = await rig.redirected();
    const refused = { outcome: 'refused', code: 'idempotency_conflict' } as const;
    rig.sink.event({ ...controlAck, ...refused, signalId: rig.signalId });
    expect((await receipt).outcome).toBe('refused');
    expect(rig.second.ended).toMatchObject({ status: 'failed', error: { code: 'idempotency_conflict' } });
    expect(rig.first.ended).toBeUndefined();
    expect(rig.conversation.running).toBe(1);
  });

  test('a cut that waits for a border has its receipt when it is made', async () => {
    const rig = new Rig();
    rig.conversation.start(turn('t1'), rig.first);
    await settled();
    rig.sink.event({ ...started, turnId: 't1' });
    let receipts = 0;
    void rig.conversation.cut({ turnId: 't1', mode: 'at-item-boundary', reason: 'user' }).then(() => (receipts += 1));
    const { interrupt } = rig.commands.at(-1) as Extract<ClientCommand, { kind: 'interrupt' }>;
    const { signalId } = interrupt;
    rig.sink.event({ ...controlAck, signalId, outcome: 'pending' });
    await settled();
    expect(receipts).toBe(0);
    rig.sink.event({ ...controlAck, signalId });
    await settled();
    expect(receipts).toBe(1);
  });
});

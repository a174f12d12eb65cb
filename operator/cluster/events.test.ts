import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { FakeApiServer, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { Events, type EventWords } from './events.ts';
import { refusal } from './failure.ts';
import type { KubeObject } from './port.ts';
import { resources } from './resources.ts';

const words: EventWords = { type: 'Warning', reason: 'NoFit', action: 'Place', note: 'need 21, found 19' };

async function rigOf() {
  const clock = new VirtualClock();
  const faults: { next?: FakeFault } = {};
  const log = memoryLogger();
  const server = new FakeApiServer({ clock, fault: () => faults.next });
  const events = new Events({ kube: server, clock, log, identity: 'operator-0' });
  const metadata = { name: 'w', namespace: 'default' };
  const manifest = { apiVersion: 'reticle.dev/v1alpha1', kind: 'ModelReplica', metadata, spec: {} };
  const made = await until(clock, server.create(resources.modelReplica, manifest));
  if (!made.ok) throw new Error(made.failure.message);
  const emit = (over: Partial<EventWords> = {}, object: KubeObject = made.value): Promise<void> =>
    until(clock, events.emit(resources.modelReplica, object, { ...words, ...over }));
  const written = (): KubeObject[] => server.objects().filter(({ kind }) => kind === 'Event');
  return { clock, server, log, faults, object: made.value, emit, written };
}

describe('events', () => {
  test('say on the object what was done, by whom and why', async () => {
    const { emit, written, object } = await rigOf();
    await emit();
    const { uid, resourceVersion } = object.metadata;
    expect(written()).toMatchObject([
      {
        apiVersion: 'events.k8s.io/v1',
        metadata: { namespace: 'default' },
        type: 'Warning',
        reason: 'NoFit',
        action: 'Place',
        note: 'need 21, found 19',
        reportingController: 'reticle.dev/operator',
        reportingInstance: 'operator-0',
        regarding: { kind: 'ModelReplica', namespace: 'default', name: 'w', uid, resourceVersion },
      },
    ]);
  });

  test('the same again is one event with a count, told once in five minutes', async () => {
    const { clock, server, emit, written } = await rigOf();
    const before = server.revision;
    for (let minute = 0; minute < 12; minute++) {
      await emit();
      await elapse(clock, 60_000);
    }
    expect(written()).toHaveLength(1);
    expect(written()[0]).toMatchObject({ series: { count: 11 } });
    expect(server.revision - before).toBe(3);
  });

  test('other words or another object are another event, and one that rested long begins anew', async () => {
    const { clock, server, emit, written, object } = await rigOf();
    await emit();
    await emit({ note: 'need 21, found 18' });
    await emit({ reason: 'SparesShort' });
    await emit({}, { ...object, metadata: { ...object.metadata, uid: 'other' } });
    expect(written()).toHaveLength(4);
    await elapse(clock, 3_600_000);
    await emit();
    expect(written()).toHaveLength(5);
    expect(
      server
        .objects()
        .filter(({ kind }) => kind === 'Event')
        .every(({ metadata }) => metadata.name.length < 253),
    ).toBe(true);
  });

  test('an object gets 25 at once, then one in five minutes, and takes none from another', async () => {
    const { clock, emit, written, object } = await rigOf();
    for (let count = 0; count < 40; count++) await emit({ note: `note ${count}` });
    expect(written()).toHaveLength(25);
    await elapse(clock, 300_000);
    for (let count = 40; count < 50; count++) await emit({ note: `note ${count}` });
    expect(written()).toHaveLength(26);
    await emit({}, { ...object, metadata: { ...object.metadata, uid: 'other' } });
    expect(written()).toHaveLength(27);
  });

  test('what cannot be written is lost, logged without its note, and tried with the next one', async () => {
    const { faults, emit, written, log } = await rigOf();
    faults.next = refusal(403, {});
    await emit();
    expect(written()).toHaveLength(0);
    expect(log.records).toMatchObject([
      { level: 'debug', fields: { object: 'ModelReplica/default/w', reason: 'forbidden' } },
    ]);
    delete faults.next;
    await emit();
    expect(written()).toHaveLength(1);
  });

  test('a long note is cut, and a cluster object’s event lives in a namespace', async () => {
    const { emit, written, object } = await rigOf();
    const { namespace: _, ...metadata } = object.metadata;
    await emit({ note: 'x'.repeat(5_000) }, { ...object, kind: 'Wafer', metadata });
    const [event] = written();
    expect(event?.['note']).toHaveLength(1_024);
    expect(event?.metadata.namespace).toBe('default');
    expect(event?.['regarding']).not.toHaveProperty('namespace');
  });
});

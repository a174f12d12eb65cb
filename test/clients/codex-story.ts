import { flatChain, startTestPlatform, type TestPlatform, type TestPlatformOptions } from '../kit/index.ts';

const SENTENCE = 'Once upon a time there was a wafer. ';
/** A bit over three seconds of it, and a bit over twenty. */
export const story = SENTENCE.repeat(50);
const longStory = SENTENCE.repeat(220);
export const DONE = 'All done.';

const fromUser = (text: string): object => ({ lastItem: 'message', role: 'user', text });
const script = JSON.stringify([
  { ...fromUser('tell a long story'), items: [{ message: { text: longStory } }] },
  { ...fromUser('tell a story'), items: [{ message: { text: story } }] },
  {
    ...fromUser('look around'),
    items: [{ reasoning: 24 }, { call: { name: 'exec_command', arguments: { cmd: 'ls' } } }],
  },
  {
    ...fromUser('look twice'),
    items: ['ls', 'pwd'].map((cmd) => ({ call: { name: 'exec_command', arguments: { cmd } } })),
  },
  { items: [{ message: { text: DONE } }] },
]);

/** A model `spark` that tells a story so slowly that it can be stopped, and is done with everything else at once. */
export function startStoryPlatform(more: Omit<TestPlatformOptions, 'chains'> = {}): Promise<TestPlatform> {
  const engine = { tokens: 'code', length: 'natural', script } as const;
  return startTestPlatform({ chains: [flatChain(150, { servedName: 'spark', engine })], ...more });
}

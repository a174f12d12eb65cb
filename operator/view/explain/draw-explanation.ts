import { spanText } from '../span-text.ts';
import type { Cause } from './cause.ts';
import type { Explanation } from './explain.ts';

/** An explanation for people: verdict, causes from the top to the leaves, ways out, what to do, how fresh it is. */
export function drawExplanation(explanation: Explanation): string {
  const { subject, namespace, verdict, reason, regions, causes, nowMs } = explanation;
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  const group = explanation.class === undefined ? '' : ` (${explanation.class})`;
  const said = [reason, regions].filter((part) => part !== undefined).join(', ');
  const blocks = [
    [
      `${subject}${place} ${verdict}${group}${said === '' ? '' : `: ${said}`}`,
      ...causes.map((cause) => drawCause(cause, nowMs)),
    ],
    listed('Would change it:', explanation.wouldChange),
    listed('Next:', explanation.next),
    listed('Seen:', explanation.freshness),
  ];
  return blocks.flatMap((lines) => lines.map((line) => `${line}\n`)).join('');
}

function listed(head: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [head, ...lines.map((line) => `  ${line}`)];
}

function drawCause({ subject, depth, text, sinceMs }: Cause, nowMs: number): string {
  const age = sinceMs === undefined ? '' : `  (for ${spanText(nowMs - sinceMs)})`;
  return `${'  '.repeat(depth + 1)}${subject}  ${text}${age}`;
}

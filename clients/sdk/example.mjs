// A turn, a redirect at an exact token, and the end, in plain JavaScript.
//   eval "$(npm run -s reticle -- env)"
//   node clients/sdk/example.mjs
import { connect } from '@reticle/sdk';

const client = connect(); // RETICLE_GRPC, RETICLE_API_KEY, RETICLE_MODEL
const session = await client.createSession({ prefix: { role: 'system', content: 'You write TypeScript.' } });

const turn = session.turn('Write a bounded queue.');
for await (const frame of turn) {
  process.stdout.write(frame.text);
  if (turn.offset >= 200) break; // leaving the loop stops nothing
}

// Cut where the reader stands and go on with something else, in one message.
const { receipt, turn: successor } = await turn.redirect('Make it a ring buffer.', { maxOutputTokens: 100 });
console.log(`\n\nkept ${receipt.effectiveOffset} of ${receipt.generatedOffset} tokens, ${receipt.wastedTokens} wasted`);
const { prefilledTokens, cachedTokens } = await successor.started;
console.log(`successor evaluated ${prefilledTokens} tokens, reused ${cachedTokens}\n`);

console.log(await successor.text());
const { status, usage } = await successor.ended;
console.log(`\n${status}: ${usage.outputTokens} tokens billed`);

await session.close();
client.close();

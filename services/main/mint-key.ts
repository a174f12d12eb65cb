/** Mints one API key for whoever forked it: secrets come and go over the channel, and nowhere else. */
import { standardError, systemEnv } from '@reticle/core/process';
import { hmacOfSecret, mintApiKey, mintSecret } from '@reticle/services/edge/auth';
import { messageOfKind, type MintOrder, type MintReport } from './messages.ts';

const env = systemEnv();
const parent = env.spawn.parent();
if (parent === undefined) {
  standardError().write('a key is minted by "reticle key"\n');
  process.exitCode = 2;
} else {
  const stop = parent.onMessage((message) => {
    const order = messageOfKind<MintOrder>(message, ['mint-key']);
    if (order === undefined) return;
    parent.send(minted(order));
    // Nothing else holds this process.
    stop();
  });
}

function minted({ environment, id, pepper }: MintOrder): MintReport {
  const made =
    id === undefined ? mintApiKey(env.random, environment) : { id, ...mintSecret(env.random, environment, id) };
  const hmac = Buffer.from(hmacOfSecret(Buffer.from(pepper), made.secret)).toString('hex');
  return { kind: 'key-minted', id: made.id, key: made.key, hmac };
}

/** `node --import` of this file plants the bug that `RETICLE_ZOO` names into a plain Node program and its children. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { plant } from './bug.ts';
import { planted } from './planted.ts';

const found = planted();
if (found !== undefined) {
  const { bug, path } = found;
  const target = pathToFileURL(path).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target || loaded.source === undefined || loaded.source === null) return loaded;
      const { source } = loaded;
      const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
      return { ...loaded, source: plant(bug, text) };
    },
  });
}

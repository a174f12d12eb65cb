/** The search for one target, in a process of its own; forked by `main.ts` with name, seconds, seed and `keep` or not. */
import { seededRandom } from '@reticle/core/flow';
import { loadTarget, readCorpus, saveFinding, SELF_CHECK, writeCorpus } from './corpus.ts';
import { fuzz } from './fuzz.ts';
import type { SearchReport } from './search-report.ts';

/** The planted bug ends its search; this is only the bound. */
const SELF_CHECK_SECONDS = 60;

const [name = '', seconds, seed, keep] = process.argv.slice(2);
const untilFound = name === SELF_CHECK;
const { runs, features, corpus, findings } = fuzz({
  target: await loadTarget(name),
  random: seededRandom(Number(seed)),
  seconds: untilFound ? SELF_CHECK_SECONDS : Number(seconds),
  corpus: await readCorpus(name),
  untilFound,
});
if (keep === 'keep' && !untilFound) await writeCorpus(name, corpus);
const saved = await Promise.all(
  findings.map(async ({ problem, detail, bytes }) => ({ problem, detail, file: await saveFinding(name, bytes) })),
);
const report: SearchReport = { target: name, runs, features, corpus: corpus.length, findings: saved };
process.send?.(report);

import type { RemoteSessions } from './sessions.ts';
import type { SignalSender } from './signals/index.ts';

/** Sessions that are open at other gateways of a cell, reached by signals (PROTOCOL §3). */
export function remoteSessions(signals: SignalSender, cell: string): RemoteSessions {
  return {
    signal: (target, signal) => {
      const at = { ...target, cell };
      return 'cut' in signal ? signals.redirect(at, signal) : signals.interrupt(at, signal);
    },
    async locate(sessionId, tenant) {
      const located = await signals.locate(sessionId, tenant);
      if (located === undefined) return undefined;
      const { engineId, epoch, tier } = located;
      return { engineId, epoch, tier };
    },
  };
}

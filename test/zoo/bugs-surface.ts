/** Bugs of the surface that clients speak to: services/edge and the decoding of proto/load. */
import type { Bug } from './bug.ts';

export const surfaceBugs: readonly Bug[] = [
  {
    name: 'raw-error-reaches-a-client',
    ownedBy: 'services/edge',
    file: 'services/edge/grpc/errors.ts',
    find: "known ?? new ReticleError('internal', 'internal error')",
    replace: "known ?? new ReticleError('internal', String(error))",
    caughtBy: { test: 'services/edge/grpc/server.test.ts', named: 'a defect' },
    wants: 'Expected pattern: not',
  },
  {
    name: 'key-checked-only-at-open',
    ownedBy: 'services/edge',
    file: 'services/edge/grpc/server.ts',
    find: '        auth.check(stream.caller);\n',
    replace: '',
    caughtBy: { test: 'services/edge/grpc/server.test.ts', named: 'a revoked key ends its running streams' },
    wants: 'Exceeded timeout',
  },
  {
    name: 'edge-drain-waits-for-the-reader',
    ownedBy: 'services/edge',
    file: 'services/edge/grpc/server.ts',
    find: 'await Promise.race([drained, bound.promise]);',
    replace: 'await drained;',
    caughtBy: { test: 'services/edge/grpc/server.test.ts', named: 'drain ends what has not finished at its bound' },
    wants: 'Exceeded timeout',
  },
  {
    name: 'ticket-opens-two-sockets',
    ownedBy: 'services/edge',
    file: 'services/edge/tickets/ticket-desk.ts',
    find: '    this.#spent.set(id, expiresMs);\n',
    replace: '',
    caughtBy: { test: 'services/edge/tickets/tickets.test.ts', named: 'speaks for its key once' },
    wants: 'Expected: "invalid_api_key',
  },
  {
    name: 'ticket-of-another-origin',
    ownedBy: 'services/edge',
    file: 'services/edge/tickets/tickets.ts',
    find: 'claims.origin !== origin || ',
    replace: '',
    caughtBy: { test: 'services/edge/tickets/tickets.test.ts', named: 'another origin: the one answer' },
    wants: 'Expected: "invalid_api_key',
  },
];

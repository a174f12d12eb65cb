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
];

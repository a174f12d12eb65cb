import { credentials, makeClientConstructor, type Client, type ServiceDefinition } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { ENGINE_SERVICE } from '@reticle/services/engine';

type Status = 'SERVING' | 'NOT_SERVING' | 'UNREACHABLE';
type HealthClient = Client & {
  check(
    request: { readonly service: string },
    options: { readonly deadline: number },
    done: (error: Error | null, answer?: { readonly status: string }) => void,
  ): void;
};

const LOOK_MS = 20;
const CALL_MS = 1_000;

/** Asks the head of a chain whether it serves, as a readiness probe does. */
export function engineHealth(address: string): {
  now(): Promise<Status>;
  until(status: Status): Promise<void>;
  close(): void;
} {
  const Health = makeClientConstructor(service as ServiceDefinition, 'Health');
  const client = new Health(address, credentials.createInsecure()) as unknown as HealthClient;
  const now = (): Promise<Status> =>
    new Promise((resolve) => {
      client.check({ service: ENGINE_SERVICE }, { deadline: Date.now() + CALL_MS }, (error, answer) =>
        resolve(error !== null ? 'UNREACHABLE' : answer?.status === 'SERVING' ? 'SERVING' : 'NOT_SERVING'),
      );
    });
  return {
    now,
    async until(status) {
      while ((await now()) !== status) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    },
    close: () => client.close(),
  };
}

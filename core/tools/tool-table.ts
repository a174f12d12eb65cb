import { join } from 'node:path';

/** A server or tool that tests and `reticle up` start, and where it comes from (REAL-PARTS §1). */
export type Tool = {
  readonly version: string;
  /** Folder of the pinned Go module: go.mod and go.sum are committed. */
  readonly moduleFolder: string;
  /** Go package of the program. */
  readonly package: string;
  readonly ldflags: string;
  /** Arguments that make the program print its version. */
  readonly versionArguments: readonly string[];
  /** How long a build takes on two cores with cold caches, for the person who waits; seconds. */
  readonly buildSeconds: number;
};

/** Every tool once. A version here and the one in the module's go.mod are the same. */
export const tools = {
  'nats-server': {
    version: '2.15.2',
    moduleFolder: join(import.meta.dirname, 'nats-server'),
    package: 'github.com/nats-io/nats-server/v2',
    ldflags: '-s -w',
    versionArguments: ['--version'],
    buildSeconds: 60,
  },
} as const satisfies Readonly<Record<string, Tool>>;

export type ToolName = keyof typeof tools;

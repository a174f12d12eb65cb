/** A platform with its front door open, and an engine that notes when tokens leave. */
import { join } from 'node:path';
import { disposing } from '../run.ts';
import { startPlatform, type BenchPlatform } from './platform.ts';
import { Core, type RigProcess } from './rig-process.ts';
import type { StampingEngineCalls } from './stamping-engine-process.ts';
import { startTraceSink } from './trace-sink.ts';

export type FrontPlatform = AsyncDisposable &
  Pick<BenchPlatform, 'gateway' | 'front' | 'engineAddress' | 'apiKey'> & {
    readonly engine: RigProcess<StampingEngineCalls>;
    /** Telemetry that came so far, in exports. */
    readonly exports: () => number;
  };

export type FrontPlatformOptions = {
  readonly tokensPerSecond: number;
  /** False: the gateway exports no telemetry, and nobody can ask for metrics. Default true. */
  readonly told?: boolean;
};

/** The gateway on the system's core, the engine on the rig's; authentication and metering are always on. */
export async function startFrontPlatform({
  tokensPerSecond,
  told = true,
}: FrontPlatformOptions): Promise<FrontPlatform> {
  const sink = await startTraceSink();
  try {
    const platform = await startPlatform({
      tokensPerSecond,
      engineCore: Core.rig,
      engineFile: join(import.meta.dirname, 'stamping-engine-process.ts'),
      front: told ? { environment: sink.environment } : {},
    });
    return {
      ...platform,
      // The file that was asked for serves these calls as well.
      engine: platform.engine as unknown as RigProcess<StampingEngineCalls>,
      exports: sink.exports,
      [Symbol.asyncDispose]: () => disposing([sink, platform], () => Promise.resolve()),
    };
  } catch (error) {
    await sink[Symbol.asyncDispose]();
    throw error;
  }
}

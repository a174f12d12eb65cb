/** One stage of a chain, other than the leader: it answers the leader's ring ping (WAFER §6.5). */
import { startStage } from '@reticle/services/engine/stage';
import { runChild } from './child-process.ts';

runChild('stage-config', async ({ config }, { logger, lifecycle, report }) => {
  const { host, port = 0, stage, programId, hardwareId, epoch } = config;
  const running = await startStage({
    identity: { stage, programId, hardwareId, epoch },
    host,
    port,
    onRefused: (ping) => logger.warn('a leader of another chain asked', { kind: 'stage', epoch: ping.epoch }),
  });
  lifecycle.own('stage', () => running.close());
  report({ kind: 'stage-ready', port: running.port });
});

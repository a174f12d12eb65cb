import type { NoFitCode } from './reasons.ts';

/** What a noFit code means, and what it asks of whom. */
export type NoFitWords = { readonly text: string; readonly next: string };

/** Every noFit code (OPERATOR §4) in words. */
export const noFitWords: Readonly<Record<NoFitCode, NoFitWords>> = {
  NoPoolInRegion: {
    text: 'the region has no pool, or none of those that the deployment lists',
    next: 'correct region or pools of the deployment, or create a WaferPool there',
  },
  ClassMismatch: {
    text: 'the wafer class of the pool is not known',
    next: 'create the WaferClass that the pool names, or correct its classRef',
  },
  PhaseNotOpen: {
    text: 'the capacity phase of the pool has not been accepted',
    next: 'see the gates of the phase (reticle explain cph/NAME), or place in a pool of another phase',
  },
  ResidencyForbidden: {
    text: 'the pool does not carry every residency class that the deployment lists',
    next: 'use a region whose pools carry them; lower residency only if the data may be there',
  },
  PoolsCordoned: {
    text: 'the pool is closed',
    next: 'open it again when the work is done (reticle drain wp/NAME --undo), or use another pool',
  },
  PoolTooSmall: {
    text: 'no pool has so many slots beside its spares: a chain never leaves its pool',
    next: 'use a shorter chain (shape.wafers), or fewer spares in the pool',
  },
  FreeWafersShort: {
    text: 'too few wafers of the pool are free',
    next: 'free wafers, repair faulty ones, or lower replicas elsewhere',
  },
  WindowShort: {
    text: 'enough wafers are free, but not side by side',
    next: 'move the chains that the plan proposes, or wait for one to end',
  },
  SparesShort: {
    text: 'placing the chain would take a spare that the pool keeps',
    next: 'free one more wafer, or lower spares.minHot of the pool',
  },
  LayerExceedsSram: {
    text: 'one layer is larger than the memory of a wafer',
    next: 'set allowLayerSplit, use fewer bits per weight, or a class with more memory',
  },
  KvShort: {
    text: 'the chain has no room for the KV of its sessions',
    next: 'use a longer chain, shorter contexts, fewer streams or fewer bits per KV value',
  },
  FloorUnmet: {
    text: 'the chain would be slower than the floor of its tier',
    next: 'use another chain length, fewer streams, or a tier with a lower floor',
  },
  Earmarked: {
    text: 'the pool is kept for a chain that has waited longer',
    next: 'wait for that chain, or raise the priority of the deployment by its tier',
  },
  SurgeBudget: {
    text: 'the rollout may not take so many wafers at once',
    next: 'raise rollout.maxSurgeWafers, or allow rollout.maxUnavailable',
  },
  WafersUnknown: {
    text: 'hosts of the pool do not answer, so nobody knows what their wafers hold',
    next: 'bring the hosts back, or remove them from the pool',
  },
};

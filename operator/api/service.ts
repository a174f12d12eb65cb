import { rule } from './schema.ts';

/** `Cordon`: no new chains. `Evacuate`: chains move away (OPERATOR §3). */
export const serviceStates = ['Open', 'Cordon', 'Evacuate'] as const;

type Service = { readonly service: (typeof serviceStates)[number]; readonly serviceReason?: string };

/** Whoever finds a pool or a wafer closed learns why. */
export const serviceRule = (id: string) =>
  rule<Service>(
    id,
    "self.service == 'Open' || has(self.serviceReason)",
    'serviceReason is required when service is not Open (say why it is closed)',
    ({ service, serviceReason }) =>
      service === 'Open' || serviceReason !== undefined
        ? true
        : [{ at: ['serviceReason'], message: 'is required when service is not Open (say why it is closed)' }],
  );

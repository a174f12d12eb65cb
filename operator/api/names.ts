import { str } from './schema.ts';

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const labelHint = "lower-case letters, digits and '-', at most 63 characters";

/** A name that also serves as a label value and a DNS label (OPERATOR §23 "Names"). */
export const labelName = () => str({ maxLength: 63, pattern: `^${LABEL}$`, hint: labelHint });

/** A region, with the pattern of `isRegion` in core/domain: it stands in bus subjects and resume tokens. */
export const regionName = () => str({ maxLength: 63, pattern: `^${LABEL}$`, hint: labelHint });

/** A ModelDeployment's name: names of its replicas, pods and Services are built from it (OPERATOR §1 rule 9). */
export const deploymentName = () =>
  str({
    maxLength: 32,
    pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$',
    hint: "a lower-case letter, then letters, digits and '-', at most 32 characters",
  });

/** The model name that clients ask for. */
export const servedModelName = () =>
  str({
    maxLength: 64,
    pattern: '^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$',
    hint: "letters, digits, '.', '_' and '-', at most 64 characters",
  });

/** `sha256:` and 64 hexadecimal digits. */
export const digest = () =>
  str({ maxLength: 71, pattern: '^sha256:[0-9a-f]{64}$', hint: 'sha256: and 64 lower-case hexadecimal digits' });

/** A node: a DNS name, as Kubernetes calls its nodes. */
export const nodeName = () =>
  str({
    pattern: `^${LABEL}([.]${LABEL})*$`,
    hint: "lower-case letters, digits, '-' and '.', at most 253 characters",
  });

/** The end of a replica's name: six letters or digits of the hash of what runs (OPERATOR §1 rule 9). */
export const revisionName = () =>
  str({ maxLength: 6, pattern: '^[a-z0-9]{6}$', hint: 'six lower-case letters or digits' });

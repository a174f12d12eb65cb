import { operatorUser, type AccessNames, type AccessObject } from '../access-object.ts';

const ADMISSION = 'admissionregistration.k8s.io/v1';

type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** Which requests a policy looks at. */
export type PolicyMatch = {
  /** Empty for the core group. */
  readonly group: string;
  /** With subresources, as `pods/ephemeralcontainers`. */
  readonly resources: readonly string[];
  readonly operations: readonly Operation[];
};

/** What must hold, and what whoever broke it is told: why, and the way out. */
export type PolicyRule = {
  readonly cel: string;
  readonly message: string;
  /** CEL of a text; `message` stands where it cannot be had. */
  readonly messageCel?: string;
};

export type Policy = {
  readonly name: string;
  readonly match: PolicyMatch;
  /** CEL by name: requests for which any is false pass. */
  readonly only?: Readonly<Record<string, string>>;
  /** CEL by name, in order; later ones and the rules read them as `variables.NAME`. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly rules: readonly PolicyRule[];
  /** ConfigMap that the rules read as `params`; without it the policy says nothing. */
  readonly facts?: { readonly name: string; readonly namespace: string };
};

/** True for a request of the operator itself. */
export function isOperator(names: AccessNames): string {
  return `request.userInfo.username == '${operatorUser(names)}'`;
}

/** A policy and its binding: every namespace, every user, refused on failure. */
export function policyObjects(policy: Policy): readonly AccessObject[] {
  const { name, match, only = {}, variables = {}, rules, facts } = policy;
  const { group, resources, operations } = match;
  const resourceRules = [{ apiGroups: [group], apiVersions: ['*'], operations, resources }];
  const spec = {
    failurePolicy: 'Fail',
    ...(facts === undefined ? {} : { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }),
    matchConstraints: { resourceRules },
    matchConditions: some(Object.entries(only).map(([key, expression]) => ({ name: key, expression }))),
    variables: some(Object.entries(variables).map(([key, expression]) => ({ name: key, expression }))),
    validations: rules.map(({ cel, message, messageCel }) => ({
      expression: cel,
      message,
      messageExpression: messageCel,
      reason: 'Forbidden',
    })),
  };
  const paramRef = facts === undefined ? {} : { paramRef: { ...facts, parameterNotFoundAction: 'Allow' } };
  return [
    { apiVersion: ADMISSION, kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec },
    {
      apiVersion: ADMISSION,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, ...paramRef, validationActions: ['Deny'] },
    },
  ];
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

import { describe, expect, test } from '@jest/globals';
import { kinds } from '../kinds.ts';
import { accessFiles } from './access-files.ts';
import { defaultNames, operatorUser, type AccessObject } from './access-object.ts';

type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
};
type PolicySpec = {
  readonly failurePolicy: string;
  readonly validations: readonly { readonly message: string; readonly messageExpression?: string }[];
};

const objects = [...accessFiles().values()].flat();
const ofKind = (...wanted: readonly string[]): readonly AccessObject[] =>
  objects.filter(({ kind }) => wanted.includes(kind));
const rulesOf = (role: AccessObject): readonly Rule[] => role['rules'] as unknown as readonly Rule[];
const roles = ofKind('Role', 'ClusterRole');

describe('roles', () => {
  test.each(roles.map((role) => ({ name: `${role.kind} ${role.metadata.name}`, role })))(
    '$name holds no wildcard, no Secret, no way into nodes or pods',
    ({ role }) => {
      for (const { apiGroups, resources, resourceNames = [], verbs } of rulesOf(role)) {
        for (const word of [...apiGroups, ...resources, ...resourceNames, ...verbs]) expect(word).not.toContain('*');
        const banned = /^(secrets|nodes\/proxy|pods\/(exec|attach|portforward)|serviceaccounts.*|.*role.*)$/;
        for (const resource of resources) expect(resource).not.toMatch(banned);
        for (const verb of verbs) expect(['impersonate', 'escalate', 'bind', 'deletecollection']).not.toContain(verb);
      }
    },
  );

  test('no rule that makes objects is narrowed by names, which the server does not know yet', () => {
    const creating = roles.flatMap(rulesOf).filter(({ verbs }) => verbs.includes('create'));
    expect(creating.filter(({ resourceNames }) => resourceNames !== undefined)).toEqual([]);
  });

  test('every kind is read and told its status by the operator', () => {
    const [operator] = ofKind('ClusterRole');
    const granted = new Set(
      (operator === undefined ? [] : rulesOf(operator)).flatMap(({ resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
      ),
    );
    for (const { plural } of Object.values(kinds)) {
      expect([...granted]).toEqual(expect.arrayContaining([`watch ${plural}`, `patch ${plural}/status`]));
    }
  });
});

describe('policies', () => {
  const policies = ofKind('ValidatingAdmissionPolicy');

  test.each(policies.map((policy) => ({ name: policy.metadata.name, policy })))(
    '$name is bound, closes on failure, and tells the way out',
    ({ policy, name }) => {
      const { failurePolicy, validations } = policy['spec'] as unknown as PolicySpec;
      const bindings = ofKind('ValidatingAdmissionPolicyBinding').filter(({ metadata }) => metadata.name === name);
      expect(bindings.map(({ spec }) => spec)).toMatchObject([{ policyName: name, validationActions: ['Deny'] }]);
      expect(failurePolicy).toBe('Fail');
      for (const { message, messageExpression = message } of validations) {
        expect(messageExpression).toMatch(/\(.+\)/);
        // The server cuts what is longer.
        expect(message.length).toBeLessThan(1_024);
      }
    },
  );
});

describe('names', () => {
  test('those of a release stand everywhere in the place of the default ones', () => {
    const names = { namespace: 'cell-1', account: 'planner', engines: ['models-a', 'models-b'] };
    const text = JSON.stringify([...accessFiles(names).values()]);
    expect(text).not.toContain(defaultNames.namespace);
    expect(text).not.toContain(operatorUser());
    expect(text).toContain(operatorUser(names));
    const namespaces = accessFiles(names)
      .get('engines')
      ?.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`);
    expect(namespaces).toEqual(['Role models-a', 'RoleBinding models-a', 'Role models-b', 'RoleBinding models-b']);
  });

  test('no two objects are the same one', () => {
    const keys = objects.map(({ kind, metadata }) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`);
    expect(keys.length).toBe(new Set(keys).size);
  });
});

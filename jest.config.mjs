const transform = {
  '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }],
};

const project = (displayName, testMatch, more = {}) => ({
  displayName,
  testEnvironment: '<rootDir>/scripts/jest-environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  testMatch,
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/', '<rootDir>/test/clients/node_modules/'],
  ...more,
});

const beside = [
  'proto',
  'core',
  'operator',
  'services',
  'clients',
  'scripts',
  'bench',
  'test/kit',
  'test/faults',
  'test/fuzz',
  'test/operator',
  'test/zoo',
];

export default {
  // jest keeps one core for itself; on two cores that would double the time.
  maxWorkers: '100%',
  projects: [
    project(
      'unit',
      beside.map((folder) => `<rootDir>/${folder}/**/*.test.ts`),
    ),
    project('integration', ['<rootDir>/test/integration/**/*.test.ts']),
    project('cluster', ['<rootDir>/test/cluster/**/*.test.ts'], {
      globalSetup: '<rootDir>/scripts/jest-cluster-parts.mjs',
    }),
    project('e2e', ['<rootDir>/test/e2e/**/*.test.ts']),
    project('clients', ['<rootDir>/test/clients/*.test.ts']),
  ],
};

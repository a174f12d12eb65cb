// Jest's Node environment, made as fast as Node. Loaded once per worker; plain JavaScript, since Jest loads it itself.
//  - Its context has a global object of its own. The usual one answers every look-up of a global (`Math`, `Uint8Array`,
//    `Number`, …) through an interceptor and a Proxy: arithmetic runs some twenty times slower in it.
//  - CommonJS modules, Jest's own among them, are compiled anew for each test file; from the second one on V8 takes
//    what it kept of the first time.
import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

/** Frames of an error: Jest keeps 100, and each `expect` makes an error before it knows whether it needs it. */
const STACK_FRAMES = 24;

const { compileFunction, createContext } = vm;
const compiled = new Map();

vm.compileFunction = (code, params, options) => {
  const held = compiled.get(options.filename);
  // V8 itself compares lengths only.
  if (held?.code === code) return compileFunction(code, params, { ...options, cachedData: held.cachedData });
  const made = compileFunction(code, params, { ...options, produceCachedData: true });
  if (made.cachedData !== undefined) compiled.set(options.filename, { code, cachedData: made.cachedData });
  return made;
};

export default class extends TestEnvironment {
  constructor(config, context) {
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(config, context);
    } finally {
      vm.createContext = createContext;
    }
    this.global.Error.stackTraceLimit = STACK_FRAMES;
  }
}

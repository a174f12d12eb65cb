/**
 * The suite that every engine driver passes (contract.ts, C1–C5). The recorder checks order, density, terminals
 * and re-entrance of everything that any case below makes a driver say.
 */
import { describe } from '@jest/globals';
import { capacityCases } from './capacity-cases.ts';
import { contextCases } from './context-cases.ts';
import { continuationCases } from './continuation-cases.ts';
import type { DriverFactory } from './driver-bench.ts';
import { brokenCase, forcedCases } from './forced-cases.ts';
import { haltCases } from './halt-cases.ts';
import { pauseCases } from './pause-cases.ts';
import { streamCases } from './stream-cases.ts';

/** Registers the suite for one driver; `factory` makes a fresh one, not connected, for each case. */
export function describeDriver(name: string, factory: DriverFactory): void {
  describe(`engine driver ${name}`, () => {
    describe('streams', () => streamCases(factory));
    describe('halts', () => haltCases(factory));
    describe('pauses', () => pauseCases(factory));
    describe('contexts', () => contextCases(factory));
    describe('continuations', () => continuationCases(factory));
    describe('forced tokens, parking', () => forcedCases(factory));
    describe('breaking', () => brokenCase(factory));
    describe('capacity', () => capacityCases(factory));
  });
}

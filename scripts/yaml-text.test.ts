import { describe, expect, test } from '@jest/globals';
import { yamlText } from './yaml-text.ts';

describe('yamlText', () => {
  test('writes blocks, keeps order and leaves out what is undefined', () => {
    const value = { b: 1, a: undefined, list: [{ x: true, y: [] }, 'text', [1, 2]], none: {}, deep: { 'a/b': -3 } };
    expect(yamlText(value)).toBe(
      [
        'b: 1',
        'list:',
        '  - x: true',
        '    "y": []',
        '  - text',
        '  - - 1',
        '    - 2',
        'none: {}',
        'deep:',
        '  a/b: -3',
        '',
      ].join('\n'),
    );
  });

  test.each(['true', 'No', 'null', 'y', '1', '1.5', '', ' a', 'a b', 'a: b', "it's", '"', '\\d', '-', '#', '{{', 'ü'])(
    'quotes %j',
    (text) => {
      expect(yamlText(text)).toBe(`${JSON.stringify(text)}\n`);
    },
  );

  test.each(['a', 'reticle.dev', 'helm.sh/resource-policy', 'x-kubernetes-validations', 'int64'])(
    'leaves %s plain',
    (text) => {
      expect(yamlText(text)).toBe(`${text}\n`);
    },
  );
});

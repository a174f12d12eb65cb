/** Roles, bindings and admission policies of the chart, from what `operator/api/access` says (OPERATOR §18). */
import { assert } from '@reticle/core/domain';
import { accessFiles } from '@reticle/operator/api/access';
import { yamlText } from './yaml-text.ts';

export const ACCESS_FOLDER = 'charts/reticle/templates/rbac';

/** Path of each file, and its text. */
export function generateAccess(): Map<string, string> {
  return new Map(
    [...accessFiles()].map(([file, objects]) => {
      const text = `# Generated from operator/api/access by \`npm run gen\`.\n${objects.map(yamlText).join('---\n')}`;
      assert(!text.includes('{{'), 'Helm would read it as a template');
      return [`${ACCESS_FOLDER}/${file}.yaml`, text];
    }),
  );
}

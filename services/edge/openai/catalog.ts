/** `GET /v1/models` for both of its readers: OpenAI's list and Codex's catalog, in one body (PROTOCOL §4.4). */
import type { Tier } from '@reticle/core/domain';
import { tierWord } from './response-profile.ts';

/** What a gateway knows of a model that it serves. */
export type ServedModel = {
  readonly name: string;
  readonly contextTokens: number;
  /** Regions that serve it; absent: not known. */
  readonly regions?: readonly string[] | undefined;
  /** The Model's own; absent: none. */
  readonly instructions?: string | undefined;
};

export type CatalogOptions = {
  readonly models: readonly ServedModel[];
  /** Tiers that the key may use, fastest first. */
  readonly tiers: readonly Tier[];
};

/** Tool outputs above this are shortened by Codex before they are sent (PROTOCOL §4.4). */
const TOOL_OUTPUT_TOKENS = 10_000;

const TIER_TEXTS: Readonly<Record<Tier, readonly [name: string, description: string]>> = {
  ultrafast: ['Ultrafast', 'The full speed of a wafer for one stream'],
  fast: ['Fast', 'Ahead of the default tier'],
  default: ['Default', 'The usual speed'],
  flex: ['Flex', 'When there is room'],
};

export function modelList({ models, tiers }: CatalogOptions): object {
  return {
    object: 'list',
    // Nothing tells when a model was made.
    data: models.map(({ name, regions }) => ({
      id: name,
      object: 'model',
      created: 0,
      owned_by: 'reticle',
      ...(regions === undefined ? {} : { reticle: { regions } }),
    })),
    models: catalogEntries({ models, tiers }),
  };
}

/** Entries of Codex's catalog, in order of priority. */
export function catalogEntries({ models, tiers }: CatalogOptions): readonly object[] {
  return models.map((model, index) => catalogEntry(model, { priority: index, tiers }));
}

/** One entry of Codex's catalog. */
function catalogEntry(
  { name, contextTokens, instructions = '' }: ServedModel,
  { priority, tiers }: { readonly priority: number; readonly tiers: readonly Tier[] },
): object {
  return {
    slug: name,
    display_name: name,
    supported_reasoning_levels: [],
    shell_type: 'unified_exec',
    visibility: 'list',
    supported_in_api: true,
    priority,
    support_verbosity: false,
    truncation_policy: { mode: 'tokens', limit: TOOL_OUTPUT_TOKENS },
    experimental_supported_tools: [],
    base_instructions: instructions,
    context_window: contextTokens,
    max_context_window: contextTokens,
    input_modalities: ['text'],
    use_responses_lite: true,
    service_tiers: tiers.map((tier) => {
      const [tierName, description] = TIER_TEXTS[tier];
      return { id: tierWord(tier), name: tierName, description };
    }),
  };
}

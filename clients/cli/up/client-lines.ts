/**
 * One command per client that people have; each works as it stands once `reticle env` was evaluated. `catalog`: the file
 * that tells Codex of the models.
 */
export function clientLines(
  model: string,
  catalog: string,
): readonly { readonly client: string; readonly command: string }[] {
  const body = `{"model":"${model}","input":"Write a queue.","max_output_tokens":200,"stream":true}`;
  const provider =
    'model_providers.reticle={name=\\"Reticle\\",base_url=\\"$OPENAI_BASE_URL\\",wire_api=\\"responses\\",env_key=\\"OPENAI_API_KEY\\",supports_websockets=true}';
  const asked = `model: '${model}', input: 'Write a queue.'`;
  return [
    {
      client: 'curl',
      command: `curl -sN "$OPENAI_BASE_URL/responses" -H "authorization: Bearer $OPENAI_API_KEY" -d '${body}'`,
    },
    {
      client: 'Codex',
      command: `codex exec --skip-git-repo-check -c model=${model} -c model_provider=reticle -c 'model_catalog_json="${catalog}"' -c "${provider}" 'Write a queue.'`,
    },
    {
      client: 'openai for JavaScript',
      command: `node --input-type=module -e "import OpenAI from 'openai'; console.log((await new OpenAI().responses.create({ ${asked} })).output_text)"`,
    },
    {
      client: 'openai for Python',
      command: `python3 -c "from openai import OpenAI; print(OpenAI().responses.create(model='${model}', input='Write a queue.').output_text)"`,
    },
  ];
}

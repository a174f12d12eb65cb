/** What a person does on the playground, in a real Chromium; `node playground-calls.mjs NAME ADDRESS [PID…]` prints what came of it. */
import { launchChromium } from './chromium.mjs';

const PROMPT = 'Write a queue.';
const SECOND = 'Make it a ring buffer.';
/** Tokens that are on the screen before a hand moves. */
const SEEN = 120;

const browser = await launchChromium();
const said = [];

/** A page of a tab of its own, and everything that its browser complains about. */
async function open(address = process.argv[3]) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(address);
  return page;
}

const isOpen = (page) => page.locator('#link[data-link="open"]').waitFor();

async function ask(page, prompt) {
  await page.getByLabel('Your prompt').fill(prompt);
  await page.keyboard.press('Enter');
}

/** Resolves when so many tokens of the running turn are on the screen. */
const seen = (page, tokens = SEEN) =>
  page.waitForFunction(
    (least) => Number(document.getElementById('tokens').textContent.replaceAll(',', '')) >= least,
    tokens,
  );

const ended = (page, turn) => page.locator('article').nth(turn).locator('.ending:not(:empty)').waitFor();

const turnsOf = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('article')].map((article) => ({
      prompt: article.querySelector('.prompt').textContent,
      text: [...article.querySelectorAll('.answer pre')].map(({ textContent }) => textContent).join(''),
      ending: article.dataset.ending,
      words: article.querySelector('.ending').textContent,
      seams: [...article.querySelectorAll('.seam')].map((seam) => ({
        label: seam.dataset.label,
        before: seam.previousSibling?.textContent ?? '',
      })),
    })),
  );

/** The figures of the page by the names that stand beside them. */
const figuresOf = (page) =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('dl > div')].map((row) => [
        row.querySelector('dt').textContent,
        row.querySelector('dd').textContent,
      ]),
    ),
  );

const calls = {
  /** Whether there is a browser at all. */
  version: () => ({ version: browser.version() }),

  async load() {
    const page = await open();
    await isOpen(page);
    const answer = await page.request.get(page.url());
    const scripts = await page.evaluate(() => [...document.scripts].map(({ src }) => src));
    const texts = await Promise.all(scripts.map(async (src) => (await page.request.get(src)).text()));
    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]),
    );
    const blocked = await page.evaluate(async () => {
      try {
        await fetch('http://127.0.0.1:9/');
        return '';
      } catch (error) {
        return error.name;
      }
    });
    const complaints = said.splice(0);
    return {
      url: page.url(),
      policy: answer.headers()['content-security-policy'],
      all: [await page.content(), ...texts, kept].join('\n'),
      blocked,
      byPolicy: complaints.length > 0 && complaints.every((text) => text.includes('Content Security Policy')),
      title: await page.title(),
      unnamed: await page.evaluate(
        () =>
          [...document.querySelectorAll('button, textarea, select, svg[role]')].filter(
            (each) => !each.textContent.trim() && !each.labels?.length && !each.getAttribute('aria-label'),
          ).length,
      ),
    };
  },

  async turn() {
    const page = await open();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page);
    const rate = Number((await page.locator('#rate').textContent()).replaceAll(',', ''));
    await ended(page, 0);
    const status = await page.getByRole('status').textContent();
    return { turns: await turnsOf(page), rate, figures: await figuresOf(page), status };
  },

  async cut() {
    const page = await open();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page);
    await page.keyboard.press('Escape');
    await ended(page, 0);
    const figures = await figuresOf(page);
    await ask(page, SECOND);
    await seen(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await ended(page, 1);
    return { turns: await turnsOf(page), figures };
  },

  async redirect() {
    const page = await open();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page);
    await ask(page, SECOND);
    await ended(page, 1);
    return { turns: await turnsOf(page), figures: await figuresOf(page) };
  },

  async kill() {
    const page = await open();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page);
    await page.getByRole('button', { name: 'Kill the socket' }).click();
    await page.locator('.seam').first().waitFor();
    const status = await page.getByRole('status').textContent();
    await seen(page, Number(status.replaceAll(/\D/g, '')) + 1);
    await page.getByRole('button', { name: 'Kill the socket' }).click();
    await ended(page, 0);
    return { turns: await turnsOf(page), status };
  },

  /** The processes that the command line names die while an answer runs. */
  async death() {
    const page = await open();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page);
    for (const pid of process.argv.slice(4)) process.kill(Number(pid), 'SIGKILL');
    await ended(page, 0);
    said.splice(0);
    return { turns: await turnsOf(page) };
  },

  async reload() {
    const page = await open();
    await isOpen(page);
    await page.reload();
    await isOpen(page);
    await ask(page, PROMPT);
    await seen(page, 1);
    return { url: page.url() };
  },

  async again() {
    const page = await open();
    await isOpen(page);
    const other = await open();
    await other.locator('#link[data-link="refused"]').waitFor();
    const status = await other.getByRole('status').textContent();
    said.splice(0);
    return { status };
  },
};

try {
  const result = await calls[process.argv[2]]?.();
  process.stdout.write(JSON.stringify({ ...result, said }));
} finally {
  await browser.close();
}

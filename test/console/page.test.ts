import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { applyExample, REPLICA, runDetached, untilEnded } from '../support/deployments.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Chromium asks outside hosts for updates unless it is told not to; tests stay on this machine. */
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe('the page at /', () => {
  let stack: Stack;
  let browser: Browser;
  let page: Page;
  /** What the browser complained about: refused scripts, failed requests, errors of the page. */
  const complaints: string[] = [];

  before(async () => {
    const executablePath = process.env['OUTRIDER_CHROMIUM'] ?? '';
    assert.notEqual(executablePath, '', 'npm test finds a Chromium and names it in OUTRIDER_CHROMIUM');
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
    browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS });
    page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(stack.apiUrl);
  });
  after(async () => {
    await browser?.close();
    await stack?.close();
  });

  const row = (text: string) => page.locator('tr', { hasText: text });

  test('shows the delegate as connected', async () => {
    await row('vpc-stage').waitFor();
    assert.match((await row('vpc-stage').textContent()) ?? '', /connected/);
  });

  test('an execution appears, moves and ends without a reload', async () => {
    await page.evaluate(`document.body.setAttribute('data-not-reloaded', 'yes')`);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    await row(id).filter({ hasText: 'running' }).waitFor();
    await untilEnded(stack, id);
    await row(id).filter({ hasText: 'succeeded' }).waitFor();
    assert.equal(await page.locator('body').getAttribute('data-not-reloaded'), 'yes');
  });

  test('a delegate that goes away is shown as gone', async () => {
    await stack.delegate('vpc-stage').end();
    await row('vpc-stage').filter({ hasText: 'gone' }).waitFor();
  });

  test('loads nothing from elsewhere, and the browser has nothing to complain about', async () => {
    const addresses = await page.evaluate(() =>
      performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin),
    );
    assert.deepEqual([...new Set(addresses)], [stack.apiUrl]);
    assert.deepEqual(complaints, []);
  });
});

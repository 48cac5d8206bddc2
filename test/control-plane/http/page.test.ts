import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createContext, Script } from 'node:vm';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { eventually } from '../../support/processes.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

/** As much of an element as the page uses. There is no way to put markup into it. */
class Element {
  readonly tag: string;
  textContent = '';
  className = '';
  title = '';
  hidden = false;
  value = '';
  children: Element[] = [];

  constructor(tag: string) {
    this.tag = tag;
  }

  append(...children: readonly Element[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: readonly Element[]): void {
    this.children = [...children];
  }

  addEventListener(): void {}

  get text(): string {
    return this.textContent + this.children.map((child) => child.text).join(' | ');
  }
}

describe('the page at /', () => {
  let api: TestApi;
  const elements = new Map<string, Element>();
  const timers: ReturnType<typeof setTimeout>[] = [];
  let goOn = true;

  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    const page = (await api.call('GET', '/')).text;
    for (const [, id] of page.matchAll(/ id="([a-z-]+)"/g)) if (id !== undefined) elements.set(id, new Element('div'));
    const script = new Script((await api.call('GET', '/page.js')).text);
    script.runInContext(
      createContext({
        document: {
          getElementById: (id: string) => elements.get(id) ?? null,
          createElement: (tag: string) => new Element(tag),
        },
        fetch: (path: string, init: RequestInit) =>
          goOn ? fetch(`${api.url}${path}`, init) : new Promise<Response>(() => {}),
        sessionStorage: { getItem: () => null, setItem() {} },
        setTimeout: (run: () => void, milliseconds: number) => {
          const timer = setTimeout(run, milliseconds);
          timers.push(timer);
          return timer;
        },
        setInterval: () => 0,
        TextDecoder,
      }),
    );
  });
  after(async () => {
    goOn = false;
    await api.close();
    for (const timer of timers) clearTimeout(timer);
  });

  const text = (id: string) => elements.get(id)?.text ?? '';

  test('every element that the script asks for is on the page', () => {
    const script = readFileSync(new URL('../../../control-plane/page/page.js', import.meta.url), 'utf8');
    for (const [, id] of script.matchAll(/element\('([a-z-]+)'\)/g))
      assert.ok(id !== undefined && elements.has(id), id);
  });

  test('it says that there is nothing yet, and is live', async () => {
    await eventually('it is live', () => (text('connection') === 'live' ? true : undefined));
    assert.equal(elements.get('no-executions')?.hidden, false);
    assert.equal(elements.get('no-delegates')?.hidden, false);
    assert.equal(elements.get('login')?.hidden, true);
  });

  test('a delegate that connects and an execution that ends show up by themselves', async () => {
    await api.delegate(succeedAll, 'vpc', ['<b>stage</b>']);
    await eventually('the delegate', () =>
      text('delegates').includes('● connected | vpc | <b>stage</b>') ? true : undefined,
    );
    const id = await api.run();
    await eventually('the execution', () => (text('executions').includes(`✔ succeeded | ${id}`) ? true : undefined));
    assert.match(text('executions'), /ECS\/ECS Replica Strategy \| .*:1\.28 \| .* ago \| .* \| local/);
    assert.equal(elements.get('no-executions')?.hidden, true);
  });
});

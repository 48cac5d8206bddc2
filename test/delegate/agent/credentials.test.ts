import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { CredentialRow } from '@outrider/control-plane/app/ports.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseCredential } from '@outrider/shared/protocol/join-token.ts';
import { eventually } from '../../support/processes.ts';
import { done, Rig } from './rig.ts';

const LIFE_MS = 3_000;

describe('a delegate and its credential', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start({ tls: true, credentialTtlMs: LIFE_MS, credentialOverlapMs: 50 });
  });
  afterEach(() => rig.close());

  const recipe = async () => done();
  function folderOf(name: string, dataDir = rig.directory): string {
    const all = path.join(dataDir, 'delegates');
    return path.join(all, readdirSync(all).find((entry) => entry.startsWith(`${name}-`)) ?? '');
  }
  function bearerOf(name: string): string {
    const { bearer }: { bearer: string } = JSON.parse(
      readFileSync(path.join(folderOf(name), 'credential.json'), 'utf8'),
    );
    return bearer;
  }
  const rowOf = async (name: string): Promise<CredentialRow | undefined> =>
    await rig.store.findCredential(parseCredential(bearerOf(name))?.id ?? '');
  const viewOf = (name: string) => rig.dispatcher.fleet().find((delegate) => delegate.name === name);
  const connected = async (delegate: { readonly connected: boolean }) =>
    await eventually('it is connected', () => (delegate.connected ? true : undefined));

  test('renews it over and over while it works, and its session lives on', async () => {
    const delegate = await rig.delegate('one', recipe, { joinToken: await rig.joinToken('one') });
    await connected(delegate);
    let drops = 0;
    const watch = setInterval(() => {
      if (!delegate.connected) drops += 1;
    }, 20);
    await eventually('it was renewed twice', async () =>
      ((await rowOf('one'))?.generation ?? 0) >= 3 ? true : undefined,
    );
    clearInterval(watch);
    assert.equal(drops, 0);
    const id = await rig.enqueue('p1.1');
    await eventually('the step ends', async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
    await delegate.kill();
    const again = await rig.delegate('one', recipe);
    await connected(again);
    assert.equal((await rowOf('one'))?.id, parseCredential(bearerOf('one'))?.id);
  });

  /** The first renewal is done, and its answer is lost. Answers how many were lost. */
  function loseAnAnswer(): () => number {
    const renew = rig.joining.renew.bind(rig.joining);
    let lost = 0;
    Object.assign(rig.joining, {
      renew: async (...given: Parameters<typeof renew>) => {
        const answer = await renew(...given);
        if (lost > 0) return answer;
        lost += 1;
        throw new OutriderError('store-failed', 'the answer is lost');
      },
    });
    return () => lost;
  }

  for (const loses of [false, true]) {
    test(`renews it while it polls, too${loses ? ', though an answer is lost' : ''}`, async () => {
      const lost = loses ? loseAnAnswer() : () => 1;
      const joinToken = await rig.joinToken('one');
      const delegate = await rig.delegate('one', recipe, { joinToken, transport: 'poll' });
      await connected(delegate);
      await eventually('it was renewed', async () =>
        lost() > 0 && ((await rowOf('one'))?.generation ?? 0) >= 2 ? true : undefined,
      );
      const before = Date.now();
      await eventually('it has polled since', () => (Date.now() > before + 300 ? true : undefined));
      await connected(delegate);
      const id = await rig.enqueue('p1.1');
      await eventually('the step ends', async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
      assert.equal(viewOf('one')?.lock ?? null, null);
    });
  }

  test('goes on with a control plane that did what it was asked and whose answer was lost', async () => {
    const lost = loseAnAnswer();
    const delegate = await rig.delegate('one', recipe, { joinToken: await rig.joinToken('one') });
    await connected(delegate);
    await eventually('an answer was lost', () => (lost() > 0 ? true : undefined));
    rig.dispatcher.disconnect('one', 'the network breaks');
    // Its session ended in that moment: who is connected now has come back.
    await eventually('it is back', () => (viewOf('one')?.connected === true ? true : undefined));
    assert.ok(((await rowOf('one'))?.generation ?? 0) >= 2);
    assert.equal(viewOf('one')?.lock ?? null, null);
    await delegate.kill();
  });

  test('whose data directory was copied is told on both machines, and locked when both have renewed', async () => {
    const said: string[] = [];
    const hear = (_fields: object, message: string) => said.push(message);
    const logger = { debug() {}, info() {}, warn: hear, error: hear };
    const rightful = await rig.delegate('one', recipe, { joinToken: await rig.joinToken('one') });
    await connected(rightful);
    const dataDir = path.join(rig.directory, 'copied');
    cpSync(folderOf('one'), path.join(dataDir, 'delegates', path.basename(folderOf('one'))), {
      recursive: true,
      filter: (source) => path.basename(source) !== 'lock',
    });
    const copy = await rig.delegate('one', recipe, { dataDir }, { logger });
    await eventually('the copy is turned away', () =>
      said.some((line) => /another instance of one .* lives/.test(line)) || viewOf('one')?.lock ? true : undefined,
    );
    await eventually('the delegate is locked', () => viewOf('one')?.lock ?? undefined);
    await eventually('none is let in', () => (rightful.connected || copy.connected ? undefined : true));
    assert.match(said.join('\n'), /is locked until an operator unlocks it/);
  });

  describe('a join whose answer is lost', () => {
    /** Makes so many joins fail after they were done. */
    function loseAnswers(count: number): void {
      const join = rig.joining.join.bind(rig.joining);
      let left = count;
      Object.assign(rig.joining, {
        join: async (...given: Parameters<typeof join>) => {
          const answer = await join(...given);
          if (left === 0) return answer;
          left -= 1;
          throw new OutriderError('store-failed', 'the answer is lost');
        },
      });
    }

    test('is asked for again with the same secret, and its one use lets the delegate in', async () => {
      loseAnswers(2);
      const joinToken = await rig.joinToken('one', 1);
      const delegate = await rig.delegate('one', recipe, { joinToken });
      await connected(delegate);
      assert.equal((await rig.joining.list())[0]?.usesLeft, 0);
      assert.equal(existsSync(path.join(folderOf('one'), 'joining.json')), false);
    });

    test('is asked for again by the next process, too', async () => {
      loseAnswers(1);
      const joinToken = await rig.joinToken('one', 1);
      const killed = new AbortController();
      const starting = rig.delegate('one', recipe, { joinToken }, { signal: killed.signal });
      const used = () =>
        eventually('the use is spent', async () => ((await rig.joining.list())[0]?.usesLeft === 0 ? true : undefined));
      await used();
      killed.abort();
      await assert.rejects(starting);
      await connected(await rig.delegate('one', recipe, { joinToken }));
    });
  });
});

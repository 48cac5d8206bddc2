import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { breaches, LONGEST_FILE_LINES, type SourceFile } from './rules.ts';

const RUNTIME: Readonly<Record<string, readonly string[]>> = {
  shared: ['zod', 'protobufjs', '@grpc/proto-loader'],
  'control-plane': ['fastify', '@grpc/grpc-js'],
  delegate: ['@aws-sdk/client-ecs', '@smithy/core', '@grpc/grpc-js'],
};
const ONLY_DEVELOPMENT: Readonly<Record<string, readonly string[]>> = {
  '': ['fast-check'],
  shared: ['@grpc/grpc-js'],
  simulator: ['@aws-sdk/client-ecs'],
};

/** What the rules say about a file, in a tree that also holds `others`, which break nothing themselves. */
function said(path: string, text: string, ...others: readonly string[]): readonly string[] {
  const files: readonly SourceFile[] = [{ path, text }, ...others.map((other) => ({ path: other, text: '' }))];
  return breaches({
    files,
    exists: (file) => file === 'shared/src/protocol/generated/descriptor.json',
    declared: (workspace, which) =>
      new Set([...(RUNTIME[workspace] ?? []), ...(which === 'all' ? (ONLY_DEVELOPMENT[workspace] ?? []) : [])]),
  });
}

function refuses(path: string, text: string, others: readonly string[], expected: RegExp): void {
  const breached = said(path, text, ...others);
  assert.equal(breached.length, 1, `expected one breach, found ${JSON.stringify(breached)}`);
  assert.match(breached[0] ?? '', expected);
}

function accepts(path: string, text: string, ...others: readonly string[]): void {
  assert.deepEqual(said(path, text, ...others), []);
}

describe('who may import whom', () => {
  test('shared imports itself and zod, nothing else, types included', () => {
    accepts('shared/src/a.ts', "import { z } from 'zod';\nimport { b } from './model/b.ts';", 'shared/src/model/b.ts');
    refuses(
      'shared/src/a.ts',
      "import { readFile } from 'node:fs';",
      [],
      /^shared\/src\/a\.ts:1: imports node:fs: shared imports only/,
    );
    refuses('shared/src/a.ts', "import type { Root } from 'protobufjs';", [], /shared imports only/);
    refuses(
      'shared/src/a.ts',
      "import type { X } from '../../delegate/src/x.ts';",
      ['delegate/src/x.ts'],
      /shared imports only/,
    );
    refuses(
      'shared/src/a.ts',
      "export * from '@outrider/delegate/x.ts';",
      ['delegate/src/x.ts'],
      /shared imports only/,
    );
  });

  test('only the protocol folder of shared touches protobuf, and generated types only gRPC', () => {
    accepts(
      'shared/src/protocol/codec.ts',
      "import { fromJSON } from '@grpc/proto-loader';\nimport d from './generated/descriptor.json' with { type: 'json' };",
    );
    accepts('shared/src/protocol/generated/x.ts', "import type * as grpc from '@grpc/grpc-js';");
    refuses('shared/src/protocol/codec.ts', "import type * as grpc from '@grpc/grpc-js';", [], /shared imports only/);
    refuses(
      'shared/src/protocol/generated/x.ts',
      "import type { a } from '../codec.ts';",
      ['shared/src/protocol/codec.ts'],
      /generated protocol types/,
    );
  });

  test('the domain imports itself and shared only', () => {
    const domain = 'control-plane/src/domain/decide.ts';
    accepts(
      domain,
      "import { s } from '@outrider/shared/s.ts';\nimport { e } from './evolve.ts';",
      'shared/src/s.ts',
      'control-plane/src/domain/evolve.ts',
    );
    refuses(domain, "import { createHash } from 'node:crypto';", [], /the domain imports only/);
    refuses(
      domain,
      "import type { Store } from '../app/ports.ts';",
      ['control-plane/src/app/ports.ts'],
      /the domain imports only/,
    );
    refuses(domain, "import { z } from 'fastify';", [], /the domain imports only/);
    refuses(
      domain,
      "const late = await import('../store/sqlite.ts');",
      ['control-plane/src/store/sqlite.ts'],
      /the domain imports only/,
    );
  });

  test('control plane and delegate never import each other, nor the simulator, but for the composition root', () => {
    const delegate = 'delegate/src/agent/agent.ts';
    refuses(
      'control-plane/src/grpc/server.ts',
      "import { a } from '@outrider/delegate/agent/agent.ts';",
      [delegate],
      /nothing of the delegate/,
    );
    refuses(
      'control-plane/src/app/x.ts',
      "import { s } from '@outrider/simulator/s.ts';",
      ['simulator/src/s.ts'],
      /nothing of the delegate or the simulator/,
    );
    refuses(
      delegate,
      "import type { P } from '../../../control-plane/src/app/ports.ts';",
      ['control-plane/src/app/ports.ts'],
      /nothing of the control plane/,
    );
    accepts('control-plane/bin/main.ts', "import { a } from '@outrider/delegate/agent/agent.ts';", delegate);
    refuses(
      'control-plane/src/http/x.ts',
      "import { main } from '../../bin/main.ts';",
      ['control-plane/bin/main.ts'],
      /nothing imports the composition root/,
    );
  });

  test('steps see AWS through aws/ports.ts, and only delegate/src/aws sees its SDK', () => {
    const step = 'delegate/src/steps/setup.ts';
    accepts(step, "import type { EcsPort } from '../aws/ports.ts';", 'delegate/src/aws/ports.ts');
    refuses(
      step,
      "import type { Clients } from '../aws/clients.ts';",
      ['delegate/src/aws/clients.ts'],
      /steps see AWS through/,
    );
    refuses(step, "import type { Service } from '@aws-sdk/client-ecs';", [], /only delegate\/src\/aws sees/);
    accepts(
      'delegate/src/aws/ecs.ts',
      "import { ECSClient } from '@aws-sdk/client-ecs';\nimport { x } from '@smithy/core/protocols';",
    );
    refuses('delegate/src/agent/x.ts', "import { x } from '@smithy/core/schema';", [], /only delegate\/src\/aws sees/);
  });

  test('the simulator meets the others on the wire, and takes the AWS clients for their types only', () => {
    accepts('simulator/src/a.ts', "import type { Service } from '@aws-sdk/client-ecs';");
    refuses(
      'simulator/src/a.ts',
      "import { ids } from '@outrider/shared/ids.ts';",
      ['shared/src/ids.ts'],
      /they meet on the wire/,
    );
    const asValue = said('simulator/src/a.ts', "import { ECSClient } from '@aws-sdk/client-ecs';");
    assert.equal(asValue.length, 2, JSON.stringify(asValue));
  });

  test('use cases do not reach behind their ports, and the command line talks HTTP', () => {
    refuses(
      'control-plane/src/app/engine.ts',
      "import { s } from '../store/memory.ts';",
      ['control-plane/src/store/memory.ts'],
      /own their ports/,
    );
    refuses(
      'control-plane/src/cli/run.ts',
      "import { e } from '../app/engine.ts';",
      ['control-plane/src/app/engine.ts'],
      /the command line talks HTTP/,
    );
    accepts(
      'control-plane/src/cli/run.ts',
      "import { p } from '../documents/parse.ts';\nimport { r } from 'node:http';",
      'control-plane/src/documents/parse.ts',
    );
    accepts(
      'control-plane/src/cli/run.ts',
      "import { run } from '../http/api-schemas.ts';",
      'control-plane/src/http/api-schemas.ts',
    );
    refuses(
      'control-plane/src/cli/run.ts',
      "import type { S } from '../http/server.ts';",
      ['control-plane/src/http/server.ts'],
      /the command line talks HTTP/,
    );
    refuses(
      'control-plane/console/app.tsx',
      "import { e } from '../src/http/server.ts';",
      ['control-plane/src/http/server.ts'],
      /the console talks HTTP/,
    );
  });

  test('every import resolves to a file, a Node module or a declared package', () => {
    refuses('delegate/src/a.ts', "import { b } from './b.ts';", [], /there is no delegate\/src\/b\.ts/);
    refuses('delegate/src/a.ts', "import { b } from '@outrider/shared/b.ts';", [], /there is no shared\/src\/b\.ts/);
    refuses('delegate/src/a.ts', "import f from 'fastify';", [], /delegate\/package\.json does not declare fastify/);
    refuses(
      'delegate/src/a.ts',
      "import f from 'fast-check';",
      [],
      /does not declare fast-check among its dependencies/,
    );
    refuses('delegate/src/a.ts', "import f from 'fs';", [], /does not declare fs/);
    refuses('test/a.test.ts', "import l from 'lodash';", [], /no package\.json declares lodash/);
    accepts('test/a.test.ts', "import fc from 'fast-check';\nimport f from 'fastify';");
    refuses('delegate/src/a.ts', "import x from '/abs/x.ts';", [], /write a relative path/);
    refuses('delegate/src/a.ts', 'const x = await import(`./${name}.ts`);', [], /imports something computed/);
    refuses('delegate/src/a.ts', "import { t } from '../../test/t.ts';", ['test/t.ts'], /sources import no tests/);
  });
});

describe('what a file may hold', () => {
  test('the domain takes no time, chance or machine', () => {
    const domain = 'control-plane/src/domain/x.ts';
    for (const impure of [
      'Date.now()',
      'new Date()',
      'Math.random()',
      'setTimeout(f, 1)',
      'crypto.randomUUID()',
      'performance.now()',
      'process.env',
      'globalThis.x',
    ]) {
      refuses(domain, `export const x = ${impure};`, [], /the domain is pure/);
      accepts('control-plane/src/http/x.ts', `export const x = ${impure};`);
    }
    accepts(
      domain,
      "// new Date() and Math.random() stay outside\nexport const Dates = { process: 1 };\nexport const y = 'Date.now()' + z.process;",
    );
    accepts(domain, 'export interface Plan { readonly process?: string; readonly random: number }');
  });

  test('what the simulation runs takes no real time, timer or chance', () => {
    for (const [real, told] of [
      ['Date.now()', 'Date.now'],
      ['new Date()', 'new Date()'],
      ['Math.random()', 'Math.random'],
      ['setTimeout(f, 1)', 'setTimeout'],
      ['crypto.randomUUID()', 'randomUUID'],
      ['randomBytes(8)', 'randomBytes'],
      ['performance.now()', 'performance'],
      ['process.hrtime()', 'process.hrtime'],
      ['AbortSignal.timeout(1)', 'AbortSignal.timeout'],
      ['new WeakRef(x)', 'WeakRef'],
    ] as const) {
      for (const path of ['control-plane/src/app/x.ts', 'delegate/src/steps/x.ts', 'simulator/src/world/x.ts']) {
        const [breach = ''] = said(path, `export const y = ${real};`);
        assert.ok(breach.includes(`: uses ${told}: this runs in the simulation`), breach);
      }
      accepts('delegate/src/agent/instant.ts', `export const y = ${real};`);
      accepts('delegate/src/process.ts', `export const y = ${real};`);
    }
    accepts(
      'delegate/src/agent/x.ts',
      'export const y = [new Date(at), Date.parse(text), Date.UTC(2026), tools.random(), socket.setTimeout(1), { setTimeout: 1 }];',
    );
  });

  test('a file is shorter than 500 lines', () => {
    accepts('shared/src/a.ts', '\n'.repeat(LONGEST_FILE_LINES));
    refuses('shared/src/a.ts', '\n'.repeat(LONGEST_FILE_LINES + 1), [], /500 lines, more than 499/);
    accepts('shared/src/protocol/generated/a.ts', '\n'.repeat(2000));
  });

  test('no check is switched off and nothing is cast to any', () => {
    for (const comment of [
      ['@ts', 'ignore'],
      ['@ts', 'expect-error'],
      ['oxlint', 'disable-next-line'],
      ['eslint', 'disable'],
      ['biome', 'ignore'],
    ]) {
      refuses('shared/src/a.ts', `// ${comment.join('-')} because\nexport const a = 1;`, [], /switches a check off/);
    }
    refuses('shared/src/a.ts', 'export const a = JSON.parse(b) as any;', [], /casts to any/);
    accepts('shared/src/a.ts', "export const a = 'as any port in a storm'; // as any");
  });

  test('nothing is left unfinished', () => {
    for (const words of [
      ['TO', 'DO later'],
      ['FIX', 'ME'],
      ['enough for', ' now'],
      ['not imple', 'mented'],
      ['not yet imple', 'mented'],
    ]) {
      refuses('shared/src/a.ts', `/* ${words.join('')} */`, [], /unfinished work/);
    }
    refuses('shared/src/a.ts', `throw new Error('${['Not imple', 'mented'].join('')}');`, [], /unfinished work/);
    accepts('shared/src/a.ts', '// what it does for nowhere else; XXXXXX of mkdtemp');
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applyExample, REPLICA } from '../support/deployments.ts';
import { type Stack, startStack } from '../support/stack.ts';

const SERVICE = (rest: string) => `apiVersion: outrider/v1
kind: Service
metadata: { application: ECS, name: shop }
spec:
  strategy: REPLICA
  artifact: { image: library/nginx }
  taskDefinition: { containerDefinitions: [{ name: web, image: "\${DOCKER_IMAGE_NAME}", memory: 256 }] }
${rest}`;

const WORKFLOW = (phase: string) => `apiVersion: outrider/v1
kind: Workflow
metadata: { application: ECS, name: broken }
spec:
  type: CANARY
  environment: stage-ecs
  phases:
    - name: Phase 1
${phase}`;

/** What a person may write, where the error must point, and what it must say. */
const BAD: readonly { what: string; text: string; place: RegExp; says: RegExp }[] = [
  {
    what: 'a misspelt field',
    text: SERVICE('  stratgy: REPLICA\n'),
    place: /:8:3/,
    says: /stratgy.*did you mean.*strategy/is,
  },
  { what: 'a wrong type', text: SERVICE('  variables: 5\n'), place: /:8:1[0-9]/, says: /variables/ },
  { what: 'YAML that does not parse', text: 'apiVersion: outrider/v1\nkind: [Service\n', place: /:\d+:\d+/, says: /./ },
  {
    what: 'a reference to a service that does not exist',
    text: WORKFLOW('      service: Exmple Default_Replica\n      infrastructure: example\n'),
    place: /:9:/,
    says: /Exmple Default_Replica.*Example Default_Replica/s,
  },
  {
    what: 'an expression that does not resolve',
    text: WORKFLOW(`      service: Example Default_Replica
      infrastructure: example
      sections:
        Setup Container:
          - { name: Setup, type: ecs-service-setup, with: { serviceName: "\${ap.name}" } }
        Deploy Containers:
          - { name: Upgrade, type: ecs-upgrade-containers }
`),
    place: /:13:/,
    says: /ap\.name.*app/s,
  },
  {
    what: 'a name that ECS would refuse',
    text: SERVICE('').replace('name: shop', `name: ${'x'.repeat(129)}`),
    place: /:3:/,
    says: /128/,
  },
];

describe('bad input gets a place, a reason and a hint, and nothing is stored', () => {
  let stack: Stack;
  let directory: string;
  before(async () => {
    stack = await startStack({ delegates: {} });
    directory = await mkdtemp(join(tmpdir(), 'outrider-bad-input-'));
    await applyExample(stack, 'replica-canary');
  });
  after(async () => {
    await stack.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function stored(): Promise<string> {
    const kinds = ['services', 'environments', 'infrastructures', 'workflows'];
    return JSON.stringify(await Promise.all(kinds.map((kind) => stack.get(`/v1/${kind}`))));
  }

  for (const { what, text, place, says } of BAD) {
    for (const command of [['validate'], ['apply', '-f']]) {
      test(`${command[0]}: ${what}`, async () => {
        const file = join(directory, 'broken.yaml');
        // A good document before the bad one: it must not be stored either.
        await writeFile(file, text);
        const storedBefore = await stored();
        const refused = await stack.outrider(...command, file);
        assert.equal(refused.exitCode, 1, refused.stderr);
        assert.match(refused.stderr, new RegExp(`broken\\.yaml${place.source}`));
        assert.match(refused.stderr, says);
        assert.doesNotMatch(refused.stderr, /\n\s+at .*\(.*:\d+:\d+\)|node:internal/, 'no stack trace');
        assert.equal(await stored(), storedBefore);
      });
    }
  }

  test('one bad document among good ones: none of them is stored', async () => {
    const file = join(directory, 'mixed.yaml');
    await writeFile(file, `${SERVICE('')}---\n${SERVICE('').replace('name: shop', 'nam: shop')}`);
    const storedBefore = await stored();
    const refused = await stack.outrider('apply', '-f', file);
    assert.equal(refused.exitCode, 1);
    assert.equal(await stored(), storedBefore);
  });

  test('a 5 MB document is refused for its size', async () => {
    const file = join(directory, 'large.yaml');
    await writeFile(file, `${SERVICE('')}  variables:\n${'    - { name: A, value: b }\n'.repeat(200_000)}`);
    for (const command of [['validate'], ['apply', '-f']]) {
      const refused = await stack.outrider(...command, file);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /too large|1 MiB/i);
    }
    const direct = await fetch(`${stack.apiUrl}/v1/validate`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: 'a'.repeat(5_000_000),
    });
    assert.equal(direct.status, 413);
    assert.match(direct.headers.get('content-type') ?? '', /application\/problem\+json/);
  });

  test('run with an unknown workflow, service, variable or without an image says what there is', async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [['ECS/Nothing'], /Nothing/],
      [[REPLICA.workflow], /Example Default_Replica/],
      [[REPLICA.workflow, '--artifact', 'Nobody=:1'], /Nobody/],
      [[REPLICA.workflow, '--artifact', `${REPLICA.service}=other/image:1`], /other\/image/],
      [[REPLICA.workflow, '--artifact', `${REPLICA.service}=:1`, '--set', 'Desird=1'], /Desird/],
    ];
    for (const [args, says] of cases) {
      const refused = await stack.outrider('run', ...args);
      assert.equal(refused.exitCode, 1, `${args.join(' ')}: ${refused.stderr}`);
      assert.match(refused.stderr, says);
      assert.equal(refused.stdout, '');
    }
  });
});

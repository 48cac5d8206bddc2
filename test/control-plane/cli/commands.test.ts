import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPLICA_FOLDER, startTestApi, type TestApi } from '../../support/api.ts';
import { type CliOptions, type CliResult, cli } from '../../support/cli.ts';
import { matchGolden, normalized } from '../../support/golden.ts';
import { freePort } from '../../support/processes.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

const COMMANDS = [
  [],
  ['dev'],
  ['control-plane'],
  ['delegate'],
  ['simulator'],
  ['validate'],
  ['apply'],
  ['get'],
  ['delete'],
  ['run'],
  ['list'],
  ['watch'],
  ['show'],
  ['events'],
  ['abort'],
  ['rollback'],
  ['logs'],
  ['delegates', 'list'],
  ['delegates', 'get'],
  ['delegates', 'remove'],
  ['delegates', 'unlock'],
  ['tokens', 'create'],
  ['tokens', 'list'],
  ['tokens', 'revoke'],
  ['keys', 'create'],
  ['keys', 'list'],
  ['keys', 'revoke'],
  ['triggers', 'set'],
  ['triggers', 'list'],
  ['triggers', 'token'],
  ['triggers', 'delete'],
  ['webhooks', 'create'],
  ['webhooks', 'list'],
  ['webhooks', 'deliveries'],
  ['webhooks', 'test'],
  ['webhooks', 'redeliver'],
  ['webhooks', 'delete'],
  ['backup'],
  ['restore'],
  ['schema'],
  ['version'],
];

describe('help', () => {
  const outrider = (...args: readonly string[]) => cli('http://127.0.0.1:1', args);

  for (const command of COMMANDS) {
    const name = command.length === 0 ? 'outrider' : command.join('-');
    test(`${name} --help fits the screen, has an example, and reads as it always does`, async () => {
      const { code, stdout, stderr } = await outrider(...command, '--help');
      assert.equal(code, 0);
      assert.equal(stderr, '');
      if (command.length > 0) assert.match(stdout, /Examples:\n {2}outrider |Examples:\n {2}(cat|OUTRIDER_)/);
      matchGolden(`cli/help/${name}.txt`, stdout);
      const viaHelp = await outrider('help', ...command);
      assert.equal(viaHelp.stdout, stdout);
    });
  }

  for (const topic of ['exit-codes', 'environment']) {
    test(`help ${topic} prints its table`, async () => {
      const { code, stdout } = await outrider('help', topic);
      assert.equal(code, 0);
      matchGolden(`cli/help/${topic}.txt`, stdout);
    });
  }

  test('version says its own and that of Node', async () => {
    assert.equal((await outrider('version')).stdout, `outrider 0.0.0-test (Node ${process.versions.node})\n`);
    assert.deepEqual(JSON.parse((await outrider('version', '--json')).stdout), {
      version: '0.0.0-test',
      node: process.versions.node,
    });
    assert.equal((await outrider('--version')).stdout, '0.0.0-test\n');
  });

  test('schema prints the JSON Schema of all kinds or of one', async () => {
    const whole: { $schema: string } = JSON.parse((await outrider('schema')).stdout);
    assert.match(whole.$schema, /json-schema\.org/);
    const one: { title: string } = JSON.parse((await outrider('schema', 'workflow')).stdout);
    assert.equal(one.title, 'Outrider Workflow');
  });
});

describe('usage errors exit with 2 and say what is right', () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['frobnicate'], /unknown command 'frobnicate'[\s\S]*outrider --help/],
    [['lst'], /Did you mean list\?/],
    [['list', '--colour'], /unknown option '--colour'[\s\S]*outrider list --help/],
    [['run'], /missing required argument 'workflow'/],
    [['run', 'a/b/c'], /NAME or APPLICATION\/NAME/],
    [['run', 'web', '--artifact', 'web'], /It is SERVICE=IMAGE/],
    [['run', 'web', '--artifact', 'web=:1', '--artifact', 'web=:2'], /web was given before/],
    [['run', 'web', '--set', '=x'], /It is NAME=VALUE/],
    [['run', 'web', '--wait-timeout', 'soon'], /such as 90s, 30m or 1h30m/],
    [['run', 'web', '--watch', '--detach'], /cannot be used with option/],
    [['get', 'pods'], /one of service, environment, infrastructure, workflow/],
    [['apply'], /required option '-f, --file <path>'/],
    [['list', '--limit', '0'], /whole number from 1/],
    [['keys', 'create', 'ci', '--role', 'king'], /Allowed choices are viewer, operator, admin/],
    [['webhooks', 'create', 'https://a.example/', '--event', 'all'], /It is one of execution\.started, /],
    [['triggers', 'set', 'ci', '--webhook'], /required option '--workflow/],
    [['tokens', 'create', '--uses', 'many'], /or unlimited/],
    [['dev', '--aws', 'imaginary'], /Allowed choices are simulated, real/],
    [['dev', '--speed', '0'], /above 0/],
    [['help', 'nothing'], /no help on "nothing"/],
    [['list', '--url', 'ftp://example'], /--url .* is not an address/],
  ];
  for (const [args, says] of cases) {
    test(`outrider ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await cli('http://127.0.0.1:1', args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, says);
      assert.equal(stdout, '');
    });
  }

  test('a control plane that is not there: exit 1, and what to do', async () => {
    const { code, stderr } = await cli(`http://127.0.0.1:${await freePort()}`, ['list']);
    assert.equal(code, 1);
    matchGolden('cli/unreachable.txt', normalized(stderr));
  });

  test('with --json the error is JSON', async () => {
    const { stderr } = await cli('http://127.0.0.1:1', ['list', '--json']);
    const error: { code: string; retryable: boolean } = JSON.parse(stderr);
    assert.equal(error.code, 'unreachable');
    assert.equal(error.retryable, true);
  });
});

describe('resources, delegates, tokens and keys on the command line', () => {
  let api: TestApi;
  let directory: string;
  const outrider = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    cli(api.url, args, { cwd: directory, ...options });

  before(async () => {
    api = await startTestApi();
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-cli-'));
    await api.delegate(succeedAll, 'vpc-stage', ['stage', 'linux']);
  });
  after(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('apply stores a folder, and says what became of each resource', async () => {
    const first = await outrider(['apply', '-f', REPLICA_FOLDER]);
    assert.equal(first.code, 0, first.stderr);
    matchGolden('cli/apply.txt', first.stdout);
    const again = await outrider(['apply', '-f', REPLICA_FOLDER, '--json']);
    const { items }: { items: { outcome: string }[] } = JSON.parse(again.stdout);
    assert.deepEqual(new Set(items.map(({ outcome }) => outcome)), new Set(['unchanged']));
  });

  test('apply reads standard input', async () => {
    const stdin = 'apiVersion: outrider/v1\nkind: Environment\nmetadata: { name: lab }\nspec: { type: NON_PROD }\n';
    const { code, stdout, stderr } = await outrider(['apply', '-f', '-'], { stdin });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'created    Environment lab  version 1\n');
  });

  test('apply sends the task definition that a service names, from its own folder', async () => {
    mkdirSync(path.join(directory, 'shop', 'aws'), { recursive: true });
    writeFileSync(
      path.join(directory, 'shop', 'service.yaml'),
      'apiVersion: outrider/v1\nkind: Service\nmetadata: { name: shop }\nspec:\n  artifact: { image: library/nginx }\n  taskDefinitionFile: aws/task.json\n',
    );
    const container = { name: '${CONTAINER_NAME}', image: '${DOCKER_IMAGE_NAME}', memory: 256 };
    writeFileSync(
      path.join(directory, 'shop', 'aws', 'task.json'),
      JSON.stringify({ containerDefinitions: [container] }),
    );
    const { code, stderr } = await outrider(['apply', '-f', 'shop']);
    assert.equal(code, 0, stderr);
    const { stdout } = await outrider(['get', 'service', 'shop']);
    assert.match(stdout, /memory: 256/);
    rmSync(path.join(directory, 'shop', 'aws'), { recursive: true });
    const missing = await outrider(['apply', '-f', 'shop']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /shop\/service\.yaml:6:[0-9]+: the file aws\/task\.json cannot be read/);
  });

  test('a problem is shown at file:line:column, with the line and a hint', async () => {
    writeFileSync(
      path.join(directory, 'broken.yaml'),
      'apiVersion: outrider/v1\nkind: Environment\nmetadata: { nam: lab }\nspec: { type: LAB }\n',
    );
    for (const command of [
      ['validate', 'broken.yaml'],
      ['apply', '-f', 'broken.yaml'],
    ]) {
      const { code, stdout, stderr } = await outrider(command);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      matchGolden('cli/document-invalid.txt', stderr);
    }
  });

  test('validate works without a control plane and says what was not checked', async () => {
    const { code, stdout, stderr } = await cli('http://127.0.0.1:1', ['validate', REPLICA_FOLDER]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^valid {2}Environment ECS\/stage-ecs$/m);
    assert.match(stderr, /were not checked/);
  });

  test('validate asks the control plane about references', async () => {
    const { code, stderr } = await outrider(['validate', path.join(REPLICA_FOLDER, 'workflow.yaml')]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
  });

  for (const [what, args, says] of [
    ['a file that is none', ['apply', '-f', 'none.yaml'], /There is no file none\.yaml/],
    ['a folder without resources', ['apply', '-f', 'empty'], /empty holds no resources/],
    ['a file of 5 MB', ['validate', 'large.yaml'], /large\.yaml has 4\.8 MiB[\s\S]*1 MiB/],
    ['a file that is not text', ['validate', 'binary.yaml'], /binary\.yaml is not UTF-8/],
  ] as const) {
    test(`${what}: exit 1 and a reason`, async () => {
      mkdirSync(path.join(directory, 'empty'), { recursive: true });
      writeFileSync(path.join(directory, 'large.yaml'), 'a'.repeat(5_000_000));
      writeFileSync(path.join(directory, 'binary.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
      const { code, stderr } = await outrider(args);
      assert.equal(code, 1);
      assert.match(stderr, says);
    });
  }

  test('get lists a kind, by any spelling of it', async () => {
    const { stdout } = await outrider(['get', 'workflows']);
    matchGolden('cli/get-workflows.txt', normalized(stdout));
    for (const spelling of ['workflow', 'Workflow', 'wf'])
      assert.equal((await outrider(['get', spelling, '--json'])).code, 0);
    const empty = await outrider(['get', 'services', '--application', 'nobody']);
    assert.equal(empty.stdout, '');
    assert.match(empty.stderr, /outrider apply -f/);
  });

  test('get NAME prints YAML that apply takes back unchanged', async () => {
    const { stdout } = await outrider(['get', 'workflow', 'ECS/ECS Replica Strategy']);
    const applied = await outrider(['apply', '-f', '-'], { stdin: stdout });
    assert.equal(applied.stdout, 'unchanged  Workflow ECS/ECS Replica Strategy  version 1\n');
  });

  test('get of a name that is misspelt says which one was meant', async () => {
    const { code, stderr } = await outrider(['get', 'workflow', 'ECS/ECS Replica Stratgy']);
    assert.equal(code, 1);
    assert.match(stderr, /ECS Replica Strategy/);
  });

  test('delete refuses what is in use, and a version that is not the one there', async () => {
    const used = await outrider(['delete', 'service', 'ECS/Example Default_Replica']);
    assert.equal(used.code, 1);
    assert.match(used.stderr, /\(in-use\)/);
    const other = await outrider(['delete', 'environment', 'lab', '--if-version', '7']);
    assert.match(other.stderr, /\(version-conflict\)/);
    assert.equal((await outrider(['delete', 'environment', 'lab'])).stdout, 'deleted  Environment lab\n');
  });

  test('delegates list and get', async () => {
    const { stdout } = await outrider(['delegates', 'list']);
    assert.match(
      stdout,
      /^NAME +STATE +INSTANCES +BUSY +VERSION +LAST SEEN +REGION +TAGS\nvpc-stage +● connected +1 +0\/4 /,
    );
    const one = await outrider(['delegates', 'get', 'vpc-stage']);
    assert.match(one.stdout, /^name +vpc-stage\nstate +● connected\ntags +(stage, linux|linux, stage)$/m);
    assert.equal((await outrider(['delegates', 'get', 'vpc-stag'])).code, 1);
  });

  test('run with no eligible delegate says of each why not, and starts nothing', async () => {
    const infrastructure = {
      environment: 'stage-ecs',
      region: 'us-east-1',
      cluster: 'example',
      delegate: { selectors: ['gpu'] },
    };
    const document = {
      apiVersion: 'outrider/v1',
      kind: 'Infrastructure',
      metadata: { application: 'ECS', name: 'example' },
    };
    const stdin = JSON.stringify({
      ...document,
      spec: { ...infrastructure, executionRole: 'arn:aws:iam::123456789012:role/r' },
    });
    assert.equal((await outrider(['apply', '-f', '-'], { stdin })).code, 0);
    const refused = await outrider(['run', 'ECS/ECS Replica Strategy', '--artifact', 'Example Default_Replica=:1']);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout, '');
    matchGolden('cli/no-eligible-delegate.txt', refused.stderr);
  });

  test('tokens are created, listed and revoked; the text stands alone on stdout', async () => {
    const { stdout, stderr } = await outrider(['tokens', 'create', '--delegate', 'vpc-prod']);
    assert.match(stdout, /^ojt_[^\n]+\n$/);
    assert.match(stderr, /OUTRIDER_DELEGATE_NAME=vpc-prod outrider delegate/);
    const id = /Join token ([0-9a-f]+)/.exec(stderr)?.[1] ?? '';
    assert.match((await outrider(['tokens', 'list'])).stdout, new RegExp(`^${id} +vpc-prod +1 `, 'm'));
    assert.equal((await outrider(['tokens', 'revoke', id])).stdout, `revoked  ${id}\n`);
    assert.match((await outrider(['tokens', 'list'])).stdout, new RegExp(`^${id} .*revoked`, 'm'));
  });

  test('keys are created, listed and revoked; the text stands alone on stdout', async () => {
    const { stdout, stderr } = await outrider(['keys', 'create', 'ci', '--role', 'operator', '--expires', 'never']);
    assert.match(stdout, /^ok_[0-9a-f]{12}_[0-9a-f]{64}\n$/);
    assert.match(stderr, /operator, good for ever/);
    const id = stdout.split('_')[1] ?? '';
    assert.match((await outrider(['keys', 'list'])).stdout, new RegExp(`^${id} +ci +operator +never`, 'm'));
    assert.equal((await outrider(['keys', 'revoke', id])).code, 0);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseImage, IMAGE_REPOSITORY_PATTERN, imageText } from '@outrider/shared/model/image.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

describe('the image of a run', () => {
  const chosen: readonly (readonly [string, string])[] = [
    [':1.28', 'library/nginx:1.28'],
    [':stable-perl', 'library/nginx:stable-perl'],
    [`@${DIGEST}`, `library/nginx@${DIGEST}`],
    [`:1.28@${DIGEST}`, `library/nginx:1.28@${DIGEST}`],
    ['library/nginx:1.28', 'library/nginx:1.28'],
    [`library/nginx@${DIGEST}`, `library/nginx@${DIGEST}`],
    ['library/nginx', 'library/nginx:latest'],
  ];
  for (const [given, expected] of chosen) {
    test(`${given} deploys ${expected}`, () => {
      const image = chooseImage('library/nginx', given);
      assert.ok('repository' in image, JSON.stringify(image));
      assert.equal(imageText(image), expected);
    });
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['other/nginx:1', /of the repository other\/nginx, but the service deploys library\/nginx/],
    ['nginx:1', /repository nginx/],
    ['', /is no image/],
    [':', /is no image/],
    ['1.28 ', /is no image/],
    ['library/nginx:a b', /is no image/],
    ['library/nginx@sha256:short', /is no image/],
    ['x'.repeat(2_000), /is no image/],
  ];
  for (const [given, says] of refused) {
    test(`"${given.slice(0, 30)}" is refused`, () => {
      const image = chooseImage('library/nginx', given);
      assert.match('refused' in image ? image.refused : '', says);
    });
  }

  test('repositories may have a host with a port, and no tag', () => {
    for (const good of [
      'nginx',
      'library/nginx',
      'localhost:5000/a/b',
      '123.dkr.ecr.us-east-1.amazonaws.com/team/app_x',
    ]) {
      assert.match(good, IMAGE_REPOSITORY_PATTERN);
    }
    for (const bad of ['nginx:1', 'Nginx', 'a//b', '/a', 'a/', `a@${DIGEST}`, 'a b']) {
      assert.doesNotMatch(bad, IMAGE_REPOSITORY_PATTERN);
    }
  });

  test('a host with a port keeps its port', () => {
    const image = chooseImage('localhost:5000/app', 'localhost:5000/app:2');
    assert.deepEqual(image, { repository: 'localhost:5000/app', tag: '2' });
  });

  test('long texts are answered at once', () => {
    const started = performance.now();
    assert.ok(!IMAGE_REPOSITORY_PATTERN.test(`${'a-'.repeat(127)}!`));
    assert.ok('refused' in chooseImage('a', `${'a.'.repeat(500)}!`));
    assert.ok(performance.now() - started < 5_000);
  });
});

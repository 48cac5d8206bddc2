import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from './tree.ts';

const LARGEST_FILE_BYTES = 1024 * 1024;

// in pieces, so that this file does not hold them either
const FOREIGN = [
  {
    what: 'the address of a package registry',
    pattern: new RegExp(['registry\\.', '(npmjs|yarnpkg)|npm\\.pkg\\.', 'github|deb\\.', 'debian\\.org'].join('')),
  },
  { what: 'a path of one machine', pattern: new RegExp(['(^|[\\s"\'`(=])/', '(work|root|home)/[a-z]'].join(''), 'm') },
  { what: 'a private key', pattern: new RegExp(['-----BEGIN [A-Z ]*', 'PRIVATE KEY-----\\n'].join('')) },
  {
    what: 'an AWS access key',
    pattern: new RegExp(['\\b(AKIA|ASIA)', '(?![A-Z0-9]*(EXAMPLE|SIMULAT))[A-Z0-9]{16}\\b'].join('')),
  },
];

/** What is or could be committed: not what .gitignore names. */
function ourFiles(): readonly string[] {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listing.split('\0').filter((file) => file !== '' && existsSync(path.join(ROOT, file)));
}

describe('what is published', () => {
  test('names no registry, no path of one machine and no secret', () => {
    const files = ourFiles();
    assert.ok(
      files.includes('package.json') && files.includes(path.join('.ci', 'run')),
      'the files of the project are not found',
    );
    for (const file of files) {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      for (const { what, pattern } of FOREIGN) {
        assert.doesNotMatch(text.slice(0, LARGEST_FILE_BYTES), pattern, `${file} holds ${what}`);
      }
    }
  });

  test('holds no file larger than a megabyte', () => {
    for (const file of ourFiles()) {
      const { size } = statSync(path.join(ROOT, file));
      assert.ok(size <= LARGEST_FILE_BYTES, `${file} has ${size} bytes`);
    }
  });
});

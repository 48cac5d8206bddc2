import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { readBody } from '@outrider/control-plane/http/body.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

describe('the body of a request', () => {
  test('that is cut off is the affair of its sender: nothing unexpected has happened here', async () => {
    const stream = new PassThrough();
    stream.write('{"workflow":');
    const reading = readBody(stream, 'application/json');
    // As Node ends the body of a request whose connection was reset.
    stream.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    await assert.rejects(reading, (thrown) => {
      assert.ok(thrown instanceof OutriderError);
      assert.equal(thrown.code, 'request-invalid');
      assert.match(thrown.message, /cut off/);
      return true;
    });
  });
});

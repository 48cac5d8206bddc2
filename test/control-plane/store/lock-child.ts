import { openStore } from '@outrider/control-plane/store/open.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

/** `node lock-child.ts PATH`: opens the store and says `open` (then stays until it is ended), or what stood against it. */
try {
  const store = await openStore(`sqlite:${process.argv[2]}`);
  await store.setSetting(`opened by ${process.pid}`, 'yes');
  process.stdout.write('open\n');
  setInterval(() => undefined, 60_000);
} catch (error) {
  const { code, message, data } = OutriderError.from(error);
  process.stdout.write(`${JSON.stringify({ code, message, data })}\n`);
}

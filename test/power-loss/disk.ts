import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Numbers from 0 to below 1. */
export type Chance = () => number;

/** What a loss of power leaves, beyond what was flushed; which of them a real disk does, nobody knows before. */
export interface Loss {
  /** Names that were made, changed or removed since their directory was flushed: forgotten (false), or there at once (true). */
  readonly namesAtOnce: boolean;
  /** Blocks that were written since their file was flushed: none of them is there, any of them may be, or all are. */
  readonly blocks: 'none' | 'some' | 'all';
}

/** No loss at all: the process was killed, and the machine went on. */
const KILLED: Loss = { namesAtOnce: true, blocks: 'all' };

/** All that can be left of one moment. */
export const ENDINGS: readonly Loss[] = [
  KILLED,
  { namesAtOnce: true, blocks: 'none' },
  { namesAtOnce: true, blocks: 'some' },
  { namesAtOnce: false, blocks: 'none' },
  { namesAtOnce: false, blocks: 'some' },
];

/** One of them, at random. */
export function someLoss(chance: Chance): Loss {
  return { namesAtOnce: chance() < 0.5, blocks: chance() < 0.5 ? 'none' : 'some' };
}

const BLOCK_BYTES = 4_096;

/** Compiles the shim into the directory and answers its path. */
export function compileShim(directory: string): string {
  const source = fileURLToPath(new URL('./shim.c', import.meta.url));
  const library = join(directory, 'shim.so');
  const options = [
    '-shared',
    '-fPIC',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    library,
    source,
    '-ldl',
    '-lpthread',
  ];
  const { status, error, stderr } = spawnSync('cc', options, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(
      `cc cannot compile ${source}: ${error?.message ?? stderr}. Debian, as root: apt-get install gcc libc6-dev`,
    );
  }
  return library;
}

/** A directory of which is known what a loss of power would leave of it. One process at a time writes into it. */
export class Disk {
  readonly live: string;
  readonly #record: string;
  readonly #control: string;
  readonly #images: string;
  readonly #base: string;
  readonly #library: string;
  #made = 0;

  constructor() {
    this.#base = realpathSync(mkdtempSync(join(tmpdir(), 'outrider-disk-')));
    const made = (name: string) => {
      mkdirSync(join(this.#base, name));
      return join(this.#base, name);
    };
    this.live = made('live');
    this.#record = made('record');
    this.#control = made('control');
    this.#images = made('images');
    this.#library = compileShim(this.#base);
  }

  /** What a process needs in its environment for its flushes to be seen. */
  environment(more: { readonly skip?: string | undefined; readonly pause?: boolean } = {}): NodeJS.ProcessEnv {
    return {
      ...process.env,
      LD_PRELOAD: this.#library,
      LOSS_LIVE: this.live,
      LOSS_RECORD: this.#record,
      LOSS_CONTROL: this.#control,
      ...(more.skip === undefined ? {} : { LOSS_SKIP: more.skip }),
      ...(more.pause === true ? { LOSS_PAUSE: '1' } : {}),
    };
  }

  /** All that is there is on the disk. While no process writes. */
  settle(): void {
    rmSync(this.#record, { recursive: true, force: true });
    mkdirSync(this.#record);
    this.#settleDirectory(this.live);
  }

  #settleDirectory(directory: string): void {
    const lines = entriesOf(directory).map(({ name, inode, isDirectory }) => {
      const path = join(directory, name);
      if (isDirectory) this.#settleDirectory(path);
      else copyFileSync(path, join(this.#record, `data-${inode}`));
      return `${inode} ${isDirectory ? 'd' : 'f'} ${name}\n`;
    });
    writeFileSync(join(this.#record, `names-${lstatSync(directory).ino}`), lines.join(''));
  }

  /** A directory with what would be there after a loss of power at this moment. While nobody writes: stopped, or killed. */
  image(loss: Loss, chance: Chance): string {
    this.#made += 1;
    const image = join(this.#images, String(this.#made));
    this.#restore(this.live, lstatSync(this.live).ino, image, loss, chance);
    return image;
  }

  copyOf(image: string): string {
    this.#made += 1;
    const copy = join(this.#images, String(this.#made));
    mkdirSync(copy);
    copyTree(image, copy);
    return copy;
  }

  discard(image: string): void {
    rmSync(image, { recursive: true, force: true });
  }

  /** The image is what is there now. */
  become(image: string): void {
    rmSync(this.live, { recursive: true, force: true });
    mkdirSync(this.live);
    copyTree(image, this.live);
    this.discard(image);
    this.settle();
  }

  full(isFull: boolean): void {
    this.#switch('full', isFull);
  }

  flushesFail(fail: boolean): void {
    this.#switch('sync-fails', fail);
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  #switch(name: string, on: boolean): void {
    if (on) writeFileSync(join(this.#control, name), '');
    else rmSync(join(this.#control, name), { force: true });
  }

  /** `live` may not be there any more: then only what was recorded of it is. */
  #restore(live: string, inode: number, image: string, loss: Loss, chance: Chance): void {
    mkdirSync(image, { recursive: true });
    const now = existsSync(live) ? entriesOf(live) : [];
    const entries = loss.namesAtOnce ? now : this.#recorded(inode);
    for (const entry of entries) {
      const path = join(live, entry.name);
      if (entry.isDirectory) {
        this.#restore(path, entry.inode, join(image, entry.name), loss, chance);
        continue;
      }
      const written = now.find(({ name, inode: other }) => name === entry.name && other === entry.inode);
      const flushed = readIfThere(join(this.#record, `data-${entry.inode}`));
      const current = written === undefined ? flushed : readFileSync(path);
      writeFileSync(join(image, entry.name), survivor(loss, flushed, current, chance));
    }
  }

  #recorded(inode: number): Entry[] {
    const text = readIfThere(join(this.#record, `names-${inode}`)).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [, number = '', type = '', name = ''] = /^(\d+) (.) (.*)$/.exec(line) ?? [];
        return { inode: Number(number), isDirectory: type === 'd', name };
      });
  }
}

interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly isDirectory: boolean;
}

function entriesOf(directory: string): Entry[] {
  return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    inode: lstatSync(join(directory, entry.name)).ino,
    isDirectory: entry.isDirectory(),
  }));
}

function survivor({ blocks }: Loss, flushed: Buffer, current: Buffer, chance: Chance): Buffer {
  switch (blocks) {
    case 'none':
      return flushed;
    case 'all':
      return current;
    case 'some':
      return mixed(flushed, current, chance);
  }
}

/** What was flushed, with some of the blocks that were written since, and an end anywhere between the two. */
function mixed(flushed: Buffer, current: Buffer, chance: Chance): Buffer {
  const [short, long] = [Math.min(flushed.length, current.length), Math.max(flushed.length, current.length)];
  const result = Buffer.alloc(short + Math.floor(chance() * (long - short + 1)));
  flushed.copy(result);
  for (let offset = 0; offset < result.length; offset += BLOCK_BYTES) {
    const end = Math.min(offset + BLOCK_BYTES, result.length);
    if (chance() < 0.5) {
      result.fill(0, offset, end);
      current.subarray(offset, end).copy(result, offset);
    }
  }
  return result;
}

function readIfThere(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

function copyTree(from: string, to: string): void {
  for (const { name, isDirectory } of entriesOf(from)) {
    if (isDirectory) {
      mkdirSync(join(to, name));
      copyTree(join(from, name), join(to, name));
    } else {
      copyFileSync(join(from, name), join(to, name));
    }
  }
}

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { WorldState } from './state.ts';
import type { World } from './world.ts';

/** At most one write in this many real milliseconds. */
const WRITE_EVERY_MILLISECONDS = 250;

/** Reads a saved world; undefined when there is no file. Throws with the file's name when it is no saved world. */
export async function loadState(file: string): Promise<WorldState | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = parse(text);
  if (!isWorldState(parsed))
    throw new Error(`${file} does not hold a simulated world of this version; move it away to start afresh`);
  return parsed;
}

/** Saves the world whenever it changed, each time whole and atomically. */
export class StateSaver {
  readonly #world: World;
  readonly #file: string;
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(world: World, file: string) {
    this.#world = world;
    this.#file = file;
    this.#stopListening = world.onChange(() => {
      this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY_MILLISECONDS);
    });
  }

  /** Writes once more and stops. Rejects with the first write that failed. */
  async close(): Promise<void> {
    this.#stopListening();
    clearTimeout(this.#timer);
    this.#write();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #write(): void {
    this.#timer = undefined;
    const text = JSON.stringify(this.#world.state);
    this.#writing = this.#writing
      .then(() => save(this.#file, text))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      });
  }
}

async function save(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file is the simulator's own: its version is what tells whether it can be read. */
function isWorldState(value: unknown): value is WorldState {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'agenda' in value;
}

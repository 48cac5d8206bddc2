import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** Where spools lie: flat names, each a file. Everything may throw what the file system throws. */
export interface SpoolFiles {
  names(): readonly string[];
  /** Made if it is not there. */
  open(name: string): SpoolFile;
  /** From now on the name stands for this content; after a crash it stands for the one before or for this one, never for a part. */
  replace(name: string, content: string): void;
  /** Nothing happens if it is not there. */
  remove(name: string): void;
}

/** An open file that grows at its end. */
export interface SpoolFile {
  content(): Buffer;
  /** Fills the buffer from this position; answers how many bytes there were. */
  read(buffer: Buffer, length: number, position: number): number;
  /** Answers how many bytes were written: fewer when the disk is full. */
  append(bytes: Buffer): number;
  truncate(length: number): void;
  /** On the disk for good. */
  sync(): void;
  close(): void;
}

/** A directory of the file system; made, for its owner alone, when it is first needed. */
export function spoolDirectory(directory: string): SpoolFiles {
  const pathOf = (name: string) => path.join(directory, name);
  const make = () => mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    names() {
      make();
      return readdirSync(directory);
    },
    open(name) {
      make();
      return openFile(pathOf(name));
    },
    replace(name, content) {
      const temporary = pathOf(`${name}.new`);
      writeFileSync(temporary, content, { mode: 0o600 });
      renameSync(temporary, pathOf(name));
    },
    remove: (name) => rmSync(pathOf(name), { force: true }),
  };
}

function openFile(file: string): SpoolFile {
  // Whatever is written goes to the end.
  const fd = openSync(file, 'a+', 0o600);
  return {
    content: () => readFileSync(file),
    read: (buffer, length, position) => readSync(fd, buffer, 0, length, position),
    append: (bytes) => writeSync(fd, bytes),
    truncate: (length) => ftruncateSync(fd, length),
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseDocuments } from '../documents/parse.ts';
import { attachmentName, invalidDocuments, type NamedText } from '../documents/read-documents.ts';
import { FILE_LIMIT_BYTES } from '../documents/read-yaml.ts';
import type { CliIo } from './io.ts';

/** Files below a folder that are looked at. */
const MAX_FILES = 1_000;
const MAX_DEPTH = 16;

/**
 * Reads what the command line names: files, folders (all resources below them: .yaml, .yml, and .json files that say
 * apiVersion) and `-` for standard input.
 * @throws not-found, document-too-large, request-invalid
 */
export async function readGiven(names: readonly string[], io: CliIo): Promise<NamedText[]> {
  const files: NamedText[] = [];
  for (const name of names) {
    if (name === '-') files.push({ name: 'stdin', text: await io.readStdin() });
    else if (statOf(name, io).isDirectory()) files.push(...readFolder(name, io));
    else files.push({ name: slashed(name), text: readText(name, io) });
  }
  return files;
}

/**
 * The files that the documents name with `taskDefinitionFile`, to be sent along.
 * @throws document-invalid when one cannot be read, with the place where it is named
 */
export function readAttachments(files: readonly NamedText[], io: CliIo): NamedText[] {
  const attachments = new Map<string, NamedText>();
  for (const file of files) {
    let refused = false;
    const readFile = (named: string) => {
      const name = attachmentName(file.name, named);
      try {
        const text = readText(name, io);
        attachments.set(name, { name, text });
        return { text };
      } catch (thrown) {
        refused = true;
        return { refused: OutriderError.from(thrown).message };
      }
    };
    // Whether the documents are valid is for the control plane to say, which may know more than this version.
    const { problems } = parseDocuments(file.name, file.text, { readFile });
    if (refused) throw invalidDocuments(problems, false);
  }
  return [...attachments.values()];
}

function readFolder(folder: string, io: CliIo): NamedText[] {
  const files: NamedText[] = [];
  const walk = (directory: string, depth: number) => {
    if (depth > MAX_DEPTH) return;
    for (const entry of entriesOf(directory, io)) {
      const name = path.posix.join(slashed(directory), entry.name);
      if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) walk(name, depth + 1);
      if (!entry.isFile() || !/\.(ya?ml|json)$/i.test(entry.name)) continue;
      const text = readText(name, io);
      if (/\.json$/i.test(entry.name) && !/"apiVersion"\s*:/.test(text)) continue;
      files.push({ name, text });
      if (files.length > MAX_FILES)
        throw new OutriderError('request-invalid', `${folder} holds more than ${MAX_FILES} files`);
    }
  };
  walk(folder, 0);
  if (files.length > 0) return files;
  throw new OutriderError('not-found', `${folder} holds no resources`, {
    hint: 'Resources are .yaml and .yml files, and .json files with apiVersion.',
  });
}

function entriesOf(directory: string, io: CliIo): Dirent[] {
  const entries = readdirSync(path.resolve(io.cwd, directory), { withFileTypes: true });
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function statOf(name: string, io: CliIo) {
  try {
    return statSync(path.resolve(io.cwd, name));
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function readText(name: string, io: CliIo): string {
  const bytes = readBytes(name, io);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OutriderError('document-invalid', `${name} is not UTF-8 text`, { hint: 'Save it as UTF-8.', cause });
  }
}

function readBytes(name: string, io: CliIo): Buffer {
  const { size } = statOf(name, io);
  if (size > FILE_LIMIT_BYTES) {
    const mebibytes = (size / 1024 / 1024).toFixed(1);
    throw new OutriderError('document-too-large', `${name} has ${mebibytes} MiB`, {
      hint: 'One document may have 1 MiB, a file 4 MiB.',
    });
  }
  try {
    return readFileSync(path.resolve(io.cwd, name));
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(name: string, cause: unknown): OutriderError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT')
    return new OutriderError('not-found', `There is no file ${name}`, { hint: 'Check the path.', cause });
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OutriderError('request-invalid', `${name} cannot be read: ${why}`, {
    hint: 'Check its permissions.',
    cause,
  });
}

function slashed(name: string): string {
  return path.sep === '/' ? name : name.split(path.sep).join('/');
}

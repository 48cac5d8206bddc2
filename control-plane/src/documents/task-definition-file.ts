import type { Problem } from '@outrider/shared/errors.ts';
import { isJsonObject, type Json } from '@outrider/shared/json.ts';
import { readYaml } from './read-yaml.ts';
import { type Positions, SourceText } from './source.ts';

/** The text of a file, by its path relative to the document, or why there is none. */
export type FileReader = (path: string) => { readonly text: string } | { readonly refused: string };

const FILE_FIELD = '/spec/taskDefinitionFile';
const INLINE_FIELD = '/spec/taskDefinition';

/** A document with its task definition in it, and where the values of both files stand. */
interface Completed {
  readonly value: Json;
  readonly problems: readonly Problem[];
  readonly positionsFor: (pointer: string) => { readonly positions: Positions; readonly pointer: string };
}

/**
 * Puts the JSON of the file that `taskDefinitionFile` names in the place of that field. Everything else passes as it
 * is. Lines of that file that begin with `#` are left out; since they are so by YAML too, places stay right.
 */
export function withTaskDefinition(value: Json, positions: Positions, readFile: FileReader | undefined): Completed {
  const own = (pointer: string) => ({ positions, pointer });
  const path = fileField(value);
  if (path === undefined || !isJsonObject(value) || !isJsonObject(value['spec'])) {
    return { value, problems: [], positionsFor: own };
  }
  const refuse = (message: string, hint: string): Completed => {
    const range = positions.rangeOf(FILE_FIELD);
    const { source } = positions;
    const problem: Problem = {
      message,
      hint,
      pointer: FILE_FIELD,
      place: source.placeAt(range.start),
      excerpt: source.excerptAt(range),
    };
    return { value, problems: [problem], positionsFor: own };
  };
  if (readFile === undefined) {
    return refuse('files cannot be read here', 'apply it with the command line, or write the taskDefinition inline');
  }
  const file = readFile(path);
  if ('refused' in file)
    return refuse(`the file ${path} cannot be read: ${file.refused}`, 'paths begin at the document');
  const folder = positions.source.file.slice(0, positions.source.file.lastIndexOf('/') + 1);
  const source = new SourceText(folder + path, withoutComments(file.text));
  const read = readYaml(source);
  if ('refused' in read) return { value, problems: [problemIn(source, read.refused)], positionsFor: own };
  const [document] = read.documents;
  if (document === undefined) return refuse(`the file ${path} is empty`, 'write the task definition as JSON');
  if (!document.whole) {
    return { value, problems: document.problems.map((problem) => problemIn(source, problem)), positionsFor: own };
  }
  const { taskDefinitionFile: _file, ...spec } = value['spec'];
  return {
    value: { ...value, spec: { ...spec, taskDefinition: document.value } },
    problems: [],
    positionsFor: (pointer) =>
      pointer === INLINE_FIELD || pointer.startsWith(`${INLINE_FIELD}/`)
        ? { positions: document.positions, pointer: pointer.slice(INLINE_FIELD.length) }
        : { positions, pointer },
  };
}

/** The path, when the value is a Service that names a file and has no task definition beside it. */
function fileField(value: Json): string | undefined {
  if (!isJsonObject(value) || value['kind'] !== 'Service' || !isJsonObject(value['spec'])) return undefined;
  const { taskDefinitionFile: path, taskDefinition } = value['spec'];
  return typeof path === 'string' && path !== '' && taskDefinition === undefined ? path : undefined;
}

/** Comment lines become empty ones, so that the lines keep their numbers. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*#.*$/gm, '');
}

function problemIn(
  source: SourceText,
  found: { range: { start: number; end: number }; message: string; hint: string },
): Problem {
  const { range, message, hint } = found;
  return { message, hint, place: source.placeAt(range.start), excerpt: source.excerptAt(range) };
}

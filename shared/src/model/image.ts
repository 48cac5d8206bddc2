const HOST = '(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?';
const PATH = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}';

/** `[host[:port]/]path`, without tag and digest. */
export const IMAGE_REPOSITORY_PATTERN = new RegExp(`^${HOST}${PATH}(?:/${PATH})*$`);

const IMAGE = new RegExp(`^(${HOST}${PATH}(?:/${PATH})*)?(?::(${TAG}))?(?:@(${DIGEST}))?$`);

export interface ImageReference {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * What a run deploys: the service's repository with the tag or digest that the run gives as `repo[:tag][@digest]`, or
 * as `:tag` or `@digest` alone. A `refused` says why it cannot be.
 */
export function chooseImage(repository: string, given: string): ImageReference | { readonly refused: string } {
  const match = given.length <= 1_024 ? IMAGE.exec(given) : null;
  if (match === null || given === '') {
    return { refused: `"${given.slice(0, 200)}" is no image: write repo:tag, repo@digest, :tag or @digest` };
  }
  const [, otherRepository, tag, digest] = match;
  if (otherRepository !== undefined && otherRepository !== repository) {
    return { refused: `the image is of the repository ${otherRepository}, but the service deploys ${repository}` };
  }
  return {
    repository,
    ...(tag === undefined && digest === undefined ? { tag: 'latest' } : {}),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** As a task definition writes it: `repo[:tag][@digest]`. */
export function imageText(image: ImageReference): string {
  const tag = image.tag === undefined ? '' : `:${image.tag}`;
  return `${image.repository}${tag}${image.digest === undefined ? '' : `@${image.digest}`}`;
}

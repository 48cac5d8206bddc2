import { errorOf } from './ec2-answer.ts';
import { createPostSigned, endpointOf, type SignedRequestOptions } from './signed-request.ts';

/** Sends one signed request of EC2's query protocol and answers with its XML. Throws errors as the SDK's clients do. */
export type AskEc2 = (body: string, abortSignal: AbortSignal) => Promise<string>;

const HEADERS = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

export function createAskEc2(options: SignedRequestOptions): AskEc2 {
  const post = createPostSigned('ec2', ec2Endpoint(options.region, options.environment), options);
  return async (body, abortSignal) => {
    const { status, text } = await post(body, HEADERS, abortSignal);
    if (status >= 300) throw errorOf(status, text);
    return text;
  };
}

export function ec2Endpoint(region: string, environment: NodeJS.ProcessEnv): URL {
  return endpointOf({ host: 'ec2', variable: 'EC2' }, region, environment);
}

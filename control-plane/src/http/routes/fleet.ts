import {
  createJoinToken,
  type DelegateBody,
  delegate,
  delegateList,
  type JoinTokenBody,
  joinTokenList,
  newJoinToken,
} from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { didYouMean } from '@outrider/shared/nearest.ts';
import { z } from 'zod';
import type { DelegateView } from '../../domain/fleet/match.ts';
import type { FleetView, HttpDependencies, JoinTokenInfo } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';

/** Delegates, and the tokens that let new ones in. */
export function fleetRoutes(dependencies: HttpDependencies): Route[] {
  return [...delegateRoutes(dependencies), ...tokenRoutes(dependencies)];
}

function delegateRoutes({ fleet }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/delegates',
      operationId: 'listDelegates',
      tag: 'Delegates',
      summary: 'Lists all delegates that are known, connected or not',
      permission: 'read',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'All of them', schema: delegateList }],
      async handle() {
        const items = (await fleet.list()).map(delegateBody);
        return { kind: 'json', status: 200, body: { items } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/delegates/{name}',
      operationId: 'getDelegate',
      tag: 'Delegates',
      summary: 'Reads one delegate',
      permission: 'read',
      params: z.strictObject({ name: z.string().min(1).max(128) }),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'The delegate', schema: delegate }],
      async handle({ params }) {
        const delegates = await fleet.list();
        const found = delegates.find((candidate) => candidate.name === params.name);
        if (found === undefined) throw noDelegate(params.name, delegates);
        return { kind: 'json', status: 200, body: delegateBody(found) };
      },
    }),
    ...delegateActs(fleet),
  ];
}

function delegateActs(fleet: FleetView): Route[] {
  return [
    defineRoute({
      method: 'DELETE',
      path: '/v1/delegates/{name}',
      operationId: 'removeDelegate',
      tag: 'Delegates',
      summary: 'Revokes the credentials of a delegate, ends its sessions and forgets it',
      permission: 'administer',
      params: z.strictObject({ name: z.string().min(1).max(128) }),
      query: z.strictObject({}),
      answers: [{ status: 204, description: 'It is out; with a join token that still counts it may come again' }],
      async handle({ params }) {
        if (await fleet.remove(params.name)) return { kind: 'empty', status: 204 };
        throw noDelegate(params.name, await fleet.list());
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/delegates/{name}/unlock',
      operationId: 'unlockDelegate',
      tag: 'Delegates',
      summary: 'Lets a locked delegate join again; the credentials that it had stay revoked',
      permission: 'administer',
      params: z.strictObject({ name: z.string().min(1).max(128) }),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'The delegate', schema: delegate }],
      async handle({ params, actor }) {
        const unlocked = await fleet.unlock(params.name, actor.name);
        const delegates = await fleet.list();
        const found = delegates.find((candidate) => candidate.name === params.name);
        if (found === undefined) throw noDelegate(params.name, delegates);
        if (!unlocked) {
          throw new OutriderError('not-allowed-now', `The delegate ${params.name} is not locked`, {
            hint: 'See its state: outrider delegates list.',
          });
        }
        return { kind: 'json', status: 200, body: delegateBody(found) };
      },
    }),
  ];
}

function tokenRoutes({ joinTokens, clock }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/join-tokens',
      operationId: 'listJoinTokens',
      tag: 'Delegates',
      summary: 'Lists join tokens, without their secrets',
      permission: 'administer',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'All of them', schema: joinTokenList }],
      async handle() {
        const items = (await joinTokens.list()).map(tokenBody);
        return { kind: 'json', status: 200, body: { items } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/join-tokens',
      operationId: 'createJoinToken',
      tag: 'Delegates',
      summary: 'Makes a join token; its text is answered this once',
      permission: 'administer',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: { kind: 'json', schema: createJoinToken, mayBeEmpty: true },
      answers: [{ status: 201, description: 'The token', schema: newJoinToken }],
      async handle({ body, actor }) {
        const { delegateName, uses, expiresInSeconds } = body;
        if (uses === null && delegateName === null) {
          throw new OutriderError('request-invalid', 'A token for any number of uses must name its delegate', {
            hint: 'Give delegateName, or a number of uses.',
          });
        }
        const expiresAtMs = clock.now() + expiresInSeconds * 1_000;
        const { info, token } = await joinTokens.create({ delegateName, uses, expiresAtMs }, actor.name);
        return { kind: 'json', status: 201, body: { ...tokenBody(info), token } };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/join-tokens/{id}',
      operationId: 'revokeJoinToken',
      tag: 'Delegates',
      summary: 'Revokes a join token; delegates that used it stay',
      permission: 'administer',
      params: z.strictObject({ id: z.string().min(1).max(128) }),
      query: z.strictObject({}),
      answers: [{ status: 204, description: 'It lets nobody in any more' }],
      async handle({ params }) {
        if (await joinTokens.revoke(params.id)) return { kind: 'empty', status: 204 };
        throw new OutriderError('not-found', `There is no join token ${params.id}`, {
          hint: 'List what there is: outrider tokens list.',
        });
      },
    }),
  ];
}

function delegateBody({
  lastSeenMs,
  transport = null,
  lock = null,
  twinSeenMs = null,
  ...view
}: DelegateView): DelegateBody {
  const { name, connected, draining, tags, stepTypes, version, region, slots, busy, instances } = view;
  return {
    name,
    connected,
    draining,
    tags: [...tags],
    stepTypes: [...stepTypes],
    version,
    region,
    slots,
    busy,
    instances,
    transport,
    lastSeenAt: iso(lastSeenMs),
    lock: lock === null ? null : { at: iso(lock.atMs), because: lock.because },
    copySeenAt: twinSeenMs === null ? null : iso(twinSeenMs),
  };
}

function tokenBody(info: JoinTokenInfo): JoinTokenBody {
  return {
    id: info.id,
    delegateName: info.delegateName,
    usesLeft: info.usesLeft,
    createdAt: iso(info.createdAtMs),
    createdBy: info.createdBy,
    expiresAt: iso(info.expiresAtMs),
    revokedAt: info.revokedAtMs === null ? null : iso(info.revokedAtMs),
  };
}

function noDelegate(name: string, delegates: readonly DelegateView[]): OutriderError {
  const meant = didYouMean(
    name,
    delegates.map((known) => known.name),
  );
  const hint = meant === undefined ? 'List what there is: outrider delegates list.' : `D${meant.slice(1)}`;
  return new OutriderError('not-found', `There is no delegate ${name}`, { hint });
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

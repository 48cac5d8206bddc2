import type { EventBody, ServiceCountsBody } from '@outrider/shared/api/schemas.ts';
import { z } from 'zod';
import { servicesLeft } from './services.ts';
import { clockText, spanText } from './text.ts';

/** Turns events into one line each, for terminals that are none: what changed, where, and how long it took. */
export interface ChangeLines {
  /** The line of an event; undefined: nothing that an operator would miss. */
  line(event: EventBody): string | undefined;
  /** Newest counts of a running step; undefined when they are the same as before. */
  counts(stepId: string, counts: readonly ServiceCountsBody[], at: string): string | undefined;
}

interface KnownStep {
  readonly reference: string;
  startedAt: string | undefined;
  counts: string;
}

const steps = z.array(z.object({ id: z.string(), name: z.string() }));
const created = z.object({
  workflow: z.object({ application: z.string(), name: z.string() }),
  startedBy: z.string(),
  reason: z.string(),
  artifacts: z.record(z.string(), z.string()),
  phases: z.array(z.object({ name: z.string(), steps })),
});
const queued = z.object({ stepId: z.string(), phase: z.string(), step: z.string(), attempt: z.number() });
const stepEvent = z.object({ stepId: z.string(), attempt: z.number().optional() });
const failure = z.object({
  failure: z.object({ code: z.string(), message: z.string() }),
  action: z.string().optional(),
});
const blockers = z.array(z.object({ executionId: z.string(), workflow: z.string() }));
const finished = z.object({ status: z.string(), rollback: z.string() });

/** Said behind a failure. */
const FOLLOWS: Readonly<Record<string, string>> = {
  retry: ' (tried again)',
  ignore: ' (ignored)',
  'manual-intervention': ' (waits for a person)',
};
const ANSWERED: Readonly<Record<string, string>> = {
  retry: 'retried',
  ignore: 'ignored',
  'mark-success': 'marked as success',
};

export function createChangeLines(executionId: string): ChangeLines {
  const known = new Map<string, KnownStep>();
  let startedAt: string | undefined;

  function stepOf(id: string): KnownStep {
    let step = known.get(id);
    if (step === undefined) {
      step = { reference: id, startedAt: undefined, counts: '' };
      known.set(id, step);
    }
    return step;
  }

  function remember(event: EventBody): void {
    for (const phase of created.safeParse(event).data?.phases ?? []) {
      for (const { id, name } of phase.steps) {
        known.set(id, { reference: `${phase.name}/${name}`, startedAt: undefined, counts: '' });
      }
    }
    const entry = queued.safeParse(event).data;
    if (entry !== undefined && known.get(entry.stepId) === undefined) {
      known.set(entry.stepId, { reference: `${entry.phase}/${entry.step}`, startedAt: undefined, counts: '' });
    }
  }

  function text(event: EventBody): string | undefined {
    const id = stepEvent.safeParse(event).data?.stepId;
    if (id !== undefined) return stepText(event, stepOf(id));
    return executionText(event, executionId, startedAt);
  }

  return {
    line(event) {
      startedAt ??= event.at;
      remember(event);
      const words = text(event);
      return words === undefined ? undefined : `${clockText(event.at)} ${words}`;
    },
    counts(stepId, counts, at) {
      const step = stepOf(stepId);
      const words = counts.map((count) => `${count.role} ${count.running}/${count.desired}`).join(' ');
      if (words === '' || words === step.counts) return undefined;
      step.counts = words;
      return `${clockText(at)} ${step.reference} running ${words}`;
    },
  };
}

function stepText(event: EventBody, step: KnownStep): string | undefined {
  const took = step.startedAt === undefined ? '' : ` ${spanText(Date.parse(event.at) - Date.parse(step.startedAt))}`;
  const word = (name: string) => {
    const value = event[name];
    return typeof value === 'string' ? value : '';
  };
  switch (event.type) {
    case 'step-started':
      step.startedAt ??= event.at;
      return `${step.reference} running on ${word('delegate')}${attemptText(event)}`;
    case 'step-requeued':
      return `${step.reference} waits for a delegate: ${word('because')}`;
    case 'step-cancel-requested':
      return `${step.reference} is being stopped: ${word('message')}`;
    case 'step-succeeded':
      return `${step.reference} succeeded${took}${servicesText(event)}`;
    case 'step-failed': {
      const parsed = failure.safeParse(event).data;
      const next = FOLLOWS[parsed?.action ?? ''] ?? '';
      return `${step.reference} failed${took} ${parsed?.failure.code ?? ''}: ${parsed?.failure.message ?? ''}${next}`;
    }
    case 'step-answered':
      return `${step.reference} ${ANSWERED[word('answer')] ?? ''} by ${word('by')}${reasonText(event)}`;
    case 'step-unanswered':
      return `${step.reference} had no answer in time: ${word('action')}`;
    case 'step-aborted':
      return `${step.reference} aborted${took}: ${word('message')}`;
    case 'step-skipped':
      return `${step.reference} skipped: ${word('because')}`;
    default:
      return undefined;
  }
}

function executionText(event: EventBody, executionId: string, startedAt: string | undefined): string | undefined {
  switch (event.type) {
    case 'execution-created': {
      const start = created.safeParse(event).data;
      if (start === undefined) return `${executionId} started`;
      const images = Object.values(start.artifacts).map((image) => ` image=${image}`);
      const { application, name } = start.workflow;
      return `${executionId} started ${application}/${name}${images.join('')} by=${start.startedBy}`;
    }
    case 'execution-queued': {
      const behind = blockers.safeParse(event['behind']).data ?? [];
      const stops = event['supersedes'] === true ? ' and stops them' : '';
      return `queued behind ${behind.map((other) => `${other.executionId} (${other.workflow})`).join(', ')}${stops}`;
    }
    case 'place-freed':
      return `${String(event['executionId'])} has ended`;
    case 'abort-requested':
      return `abort requested by ${String(event['by'])}${reasonText(event)}`;
    case 'rollback-requested':
      return `rollback requested by ${String(event['by'])}${reasonText(event)}`;
    case 'pause-requested':
      return `paused by ${String(event['by'])}${reasonText(event)}; what runs goes on to its end`;
    case 'resume-requested':
      return `resumed by ${String(event['by'])}${reasonText(event)}`;
    case 'rollback-started': {
      const phases = z.array(z.string()).safeParse(event['phases']).data ?? [];
      return `rolling back: ${phases.join(', ')}`;
    }
    case 'execution-finished': {
      const end = finished.safeParse(event).data;
      const took = startedAt === undefined ? '' : ` after ${spanText(Date.parse(event.at) - Date.parse(startedAt))}`;
      const rollback = end === undefined || end.rollback === 'none' ? '' : ` rollback=${end.rollback}`;
      return `${end?.status ?? 'ended'}${took}${rollback}`;
    }
    default:
      return undefined;
  }
}

function attemptText(event: EventBody): string {
  const attempt = event['attempt'];
  return typeof attempt === 'number' && attempt > 1 ? ` attempt=${attempt}` : '';
}

function reasonText(event: EventBody): string {
  const reason = event['reason'];
  return typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
}

function servicesText(event: EventBody): string {
  const left = servicesLeft([event['output']]);
  return left.map(({ name, desired }) => ` ${name}=${desired ?? 'deleted'}`).join('');
}

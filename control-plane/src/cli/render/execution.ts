import type {
  ExecutionBody,
  ExecutionSummaryBody,
  PhaseBody,
  ServiceCountsBody,
  StepBody,
} from '@outrider/shared/api/schemas.ts';
import { type Palette, signOf, toneOf } from './palette.ts';
import { liveCounts, servicesLeft, servicesLeftText } from './services.ts';
import { clockText, shellWord, spanText } from './text.ts';

export interface ExecutionView {
  readonly execution: ExecutionBody;
  /** Address of the API, for links. */
  readonly url: string;
  readonly nowMs: number;
  readonly palette: Palette;
  /** Newest counts by service, where more is known than the execution itself says. */
  readonly counts?: readonly ServiceCountsBody[];
  /** Newest log lines of steps that run, by step id. */
  readonly tails?: ReadonlyMap<string, readonly { readonly at: string; readonly text: string }[]>;
}

const BAR_WIDTH = 20;

/** The execution on one screen: head, instances, phases with their steps. Lines without ends. */
export function executionLines(view: ExecutionView): string[] {
  const { execution } = view;
  return [...headLines(view), '', ...countLines(view), ...execution.phases.flatMap((phase) => phaseLines(phase, view))];
}

function headLines({ execution, url, nowMs, palette }: ExecutionView): string[] {
  const { id, application, workflow, status, currentPhase, startedBy, reason } = execution;
  const place = currentPhase === null || execution.endedAt !== null ? '' : ` · ${currentPhase}`;
  const state = `${signOf(status, palette)} ${palette.paint(toneOf(status), stateWord(execution))}${place} · ${tookText(execution, nowMs)}`;
  const lines = [`${palette.paint('strong', `${application}/${workflow}`)}  ${id}  ${state}`];
  lines.push(`by ${startedBy}${imagesText(execution)}${reason === '' ? '' : ` · ${reason}`}`);
  lines.push(palette.paint('quiet', `${url}/v1/executions/${id}`));
  for (const line of [...waitsForLines(execution), ...pauseLines(execution), ...askingLines(execution)])
    lines.push(palette.paint('busy', line));
  if (execution.stopping !== undefined) lines.push(palette.paint('bad', execution.stopping.because));
  return lines;
}

/** Whom a queued execution waits for. */
export function waitsForLines({ waitsFor = [] }: Pick<ExecutionBody, 'waitsFor'>): string[] {
  return waitsFor.map(({ executionId, workflow, resource }) => `waits for ${executionId} (${workflow}) at ${resource}`);
}

/** Who holds it, and how it goes on. */
export function pauseLines({ id, pause, status }: Pick<ExecutionBody, 'id' | 'pause' | 'status'>): string[] {
  if (pause === undefined) return [];
  const runs = status === 'running' ? '; what runs goes on to its end' : '';
  const why = pause.reason === '' ? '' : `: ${pause.reason}`;
  return [`paused by ${pause.by}${why}${runs}. Let it go on: outrider resume ${id}`];
}

/** What a person is asked, and what to type for each answer. */
export function askingLines({ id, phases }: Pick<ExecutionBody, 'id' | 'phases'>): string[] {
  return phases.flatMap(({ name, steps }) =>
    steps.flatMap(({ name: stepName, status, intervention }) => {
      if (status !== 'waiting' || intervention === undefined) return [];
      const reference = shellWord(`${name}/${stepName}`);
      const { until, afterTimeout } = intervention;
      return [
        `${name}/${stepName} failed and waits for a person until ${until}; then: ${afterTimeout}`,
        `  outrider retry ${id} ${reference} · or ignore, or mark-success · or outrider rollback ${id} · or abort`,
      ];
    }),
  );
}

/** `succeeded`, `failed, rolled back`, `running, rolling back` … */
export function stateWord({ status, rollback }: Pick<ExecutionSummaryBody, 'status' | 'rollback'>): string {
  switch (rollback) {
    case 'none':
      return status;
    case 'running':
      return status === 'waiting' ? 'rolling back, waiting' : 'rolling back';
    case 'succeeded':
      return `${status}, rolled back`;
    case 'failed':
      return `${status}, and the ROLLBACK FAILED`;
  }
}

export function tookText(
  { startedAt, endedAt }: Pick<ExecutionSummaryBody, 'startedAt' | 'endedAt'>,
  nowMs: number,
): string {
  return spanText((endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt));
}

/** ` · image shop:v2`, with the services' names where there are several. */
export function imagesText({ artifacts }: Pick<ExecutionSummaryBody, 'artifacts'>): string {
  const entries = Object.entries(artifacts);
  const [only] = entries;
  if (only === undefined) return '';
  if (entries.length === 1) return ` · image ${only[1]}`;
  return ` · images ${entries.map(([service, image]) => `${service}=${image}`).join(', ')}`;
}

function countLines({ execution, palette, counts = liveCounts(execution) }: ExecutionView): string[] {
  if (counts.length === 0) return [];
  const width = Math.max(...counts.map(({ service }) => service.length));
  const lines = counts.map(({ role, service, running, desired, pending }) => {
    const most = Math.max(desired, running, 1);
    const filled = Math.min(BAR_WIDTH, Math.round((running / most) * BAR_WIDTH));
    const bar = palette.glyphs.full.repeat(filled) + palette.glyphs.empty.repeat(BAR_WIDTH - filled);
    const waiting = pending > 0 ? `, ${pending} pending` : '';
    const colour = role === 'new' ? 'good' : 'quiet';
    return `  ${role}  ${service.padEnd(width)}  ${palette.paint(colour, bar)}  ${running} of ${desired} running${waiting}`;
  });
  return [...lines, ''];
}

function phaseLines(phase: PhaseBody, view: ExecutionView): string[] {
  const { palette } = view;
  const target = palette.paint('quiet', `  ${phase.service} → ${phase.infrastructure}`);
  const width = Math.max(...phase.steps.map(({ name }) => name.length), 0);
  return [
    `${signOf(phase.status, palette)} ${phase.name}${target}`,
    ...phase.steps.flatMap((step) => stepLines(step, width, view)),
  ];
}

function stepLines(step: StepBody, width: number, { nowMs, palette, tails }: ExecutionView): string[] {
  const rail = palette.paint('quiet', palette.glyphs.rail);
  const took =
    step.startedAt === null
      ? ''
      : spanText((step.endedAt === null ? nowMs : Date.parse(step.endedAt)) - Date.parse(step.startedAt));
  const remark = stepRemark(step);
  const head = `${rail} ${signOf(step.status, palette)} ${step.name.padEnd(width)}  ${took.padStart(6)}`;
  const lines = [remark === '' ? head.trimEnd() : `${head}  ${remark}`];
  for (const { at, text } of tails?.get(step.id) ?? []) {
    lines.push(`${rail}     ${palette.paint('quiet', clockText(at))}  ${text}`);
  }
  return lines;
}

function stepRemark(step: StepBody): string {
  const attempt = step.attempt > 1 ? `attempt ${step.attempt}` : '';
  const delegate = step.status === 'running' && step.delegate !== undefined ? `on ${step.delegate}` : '';
  const waits = step.status === 'queued' ? 'waits for a delegate' : '';
  const why = step.failure === undefined ? (step.because ?? '') : `${step.failure.code}: ${step.failure.message}`;
  const ignored = step.ignored === true ? 'ignored' : '';
  return [attempt, delegate, waits, ignored, why].filter((part) => part !== '').join(' · ');
}

const SHOWN_EVIDENCE = 6;

/** The last screen: what became of it, why, what runs now, what to do next. Lines without ends. */
export function outcomeLines({ execution, url, nowMs, palette }: ExecutionView): string[] {
  const { id, status, rollback, workflow, application } = execution;
  const place = status === 'succeeded' ? undefined : decisiveStep(execution);
  const where = place === undefined ? '' : ` in ${place.reference}`;
  const headline = `${application}/${workflow}  ${id}  ${status}${where} after ${tookText(execution, nowMs)}`;
  const rows = [...reasonRows(execution, place), ...serviceRows(execution), ...nextRows(execution, place, url)].flatMap(
    ([label, texts]) => texts.map((text, index) => `${(index === 0 ? label : '').padEnd(6)}${text}`),
  );
  const signed = `${signOf(status, palette)} ${palette.paint(toneOf(status), headline)}${rollbackWord(rollback, palette)}`;
  return rows.length === 0 ? [signed] : [signed, '', ...rows];
}

type Row = readonly [label: string, texts: readonly string[]];

function rollbackWord(rollback: ExecutionBody['rollback'], palette: Palette): string {
  switch (rollback) {
    case 'succeeded':
      return ` — rolled back ${palette.paint('good', palette.glyphs.done)}`;
    case 'failed':
      return palette.paint('bad', ' — the ROLLBACK FAILED: a person must look');
    case 'none':
    case 'running':
      return '';
  }
}

/** Why it ended so; where the rollback failed, that first. */
function reasonRows({ failure }: ExecutionBody, place: DecisiveStep | undefined): Row[] {
  const rows: Row[] = [];
  const undoing = place?.isRollback === true ? place.failure : undefined;
  if (undoing !== undefined) rows.push(['Why', failureTexts(undoing)]);
  if (failure !== undefined) rows.push([undoing === undefined ? 'Why' : 'First', failureTexts(failure)]);
  return rows;
}

function failureTexts({ message, evidence }: NonNullable<ExecutionBody['failure']>): string[] {
  return [message, ...evidence.slice(0, SHOWN_EVIDENCE).map((line) => `  ${line}`)];
}

/** What runs now; where a step ended half way and nothing put it right, only what was so before it. */
function serviceRows(execution: ExecutionBody): Row[] {
  const services = servicesLeft(execution.phases.flatMap((phase) => phase.steps.map((step) => step.output)));
  if (services.length === 0) return [];
  const left = servicesLeftText(services);
  const [first, ...others] = execution.rollback === 'succeeded' ? [] : halfDone(execution);
  if (first === undefined) return [['Now', [left]]];
  const [steps, log] = others.length === 0 ? [first, 'its log'] : [[first, ...others].join(' and '), 'their logs'];
  return [['Last', [left, `since then ${steps} ended half way: see ${log} for what changed`]]];
}

function halfDone({ phases }: ExecutionBody): string[] {
  return phases.flatMap(({ name, steps }) =>
    steps
      .filter((step) => step.startedAt !== null && (step.status === 'failed' || step.status === 'aborted'))
      .map((step) => `${name}/${step.name}`),
  );
}

function nextRows({ id, status, failure }: ExecutionBody, place: DecisiveStep | undefined, url: string): Row[] {
  if (status === 'succeeded') return [['Next', [`how it went:  outrider logs ${id}`]]];
  const step = place === undefined ? '' : ` ${shellWord(place.reference)}`;
  const log = `full log:     outrider logs ${id}${step}`;
  const cause = place?.isRollback === true ? (place.failure ?? failure) : failure;
  if (cause === undefined || cause.code === 'aborted') return [['Next', [log]]];
  return [['Next', [cause.hint, log, `about this:   ${url}/errors/${cause.code}`]]];
}

interface DecisiveStep {
  /** PHASE/NAME, as commands take it. */
  readonly reference: string;
  readonly isRollback: boolean;
  readonly failure: StepBody['failure'];
}

/** The step that decided the end: a rollback step that failed, else the first one that failed for good. */
function decisiveStep(execution: ExecutionBody): DecisiveStep | undefined {
  const all = execution.phases.flatMap((phase) => phase.steps.map((step) => ({ phase, step })));
  const failed = all.filter(({ step }) => step.status === 'failed' && step.ignored !== true);
  const found = failed.find(({ phase }) => phase.rollback) ?? failed[0];
  if (found === undefined) return undefined;
  const { phase, step } = found;
  return { reference: `${phase.name}/${step.name}`, isRollback: phase.rollback, failure: step.failure };
}

import { styleText } from 'node:util';
import type { ExecutionSummaryBody, PhaseBody, StepBody } from '@outrider/shared/api/schemas.ts';

type Tone = 'good' | 'bad' | 'busy' | 'quiet' | 'strong';

/** Colours and signs. Meaning never hangs on colour alone: each sign has its own shape, and a word beside it. */
export interface Palette {
  paint(tone: Tone, text: string): string;
  readonly glyphs: Readonly<Record<Glyph, string>>;
}

type Glyph =
  | 'done'
  | 'failed'
  | 'busy'
  | 'idle'
  | 'paused'
  | 'stopped'
  | 'skipped'
  | 'rail'
  | 'full'
  | 'empty'
  | 'on'
  | 'off';

const UNICODE: Readonly<Record<Glyph, string>> = {
  done: '✔',
  failed: '✖',
  busy: '◌',
  idle: '○',
  paused: '‖',
  stopped: '■',
  skipped: '–',
  rail: '│',
  full: '█',
  empty: '░',
  on: '●',
  off: '○',
};
const ASCII: Readonly<Record<Glyph, string>> = {
  done: '+',
  failed: 'x',
  busy: '~',
  idle: '.',
  paused: '=',
  stopped: '#',
  skipped: '-',
  rail: '|',
  full: '#',
  empty: '.',
  on: '*',
  off: 'o',
};

const STYLES = { good: 'green', bad: 'red', busy: 'cyan', quiet: 'dim', strong: 'bold' } as const;

export function createPalette(options: { readonly colour: boolean; readonly unicode: boolean }): Palette {
  return {
    paint: (tone, text) =>
      options.colour && text !== '' ? styleText(STYLES[tone], text, { validateStream: false }) : text,
    glyphs: options.unicode ? UNICODE : ASCII,
  };
}

/** A locale that is named and is not UTF-8 cannot show more than ASCII. */
export function speaksUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}

type Status = ExecutionSummaryBody['status'] | PhaseBody['status'] | StepBody['status'];

const SIGNS: Readonly<Record<Status, { readonly glyph: Glyph; readonly tone: Tone }>> = {
  queued: { glyph: 'idle', tone: 'busy' },
  pending: { glyph: 'idle', tone: 'quiet' },
  running: { glyph: 'busy', tone: 'busy' },
  waiting: { glyph: 'paused', tone: 'busy' },
  paused: { glyph: 'paused', tone: 'busy' },
  succeeded: { glyph: 'done', tone: 'good' },
  failed: { glyph: 'failed', tone: 'bad' },
  aborted: { glyph: 'stopped', tone: 'bad' },
  rejected: { glyph: 'stopped', tone: 'bad' },
  skipped: { glyph: 'skipped', tone: 'quiet' },
};

/** The sign of a status, in its colour. */
export function signOf(status: Status, palette: Palette): string {
  const { glyph, tone } = SIGNS[status];
  return palette.paint(tone, palette.glyphs[glyph]);
}

export function toneOf(status: Status): Tone {
  return SIGNS[status].tone;
}

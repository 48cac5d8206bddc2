import { readFileSync } from 'node:fs';

export interface RawShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, string>>;
  readonly member?: string;
  readonly value?: string;
}

/** AWS's published model of ECS, as the simulator validates with it. */
export function ecsModel(): { readonly shapes: Readonly<Record<string, RawShape>> } {
  const url = new URL('../../simulator/src/validation/generated/ecs.json', import.meta.url);
  const model: { shapes: Record<string, RawShape> } = JSON.parse(readFileSync(url, 'utf8'));
  return model;
}

/** What the world does by itself later on. Plain data, so that it is saved and restored with the state. */
export type Action =
  | { readonly kind: 'reconcile-service'; readonly serviceArn: string; readonly token: number }
  | { readonly kind: 'reconcile-later'; readonly serviceArn: string }
  | { readonly kind: 'step-task'; readonly taskArn: string; readonly token: number }
  | { readonly kind: 'end-task'; readonly taskArn: string; readonly ending: TaskEnding }
  | { readonly kind: 'forget-task'; readonly taskArn: string }
  | { readonly kind: 'forget-service'; readonly serviceArn: string }
  | { readonly kind: 'probe-target'; readonly targetGroupArn: string; readonly id: string; readonly port: number }
  | { readonly kind: 'drop-target'; readonly targetGroupArn: string; readonly id: string; readonly port: number }
  | { readonly kind: 'autoscaler'; readonly faultId: string };

/** How a running task comes to its end by itself. */
export type TaskEnding =
  | { readonly kind: 'exit'; readonly exitCode: number }
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'unhealthy' };

export interface AgendaEntry {
  at: number;
  /** Order among entries of one instant: first come, first served. */
  readonly sequence: number;
  readonly action: Action;
}

/** Adds an entry to a binary heap ordered by time, then sequence. */
export function pushEntry(heap: AgendaEntry[], entry: AgendaEntry): void {
  heap.push(entry);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(heap, index, parent)) return;
    swap(heap, index, parent);
    index = parent;
  }
}

/** Takes the earliest entry out, or returns undefined when there is none. */
export function popEntry(heap: AgendaEntry[]): AgendaEntry | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    let smallest = index;
    if (left < heap.length && isBefore(heap, left, smallest)) smallest = left;
    if (right < heap.length && isBefore(heap, right, smallest)) smallest = right;
    if (smallest === index) return first;
    swap(heap, index, smallest);
    index = smallest;
  }
}

function isBefore(heap: readonly AgendaEntry[], first: number, second: number): boolean {
  const one = heap[first];
  const other = heap[second];
  if (one === undefined || other === undefined) return false;
  return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}

function swap(heap: AgendaEntry[], first: number, second: number): void {
  const one = heap[first];
  const other = heap[second];
  if (one === undefined || other === undefined) return;
  heap[first] = other;
  heap[second] = one;
}

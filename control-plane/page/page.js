// @ts-check
// The page of the control plane: executions and delegates, live. It uses the public API alone. Whatever comes from the
// API goes into the page as text, never as markup.

/**
 * @typedef {object} Execution
 * @property {string} id
 * @property {string} workflow
 * @property {string} application
 * @property {string} status
 * @property {string} rollback
 * @property {string | null} currentPhase
 * @property {string} startedAt
 * @property {string | null} endedAt
 * @property {string} startedBy
 * @property {Record<string, string>} artifacts
 * @property {{ message: string }} [failure]
 */

/**
 * @typedef {object} Delegate
 * @property {string} name
 * @property {boolean} connected
 * @property {boolean} draining
 * @property {string[]} tags
 * @property {number} instances
 * @property {number} busy
 * @property {number} slots
 * @property {string} version
 * @property {string} region
 * @property {string} lastSeenAt
 */

const KEY = 'outrider-api-key';
/** Several changes at once are read once. */
const GATHER_MS = 200;
const RECONNECT_MS = 2_000;
/** Ages and durations grow without news. */
const TICK_MS = 5_000;

const STATES = /** @type {const} */ ({
  queued: ['◌', 'busy'],
  running: ['◌', 'busy'],
  waiting: ['॥', 'busy'],
  paused: ['॥', 'busy'],
  succeeded: ['✔', 'good'],
  failed: ['✖', 'bad'],
  aborted: ['■', 'bad'],
  rejected: ['■', 'bad'],
});

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** @returns {Record<string, string>} */
function authorization() {
  const key = sessionStorage.getItem(KEY);
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/**
 * @param {string} path
 * @param {Record<string, string>} [headers]
 */
async function get(path, headers = {}) {
  const response = await fetch(path, { headers: { ...authorization(), ...headers } });
  element('login').hidden = response.status !== 401;
  if (!response.ok)
    throw new Error(response.status === 401 ? 'an API key is needed' : `the API answers ${response.status}`);
  return response;
}

/**
 * @param {string} text
 * @param {string} [className]
 */
function cell(text, className) {
  const made = document.createElement('td');
  made.textContent = text;
  if (className !== undefined) made.className = className;
  return made;
}

/** @param {number} ms */
function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
  if (seconds < 86400)
    return `${Math.floor(seconds / 3600)}h${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** @param {Execution} execution */
function executionRow(execution) {
  const row = document.createElement('tr');
  const [glyph, tone] = STATES[/** @type {keyof typeof STATES} */ (execution.status)] ?? ['?', ''];
  const rollback = execution.rollback === 'none' ? '' : ` · rollback ${execution.rollback}`;
  const code = document.createElement('code');
  code.textContent = execution.id;
  const id = document.createElement('td');
  id.append(code);
  const end = execution.endedAt === null ? Date.now() : Date.parse(execution.endedAt);
  const started = cell(`${span(Date.now() - Date.parse(execution.startedAt))} ago`);
  started.title = execution.startedAt;
  row.append(
    cell(`${glyph} ${execution.status}${rollback}`, tone),
    id,
    cell(`${execution.application}/${execution.workflow}`),
    cell(execution.failure?.message ?? execution.currentPhase ?? '', 'wide'),
    cell(Object.values(execution.artifacts).join(', '), 'wide'),
    started,
    cell(span(end - Date.parse(execution.startedAt))),
    cell(execution.startedBy),
  );
  return row;
}

/** @param {Delegate} delegate */
function delegateRow(delegate) {
  const row = document.createElement('tr');
  const state = delegate.connected ? (delegate.draining ? '◐ draining' : '● connected') : '○ gone';
  row.append(
    cell(state, delegate.connected ? (delegate.draining ? 'busy' : 'good') : 'bad'),
    cell(delegate.name),
    cell(delegate.tags.join(', '), 'wide'),
    cell(String(delegate.instances)),
    cell(`${delegate.busy}/${delegate.slots}`),
    cell(delegate.version),
    cell(delegate.region),
    cell(delegate.connected ? 'now' : `${span(Date.now() - Date.parse(delegate.lastSeenAt))} ago`),
  );
  return row;
}

/** @type {{ executions: Execution[], delegates: Delegate[] }} */
const known = { executions: [], delegates: [] };

function draw() {
  element('executions').replaceChildren(...known.executions.map(executionRow));
  element('delegates').replaceChildren(...known.delegates.map(delegateRow));
  element('no-executions').hidden = known.executions.length > 0;
  element('no-delegates').hidden = known.delegates.length > 0;
}

async function read() {
  const [executions, delegates] = await Promise.all([get('/v1/executions?limit=50'), get('/v1/delegates')]);
  /** @type {unknown} */
  const executionList = await executions.json();
  /** @type {unknown} */
  const delegateList = await delegates.json();
  known.executions = /** @type {{ items: Execution[] }} */ (executionList).items;
  known.delegates = /** @type {{ items: Delegate[] }} */ (delegateList).items;
  draw();
}

/** Follows /v1/changes by fetch, which can send the key; EventSource cannot. */
async function follow() {
  const response = await get('/v1/changes', { accept: 'text/event-stream' });
  await read();
  element('connection').textContent = 'live';
  if (response.body === null) throw new Error('the answer is empty');
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pending;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error('the control plane went away');
    if (!decoder.decode(value, { stream: true }).includes('event:')) continue;
    pending ??= setTimeout(() => {
      pending = undefined;
      read().catch(report);
    }, GATHER_MS);
  }
}

/** @param {unknown} error */
function report(error) {
  element('connection').textContent = `not live: ${error instanceof Error ? error.message : String(error)}`;
}

async function run() {
  for (;;) {
    try {
      await follow();
    } catch (error) {
      report(error);
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

element('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (element('key'));
  sessionStorage.setItem(KEY, field.value.trim());
  field.value = '';
  read().catch(report);
});
setInterval(draw, TICK_MS);
void run();

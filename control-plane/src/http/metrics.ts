import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type { Store } from '../app/ports.ts';
import type { DelegateView } from '../domain/fleet/match.ts';

export interface Metrics {
  /** Prometheus text. */
  text(): Promise<string>;
  /** One request was answered. */
  answered(route: string, method: string, status: number, seconds: number): void;
}

export interface MetricsDependencies {
  readonly store: Pick<Store, 'listSummaries'>;
  readonly fleet: () => readonly DelegateView[];
  readonly version: string;
}

/** Executions that are counted; there are never more running. */
const COUNTED_EXECUTIONS = 10_000;
const LIVING = ['queued', 'running', 'waiting', 'paused'] as const;

/** Numbers of one control plane, in a registry of its own, so that several can run in one process. */
export function createMetrics(dependencies: MetricsDependencies): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const gauge of gaugesOf(dependencies)) registry.registerMetric(gauge);
  const requests = new Counter({
    name: 'outrider_http_requests_total',
    help: 'Answered requests of the operator API',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'outrider_http_request_duration_seconds',
    help: 'Time to answer a request of the operator API; for a stream, its whole life',
    labelNames: ['route'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  return {
    text: () => registry.metrics(),
    answered(route, method, status, seconds) {
      requests.labels(route, method, String(status)).inc();
      durations.labels(route).observe(seconds);
    },
  };
}

/** What is read at the moment of asking. */
function gaugesOf({ store, fleet, version }: MetricsDependencies): Metric[] {
  const build = new Gauge({
    name: 'outrider_build_info',
    help: 'Always 1; the version is a label',
    labelNames: ['version'],
    registers: [],
  });
  build.labels(version).set(1);
  const active = new Gauge({
    name: 'outrider_executions_active',
    help: 'Executions that have not ended, by workflow and status',
    labelNames: ['workflow', 'status'],
    registers: [],
    async collect() {
      this.reset();
      const living = await store.listSummaries({ statuses: LIVING, limit: COUNTED_EXECUTIONS });
      for (const { application, workflow, status } of living) this.labels(`${application}/${workflow}`, status).inc();
    },
  });
  const connected = delegateGauge(
    fleet,
    'outrider_delegates_connected',
    'Instances that are connected, by delegate',
    (view) => (view.connected ? view.instances : 0),
  );
  const leases = delegateGauge(
    fleet,
    'outrider_leases_active',
    'Steps that delegates run now, by delegate',
    ({ busy }) => busy,
  );
  return [build, active, connected, leases];
}

function delegateGauge(
  fleet: MetricsDependencies['fleet'],
  name: string,
  help: string,
  valueOf: (view: DelegateView) => number,
): Metric {
  return new Gauge({
    name,
    help,
    labelNames: ['name'],
    registers: [],
    collect() {
      this.reset();
      for (const view of fleet()) this.labels(view.name).set(valueOf(view));
    },
  });
}

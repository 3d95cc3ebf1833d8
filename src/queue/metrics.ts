/**
 * What a worker measures, in the text form of Prometheus.
 *
 * | metric | kind | labels |
 * |---|---|---|
 * | `narkit_queue_waiting_paths` | gauge | |
 * | `narkit_queue_active_paths` | gauge | |
 * | `narkit_queue_parked_paths` | gauge | |
 * | `narkit_queue_damaged_records` | gauge | |
 * | `narkit_queue_oldest_seconds` | gauge, 0 when nothing waits | |
 * | `narkit_queue_paused` | gauge, 1 when somebody paused the whole queue | |
 * | `narkit_destination_state` | gauge, 1 for the state that it is in and 0 for the others | `destination`, `state` (`ready`, `paused`, `unreachable`, `throttled`) |
 * | `narkit_destination_waiting_paths` | gauge | `destination` |
 * | `narkit_destination_parked_paths` | gauge | `destination` |
 * | `narkit_destination_last_success_timestamp_seconds` | gauge, absent before the first | `destination` |
 * | `narkit_uploads_total` | counter | `destination`, `result` (`uploaded`; `present` for what was there already) |
 * | `narkit_upload_nar_bytes_total` | counter, of NARs, uncompressed | `destination` |
 * | `narkit_upload_duration_seconds` | histogram | `destination` |
 * | `narkit_retries_total` | counter | `destination`, `code` |
 * | `narkit_failures_total` | counter: all failed attempts, those that parked the path too | `destination`, `code` |
 * | `narkit_gone_paths_total` | counter | |
 *
 * Destinations are called as {@link destinationName} does; codes are those of the library's errors.
 *
 * @module
 */
import type { Counter as PrometheusCounter, Gauge as PrometheusGauge } from 'prom-client';
import type { QueueStatus } from './status.ts';
import type { DestinationState, WorkerEvent } from './worker/worker-event.ts';

/** What a worker measures. */
export interface QueueMetrics {
  /** Count what happened. */
  onEvent(event: WorkerEvent): void;
  /** The text for a scrape. @param readStatus asks the queue how it does now. */
  format(readStatus: () => Promise<QueueStatus>): Promise<string>;
  /** What kind of text it is, for the header `Content-Type`. */
  readonly contentType: string;
}

const states: readonly DestinationState[] = ['ready', 'paused', 'unreachable', 'throttled'];

/** From a small path on a fast line to a large one on a slow line. */
const durationBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** Begin to measure. All counters of these destinations are there from the start, at 0. */
export async function createQueueMetrics(destinations: readonly string[]): Promise<QueueMetrics> {
  // Loaded only by those who measure.
  const { Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string): PrometheusGauge => new Gauge({ name, help, registers });
  const gaugeAt = (name: string, help: string): PrometheusGauge<'destination'> =>
    new Gauge({ name, help, registers, labelNames: ['destination'] });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): PrometheusCounter<Label> =>
    new Counter({ name, help, registers, labelNames });

  const waiting = gauge('narkit_queue_waiting_paths', 'Paths that a destination still waits for.');
  const active = gauge('narkit_queue_active_paths', 'Paths that are on their way.');
  const parked = gauge('narkit_queue_parked_paths', 'Paths that were given up for a destination.');
  const damaged = gauge('narkit_queue_damaged_records', 'Records that could not be read.');
  const oldest = gauge('narkit_queue_oldest_seconds', 'How long the oldest record waits; 0 when none does.');
  const paused = gauge('narkit_queue_paused', 'Whether somebody paused the whole queue.');
  const state = new Gauge({
    name: 'narkit_destination_state',
    help: 'The state of the destination: 1 for the one that it is in.',
    registers,
    labelNames: ['destination', 'state'],
  });
  const waitingAt = gaugeAt('narkit_destination_waiting_paths', 'Paths that wait for the destination.');
  const parkedAt = gaugeAt('narkit_destination_parked_paths', 'Paths that were given up for the destination.');
  const lastSuccess = gaugeAt(
    'narkit_destination_last_success_timestamp_seconds',
    'When the last path got to the destination, or was found there.',
  );

  const uploads = counter('narkit_uploads_total', 'Paths that got to the destination, or were found there.', [
    'destination',
    'result',
  ]);
  const bytes = counter('narkit_upload_nar_bytes_total', 'Bytes of the NARs that were uploaded, before compression.', [
    'destination',
  ]);
  const durations = new Histogram({
    name: 'narkit_upload_duration_seconds',
    help: 'How long the upload of a path took.',
    registers,
    labelNames: ['destination'],
    buckets: durationBuckets,
  });
  const retries = counter('narkit_retries_total', 'Attempts that failed and are made again.', ['destination', 'code']);
  const failures = counter('narkit_failures_total', 'Attempts that failed.', ['destination', 'code']);
  const gone = new Counter({
    name: 'narkit_gone_paths_total',
    help: 'Paths that the store had no longer when their turn came.',
    registers,
  });

  for (const destination of destinations) {
    for (const result of ['uploaded', 'present']) uploads.inc({ destination, result }, 0);
    bytes.inc({ destination }, 0);
    durations.zero({ destination });
  }

  function setStatus(status: QueueStatus): void {
    waiting.set(status.waiting);
    active.set(status.active);
    parked.set(status.parked);
    damaged.set(status.damaged);
    oldest.set(status.oldestSeconds ?? 0);
    paused.set(status.paused ? 1 : 0);
    for (const { uri: destination, ...now } of status.destinations) {
      for (const name of states) state.set({ destination, state: name }, name === now.state ? 1 : 0);
      waitingAt.set({ destination }, now.waiting);
      parkedAt.set({ destination }, now.parked);
    }
  }

  return {
    contentType: registry.contentType,
    onEvent(event) {
      switch (event.type) {
        case 'uploaded':
        case 'present': {
          const { destination, type: result } = event;
          uploads.inc({ destination, result });
          lastSuccess.setToCurrentTime({ destination });
          if (result === 'present') return;
          bytes.inc({ destination }, event.narSize);
          durations.observe({ destination }, event.durationMs / 1000);
          return;
        }
        case 'retry':
        case 'parked': {
          const labels = { destination: event.destination, code: codeOf(event.error) };
          failures.inc(labels);
          if (event.type === 'retry') retries.inc(labels);
          return;
        }
        case 'destination':
          if (event.error) failures.inc({ destination: event.destination, code: codeOf(event.error) });
          return;
        case 'gone':
          gone.inc();
      }
    },
    async format(readStatus) {
      setStatus(await readStatus());
      return registry.metrics();
    },
  };
}

/** Codes are few and fixed; messages are neither. */
function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'unknown';
}

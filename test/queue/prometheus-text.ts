/**
 * A strict reader of Prometheus's text format 0.0.4: what a scrape would refuse, and what `promtool check metrics` would complain of,
 * throws here.
 *
 * @module
 */

export interface PrometheusSamples {
  /** The value of the sample with exactly these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function parsePrometheusText(text: string): PrometheusSamples {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const helps = new Map<string, string>();
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n').slice(0, -1)) {
    if (line === '') continue;
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword !== undefined && name !== undefined) {
      if (!metricName.test(name)) throw new Error(`no name: ${line}`);
      const known = keyword === 'HELP' ? helps : types;
      if (known.has(name)) throw new Error(`twice: ${line}`);
      known.set(name, rest!);
      continue;
    }
    const [, sampleName, labelText = '', value] = sampleLine.exec(line) ?? [];
    if (sampleName === undefined) throw new Error(`no sample: ${line}`);
    checkName(sampleName, types, helps);
    const key = formatKey(sampleName, parseLabels(labelText));
    if (samples.has(key)) throw new Error(`twice: ${line}`);
    samples.set(key, Number(value!.replace('Inf', 'Infinity')));
  }
  return { value: (name, labels = {}) => samples.get(formatKey(name, labels)) };
}

/** The conventions: a help and a type before the samples, counters end in `_total`, units are base units and come last. */
function checkName(name: string, types: ReadonlyMap<string, string>, helps: ReadonlyMap<string, string>): void {
  const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
  const type = types.get(family);
  if (type === undefined || !helps.has(family)) throw new Error(`no type or no help: ${name}`);
  if (name !== family && type !== 'histogram') throw new Error(`not of a histogram: ${name}`);
  if ((type === 'counter') !== family.endsWith('_total')) throw new Error(`counters end in _total: ${name}`);
  if (/_(milliseconds|ms|kilobytes|percent)(_|$)/.test(family)) throw new Error(`no base unit: ${name}`);
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const [, name, value] = label.exec(text) ?? [];
    if (name === undefined || name in labels) throw new Error(`no labels: ${text}`);
    labels[name] = value!.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  }
  return labels;
}

function formatKey(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort()]);
}

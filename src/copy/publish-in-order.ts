/**
 * NARs go side by side, the most urgent first; each path becomes visible behind all that it refers to.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { asError, NarkitError } from '../errors.ts';
import type { PathInfo } from '../path-info.ts';
import type { CompressedNar, Publication, Store, WritableStore } from '../store/store.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { createBudget } from './budget.ts';
import { sortByReferences } from './order.ts';
import { describePathInfo, type Report } from './outcome.ts';
import { createTurns } from './turns.ts';
import { sortByUrgency } from './urgency.ts';

/** As many as there are connections to an HTTP server: most paths are small, and what they take is the time until it answers. */
const maximumPathsUnderWay = 64;
/** A path has at most about so many bytes on its way at a time: hashing, compression, parts of an upload. */
const maximumWeightBytes = 32 * 1024 * 1024;
const budgetBytes = 128 * 1024 * 1024;

/**
 * Copy paths that the destination lacks.
 *
 * @param unavailable references that cannot become visible: what refers to one of them fails.
 */
export async function publishInOrder(
  from: Store,
  to: WritableStore,
  infos: ReadonlyMap<StorePath, PathInfo>,
  unavailable: ReadonlySet<StorePath>,
  options: AbortOptions,
  report: Report,
): Promise<void> {
  const { signal } = options;
  const failed = new Set(unavailable);
  const bytes = createBudget(budgetBytes);
  const preparing = createBudget(maximumPathsUnderWay);
  const publishing = createBudget(maximumPathsUnderWay);
  const { sorted, cyclic } = sortByReferences(infos);
  const full = (path: StorePath): string => formatStorePath(path, to.storeDir);

  function requireReferences(info: PathInfo): void {
    const reference = info.references.find((path) => path !== info.path && failed.has(path));
    if (reference !== undefined)
      throw new NarkitError(
        'reference-unavailable',
        `cannot copy '${full(info.path)}' to '${to.uri}' because its reference '${full(reference)}' is not there`,
        { cause: report.errorOf(reference) },
      );
  }

  async function* openNar(info: PathInfo): AsyncGenerator<Uint8Array> {
    const compressed = from.compressedNarOf?.(info);
    // A cache that is asked for a path asks for its narinfo first, which is here.
    const nar =
      compressed === undefined
        ? from.narFromPath(info.path, options)
        : (await import('../store/unpack-nar.ts')).unpackNar(compressed, info, from.storeDir, options).stream;
    for await (const chunk of nar) {
      signal?.throwIfAborted();
      report.event({ type: 'progress', path: info.path, narBytes: chunk.length });
      yield chunk;
    }
  }

  /** Of what passes by packed, each byte counts for as much of the NAR as it is of the file. */
  function compressedNarOf(info: PathInfo): CompressedNar | undefined {
    const compressed = from.compressedNarOf?.(info);
    return (
      compressed && {
        ...compressed,
        async *open(openOptions) {
          const narBytesPerByte = compressed.fileSize ? info.narSize / compressed.fileSize : 1;
          for await (const chunk of compressed.open(openOptions)) {
            report.event({ type: 'progress', path: info.path, narBytes: Math.round(chunk.length * narBytesPerByte) });
            yield chunk;
          }
        },
      }
    );
  }

  function prepare(info: PathInfo): Promise<Publication> {
    return preparing.run(1, () =>
      bytes.run(Math.min(info.narSize, maximumWeightBytes), async () => {
        signal?.throwIfAborted();
        requireReferences(info);
        return to.prepare(info, () => openNar(info), { ...options, compressedNar: compressedNarOf(info) });
      }),
    );
  }

  /** Resolves when the path is visible or will never be. */
  async function publish(info: PathInfo, prepared: Promise<Publication>, references: Promise<void>[]): Promise<void> {
    let publication: Publication | undefined;
    try {
      publication = await prepared;
      await Promise.all(references);
      signal?.throwIfAborted();
      requireReferences(info);
      await publishing.run(1, () => publication!.publish(options));
      const { url, fileHash, fileSize } = publication;
      report.finish({
        ...describePathInfo(info),
        outcome: 'copied',
        ...(url !== undefined && { url }),
        ...(fileHash !== undefined && { fileHash }),
        ...(fileSize !== undefined && { fileSize }),
      });
    } catch (error) {
      failed.add(info.path);
      if (!signal?.aborted) report.finish({ ...describePathInfo(info), outcome: 'failed', error: asError(error) });
      await publication?.abandon().catch(() => {});
    }
  }

  for (const path of cyclic) {
    failed.add(path);
    const error = new NarkitError('reference-cycle', `cannot copy '${full(path)}': its references form a cycle`);
    report.finish({ ...describePathInfo(infos.get(path)!), outcome: 'failed', error });
  }
  const order = sorted.map((path) => infos.get(path)!);
  report.event({
    type: 'planned',
    paths: order.length,
    narBytes: order.reduce((sum, { narSize }) => sum + narSize, 0),
  });

  const turns = createTurns();
  const prepared = new Map<StorePath, Promise<Publication>>();
  for (const info of sortByUrgency(order)) {
    const publication = prepare(info);
    publication.catch(() => {}); // thrown where it is awaited
    prepared.set(info.path, publication);
    await turns.afterPath();
  }
  const visible = new Map<StorePath, Promise<void>>();
  for (const info of order) {
    const references = info.references.flatMap((path) => visible.get(path) ?? []);
    visible.set(info.path, publish(info, prepared.get(info.path)!, references));
    await turns.afterPath();
  }
  await Promise.all(visible.values());
}

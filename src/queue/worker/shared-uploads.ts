/**
 * Uploads that several copies share: two closures that overlap, copied side by side, put each path once.
 *
 * Who comes second waits for nothing but the NAR that the first lays down; whoever first has all references of the path visible makes it
 * visible, for both. So no copy ever waits for the order of another, and none can wait in a circle.
 *
 * @module
 */
import type { PathInfo } from '../../path-info.ts';
import type { Publication, WritableStore } from '../../store/store.ts';
import type { StorePath } from '../../store-path.ts';

/** A path on its way. */
interface Upload {
  readonly preparation: Promise<Publication>;
  /** Copies that still may want it. */
  holders: number;
  publishing?: Promise<void>;
  published: boolean;
}

/** What is wrapped around a store. */
export interface SharedUploadsOptions {
  /** Did somebody make the path visible before? Then it is not put again. */
  readonly isPublished: (path: StorePath) => boolean;
  /** Told of each path that became visible. */
  readonly onPublished: (info: PathInfo) => void;
  /** Runs what lays a NAR down: the bound on how many do so at a time. */
  readonly limit?: <Result>(info: PathInfo, task: () => Promise<Result>) => Promise<Result>;
}

const nothingToDo: Publication = { publish: async () => {}, abandon: async () => {} };

/** The same store, for copies that run side by side. A path that failed is tried anew by whoever asks for it next. */
export function shareUploads(store: WritableStore, options: SharedUploadsOptions): WritableStore {
  const { isPublished, onPublished, limit = (_info, task) => task() } = options;
  const uploads = new Map<StorePath, Upload>();

  const prepare: WritableStore['prepare'] = async (info, openNar, prepareOptions) => {
    if (isPublished(info.path)) return nothingToDo;
    const upload = uploads.get(info.path) ?? begin(info, () => store.prepare(info, openNar, prepareOptions));
    upload.holders++;
    const publication = await upload.preparation;
    return {
      ...publication,
      publish(abort) {
        upload.publishing ??= publish(info, upload, publication.publish(abort));
        return upload.publishing;
      },
      async abandon() {
        upload.holders--;
        if (upload.holders > 0 || upload.published) return;
        forget(info.path, upload);
        await publication.abandon();
      },
    };
  };

  function begin(info: PathInfo, task: () => Promise<Publication>): Upload {
    const upload: Upload = { preparation: limit(info, task), holders: 0, published: false };
    uploads.set(info.path, upload);
    upload.preparation.catch(() => forget(info.path, upload));
    return upload;
  }

  async function publish(info: PathInfo, upload: Upload, publishing: Promise<void>): Promise<void> {
    try {
      await publishing;
      upload.published = true;
      onPublished(info);
    } finally {
      forget(info.path, upload);
    }
  }

  function forget(path: StorePath, upload: Upload): void {
    if (uploads.get(path) === upload) uploads.delete(path);
  }

  return { ...store, prepare };
}

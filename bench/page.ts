/**
 * Parts of `docs/performance.md` that programs write.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';

const url = new URL('../docs/performance.md', import.meta.url);

/** Write a part of the page anew. @param name stands in the two comments between which it lies. */
export async function writePart(name: string, text: string): Promise<void> {
  await writeFile(url, replacePart(await readFile(url, 'utf8'), name, text));
}

/** The page with another text between `<!-- name: -->` and `<!-- end of name -->`. */
export function replacePart(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no '${begin}' … '${end}'`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

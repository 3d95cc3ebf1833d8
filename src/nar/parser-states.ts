/**
 * The states of a NAR parser: for each, how long the next string may be, and what it must be where it can be one thing only.
 *
 * @module
 */
import { encodeUtf8 } from '../bytes/bytes.ts';
import { maximumNameLength, maximumTagLength, maximumTargetLength, narMagic } from './grammar.ts';

/** Named after the string that is read next. */
export const state = {
  magic: 0,
  nodeOpen: 1,
  typeTag: 2,
  type: 3,
  executableOrContents: 4,
  executableValue: 5,
  contentsTag: 6,
  contents: 7,
  nodeClose: 8,
  targetTag: 9,
  target: 10,
  entryOrClose: 11,
  entryOpen: 12,
  nameTag: 13,
  name: 14,
  nodeTag: 15,
  entryClose: 16,
  done: 17,
} as const;

/** The longest string that each state reads. */
export const maximumLengths: readonly number[] = Object.values(state).map((value) => {
  if (value === state.magic) return narMagic.length;
  if (value === state.contents) return Number.MAX_SAFE_INTEGER;
  if (value === state.executableValue) return 0;
  if (value === state.name) return maximumNameLength;
  if (value === state.target) return maximumTargetLength;
  return maximumTagLength;
});

/** The words of the format that stand beside others in their state. */
export const words: Readonly<
  Record<'magic' | 'close' | 'contents' | 'directory' | 'entry' | 'executable' | 'regular' | 'symlink', Uint8Array>
> = {
  magic: encodeUtf8(narMagic),
  close: encodeUtf8(')'),
  contents: encodeUtf8('contents'),
  directory: encodeUtf8('directory'),
  entry: encodeUtf8('entry'),
  executable: encodeUtf8('executable'),
  regular: encodeUtf8('regular'),
  symlink: encodeUtf8('symlink'),
};

/** A state in which one word alone may come, and the state after it. */
export interface FixedTag {
  readonly word: Uint8Array;
  readonly next: number;
}

const fixed: readonly (readonly [state: number, word: string, next: number])[] = [
  [state.nodeOpen, '(', state.typeTag],
  [state.typeTag, 'type', state.type],
  [state.executableValue, '', state.contentsTag],
  [state.contentsTag, 'contents', state.contents],
  [state.targetTag, 'target', state.target],
  [state.nodeClose, ')', state.done],
  [state.entryOpen, '(', state.nameTag],
  [state.nameTag, 'name', state.name],
  [state.nodeTag, 'node', state.nodeOpen],
  [state.entryClose, ')', state.entryOrClose],
];

/** By state; `undefined` where more than one word may come, or any. */
export const fixedTags: readonly (FixedTag | undefined)[] = Object.values(state).map((value) => {
  const [, word, next] = fixed.find(([of]) => of === value) ?? [];
  return word === undefined || next === undefined ? undefined : { word: encodeUtf8(word), next };
});

/**
 * What several rounds say together.
 *
 * @module
 */

/** The value in the middle; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export interface Ratio {
  readonly ratio: number;
  /** How far rounds lie from the median, half of them nearer: half the distance between the quartiles. */
  readonly spread: number;
  readonly rounds: number;
}

/** `ours[i] / peers[i]`, round by round: what else the machine did in a round met both alike. */
export function compareRounds(ours: readonly number[], peers: readonly number[]): Ratio {
  if (ours.length !== peers.length) throw new RangeError(`${ours.length} rounds beside ${peers.length}`);
  const ratios = ours.map((value, round) => value / peers[round]!);
  return {
    ratio: median(ratios),
    spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2,
    rounds: ratios.length,
  };
}

/** Not even two runs of the same are nearer to each other than this part of them. */
const leastNoise = 0.05;

/** Did a ratio move by more than the noise of both runs? A lower one is better. */
export function judgeMove(before: Ratio, now: Ratio): 'better' | 'worse' | 'same' {
  const noise = Math.max(leastNoise * before.ratio, 2 * (before.spread + now.spread));
  const moved = now.ratio - before.ratio;
  if (Math.abs(moved) <= noise) return 'same';
  return moved < 0 ? 'better' : 'worse';
}

function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new RangeError('no rounds');
  const sorted = values.toSorted((left, right) => left - right);
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/**
 * What a decoder finds wrong, before it is known where in the archive.
 *
 * @module
 */

/** Thrown by the parts of a decoder; the codec makes a CompressionError of it. */
export class Damage extends Error {}

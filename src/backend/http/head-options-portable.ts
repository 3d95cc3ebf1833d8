/**
 * What a HEAD is sent with besides, where `fetch` needs no telling.
 *
 * @module
 */

/** Nothing. */
export function headOptions(): RequestInit {
  return {};
}

/**
 * The numbers of Nix's worker protocol.
 *
 * Source: Nix `src/libstore/include/nix/store/worker-protocol.hh`.
 *
 * @module
 */

/** What a client says first, and what a daemon answers. */
export const clientMagic = 0x6e697863;
export const daemonMagic = 0x6478696f;

/** All versions are 1.x. */
export const protocolMajor = 1;
/** Nix 2.3. */
export const oldestProtocolMinor = 21;
/** Nix 2.24 and later: what comes after is negotiated as features, of which narkit's operations need none. */
export const newestProtocolMinor = 38;

export const operation = {
  isValidPath: 1,
  addTempRoot: 11,
  queryAllValidPaths: 23,
  queryPathInfo: 26,
  queryPathFromHashPart: 29,
  queryValidPaths: 31,
  addSignatures: 37,
  narFromPath: 38,
  addToStoreNar: 39,
  queryDerivationOutputMap: 41,
  addMultipleToStore: 44,
  addBuildLog: 45,
} as const;

/** Since which 1.x a thing is as it is; what is older than {@link oldestProtocolMinor} is not listed. */
export const since = {
  queryDerivationOutputMap: 22,
  framedAddToStoreNar: 23,
  structuredError: 26,
  substituteFlag: 27,
  addMultipleToStore: 32,
  daemonVersion: 33,
  /** Came a week before 1.33, without a number of its own. */
  addBuildLog: 33,
  trustedFlag: 35,
  featureExchange: 38,
} as const;

/** What a daemon may say before it answers. */
export const message = {
  last: 0x616c7473,
  error: 0x63787470,
  log: 0x6f6c6d67,
  read: 0x64617461,
  startActivity: 0x53545254,
  stopActivity: 0x53544f50,
  result: 0x52534c54,
} as const;

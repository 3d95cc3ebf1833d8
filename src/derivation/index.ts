/**
 * Derivations: what a `.drv` file says.
 *
 * @module
 */
export {
  type Derivation,
  DerivationError,
  type DerivationInput,
  type DerivationOutput,
  derivationOutputPaths,
} from './derivation.ts';
export { maximumDerivationBytes, type ParseDerivationOptions, parseDerivation } from './parse.ts';

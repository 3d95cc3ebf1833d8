import { NarkitError } from '../../errors.ts';

/** What the daemon sent is not what the protocol has there. */
export class WireError extends NarkitError {
  /** Bytes that the daemon had sent before. */
  readonly offset: number;

  constructor(problem: string, offset: number, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'worker-protocol', `${problem} (at byte ${offset} of what the daemon sent)`, options);
    this.offset = offset;
  }
}

/** The daemon sent no more where more had to come. */
export class WireEndError extends WireError {
  constructor(offset: number) {
    super('unexpected end', offset, { code: 'worker-protocol-end' });
  }
}

/** What carries requests: the suites run with both. */
export const clients: readonly { readonly client: string; readonly fetch: typeof globalThis.fetch | undefined }[] = [
  { client: 'node:http', fetch: undefined },
  { client: 'fetch', fetch: globalThis.fetch },
];

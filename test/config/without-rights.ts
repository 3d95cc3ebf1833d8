const nobody = 65534;

/** Do something as a user that has no rights: root reads every file. */
export async function withoutRights<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/**
 * Variables by which a Node that root starts is a user without rights before it runs its program. Where Node itself lies, nobody but root
 * may be let in.
 */
export function variablesWithoutRights(): Record<string, string> {
  const source = `process.setgroups([]); process.setgid(${nobody}); process.setuid(${nobody});`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}

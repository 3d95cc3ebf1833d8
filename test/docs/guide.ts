/**
 * The steps of a guide in `docs/`, for a test that does what a reader would.
 *
 * A `console` block has commands behind `$ ` and what they print; a block whose first line is `# /a/path` or `// a/path` is a file.
 *
 * @module
 */

export type GuideStep =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'command'; readonly command: string; readonly output: readonly string[] };

/** All steps in their order. */
export function parseGuide(markdown: string): GuideStep[] {
  return [...markdown.matchAll(/^```(\w+)[^\n]*\n(.*?)^```$/gms)].flatMap(
    ([, language = '', block = '']): GuideStep[] => {
      if (language === 'console') return parseConsole(block);
      const path = /^(?:#|\/\/) (\S*[/.]\S+)\n/.exec(block)?.[1];
      return path === undefined ? [] : [{ kind: 'file', path, text: block }];
    },
  );
}

function parseConsole(block: string): GuideStep[] {
  const steps: { kind: 'command'; command: string; output: string[] }[] = [];
  for (const line of block.split('\n').filter((text) => text !== '')) {
    if (line.startsWith('$ ')) steps.push({ kind: 'command', command: line.slice(2), output: [] });
    else steps.at(-1)!.output.push(line);
  }
  return steps;
}

/** What a command must have printed, `…` standing for anything within a line. */
export function outputPattern(output: readonly string[]): RegExp {
  const lines = output.map((line) =>
    line
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  );
  return new RegExp(`^${lines.join('\n')}\n?$`);
}

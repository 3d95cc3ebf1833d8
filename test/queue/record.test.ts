/** What the name of a record tells, without opening it. */
import { expect, it } from 'vitest';
import { maximumRecordPaths, parseRecordId } from '../../src/queue/index.ts';

it('tells time, number of paths and process', () => {
  expect(parseRecordId('1795374892456-2-24600-ahpb23wcbc')).toEqual({
    timeMs: 1_795_374_892_456,
    pathCount: 2,
    processId: 24_600,
  });
  expect(parseRecordId(`0000000000005-${maximumRecordPaths}-1-0`)?.timeMs).toBe(5);
});

it.each([
  '',
  '1795374892456',
  '1795374892456-2-24600',
  '1795374892456-0-24600-a',
  '1795374892456-02-24600-a',
  '1795374892456-2-24600-a.json',
  '1795374892456-2-24600-A',
  '1795374892456-2-24600-a/../../b',
  '179537489245-2-24600-a',
  '1795374892456--1-24600-a',
  '1795374892456-2-24600-a\n',
  `1795374892456-2-24600-${'a'.repeat(17)}`,
])('is not fooled by %j', (name) => {
  expect(parseRecordId(name)).toBeUndefined();
});

/**
 * A server that is far away, on this machine: a TCP proxy on loopback that hands on every byte half a round trip later, and limits nothing else.
 *
 *   node bench/delaying-proxy.mjs PORT ROUND_TRIP_MS
 *
 * It prints the port that it listens on, passes connections on to PORT of 127.0.0.1, and ends when its standard input does. As a
 * connection over such a distance, one takes a round trip to open before the first byte leaves. Delays are right to 1 ms or 2, Node's timers.
 */
import { createConnection, createServer } from 'node:net';
import process from 'node:process';

/** So much of each direction of a connection is under way at most: 1 GB/s at 200 ms. */
const maxBytesUnderWay = 200_000_000;

const [port, roundTripMs] = process.argv.slice(2).map(Number);
if (!(port > 0) || !(roundTripMs >= 0)) throw new TypeError('usage: delaying-proxy.mjs PORT ROUND_TRIP_MS');

const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
  const origin = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const delayMs = roundTripMs / 2;
  passOn(client, origin, delayMs, performance.now() + roundTripMs);
  passOn(origin, client, delayMs, 0);
});
server.listen(0, '127.0.0.1', 1024, () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();

/** All that `source` says, and its end, come to `destination` `delayMs` later; none of it before `openMs` plus the delay. */
function passOn(source, destination, delayMs, openMs) {
  const underWay = [];
  let bytesUnderWay = 0;
  let timer;

  source.on('data', (chunk) => {
    bytesUnderWay += chunk.length;
    if (bytesUnderWay >= maxBytesUnderWay) source.pause();
    send(chunk);
  });
  source.on('end', () => send(undefined));
  source.on('error', () => destination.resetAndDestroy());
  destination.on('drain', deliver);
  source.resume();

  function send(chunk) {
    underWay.push({ chunk, dueMs: Math.max(performance.now(), openMs) + delayMs });
    if (timer === undefined) deliver();
  }

  function deliver() {
    clearTimeout(timer);
    timer = undefined;
    while (underWay.length > 0 && !destination.writableNeedDrain && !destination.destroyed) {
      const [{ chunk, dueMs }] = underWay;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(deliver, Math.ceil(waitMs));
        return;
      }
      underWay.shift();
      if (chunk === undefined) destination.end();
      else {
        destination.write(chunk);
        bytesUnderWay -= chunk.length;
        if (bytesUnderWay < maxBytesUnderWay) source.resume();
      }
    }
  }
}

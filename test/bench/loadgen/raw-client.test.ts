// The raw client reads what servers of other makers send: Huffman code, padding, CONTINUATION, Trailers-Only, other settings.

import { constants } from "node:http2";
import { expect, test } from "@jest/globals";
import * as fc from "fast-check";

import { openLane, requestTemplate } from "../../../bench/clients/grpc-lane.ts";
import type { Lane } from "../../../bench/clients/grpc-lane.ts";
import { namedFields } from "../../../bench/clients/hpack-fields.ts";
import { answer, refuse, startH2Server } from "./support/h2-server.ts";
import type { H2Server } from "./support/h2-server.ts";

interface Seen {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly message: Buffer | undefined;
  readonly resetCode: number | undefined;
}

interface Client {
  readonly call: (message: Uint8Array, timeoutMs?: number) => Promise<Seen>;
  readonly lane: Lane<(seen: Seen) => void>;
}

async function connect({ port }: H2Server, large = false): Promise<Client> {
  let message: Buffer | undefined;
  const lane = await openLane<(seen: Seen) => void>({ host: "127.0.0.1", port }, "/s/M", large, {
    answer(_call, bytes) {
      message = Buffer.from(bytes);
    },
    end(call, status, trailers, resetCode) {
      call({ status, fields: trailers === undefined ? new Map() : namedFields(trailers), message, resetCode });
      message = undefined;
    },
    lost() {},
  });
  return {
    lane,
    call: (bytes, timeoutMs) =>
      new Promise((resolve) => {
        lane.start(resolve, requestTemplate(bytes), timeoutMs);
        lane.flush();
      }),
  };
}

test("trailers of any printable text, as nghttp2 packs them", async () => {
  let text = "";
  const server = await startH2Server({}, (stream) => refuse(stream, { "grpc-status": "8", "grpc-message": text }));
  const { call, lane } = await connect(server);
  const all = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const texts = fc.string({ unit: fc.constantFrom(...all), minLength: 1, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        texts,
        texts.map((part) => `${part}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`),
      ),
      async (value) => {
        text = value;
        const { status, fields } = await call(Buffer.from("x"));
        expect({ status, message: fields.get("grpc-message") }).toEqual({ status: 8, message: value });
      },
    ),
    { numRuns: 200 },
  );
  lane.close();
  server.close();
});

test("padded frames, and trailers that need CONTINUATION", async () => {
  const long = "v".repeat(40_000);
  const message = Buffer.from("the answer");
  const server = await startH2Server({ paddingStrategy: constants.PADDING_STRATEGY_MAX, maxSendHeaderBlockLength: 100_000 }, (stream) =>
    answer(stream, message, { "grpc-status": "0", "x-long": long }),
  );
  const { call, lane } = await connect(server);
  for (let i = 0; i < 3; i++) {
    const seen = await call(Buffer.from("x"));
    expect(seen.status).toBe(0);
    expect(seen.message).toEqual(message);
    expect(seen.fields.get("x-long")).toBe(long);
  }
  lane.close();
  server.close();
});

test("a server whose header table has no room gets plain headers", async () => {
  const server = await startH2Server({ settings: { headerTableSize: 0 } }, (stream) => refuse(stream, { "grpc-status": "0" }));
  const { call, lane } = await connect(server);
  expect((await call(Buffer.from("x"), 80)).status).toBe(0);
  expect((await call(Buffer.from("x"), 0.25)).status).toBe(0);
  const common = { ":path": "/s/M", ":method": "POST", te: "trailers", "content-type": "application/grpc" };
  expect(server.requests).toMatchObject([
    { ...common, "grpc-timeout": "80000u" },
    { ...common, "grpc-timeout": "250u" },
  ]);
  lane.close();
  server.close();
});

test("a request larger than every window arrives, and the streams that the server allows are known", async () => {
  const settings = { initialWindowSize: 20_000, maxConcurrentStreams: 7 };
  const server = await startH2Server({ settings }, (stream) => refuse(stream, { "grpc-status": "0" }));
  const { call, lane } = await connect(server, true);
  expect((await call(Buffer.alloc(300_000))).status).toBe(0);
  expect(lane.maxStreams()).toBe(7);
  lane.close();
  server.close();
});

test("a cancelled call is reset with CANCEL and not told of again", async () => {
  const reset = Promise.withResolvers<number | undefined>();
  const begun = Promise.withResolvers<void>();
  const server = await startH2Server({}, (stream) => {
    stream.on("close", () => reset.resolve(stream.rstCode));
    begun.resolve();
  });
  const { lane } = await connect(server);
  const ended: Seen[] = [];
  const streamId = lane.start((seen) => ended.push(seen), requestTemplate(Buffer.from("x")));
  lane.flush();
  await begun.promise;
  lane.cancel(streamId);
  lane.flush();
  expect(await reset.promise).toBe(constants.NGHTTP2_CANCEL);
  expect({ ended, inFlight: lane.inFlight() }).toEqual({ ended: [], inFlight: 0 });
  lane.close();
  server.close();
});

test("a call that the server resets tells the code", async () => {
  const server = await startH2Server({}, (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
  const { call, lane } = await connect(server);
  expect(await call(Buffer.from("x"))).toMatchObject({ status: -1, resetCode: constants.NGHTTP2_REFUSED_STREAM });
  lane.close();
  server.close();
});

test("calls of a lost connection end, and after GOAWAY no more are taken", async () => {
  const server = await startH2Server({}, (stream) => stream.session?.destroy());
  const { call, lane } = await connect(server);
  expect((await call(Buffer.from("x"))).status).toBe(-1);
  expect(lane.accepting()).toBe(false);
  server.close();
});

// Python's grpcio, another implementation of gRPC and protobuf: all four prediction methods by nothing but reflection v1alpha.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

interface Numbers {
  readonly version: string;
  readonly sum: readonly number[];
  readonly difference: readonly number[];
}

/** What `simple` makes of the integers from `first` on, `rows` rows of 16, and ones. */
function expected(first: number, rows: number): Numbers {
  const values = Array.from({ length: rows * 16 }, (_, i) => first + i);
  return { version: "1", sum: values.map((value) => value + 1), difference: values.map((value) => value - 1) };
}

describeWith(["python-grpc"], "python grpcio", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test("calls all four methods and reads a refusal", async () => {
    const { code, stdout, stderr } = await runTool(findTool("python-grpc")!, [join(ROOT, "test/referee/python-client.py"), server.address]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);

    expect(result.predict).toEqual(expected(0, 2));
    expect(result.stream).toEqual(
      [0, 3, 6, 9, 12, 15, 18].map((row) => {
        const rows = Math.min(3, 20 - row);
        return { first: row, done: row + rows, total: 20, ...expected(row * 16, rows) };
      }),
    );
    expect(result.session).toEqual([
      { id: "a", ...expected(0, 1) },
      { id: "bad", code: 5 },
      { id: "b", ...expected(0, 2) },
    ]);
    expect(result.upload).toEqual(expected(0, 2));
    expect(result.refusal).toEqual({ code: "INVALID_ARGUMENT", details: true });
  }, 60_000);
});

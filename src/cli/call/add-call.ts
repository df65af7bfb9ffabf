// The command `call` and its flags.

import type { Command } from "commander";
import { Option } from "commander";
import { ADDRESS_ENV, DEFAULT_ADDRESS, parseAddress } from "../address.ts";
import type { CallFlags } from "../call.ts";
import { EXIT_CODES_HELP } from "../exit-codes.ts";
import { collect, parseMilliseconds } from "../flag-values.ts";
import type { Terminal } from "../terminal.ts";

const EXAMPLES = `
Examples:
  predictd call predictd.v1.ModelService/GetModel --json '{"name":"digits"}'
  predictd call my.v1.Greeter/Greet --proto greeter.proto --address 127.0.0.1:50051 --json @request.json

Each answer is one line of JSON: 64-bit integers are strings, enums names, bytes base64; fields that are not set are left out.`;

/** Adds the command; what it does is loaded only when it runs. */
export function addCall(program: Command, terminal: Terminal): void {
  program
    .command("call")
    .description("Call any method of any gRPC server by its proto files, with JSON.")
    .argument("<method>", "method to call, e.g. predictd.v1.PredictionService/Predict")
    .addOption(new Option("--address <host:port>", "server to ask").env(ADDRESS_ENV).default(DEFAULT_ADDRESS).argParser(parseAddress))
    .option("--timeout-ms <n>", "time for the whole call in milliseconds", parseMilliseconds, 10_000)
    .option("--proto <file>", "proto file that has the service, repeatable; predictd's own otherwise", collect)
    .option(
      "--include <dir>",
      "folder in which proto files and their imports are looked for, repeatable; the current one otherwise",
      collect,
    )
    .option(
      "--json <json|@file|@->",
      "the message, of a file or (@-) of the standard input; for a method that takes a stream an array of messages, or one on each line; an empty message or stream otherwise",
    )
    .option("--metadata <key=value>", "request header, repeatable; base64 for a key that ends in -bin", collect)
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (method: string, flags: CallFlags) => {
      const { call } = await import("../call.ts");
      await call(method, flags, terminal);
    });
}

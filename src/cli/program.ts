// The commands and their flags. What a command does is loaded only when it runs.

import { createRequire } from "node:module";
import { Argument, Command, Option } from "commander";
import { ADDRESS_ENV, DEFAULT_ADDRESS, parseAddress } from "./address.ts";
import { addCall } from "./call/add-call.ts";
import { EXIT_CODES_HELP } from "./exit-codes.ts";
import { collect, parseMilliseconds, parseRows, parseSeconds } from "./flag-values.ts";
import type { MigrateFlags } from "./migrate.ts";
import type { PredictFlags } from "./predict.ts";
import { addSettingFlags } from "./serve/setting-flags.ts";
import type { Terminal } from "./terminal.ts";
import type { TuneFlags } from "./tune.ts";

/** Every command. `exit` is told the exit code of a command that ends without an error but with something else than 0. */
export function createProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command("predictd")
    .description("Serves a folder of ONNX models over gRPC, and asks such a server.")
    .version(packageVersion(), "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", EXIT_CODES_HELP)
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: (text) => terminal.stderr.write(text) })
    .showHelpAfterError("(--help shows what is allowed)")
    // Without it `predict --version 2` would ask for the program's version.
    .enablePositionalOptions()
    .exitOverride();
  addServe(program, terminal);
  addPredict(program, terminal);
  addModels(program, terminal);
  addHealth(program, terminal, exit);
  addCall(program, terminal);
  addTune(program, terminal, exit);
  addMigrate(program, terminal, exit);
  return program;
}

function addServe(program: Command, terminal: Terminal): void {
  const serve = program
    .command("serve")
    .description("Serve every model of a folder until SIGTERM or Ctrl-C.")
    .addArgument(new Argument("[dir]", "folder of models, the same as --model-dir"))
    .option("--config <file>", "configuration file; PREDICTD_CONFIG and ./predictd.yaml otherwise")
    .addHelpText(
      "after",
      "\nEvery setting may also stand in the environment (PREDICTD_GRPC_PORT) or in predictd.yaml (grpcPort); flags win.",
    )
    .addHelpText("after", EXIT_CODES_HELP);
  addSettingFlags(serve);
  serve.action(async (dir: string | undefined, flags: Record<string, string | undefined>) => {
    const { serve: run } = await import("./serve/serve.ts");
    await run({ ...flags, dir }, terminal);
  });
}

function addPredict(program: Command, terminal: Terminal): void {
  program
    .command("predict")
    .description("Make predictions with any model of a server: its signature says how the input is read.")
    .option("--model <name>", "model to ask, always needed")
    .option("--version <version>", "version of the model; the highest one that is ready otherwise")
    .addOption(addressOption())
    .option("--timeout-ms <n>", "time for each call in milliseconds", parseMilliseconds, 10_000)
    .option("--output <name>", "output wanted, repeatable; all otherwise", collect)
    .option("--json-output", "print JSON instead of tables", false)
    .optionsGroup("Input, exactly one kind:")
    .option(
      "--json <json|@file>",
      "object of input name to nested arrays; for an input with columns also an object (or an array of them) of column to value",
    )
    .option("--csv <file>", "table whose header names the columns of the input, or the inputs; results as CSV")
    .option("--text <text>", "text for a STRING input, repeatable", collect)
    .option("--image <file.png>", "picture, repeatable; averaged to the size the model takes", collect)
    .option("--input <name=@file>", "raw little-endian elements of one input, repeatable", collect)
    .optionsGroup("For some kinds of input:")
    .option("--shape <name=n,n,…>", "shape of a raw input, repeatable", collect)
    .addOption(
      new Option("--invert <when>", "invert pictures: auto does so for a bright border and a model of one channel")
        .choices(["auto", "on", "off"])
        .default("auto"),
    )
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (flags: PredictFlags) => {
      const { predict } = await import("./predict.ts");
      await predict(flags, terminal);
    });
}

function addModels(program: Command, terminal: Terminal): void {
  program
    .command("models")
    .description("List the models of a server, or show one of them in full.")
    .argument("[name]", "model to show")
    .addOption(addressOption())
    .option("--timeout-ms <n>", "time for the call in milliseconds", parseMilliseconds, 10_000)
    .option("--json-output", "print JSON instead of tables", false)
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (name: string | undefined, flags: { address: string; timeoutMs: number; jsonOutput: boolean }) => {
      const { showModels } = await import("./models.ts");
      await showModels(name, flags, terminal);
    });
}

function addHealth(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("health")
    .description("Ask the health service; exit code 0 means SERVING.")
    .argument("[service]", "service to ask about; the server as a whole otherwise", "")
    .addOption(addressOption())
    .option("--timeout-ms <n>", "time for the call in milliseconds", parseMilliseconds, 10_000)
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (service: string, flags: { address: string; timeoutMs: number }) => {
      const { checkHealth } = await import("./health.ts");
      exit(await checkHealth(service, flags, terminal));
    });
}

function addTune(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("tune")
    .description("Find the instances, threads and largest batch with which this machine answers most requests of a model in time.")
    .argument("<model>", "model of the folder; no server is asked, and none should be busy on this machine meanwhile")
    .option("--models <folder>", "folder of models, the server's setting modelDir otherwise")
    .option("--config <file>", "configuration file; PREDICTD_CONFIG and ./predictd.yaml otherwise")
    .option("--version <version>", "version of the model; the highest one otherwise")
    .option("--objective-ms <n>", "time within which callers want their answers; the model's objectiveMs otherwise", parseMilliseconds)
    .option("--seconds <n>", "time for all of it", parseSeconds, 10)
    .option("--max-batch-size <n>", "most rows to try; the larger one of the model's and the server's maxBatchSize otherwise", parseRows)
    .option("--write", "put what was found into the model's model.yaml, whose other lines stay as they are", false)
    .option("--json", "print JSON instead of tables", false)
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (model: string, flags: TuneFlags) => {
      const { tune } = await import("./tune.ts");
      exit(await tune(model, flags, terminal));
    });
}

function addMigrate(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("migrate")
    .description("Say what of a Triton model repository acts here and what does not; exit code 0 means every model can be served.")
    .argument("<folder>", "folder of models with their config.pbtxt; no model is loaded")
    .option("--json", "print JSON instead of tables", false)
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (folder: string, flags: MigrateFlags) => {
      const { migrate } = await import("./migrate.ts");
      exit(await migrate(folder, flags, terminal));
    });
}

function addressOption(): Option {
  return new Option("--address <host:port>", "server to ask").env(ADDRESS_ENV).default(DEFAULT_ADDRESS).argParser(parseAddress);
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("predictd/package.json") as { version: string };
  return version;
}

// The server's log: lines on stderr, as JSON for machines or in colour for people.

import { createRequire } from "node:module";
import type Pino from "pino";
import type PinoPretty from "pino-pretty";
import type { Config } from "../config/config.ts";
import { createLogControl, type LogControl, type LogSwitches } from "./log-control.ts";

/** Writes one line: a message, with fields before it if there are any. */
export interface LogMethod {
  (message: string): void;
  (fields: object, message: string): void;
}

/** What the rest of the server sees of the log. Errors belong in the field `err`; their causes are written with them. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** Whether debug lines are written now, for those that would cost something to put together. */
  readonly isVerbose: boolean;
  /** A logger that adds these fields to each of its lines. */
  child(fields: Record<string, unknown>): Logger;
}

/** Where lines go; each call gets one with its line break. */
export interface LogDestination {
  /** Whether a person reads it, for `logFormat` auto and colours. */
  readonly isTTY?: boolean;
  write(line: string): void;
}

/** Bytes of log that may wait for a slow reader of stderr; above it lines are dropped rather than memory filled. */
const MAX_BUFFERED_BYTES = 4_194_304;

/**
 * Makes the log. JSON lines have `level` as a word, `time` in ISO 8601 and `msg`. Both formats are written by this thread;
 * JSON without waiting for the reader, and what still waits is written when the process exits.
 * @param destination stderr by default.
 * @param control settings that the log and its children follow from line to line; those of the configuration by default.
 */
export function createLogger(
  config: Pick<Config, "logLevel" | "logFormat">,
  destination?: LogDestination,
  control: LogControl = createLogControl(config),
): Logger {
  const pino = load("pino") as typeof Pino;
  const { switches } = control;
  const isTerminal = (destination ?? process.stderr).isTTY === true;
  const pretty = config.logFormat === "pretty" || (config.logFormat === "auto" && isTerminal);
  const lines = pino(
    {
      // The switches decide: a threshold cannot leave out a level in the middle.
      level: "debug",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
    },
    pretty
      ? // A person reads it: waiting for a slow pipe costs nothing, and lines queued in process.stderr would be lost at exit.
        prettyDestination(destination ?? pino.destination({ fd: 2, sync: true }), isTerminal, switches)
      : (destination ?? pino.destination({ fd: 2, sync: false, maxLength: MAX_BUFFERED_BYTES })),
  );
  return switched(lines, switches);
}

function switched(lines: Pino.Logger, switches: LogSwitches): Logger {
  const method =
    (level: "debug" | "info" | "warn" | "error"): LogMethod =>
    (fields: object | string, message?: string) => {
      if (!switches[level]) return;
      // A second argument that is undefined would be put in place of a %s.
      if (message === undefined) lines[level](fields);
      else lines[level](fields, message);
    };
  return {
    debug: method("debug"),
    info: method("info"),
    warn: method("warn"),
    error: method("error"),
    get isVerbose() {
      return switches.debug;
    },
    child: (fields) => switched(lines.child(fields), switches),
  };
}

/** A logger that writes nothing. */
export function silentLogger(): Logger {
  const logger: Logger = {
    debug: writeNothing,
    info: writeNothing,
    warn: writeNothing,
    error: writeNothing,
    isVerbose: false,
    child: () => logger,
  };
  return logger;
}

function writeNothing(): void {}

/** Loads a package only when a log is made: most importers of this file need its types or the silent logger. */
function load(name: "pino" | "pino-pretty"): unknown {
  return createRequire(import.meta.url)(name);
}

function prettyDestination(out: LogDestination, colorize: boolean, switches: LogSwitches): LogDestination {
  const { prettyFactory } = load("pino-pretty") as typeof PinoPretty;
  const ignore = "pid,hostname";
  const withTimeOfDay = prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l", ignore });
  // The line's own time is ISO 8601 already.
  const withIsoTime = prettyFactory({ colorize, translateTime: false, ignore });
  return {
    write(line) {
      const text = (switches.isoTime ? withIsoTime : withTimeOfDay)(line);
      if (text !== undefined) out.write(text);
    },
  };
}

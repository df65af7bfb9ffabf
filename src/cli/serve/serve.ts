// `predictd serve`: starts the server, shows how its models load, stops when asked to.

import { once } from "node:events";
import { loadConfig } from "../../config/load-config.ts";
import { ADDRESS_ENV } from "../address.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { createLoadProgress } from "./load-progress.ts";
import { renderServed } from "./served-table.ts";
import { findSamples } from "./samples.ts";

/** Flags of `serve`: `config`, the folder, and settings by their names. */
export interface ServeFlags {
  readonly config?: string;
  readonly dir?: string;
  readonly [setting: string]: string | undefined;
}

/**
 * Serves until the terminal's signal fires, then drains.
 * @throws ConfigError or UsageError for settings that cannot be used; whatever keeps the server from listening.
 */
export async function serve({ config: configFile, dir, ...settings }: ServeFlags, terminal: Terminal): Promise<void> {
  const { env, cwd, signal, stderr, stdout } = terminal;
  if (dir !== undefined && settings["modelDir"] !== undefined)
    throw new UsageError("Give the folder once: as an argument or with --model-dir.");
  // The address is for the commands that ask a server, and no setting of one.
  const { [ADDRESS_ENV]: _address, ...serverEnv } = env;
  const config = loadConfig({ flags: { ...settings, modelDir: dir ?? settings["modelDir"] }, env: serverEnv, cwd, configFile });

  const [{ createApp }, { createLogControl }, { createLogger }] = await Promise.all([
    import("../../app.ts"),
    import("../../telemetry/log-control.ts"),
    import("../../telemetry/logger.ts"),
  ]);
  const progress = createLoadProgress(terminal);
  const logControl = createLogControl(config);
  const logger = createLogger(config, stderr.isTTY ? progress.logDestination : undefined, logControl);
  const app = createApp(config, logger, { logControl });
  const stopListening = app.onModelChange(progress.update);
  try {
    await app.start();
    for (const model of app.models()) progress.update(model);
    const aborted = signal.aborted ? Promise.resolve() : once(signal, "abort");
    await Promise.race([app.settled, aborted]);
    stopListening();
    progress.stop();
    if (!signal.aborted) {
      const models = app.models();
      stdout.write(renderServed(models, app.grpcAddress, await findSamples(config.modelDir, models, cwd), terminal));
      await aborted;
    }
  } catch (error) {
    const { toStartError } = await import("./start-error.ts");
    throw toStartError(error, config);
  } finally {
    progress.stop();
    if (!(await app.stop())) terminal.kill?.();
  }
}

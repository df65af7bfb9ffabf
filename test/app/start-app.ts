// The server within the test's own process, for what only its own memory shows.

import type { App, AppOptions } from "../../src/app.ts";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { ROOT } from "../meta/source-files.ts";

/**
 * Starts a server with the bundled models on a free port; resolves when they are loaded.
 * @param flags settings by their keys. @param options e.g. backends that only tests have.
 */
export async function startApp(flags: Readonly<Record<string, unknown>> = {}, options: AppOptions = {}): Promise<App> {
  const config = loadConfig({ flags: { modelDir: "models", grpcPort: 0, ...flags }, env: {}, cwd: ROOT });
  const app = createApp(config, silentLogger(), options);
  await app.start();
  await app.settled;
  return app;
}

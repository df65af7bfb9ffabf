// Exit codes of the command line.

/** What the process ends with. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** The codes as every --help shows them. */
export const EXIT_CODES_HELP = `
Exit codes:
  0  ok
  1  failed; for health: not SERVING
  2  usage: a flag or an input that cannot be used
  130  interrupted a second time`;

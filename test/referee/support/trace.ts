// Reads what strace wrote about a process and its threads: where it connected to and which files it opened to write.

/** Where a process tried to connect to, e.g. `127.0.0.1:80`, `[::1]:80` or `unix:/path`, in order, each once. */
export function connectTargets(trace: string): string[] {
  const targets = new Set<string>();
  for (const line of trace.split("\n")) {
    if (!/\bconnect\(/.test(line)) continue;
    const port = /sin6?_port=htons\((\d+)\)/.exec(line)?.[1];
    const v4 = /inet_addr\("([^"]+)"\)/.exec(line)?.[1];
    const v6 = /inet_pton\(AF_INET6, "([^"]+)"/.exec(line)?.[1];
    const path = /sun_path=@?"([^"]+)"/.exec(line)?.[1];
    if (path !== undefined) targets.add(`unix:${path}`);
    else if (v4 !== undefined) targets.add(`${v4}:${port}`);
    else if (v6 !== undefined) targets.add(`[${v6}]:${port}`);
    // Whatever it is, it is not to be overlooked. (AF_UNSPEC ends an association and connects nowhere.)
    else if (!line.includes("AF_UNSPEC")) targets.add(line);
  }
  return [...targets];
}

/** Whether a target of `connectTargets` stays on this machine. */
export function isLocal(target: string): boolean {
  return /^(unix:|127\.|\[::1\])/.test(target);
}

/** Files that were opened to write or to create, in order, each once. */
export function writtenFiles(trace: string): string[] {
  const files = new Set<string>();
  for (const line of trace.split("\n")) {
    const opened = /\bopenat\([^,]+, "([^"]+)", ([A-Z_|]+)/.exec(line);
    if (opened !== null && /O_WRONLY|O_RDWR|O_CREAT/.test(opened[2]!)) files.add(opened[1]!);
  }
  return [...files];
}

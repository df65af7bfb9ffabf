// Plays a schedule: sends each call when it is due, whatever became of the calls before it, and books how each one ended.

import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Call } from "./call.ts";
import { createRecords, outcomeOf } from "./records.ts";
import type { Outcome, Records } from "./records.ts";
import type { Schedule } from "./schedule.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** Settings of a run. */
export interface PlayOptions {
  /** Whether calls are reset at their deadline, as gRPC clients do; otherwise `graceMs` later. */
  readonly cancelAtDeadline: boolean;
  /** How long answers are awaited past the deadline, or past the last call where there is none. */
  readonly graceMs: number;
}

/** What playing gave. */
export interface Played {
  readonly records: Records;
  /** Calls that found no free slot when they were due. */
  readonly blockedCount: number;
  /** Share of one core that this process used. */
  readonly cpuShare: number;
  readonly connectionCount: number;
}

// Timers of Node are a millisecond apart; nearer calls are awaited turn by turn.
const timerMs = 2;
// A nap between turns leaves the core to others and makes the CPU share tell something; answers are seen later by at most this.
const napMs = 0.1;
// What ends while it sleeps is seen after this at the latest.
const maxSleepMs = 10;
const headStartMs = 20;
// Ended calls that a list may hold before it is cut.
const keptWaiters = 4096;
const napCell = new Int32Array(new SharedArrayBuffer(4));

/** Calls of one deadline in the order in which they give up. */
interface Waiters {
  readonly calls: Call[];
  head: number;
}

/** What a caller may hear while a schedule is played. */
export interface PlayHooks {
  /** The schedule begins at this `performance.now()`; nothing has been sent. */
  started?(startMs: number): void;
}

/** Plays the schedule over a transport of the caller's making. */
export async function playSchedule(
  schedule: Schedule,
  options: PlayOptions,
  open: (events: TransportEvents) => Promise<Transport>,
  hooks: PlayHooks = {},
): Promise<Played> {
  const { atMs, classOf, classes } = schedule;
  const records = createRecords(atMs.length);
  let openCount = 0;
  const transport = await open({
    ended(call, ending) {
      records.ending[call.index] = ending;
      const nowMs = performance.now();
      finish(call, outcomeOf(ending, call.deadlineAtMs - nowMs), nowMs);
    },
  });
  const waitersOf = new Map<number, Waiters>();
  const pending: Call[] = [];
  let pendingHead = 0;
  let blockedCount = 0;
  const afterMs = options.cancelAtDeadline ? 0 : options.graceMs;
  const cpuFrom = process.cpuUsage();
  const beganMs = performance.now();
  const startMs = beganMs + headStartMs;
  hooks.started?.(startMs);
  const lastMs = startMs + (atMs.at(-1) ?? 0) + options.graceMs;

  function finish(call: Call, outcome: Outcome, nowMs: number): void {
    if (call.done) return;
    call.done = true;
    if (call.handle >= 0) openCount--;
    records.outcome[call.index] = outcome;
    records.endMs[call.index] = nowMs - call.dueMs;
  }

  function trySend(call: Call): boolean {
    const nowMs = performance.now();
    if (!transport.tryStart(call, nowMs)) return false;
    openCount++;
    records.latenessMs[call.index] = nowMs - call.dueMs;
    return true;
  }

  function sendPending(): void {
    while (pendingHead < pending.length) {
      const call = pending[pendingHead]!;
      const nowMs = performance.now();
      // Nobody waits for it any more: to send it would only cost the server.
      if (nowMs >= call.deadlineAtMs) giveUp(call, nowMs);
      if (!call.done && !trySend(call)) return;
      pendingHead++;
    }
    pending.length = 0;
    pendingHead = 0;
  }

  function send(index: number): void {
    const classIndex = classOf[index]!;
    const { deadlineMs } = classes[classIndex]!;
    const dueMs = startMs + atMs[index]!;
    const call: Call = { index, classIndex, dueMs, deadlineAtMs: dueMs + deadlineMs, done: false, handle: -1 };
    let waiters = waitersOf.get(deadlineMs);
    if (waiters === undefined) waitersOf.set(deadlineMs, (waiters = { calls: [], head: 0 }));
    waiters.calls.push(call);
    if (pending.length === 0 && trySend(call)) return;
    blockedCount++;
    pending.push(call);
  }

  function giveUp(call: Call, nowMs: number): void {
    if (call.done) return;
    if (call.handle >= 0) {
      transport.cancel(call);
      finish(call, "unanswered", nowMs);
    } else {
      records.latenessMs[call.index] = nowMs - call.dueMs;
      finish(call, "unsent", nowMs);
    }
  }

  // Gives up whom nobody waits for any more; returns when the next one is due for that.
  function expire(nowMs: number): number {
    let nextMs = Infinity;
    for (const waiters of waitersOf.values()) {
      const { calls } = waiters;
      for (; waiters.head < calls.length; waiters.head++) {
        const call = calls[waiters.head]!;
        if (call.done) continue;
        const untilMs = call.deadlineAtMs === Infinity ? lastMs : call.deadlineAtMs + afterMs;
        if (untilMs > nowMs) {
          nextMs = Math.min(nextMs, untilMs);
          break;
        }
        giveUp(call, nowMs);
      }
      if (waiters.head > keptWaiters) {
        calls.splice(0, waiters.head);
        waiters.head = 0;
      }
    }
    return nextMs;
  }

  let next = 0;
  let seen = 0;
  for (;;) {
    sendPending();
    while (next < atMs.length && startMs + atMs[next]! <= performance.now()) send(next++);
    const nextExpiryMs = expire(performance.now());
    transport.flush();
    if (next === atMs.length && openCount === 0 && pending.length === 0) break;
    const wakeMs = Math.min(nextExpiryMs, next < atMs.length ? startMs + atMs[next]! : Infinity);
    const gapMs = wakeMs - performance.now();
    if (gapMs > timerMs && pending.length === 0) {
      await sleep(Math.min(gapMs - timerMs, maxSleepMs));
      continue;
    }
    await nextTurn();
    if (transport.receivedCount() === seen && gapMs > 0) Atomics.wait(napCell, 0, 0, Math.min(napMs, gapMs));
    seen = transport.receivedCount();
  }
  const cpu = process.cpuUsage(cpuFrom);
  const connectionCount = transport.connectionCount();
  const cpuShare = (cpu.user + cpu.system) / 1000 / (performance.now() - beganMs);
  transport.close();
  return { records, blockedCount, cpuShare, connectionCount };
}

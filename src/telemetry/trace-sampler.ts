// Decides which requests are traced, by values of the server and of single models.

import { ServiceError } from "../errors.ts";
import { DEFAULT_TRACE_VALUES, type TraceChanges, type TraceValues } from "./trace-settings.ts";

/** Models that may have values of their own. */
const MAX_MODELS = 1024;

/** Holds the values and counts requests against them. A model's name of "" stands for the server. */
export interface TraceSampler {
  /** The values that hold now; `count` is what is left of it. */
  values(model: string): TraceValues;
  /** Takes changes over; whom they concern is counted anew towards the next trace. @throws ServiceError PARAMETER_INVALID above 1024 models. */
  update(model: string, changes: TraceChanges): void;
  /** Counts a request and tells whether it is the one to be traced. Models without values of their own are counted together. */
  sample(model: string): boolean;
}

/** How many more may be traced; -1 for any number. Whoever has no counter of its own shares the server's. */
interface Counter {
  left: number;
}

/** Values with the counter in place of the number to count. */
interface Rules extends Omit<TraceValues, "count"> {
  readonly counter: Counter;
}

/** Rules that hold for the server or a model, with everything filled in. */
interface Plan extends Rules {
  /** Requests since the last trace. */
  seen: number;
}

/** Makes a sampler with the default values. */
export function createTraceSampler(): TraceSampler {
  const { count, ...others } = DEFAULT_TRACE_VALUES;
  const defaults: Rules = { ...others, counter: { left: count } };
  let serverRules: Partial<Rules> = {};
  let serverPlan: Plan = { ...defaults, seen: 0 };
  const modelRules = new Map<string, Partial<Rules>>();
  const modelPlans = new Map<string, Plan>();
  /** False while no request at all would be traced. */
  let active = false;

  const planOf = (model: string): Plan => modelPlans.get(model) ?? serverPlan;
  const isActive = (): boolean => [serverPlan, ...modelPlans.values()].some((plan) => plan.timestamps && plan.counter.left !== 0);

  const updateServer = (changes: TraceChanges): void => {
    serverRules = changeRules(serverRules, changes);
    serverPlan = { ...defaults, ...serverRules, seen: 0 };
    for (const [model, rules] of modelRules) modelPlans.set(model, { ...serverPlan, ...rules });
  };

  const updateModel = (model: string, changes: TraceChanges): void => {
    const rules = changeRules(modelRules.get(model) ?? {}, changes);
    if (Object.keys(rules).length === 0) {
      modelRules.delete(model);
      modelPlans.delete(model);
      return;
    }
    if (modelRules.size >= MAX_MODELS && !modelRules.has(model)) throw tooManyModels();
    modelRules.set(model, rules);
    modelPlans.set(model, { ...serverPlan, ...rules, seen: 0 });
  };

  return {
    values(model) {
      const { timestamps, rate, tracesPerFile, counter } = planOf(model);
      return { timestamps, rate, tracesPerFile, count: counter.left };
    },
    update(model, changes) {
      // Asking for no change is how settings are read.
      if (Object.keys(changes).length === 0) return;
      if (model === "") updateServer(changes);
      else updateModel(model, changes);
      active = isActive();
    },
    sample(model) {
      if (!active) return false;
      const plan = planOf(model);
      const { counter } = plan;
      if (!plan.timestamps || counter.left === 0) return false;
      if (++plan.seen < plan.rate) return false;
      plan.seen = 0;
      if (counter.left > 0 && --counter.left === 0) active = isActive();
      return true;
    },
  };
}

function changeRules(rules: Partial<Rules>, { count, ...others }: TraceChanges): Partial<Rules> {
  const counter = typeof count === "number" ? { left: count } : count;
  const changed = { ...rules, ...others, ...(counter === undefined ? {} : { counter }) };
  return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== null));
}

function tooManyModels(): ServiceError {
  const text = `${MAX_MODELS} models have trace settings of their own; take some back before another model gets them.`;
  return new ServiceError("PARAMETER_INVALID", text, { violations: [{ field: "model_name", description: text }] });
}

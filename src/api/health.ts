// Whether the server, its services and its models answer: one map, watched by those who want to know.

/** Health of one name. */
export type Health = "serving" | "notServing";

/** Health by name: `""` for the server, service names, model names. */
export interface HealthMap {
  /** Undefined for a name that is not known. */
  get(name: string): Health | undefined;
  /** All names. */
  entries(): readonly (readonly [name: string, health: Health])[];
  /** Sets one name and tells its watchers when that is a change. */
  set(name: string, health: Health): void;
  /** Takes a name out and tells its watchers when it was known. */
  forget(name: string): void;
  /** Calls back on every change of a name, from then on; with undefined when it is no longer known. The result ends it. */
  watch(name: string, listener: (health: Health | undefined) => void): () => void;
}

/** Makes an empty map. */
export function createHealthMap(): HealthMap {
  const map = new Map<string, Health>();
  const watchers = new Map<string, Set<(health: Health | undefined) => void>>();
  const tell = (name: string, health: Health | undefined): void => {
    for (const listener of watchers.get(name) ?? []) listener(health);
  };
  return {
    get: (name) => map.get(name),
    entries: () => [...map],
    set(name, health) {
      if (map.get(name) === health) return;
      map.set(name, health);
      tell(name, health);
    },
    forget(name) {
      if (map.delete(name)) tell(name, undefined);
    },
    watch(name, listener) {
      let listeners = watchers.get(name);
      if (listeners === undefined) watchers.set(name, (listeners = new Set()));
      const known = listeners;
      known.add(listener);
      return () => {
        known.delete(listener);
        if (known.size === 0) watchers.delete(name);
      };
    },
  };
}

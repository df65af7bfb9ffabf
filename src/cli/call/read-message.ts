// JSON values as messages. The encoder would leave out silently what it does not know, and turn text into 0; here each is a failure.

import { UsageError } from "../usage-error.ts";
import type { FieldDescriptor, MessageDescriptor, ProtoSchema } from "./proto-schema.ts";
import { describeScalar, scalarFromJson } from "./scalar-value.ts";
import { suggest } from "./suggest.ts";

const ANY = "google.protobuf.Any";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a value as a message of a type. Fields may be written in camelCase or as in the proto file; null means not set.
 * @param rootType full name of the message.
 * @param where how the value is called in messages.
 * @throws UsageError naming the field and what it takes.
 */
export function readMessage(root: unknown, rootType: string, schema: ProtoSchema, where: string): object {
  const failure = (path: string, text: string): UsageError => new UsageError(`${where}: ${path === "" ? "" : `${path} `}${text}`);

  const message = (value: unknown, type: string, path: string): object => {
    if (!isRecord(value)) throw failure(path, `must be an object with fields of ${type}, not ${brief(value)}.`);
    if (type === ANY && typeof value["@type"] === "string") return packed(value, value["@type"], path);
    const descriptor = schema.messages.get(type)!;
    const fields = descriptor.field ?? [];
    const subject = path === "" ? type : `${path} (${type})`;
    const setOneofs = new Map<number, string>();
    const read: [string, unknown][] = [];
    for (const [key, given] of Object.entries(value)) {
      if (given === null) continue;
      const field = fields.find(({ name }) => name === key) ?? fields.find(({ name }) => camelCase(name) === camelCase(key));
      if (field === undefined) {
        const names = fields.map(({ name }) => name);
        throw failure(subject, `has no field "${key}"; ${suggest(key, names)}`);
      }
      if (field.oneofIndex !== undefined) {
        const other = setOneofs.get(field.oneofIndex);
        if (other !== undefined) throw failure(subject, `may have only one of "${other}" and "${key}".`);
        setOneofs.set(field.oneofIndex, key);
      }
      read.push([field.name, fieldValue(given, field, descriptor, type, path === "" ? key : `${path}.${key}`)]);
    }
    return Object.fromEntries(read);
  };

  const packed = (value: Fields, typeUrl: string, path: string): object => {
    const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    if (!schema.messages.has(type)) throw failure(path, `is a message ${type}, which the proto files do not have.`);
    const { "@type": _, ...rest } = value;
    return { ...message(rest, type, path), "@type": typeUrl };
  };

  const fieldValue = (value: unknown, field: FieldDescriptor, owner: MessageDescriptor, scope: string, path: string): unknown => {
    if (field.label !== "LABEL_REPEATED") return single(value, field, scope, path);
    const entry = owner.nestedType?.find(({ name, options }) => options?.mapEntry === true && name === field.typeName);
    if (entry === undefined) {
      if (!Array.isArray(value)) throw failure(path, `must be an array, not ${brief(value)}.`);
      return value.map((element, index) => single(element, field, scope, `${path}[${index}]`));
    }
    if (!isRecord(value)) throw failure(path, `must be an object of key to value, not ${brief(value)}.`);
    const [keyField, valueField] = entry.field!;
    const pairs = Object.entries(value).map(([key, element]) => {
      const isKey = keyField!.type === "TYPE_BOOL" ? /^(true|false)$/.test(key) : scalarFromJson(key, keyField!.type) !== undefined;
      if (!isKey) throw failure(path, `has the key ${brief(key)}; a key must be ${describeScalar(keyField!.type)}.`);
      return [key, single(element, valueField!, scope, `${path}[${JSON.stringify(key)}]`)] as const;
    });
    return Object.fromEntries(pairs);
  };

  const single = (value: unknown, field: FieldDescriptor, scope: string, path: string): unknown => {
    if (field.type === "TYPE_MESSAGE" || field.type === "TYPE_GROUP") return message(value, fullName(field, scope, schema), path);
    if (field.type === "TYPE_ENUM") return enumNumber(value, fullName(field, scope, schema), path);
    const scalar = scalarFromJson(value, field.type);
    if (scalar === undefined) throw failure(path, `must be ${describeScalar(field.type)}, not ${brief(value)}.`);
    return scalar;
  };

  const enumNumber = (value: unknown, type: string, path: string): number => {
    const values = schema.enums.get(type)!.value ?? [];
    const found = values.find(({ name }) => name === value);
    if (found !== undefined) return found.number ?? 0;
    const number = scalarFromJson(typeof value === "number" ? value : undefined, "TYPE_INT32");
    if (typeof number === "number") return number;
    const names = values.map(({ name }) => name);
    throw failure(`${path} (${type})`, `cannot be ${brief(value)}; ${suggest(String(value), names)}`);
  };

  return message(root, rootType, "");
}

/** Full name of a field's type, which is written relative to the message that has the field. */
function fullName({ typeName = "" }: FieldDescriptor, message: string, { messages, enums }: ProtoSchema): string {
  if (typeName.startsWith(".")) return typeName.slice(1);
  for (let scope = message; scope !== ""; scope = scope.slice(0, Math.max(0, scope.lastIndexOf(".")))) {
    const candidate = `${scope}.${typeName}`;
    if (messages.has(candidate) || enums.has(candidate)) return candidate;
  }
  return typeName;
}

/** A field's name in JSON. */
function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, next: string) => next.toUpperCase());
}

function brief(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

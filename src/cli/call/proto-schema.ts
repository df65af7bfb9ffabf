// What proto files say about methods and the fields of messages.

import type { MethodDefinition, PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { UsageError } from "../usage-error.ts";
import { suggest } from "./suggest.ts";

/** A field, as `google.protobuf.FieldDescriptorProto` has it; its name is in camelCase. */
export interface FieldDescriptor {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly typeName?: string;
  readonly oneofIndex?: number;
}

/** A message, as `google.protobuf.DescriptorProto` has it. */
export interface MessageDescriptor {
  readonly name: string;
  readonly field?: readonly FieldDescriptor[];
  readonly nestedType?: readonly MessageDescriptor[];
  readonly enumType?: readonly EnumDescriptor[];
  readonly options?: { readonly mapEntry?: boolean };
}

/** An enum, as `google.protobuf.EnumDescriptorProto` has it. */
export interface EnumDescriptor {
  readonly name: string;
  readonly value?: readonly { readonly name: string; readonly number?: number }[];
}

interface FileDescriptor {
  readonly package?: string;
  readonly messageType?: readonly MessageDescriptor[];
  readonly enumType?: readonly EnumDescriptor[];
  readonly service?: readonly {
    readonly name: string;
    readonly method?: readonly { readonly name: string; readonly inputType: string }[];
  }[];
}

/** All types of some proto files by their full names. */
export interface ProtoSchema {
  readonly messages: ReadonlyMap<string, MessageDescriptor>;
  readonly enums: ReadonlyMap<string, EnumDescriptor>;
  /** Full names of request messages by the methods' paths. */
  readonly inputTypes: ReadonlyMap<string, string>;
}

/** Reads what was loaded. Entries of maps are not among the messages. */
export function readSchema(definition: PackageDefinition): ProtoSchema {
  const messages = new Map<string, MessageDescriptor>();
  const enums = new Map<string, EnumDescriptor>();
  const inputTypes = new Map<string, string>();
  const addTypes = (scope: string, added: readonly MessageDescriptor[] = [], addedEnums: readonly EnumDescriptor[] = []): void => {
    for (const descriptor of addedEnums) enums.set(scope + descriptor.name, descriptor);
    for (const descriptor of added) {
      if (descriptor.options?.mapEntry) continue;
      messages.set(scope + descriptor.name, descriptor);
      addTypes(`${scope}${descriptor.name}.`, descriptor.nestedType, descriptor.enumType);
    }
  };
  for (const file of filesOf(definition)) {
    const scope = file.package ? `${file.package}.` : "";
    addTypes(scope, file.messageType, file.enumType);
    for (const { name, method = [] } of file.service ?? []) {
      for (const { name: methodName, inputType } of method) inputTypes.set(`/${scope}${name}/${methodName}`, inputType.slice(1));
    }
  }
  return { messages, enums, inputTypes };
}

/**
 * The method of a name `package.Service/Method`.
 * @throws UsageError naming what there is.
 */
export function findMethod(definition: PackageDefinition, name: string): MethodDefinition<object, object> {
  const [, serviceName, methodName] = /^\/?([\w.]+)[/.](\w+)$/.exec(name) ?? [];
  if (serviceName === undefined || methodName === undefined) {
    throw new UsageError(`${name} is not a method; write it as package.Service/Method.`);
  }
  const services = new Map(Object.entries(definition).filter((entry): entry is [string, ServiceDefinition] => isService(entry[1])));
  const service = services.get(serviceName);
  if (service === undefined) throw new UsageError(`There is no service ${serviceName}; ${suggest(serviceName, [...services.keys()])}`);
  if (!Object.hasOwn(service, methodName)) {
    throw new UsageError(`The service ${serviceName} has no method ${methodName}; ${suggest(methodName, Object.keys(service))}`);
  }
  return service[methodName]!;
}

function isService(definition: PackageDefinition[string]): definition is ServiceDefinition {
  return typeof definition["format"] !== "string";
}

/** Descriptors of all files, which every type and method that proto-loader describes carries packed. */
function filesOf(definition: PackageDefinition): readonly FileDescriptor[] {
  const first = Object.values(definition).find((entry) => !isService(entry));
  if (first === undefined) return [];
  const descriptors = loadSync("google/protobuf/descriptor.proto", { enums: String });
  const codec = descriptors["google.protobuf.FileDescriptorProto"] as unknown as { deserialize(bytes: Buffer): FileDescriptor };
  const { fileDescriptorProtos } = first as unknown as { fileDescriptorProtos: readonly Buffer[] };
  return fileDescriptorProtos.map((bytes) => codec.deserialize(bytes));
}

// The Open Inference Protocol's model `simple`: what clients that speak JSON send, and what every client must get.

/** The outputs of `simple` for the integers from `first` on, `rows` rows of 16, and ones. */
export function expectedOutputs(first: number, rows: number): { readonly OUTPUT0: readonly number[]; readonly OUTPUT1: readonly number[] } {
  const values = Array.from({ length: rows * 16 }, (_, i) => first + i);
  return { OUTPUT0: values.map((value) => value + 1), OUTPUT1: values.map((value) => value - 1) };
}

/** A ModelInfer request for 0…15 and ones with typed contents, in JSON. */
export function inferRequest(id: string, model = "simple"): object {
  const values = Array.from({ length: 16 }, (_, i) => i);
  return { modelName: model, id, inputs: [input("INPUT0", values), input("INPUT1", Array<number>(16).fill(1))] };
}

/** The answer to `inferRequest`, in JSON. */
export function inferResponse(id: string): object {
  const { OUTPUT0, OUTPUT1 } = expectedOutputs(0, 1);
  const rawOutputContents = [OUTPUT0, OUTPUT1].map((values) => Buffer.from(new Int32Array(values).buffer).toString("base64"));
  return { modelName: "simple", modelVersion: "1", id, outputs: [output("OUTPUT0"), output("OUTPUT1")], rawOutputContents };
}

function input(name: string, values: readonly number[]): object {
  return { name, datatype: "INT32", shape: [1, 16], contents: { intContents: values } };
}

function output(name: string): object {
  return { name, datatype: "INT32", shape: ["1", "16"] };
}

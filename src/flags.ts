// Settings of V8 that have to be made before anything else runs; imported first by the process entry.

import { setFlagsFromString } from "node:v8";

// Message chunks count as external memory, and V8 answers their growth with a mark-compact several times a second; counted into the
// heap's own limit they are collected with everything else. Node 22 does not know the flag and would exit.
if (Number.parseInt(process.versions.node, 10) >= 24) setFlagsFromString("--external-memory-accounted-in-global-limit");

// onnxruntime opens a telemetry database in HOME and an upload path when its library loads. This has to stand in the real
// environment of the process before the first worker starts; somebody who sets it otherwise has decided.
process.env["ORT_DISABLE_TELEMETRY"] ??= "1";

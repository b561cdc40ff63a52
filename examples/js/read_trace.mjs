// Reads a trace in JavaScript (docs/traces.md): holds every part against its SHA-256, and adds each step's deltas up to its weights.
//
//     node read_trace.mjs TRACE

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const fail = (why) => {
  console.error(why);
  process.exit(2);
};
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

// ---- The manifest: JSON, whose last entry is the SHA-256 of all the bytes before it.

const bytes = readFileSync(join(folder, "manifest.json"));
const seal = bytes.lastIndexOf(',\n "sha256": "');
const manifest = JSON.parse(bytes);
if (manifest.format !== "backprop-compare trace" || manifest.version !== 1) fail("this is no trace of version 1");
if (seal < 0 || sha256(bytes.subarray(0, seal)) !== manifest.sha256) fail("manifest.json was changed");

// ---- A part: a safetensors file. 8 bytes of length, as much JSON, and the arrays one after the other.

const kinds = { F64: Float64Array, F32: Float32Array, I64: BigInt64Array, BOOL: Uint8Array };

function read(part) {
  if (!/^[a-z0-9-]+\.safetensors$/.test(part.file)) fail(`${part.file} is no name of a part`);
  const data = readFileSync(join(folder, part.file));
  if (sha256(data) !== part.sha256) fail(`${part.file} was changed`);
  const start = 8 + Number(data.readBigUInt64LE(0));
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(JSON.parse(data.subarray(8, start)))) {
    if (name === "__metadata__") continue;
    const own = new Uint8Array(data.subarray(start + from, start + to));      // a copy, which is aligned
    arrays[name] = { shape, values: new kinds[dtype](own.buffer) };
  }
  return arrays;
}

// ---- Every step: w + Δw, summed up from the initial parameters, is what the record says the weights are.

const parts = manifest.parts.map((part) => [part, read(part)]);
const weights = parts[0][1];
const Kind = manifest.problem.dtype === "float32" ? Float32Array : Float64Array;
let steps = 0, loss;
for (const [part, arrays] of parts.filter(([part]) => part.last !== undefined))
  for (let step = part.first; step <= part.last; step++, steps++) {
    for (const name in weights) {
      const { values } = weights[name], n = values.length, at = (step - part.first) * n;
      const delta = arrays[`deltas/${name}`].values, after = arrays[`params/${name}`].values;
      const sum = Kind.from(values, (w, i) => w + delta[at + i]);
      if (sum.some((w, i) => w !== after[at + i])) fail(`step ${step}: ${name} did not move by its delta`);
      weights[name] = { values: sum };
    }
    loss = arrays.loss.values[step - part.first];
  }

console.log(`${steps} of ${manifest.steps} steps of ${manifest.problem.sizes.join("-")}, each weight moved by its delta`);
if (steps) console.log(`loss of the last step ${loss}`);

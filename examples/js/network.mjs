// A network in JavaScript, of any depth: tanh, sigmoid, relu or identity, biases or none, half or whole mean squared error, gradient descent.
//
// It takes part in a comparison over its standard input and output (docs/protocol.md):
//
//     backprop-compare check --command 'node network.mjs' --sizes 4,5,2 --activation tanh,identity --bias --loss mse

import { readSync, writeSync } from "node:fs";

// ---- The network. A matrix is { rows, columns, values }, a record in each row; weights are (out, in).

const functions = {
  sigmoid: [(z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))), (a) => a * (1 - a)],
  tanh: [Math.tanh, (a) => 1 - a * a],
  relu: [(z) => Math.max(z, 0), (a) => (a > 0 ? 1 : 0)],
  identity: [(z) => z, () => 1],
};

let problem, layers;      // each layer: { weight, bias, f, slope, linear, activation }

const matrix = (rows, columns) => ({ rows, columns, values: new Float64Array(rows * columns) });

function load(params) {
  layers = problem.activations.map((name, n) => {
    const [f, slope] = functions[name];
    return { weight: params[`${2 * n}.weight`], bias: params[`${2 * n}.bias`], f, slope, linear: 2 * n, activation: 2 * n + 1 };
  });
}

function forward(x) {
  const activations = [x];
  for (const { weight, bias, f } of layers) {
    const before = activations.at(-1), a = matrix(before.rows, weight.rows);
    for (let r = 0; r < a.rows; r++)
      for (let j = 0; j < a.columns; j++) {
        let z = bias ? bias.values[j] : 0;
        for (let i = 0; i < weight.columns; i++) z += before.values[r * before.columns + i] * weight.values[j * weight.columns + i];
        a.values[r * a.columns + j] = f(z);
      }
    activations.push(a);
  }
  return activations;
}

function step(x, y, lr) {
  const activations = forward(x), output = activations.at(-1), record = { output };
  const scale = (problem.loss === "mse" ? 2 : 1) / output.values.length;      // of ∂L/∂ŷ = scale (ŷ − y)
  let loss = 0;
  let back = matrix(output.rows, output.columns);      // ∂L/∂a
  output.values.forEach((value, k) => {
    loss += ((value - y.values[k]) ** 2 * scale) / 2;
    back.values[k] = (value - y.values[k]) * scale;
  });
  record.loss = { rows: 1, columns: 1, values: Float64Array.of(loss), dimensions: 0 };
  for (let n = layers.length - 1; n >= 0; n--) {
    const { weight, bias, slope, linear, activation } = layers[n], a = activations[n + 1], before = activations[n];
    const delta = matrix(a.rows, a.columns), next = matrix(before.rows, before.columns);      // ∂L/∂z = ∂L/∂a ∘ f′(z)
    delta.values.forEach((_, k) => (delta.values[k] = back.values[k] * slope(a.values[k])));
    const grad = matrix(weight.rows, weight.columns), gradOfBias = matrix(weight.rows, 1);
    for (let r = 0; r < delta.rows; r++)
      for (let j = 0; j < delta.columns; j++) {
        const d = delta.values[r * delta.columns + j];
        gradOfBias.values[j] += d;
        for (let i = 0; i < weight.columns; i++) {
          grad.values[j * weight.columns + i] += d * before.values[r * before.columns + i];
          next.values[r * before.columns + i] += d * weight.values[j * weight.columns + i];
        }
      }
    record[`activations/${activation}`] = a;
    record[`errors/${linear}`] = delta;
    const tensors = bias ? [["weight", weight, grad], ["bias", bias, { ...gradOfBias, dimensions: 1 }]] : [["weight", weight, grad]];
    for (const [kind, parameter, gradient] of tensors) {
      parameter.values.forEach((_, k) => (parameter.values[k] -= lr * gradient.values[k]));
      record[`grads/${linear}.${kind}`] = gradient;
      record[`params/${linear}.${kind}`] = parameter;
    }
    back = next;
  }
  return record;
}

// ---- Frames: a header of 40 bytes, then named arrays, all little-endian.

const HELLO = 1, LOAD = 2, STEP = 3, PREDICT = 4, BYE = 5, REPLY = 0x80, FLOAT64 = 1, SIZES = [0, 8, 4, 8, 1];

function read(size) {
  const data = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    let count;
    try {
      count = readSync(0, data, at, size - at, null);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      throw error;
    }
    if (count === 0) process.exit(0);
    at += count;
  }
  return data;
}

function write(data) {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(1, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function unpacked(payload) {
  const found = {};
  let at = 4;
  for (let count = payload.readUInt32LE(0); count > 0; count--) {
    const length = payload.readUInt16LE(at), name = payload.toString("utf8", at + 2, at + 2 + length);
    const dtype = payload[at + 2 + length], dimensions = payload[at + 3 + length], shape = [];
    at += 4 + length;
    for (let d = 0; d < dimensions; d++, at += 8) shape.push(Number(payload.readBigUInt64LE(at)));
    const size = shape.reduce((product, n) => product * n, 1), bytes = payload.subarray(at, at + size * SIZES[dtype]);
    at += bytes.length;
    if (dtype !== FLOAT64) { found[name] = bytes; continue; }
    const values = new Float64Array(size);
    for (let k = 0; k < size; k++) values[k] = bytes.readDoubleLE(8 * k);
    found[name] = { rows: shape[0] ?? 1, columns: shape[1] ?? 1, values, dimensions };
  }
  return found;
}

function packed(entries) {
  const parts = [Buffer.alloc(4)];
  parts[0].writeUInt32LE(Object.keys(entries).length);
  for (const [name, { rows, columns, values, dimensions = 2 }] of Object.entries(entries)) {
    const text = Buffer.from(name), head = Buffer.alloc(4 + 8 * dimensions), data = Buffer.alloc(8 * values.length);
    head[2] = FLOAT64;
    head[3] = dimensions;
    [rows, columns].slice(0, dimensions).forEach((n, d) => head.writeBigUInt64LE(BigInt(n), 4 + 8 * d));
    values.forEach((value, k) => data.writeDoubleLE(value, 8 * k));
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    parts.push(length, text, head.subarray(2), data);
  }
  return Buffer.concat(parts);
}

for (;;) {
  const header = read(40), kind = header.readUInt16LE(6), given = unpacked(read(Number(header.readBigUInt64LE(32))));
  let entries = {};
  if (kind === HELLO) problem = JSON.parse(given.problem.toString());
  if (kind === LOAD) load(given);
  if (kind === STEP) entries = step(given.x, given.y, given.lr.values[0]);
  if (kind === PREDICT) entries = { output: forward(given.x).at(-1) };
  const payload = packed(entries);
  header.writeUInt16LE(kind | REPLY, 6);
  header.writeBigUInt64LE(BigInt(payload.length), 32);
  write(Buffer.concat([header, payload]));
  if (kind === BYE) process.exit(0);
}

"""A program for tests: a tanh layer and a linear one that speak the protocol by `struct` alone, rightly or as it is told to misbehave.

    python peer.py [MISBEHAVIOUR [STEP]]
"""

import os
import signal
import struct
import sys
import time

import numpy as np

HELLO, LOAD, STEP, PREDICT, BYE = range(1, 6)
DTYPES = {1: "<f8", 2: "<f4", 3: "<i8", 4: "u1"}
how = sys.argv[1] if len(sys.argv) > 1 else "well"
when = int(sys.argv[2]) if len(sys.argv) > 2 else 1
params = {}


def read(n):
    data = sys.stdin.buffer.read(n)
    if len(data) < n:
        sys.exit(0)
    return data


def unpacked(payload):
    (count,), at, found = struct.unpack_from("<I", payload), 4, {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", payload, at)
        name = payload[at + 2 : at + 2 + length].decode()
        code, ndim = struct.unpack_from("<BB", payload, at + 2 + length)
        at += 4 + length
        shape = struct.unpack_from(f"<{ndim}Q", payload, at)
        at += 8 * ndim
        array = np.frombuffer(payload, DTYPES[code], int(np.prod(shape, dtype=int)), at).reshape(shape).copy()
        at += array.nbytes
        found[name] = array
    return found


def packed(entries):
    parts = [struct.pack("<I", len(entries))]
    for name, value in entries.items():
        array = np.asarray(value, dtype="<f4" if how == "float32" else "<f8")
        encoded = b"\xff" if how == "name" else name.encode()
        parts.append(struct.pack("<H", len(encoded)) + encoded + struct.pack("<BB", 2 if how == "float32" else 1, array.ndim))
        parts.append(struct.pack(f"<{array.ndim}Q", *array.shape) + array.tobytes())
    return b"".join(parts)


def forward(x):
    a = np.tanh(x @ params["0.weight"].T + params["0.bias"])
    return a, a @ params["2.weight"].T + params["2.bias"]


def step(x, y, lr):
    a, output = forward(x)
    delta2 = (output - y) / y.size
    delta1 = (delta2 @ params["2.weight"]) * (1.0 if how == "slope" else 1 - a * a)
    grads = {"0.weight": delta1.T @ x, "0.bias": delta1.sum(0), "2.weight": delta2.T @ a, "2.bias": delta2.sum(0)}
    for name, grad in grads.items():
        params[name] = params[name] - lr * grad
    record = {"output": output, "activations/1": a, "errors/2": delta2, "errors/0": delta1}
    record |= {f"grads/{name}": grad for name, grad in grads.items()} | {f"params/{name}": array for name, array in params.items()}
    if how == "black box":
        record = {name: array for name, array in record.items() if name.startswith("params")}
    return record


def misbehave(header, payload):
    """What is written in an answer's place, or None where it only takes its time."""
    nonce, number = header[8:24], header[24:32]
    kind = struct.pack("<H", struct.unpack("<H", header[6:8])[0] | 0x80)

    def answer(payload, *, version=1, kind=kind, nonce=nonce, number=number, length=None):
        length = len(payload) if length is None else length
        return b"BPCF" + struct.pack("<H", version) + kind + nonce + number + struct.pack("<Q", length) + payload

    many = struct.pack("<H", 1) + b"x" + struct.pack("<BB", 1, 3) + struct.pack("<3Q", 1 << 40, 1 << 40, 1 << 40)
    twice = struct.pack("<I", 2 * struct.unpack("<I", payload[:4])[0]) + 2 * payload[4:]
    message = struct.pack("<I", 1) + struct.pack("<H", 7) + b"message" + struct.pack("<BBQ", 4, 1, 4) + b"nope"
    ways = {
        "silent": lambda: time.sleep(60),
        "dies": lambda: os._exit(7),
        "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "stops": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "closes": lambda: (os.close(1), time.sleep(60)),
        "nonce": lambda: answer(payload, nonce=bytes(16)),
        "number": lambda: answer(payload, number=struct.pack("<Q", 99)),
        "kind": lambda: answer(payload, kind=struct.pack("<H", STEP)),
        "version": lambda: answer(payload, version=2),
        "print": lambda: b"epoch 1: loss 0.3\n" + answer(payload),
        "twice": lambda: answer(payload) * 2,
        "short": lambda: answer(payload)[:-5],
        "header": lambda: answer(payload)[:17],
        "long": lambda: answer(payload, length=1 << 50),
        "left over": lambda: answer(payload + b"more"),
        "count": lambda: answer(struct.pack("<I", 1 << 31) + payload[4:]),
        "too few": lambda: answer(payload[:-8]),
        "huge": lambda: answer(struct.pack("<I", 1) + many),
        "same name": lambda: answer(twice),
        "refuses": lambda: answer(message, kind=b"\x7f\0"),
        "endless": lambda: b"BPCF" * (1 << 18),
    }
    return ways[how]() if how in ways else answer(payload)


if how in ("ignores", "silent", "stops"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how == "child" and os.fork() == 0:      # which keeps the pipe open, and lives on
    time.sleep(60)
    os._exit(0)
print("ready", file=sys.stderr, flush=True)
while True:
    header = read(40)
    kind, number, length = struct.unpack("<H", header[6:8])[0], *struct.unpack("<QQ", header[24:40])
    given = unpacked(read(length))
    entries = {}
    if kind == LOAD:
        params = given
    elif kind == STEP:
        entries = step(given["x"], given["y"], float(given["lr"]))
        if how == "no params":
            entries = {name: array for name, array in entries.items() if not name.startswith("params")}
        if how == "nan":
            entries["params/0.bias"] = entries["params/0.bias"] * np.nan
        if how == "unknown":
            entries["gradient"] = entries["output"]
    elif kind == PREDICT:
        entries = {} if how == "no output" else {"output": forward(given["x"])[1]}
    usual = header[:6] + struct.pack("<H", kind | 0x80) + header[8:32]
    payload = packed(entries)
    reply = misbehave(header, payload) if kind == STEP and number >= when else usual + struct.pack("<Q", len(payload)) + payload
    if reply:
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()
    if kind == BYE:
        break

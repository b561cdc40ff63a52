"""A linear layer and its training as a program of docs/protocol.md, in NumPy; its argument scales the gradient of the weight."""

import struct
import sys
from typing import Any

import numpy as np

TYPES = {1: "<f8", 2: "<f4", 3: "<i8", 4: "|u1"}
HELLO, LOAD, STEP, PREDICT, BYE = range(1, 6)


def question() -> tuple[bytes, int, dict[str, Any]]:
    """Read one frame: its header, kind and arrays."""
    header = sys.stdin.buffer.read(40)
    if len(header) < 40:
        sys.exit()
    payload = sys.stdin.buffer.read(struct.unpack("<Q", header[32:])[0])
    at, arrays = 4, {}
    for _ in range(struct.unpack("<I", payload[:4])[0]):
        (length,) = struct.unpack("<H", payload[at : at + 2])
        name, at = payload[at + 2 : at + 2 + length].decode(), at + 2 + length
        dtype, rank = np.dtype(TYPES[payload[at]]), payload[at + 1]
        shape, at = struct.unpack(f"<{rank}Q", payload[at + 2 : at + 2 + 8 * rank]), at + 2 + 8 * rank
        size = int(np.prod(shape)) * dtype.itemsize
        arrays[name], at = np.frombuffer(payload[at : at + size], dtype).reshape(shape).copy(), at + size
    return header, struct.unpack("<H", header[6:8])[0], arrays


def answer(header: bytes, kind: int, arrays: dict[str, Any]) -> None:
    """Write one frame."""
    codes = {text: code for code, text in TYPES.items()}
    payload = struct.pack("<I", len(arrays))
    for name, value in arrays.items():
        array, encoded = np.asarray(value, order="C"), name.encode()
        payload += struct.pack("<H", len(encoded)) + encoded + bytes([codes[array.dtype.str], array.ndim])
        payload += struct.pack(f"<{array.ndim}Q", *array.shape) + array.tobytes()
    sys.stdout.buffer.write(header[:6] + struct.pack("<H", kind + 128) + header[8:32] + struct.pack("<Q", len(payload)) + payload)
    sys.stdout.buffer.flush()


def step(params: dict[str, Any], x: Any, y: Any, lr: Any) -> dict[str, Any]:
    """Make one step of descent, and return what it shows."""
    output = x @ params["weight"].T + params["bias"]
    delta = 2 * (output - y) / output.size      # ∂L/∂output   (n, t, out)
    grads = {"weight": np.einsum("ntk,ntj->kj", delta, x) * float(sys.argv[1]), "bias": delta.sum((0, 1))}
    shown = {"output": output, "loss": np.mean((output - y) ** 2)}
    for name, grad in grads.items():
        params[name] = params[name] - lr * grad
        shown |= {f"grads/{name}": grad, f"params/{name}": params[name]}
    return shown


if __name__ == "__main__":
    params: dict[str, Any] = {}
    while True:
        header, kind, arrays = question()
        if kind == LOAD:
            params = arrays
        shown = {"output": arrays["x"] @ params["weight"].T + params["bias"]} if kind == PREDICT else {}
        answer(header, kind, step(params, arrays["x"], arrays["y"], arrays["lr"]) if kind == STEP else shown)
        if kind == BYE:
            break

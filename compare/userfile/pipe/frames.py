"""Frames: a fixed header, then named arrays, all little-endian. docs/protocol.md is the format in words.

    header   magic "BPCF", version, kind (u16 each), nonce (16 bytes), step, length of the rest (u64 each): 40 bytes
    payload  count (u32), then of each entry: length of its name (u16), name, dtype, ndim (u8 each), ndim dimensions (u64 each), data
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.arrays import Array

MAGIC, VERSION = b"BPCF", 1
HEADER = struct.Struct("<4sHH16sQQ")
HELLO, LOAD, STEP, PREDICT, BYE, FAILED = 1, 2, 3, 4, 5, 127
REPLY = 0x80      # added to the kind of what is answered
MOST_BYTES = 1 << 30      # of a payload
MOST_ENTRIES, MOST_DIMENSIONS = 1 << 14, 8

_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f8"), 2: np.dtype("<f4"), 3: np.dtype("<i8"), 4: np.dtype("u1")}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_COUNT, _NAME, _ENTRY, _DIMENSION = struct.Struct("<I"), struct.Struct("<H"), struct.Struct("<BB"), struct.Struct("<Q")

Entries = Mapping[str, Any]


class FrameError(Exception):
    """Bytes are no frame of this protocol; the message says why."""


@dataclass(frozen=True)
class Header:
    """The header of a frame, before a payload of `length` bytes."""

    kind: int
    nonce: bytes
    step: int
    length: int


def frame(kind: int, nonce: bytes, step: int, entries: Entries) -> bytes:
    """Return a whole frame. Entries are arrays of float64, float32 or integers, or booleans and text, which become bytes."""
    parts = [_COUNT.pack(len(entries))]
    for name, value in entries.items():
        raw = np.frombuffer(value.encode(), dtype=np.uint8) if isinstance(value, str) else np.asarray(value)
        code = {"b": "u1", "i": "<i8", "u": "<i8" if raw.dtype != np.uint8 else "u1"}.get(raw.dtype.kind, raw.dtype.str)
        array: Array = np.asarray(raw, dtype=code, order="C")
        encoded = name.encode()
        parts += [_NAME.pack(len(encoded)), encoded, _ENTRY.pack(_CODES[array.dtype], array.ndim)]
        parts += [_DIMENSION.pack(dimension) for dimension in array.shape]
        parts.append(array.tobytes())
    payload = b"".join(parts)
    return HEADER.pack(MAGIC, VERSION, kind, nonce, step, len(payload)) + payload


def header(data: bytes, most: int = MOST_BYTES) -> Header:
    """Return the header in these 40 bytes; raises FrameError."""
    magic, version, kind, nonce, step, length = HEADER.unpack(data)
    if magic != MAGIC:
        raise FrameError(f"a frame begins with {magic!r}; expected {MAGIC!r}")
    if version != VERSION:
        raise FrameError(f"a frame is of version {version}; expected {VERSION}")
    if length > most:
        raise FrameError(f"a frame announces {length} bytes; expected at most {most}")
    return Header(kind, nonce, step, length)


def entries(payload: bytes) -> dict[str, Array]:
    """Return copies of the arrays in a payload, by name; raises FrameError."""
    reader = _Reader(payload)
    (count,) = reader.unpacked(_COUNT)
    if count > MOST_ENTRIES:
        raise FrameError(f"a frame announces {count} arrays; expected at most {MOST_ENTRIES}")
    found: dict[str, Array] = {}
    for _ in range(count):
        (length,) = reader.unpacked(_NAME)
        try:
            name = reader.taken(length).decode("utf-8")
        except UnicodeDecodeError:
            raise FrameError("a name is not UTF-8") from None
        code, ndim = reader.unpacked(_ENTRY)
        if name in found or code not in _DTYPES or ndim > MOST_DIMENSIONS:
            why = "stands twice in a frame" if name in found else f"has dtype {code} and {ndim} dimensions; expected 1 to 4 and at most 8"
            raise FrameError(f"{name[:60]} {why}")
        shape = tuple(reader.unpacked(_DIMENSION)[0] for _ in range(ndim))
        if math.prod(max(n, 1) for n in shape) > MOST_BYTES:      # also where a dimension is 0, beside others that NumPy cannot hold
            raise FrameError(f"{name[:60]} has shape {shape}, which no payload holds: too early for what it announces")
        dtype = _DTYPES[code]
        found[name] = np.frombuffer(reader.taken(math.prod(shape) * dtype.itemsize), dtype=dtype).reshape(shape).copy()
    if reader.left:
        raise FrameError(f"{reader.left} bytes are left over after a frame's last array")
    return found


def text(array: Array | None) -> str:
    """Return an entry of bytes as text, with a replacement character for what is not UTF-8; an empty string for None."""
    return "" if array is None else bytes(np.asarray(array, dtype=np.uint8).ravel()).decode("utf-8", "replace")


class _Reader:
    """Reads a payload from its beginning; raises FrameError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self.left = data, len(data)

    def taken(self, n: int) -> bytes:
        """Return the next n bytes."""
        if n > self.left:
            raise FrameError(f"a frame ends {n - self.left} bytes too early for what it announces")
        begin = len(self._data) - self.left
        self.left -= n
        return self._data[begin : begin + n]

    def unpacked(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Return the next numbers."""
        return layout.unpack(self.taken(layout.size))

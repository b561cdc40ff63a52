"""The process at the other end of the pipe: it has to answer in time, in order and in whole frames, or it is ended."""

import os
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from typing import IO, Any

from ...support.arrays import Array
from ...support.errors import CompareError
from ...support.output import printable, printable_lines
from . import frames
from .frames import Entries, FrameError

TIMEOUT = 10.0      # seconds for an answer
MOST_SAID = 4000      # bytes of its standard error that are shown
_CHUNK = 1 << 16
_SHOWN = 60      # characters shown of what it wrote in a frame's place


class PeerError(CompareError):
    """A program at the end of the pipe breaks the protocol.

    `kind` is "silent", "died", "malformed" or "order", "failed" with its own message in `said`, or "start" if it cannot be started.
    """

    def __init__(self, kind: str, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.kind, self.said = kind, said


class Peer:
    """A program that speaks the protocol, started with this command in a session of its own.

    It has `timeout` seconds for each answer, and `altogether` for all of them. `said` is the beginning of its standard error.
    """

    def __init__(
        self, command: Sequence[str], timeout: float = TIMEOUT, most_bytes: int = frames.MOST_BYTES, altogether: float = inf, **options: Any
    ) -> None:
        self.timeout, self.most_bytes, self.altogether = timeout, most_bytes, altogether
        self._taken = 0.0      # seconds, by its answers so far
        self.said = b""
        self._buffer = bytearray()
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            self._process = subprocess.Popen(list(command), **pipes, start_new_session=True, **options)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise PeerError("start", f"{command[0]} cannot be started: {why}; expected a program that can be run") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipes: tuple[IO[bytes], ...] = self._process.stdin, self._process.stdout, self._process.stderr
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def greet(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until it has started, which count for none of its answers; raises PeerError."""
        own, taken, self.timeout = self.timeout, self._taken, timeout
        try:
            self.ask(frames.HELLO, {})
        finally:
            self.timeout, self._taken = own, taken

    def ask(self, kind: int, entries: Entries, step: int = 0) -> dict[str, Array]:
        """Send a frame and return the arrays of its answer; raises PeerError."""
        nonce = secrets.token_bytes(16)
        begun = time.monotonic()
        deadline = begun + min(self.timeout, self.altogether - self._taken)
        data = self._exchange(frames.frame(kind, nonce, step, entries), deadline)
        self._taken += time.monotonic() - begun
        try:
            head = frames.header(data[: frames.HEADER.size], self.most_bytes)
            found = frames.entries(data[frames.HEADER.size :])
        except FrameError as error:
            raise PeerError("malformed", str(error)) from None
        if head.nonce != nonce or head.step != step:
            raise PeerError("order", f"it answers step {head.step} with another question's nonce; expected the one that was asked, {step}")
        if head.kind == frames.FAILED:
            said = frames.text(found.get("message"))
            raise PeerError("failed", f"it says: {printable(said[:500]) or 'nothing'}", said)
        if head.kind != kind | frames.REPLY:
            raise PeerError("order", f"it answers with a frame of kind {head.kind}; expected {kind | frames.REPLY}")
        if self._buffer:
            raise PeerError("order", f"it wrote {self._written()} after its answer; expected one frame for each that it is sent")
        return found

    def close(self) -> None:
        """Ask it to end, and kill whatever is left of it."""
        if self._process.poll() is None:
            with suppress(PeerError, subprocess.TimeoutExpired):
                self.timeout = min(self.timeout, 1.0)
                self.ask(frames.BYE, {})
                self._process.wait(0.2)
        self.kill()

    def kill(self) -> None:
        """End it, and all that it has started in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def printed(self) -> str:
        """The beginning of its standard error, without terminal control sequences."""
        return printable_lines(self.said.decode("utf-8", "replace"), MOST_SAID)

    def _exchange(self, question: bytes, deadline: float) -> bytes:
        """Write the question and read one frame, both as far as the pipes allow without blocking, until the deadline."""
        to, answers, complaints = self._pipes
        left = memoryview(question)
        with selectors.DefaultSelector() as selector:
            selector.register(to, selectors.EVENT_WRITE)
            selector.register(answers, selectors.EVENT_READ)
            if not complaints.closed:
                selector.register(complaints, selectors.EVENT_READ)
            while True:
                whole = self._whole()
                if whole is not None:
                    if not left:
                        return whole
                    raise PeerError("order", "it answers before it has read what it is asked; expected it to read a frame first")
                remaining = deadline - time.monotonic()
                ready = selector.select(remaining) if remaining > 0 else []
                if not ready:
                    raise self._silent(bool(left))
                for key, _ in ready:
                    if key.fileobj is to:
                        left = self._written_on(left)
                        if not left:
                            selector.unregister(to)
                    elif key.fileobj is answers:
                        chunk = os.read(answers.fileno(), _CHUNK)
                        if not chunk:
                            raise self._died()
                        self._buffer += chunk
                    elif not self._read_stderr():
                        selector.unregister(complaints)

    def _whole(self) -> bytes | None:
        """Take the first frame out of the buffer, once all of it is there."""
        size = frames.HEADER.size
        if self._buffer and not frames.MAGIC.startswith(bytes(self._buffer[:4])):
            raise PeerError("malformed", f"it wrote {self._written()} where a frame should be; print to standard error instead")
        if len(self._buffer) < size:
            return None
        try:
            length = size + frames.header(bytes(self._buffer[:size]), self.most_bytes).length
        except FrameError as error:
            raise PeerError("malformed", str(error)) from None
        if len(self._buffer) < length:
            return None
        whole = bytes(self._buffer[:length])
        del self._buffer[:length]
        return whole

    def _written_on(self, left: memoryview) -> memoryview:
        try:
            return left[os.write(self._pipes[0].fileno(), left[:_CHUNK]) :]
        except BrokenPipeError:
            raise self._died() from None
        except BlockingIOError:
            return left

    def _read_stderr(self) -> bool:
        """Read from its standard error, and return whether more may come."""
        try:
            chunk = os.read(self._pipes[2].fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self.said += chunk[: MOST_SAID - len(self.said)]
        return bool(chunk)

    def _written(self) -> str:
        """Return the beginning of what it wrote, up to the next frame if there is one."""
        beginning = bytes(self._buffer[:_SHOWN])
        return repr((beginning.partition(frames.MAGIC)[0] or beginning).decode("utf-8", "replace"))

    def _silent(self, is_writing: bool) -> PeerError:
        if self.altogether - self._taken < self.timeout:
            return PeerError("silent", f"its answers took longer than {self.altogether:g} s altogether")
        what = "did not read what it was asked" if is_writing else "did not answer"
        part = f", and wrote {len(self._buffer)} bytes of a frame" if self._buffer else ""
        return PeerError("silent", f"it {what} within {self.timeout:g} s{part}")

    def _died(self) -> PeerError:
        """Return the error for a closed pipe, with how the process ended, if it did; raises PeerError for bytes that are no frame."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        with suppress(BlockingIOError):
            self._buffer += os.read(self._pipes[1].fileno(), _CHUNK)
        self._whole()      # raises for what is no frame
        self._read_stderr()
        code = self._process.poll()
        part = f" in the midst of a frame of which {len(self._buffer)} bytes came" if self._buffer else ""
        if code is None:
            return PeerError("died", f"it closed its standard output{part}, and runs on")
        names = {each.value: each.name for each in signal.Signals}
        how = f"exit code {code}" if code >= 0 else f"signal {names.get(-code, -code)}"
        last = self.printed.strip().splitlines()[-1:]
        return PeerError("died", f"it ended with {how}{part}" + (f": {printable(last[0][:300])}" if last else ""))

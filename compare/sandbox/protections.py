"""Which protections hold: real escapes, tried by a confined process of our own before any attempt is let in."""

import json
import os
import secrets
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from compare.sandbox.confined import Limits, SandboxError, command, start_options

_TRIES = '''
import json, os, resource, socket, sys

secret, port, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = {}


def tried(name, escape):
    """It holds where the escape fails."""
    try:
        held[name] = not escape()
    except (OSError, MemoryError, ImportError, AttributeError):
        held[name] = True


def connects():
    socket.create_connection(("127.0.0.1", port), 2).close()
    return True


def reads():
    return bool(open(secret).read())


def writes():
    for place in (os.path.dirname(secret), "/usr", "/", "/attempt"):
        try:
            open(place + "/escaped", "w").close()
            return True
        except OSError:
            pass
    return False


def fills(folder):
    with open(folder + "/fill", "wb") as file:
        for _ in range(512):
            file.write(bytes(1 << 20))
    return True


def allocates():
    return bool(bytearray(16 << 30))


def forks():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def signals():
    os.kill(parent, 0)
    return True


def finds_torch():
    import torch
    return True


def unshares():
    import ctypes
    return ctypes.CDLL(None).unshare(0x10000000) == 0


tried("no network", connects)
tried("no file from outside is read", reads)
tried("nothing is written outside", writes)
tried("/tmp is bounded", lambda: fills("/tmp"))
tried("/dev/shm is bounded", lambda: fills("/dev/shm"))
tried("memory is bounded", allocates)
tried("no new process", forks)
tried("no process outside is reached", signals)
tried("no other process is seen", lambda: len([name for name in os.listdir("/proc") if name.isdigit()]) > 3)
tried("no new namespace", unshares)
tried("no socket", lambda: socket.socket() is not None)
tried("CPU time is bounded", lambda: resource.getrlimit(resource.RLIMIT_CPU)[1] == resource.RLIM_INFINITY)
tried("the reference is not there", finds_torch)
print(json.dumps(held))
'''


@dataclass(frozen=True)
class Protection:
    """One of them, and whether it held when it was tried."""

    name: str
    holds: bool


def protections(limits: Limits | None = None) -> list[Protection]:
    """Try to escape from confinement in every way that is known here. Raises SandboxError where nothing can be confined."""
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="lockstep-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        secret, script = Path(folder) / "secret", Path(folder) / "escapes" / "escapes.py"
        secret.write_text(secrets.token_hex(), encoding="utf-8")
        script.parent.mkdir()
        script.write_text(_TRIES, encoding="utf-8")
        words = command(script, None, limits)
        place = words.index(str(limits.processes))
        start, inside = words[place - 1], words[place + 1]
        told = (inside, str(secret), str(listener.getsockname()[1]), str(os.getpid()))
        words = [*words[: place - 1], start, words[place], "--script", *told]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, **start_options(limits))  # type: ignore[call-overload]
        except subprocess.TimeoutExpired:
            raise SandboxError("the trial of the confinement did not end within 60 s") from None
    try:
        held = json.loads(done.stdout)
        return [Protection(str(name), bool(holds)) for name, holds in held.items()]
    except (ValueError, AttributeError):
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SandboxError(f"bubblewrap cannot confine code here: {why}") from None


def check_protections(limits: Limits | None = None) -> list[str]:
    """The protections that hold, by name; raises SandboxError where one does not."""
    tried = protections(limits)
    missing = [each.name for each in tried if not each.holds]
    if missing:
        why = f"of the protections these do not hold here: {', '.join(missing)}"
        raise SandboxError(f"{why}; --unsafe-no-sandbox runs attempts all the same, with all that they may do")
    return [each.name for each in tried]

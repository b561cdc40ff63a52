"""Which protections hold: real escapes, tried by a confined process of our own before any attempt is let in."""

import json
import os
import secrets
import signal
import socket
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .confined import Limits, SandboxError
from .confinement import CONFINEMENTS, SHOWN
from .temporary import temporary_folder

_LAST = "its folder is bounded"      # it may be ended for trying


@dataclass(frozen=True)
class Protection:
    """One of them, and whether it held when it was tried."""

    name: str
    holds: bool


@dataclass(frozen=True)
class Chosen:
    """The confinement that works here, and the protections that hold in it, by name."""

    confinement: str
    held: tuple[str, ...]

    def __str__(self) -> str:
        return f"{SHOWN[self.confinement]}: {', '.join(self.held)}"


def protections(limits: Limits | None = None, confinement: str = "bubblewrap") -> list[Protection]:
    """Try to escape from confinement in every way that is known here. Raises SandboxError where nothing can be confined."""
    limits = limits or Limits()
    script, torch = Path(__file__).with_name("escapes.py"), find_spec("torch")
    with (
        temporary_folder() as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
        CONFINEMENTS[confinement](script, None, limits, None) as confined,
    ):
        secret = folder / "secret"
        secret.write_text(secrets.token_hex(), encoding="utf-8")
        reference = torch.origin if torch is not None and torch.origin else str(Path(__file__).parents[1] / "lockstep" / "judge.py")
        told = (str(secret), str(listener.getsockname()[1]), str(os.getpid()), reference)
        words = [*confined.words, "--script", *confined.files, *told]
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(words, text=True, **pipes, **confined.options) as process, confined.watched(process.pid):
            try:
                out, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise SandboxError("the trial of the confinement did not end within 60 s") from None
    try:
        held = {name: bool(holds) for line in out.splitlines() for name, holds in json.loads(line).items()}
    except (ValueError, AttributeError):
        held = {}
    if not held:
        why = (err.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise SandboxError(f"{SHOWN[confinement]} cannot confine code here: {why}")
    return [Protection(name, holds) for name, holds in {_LAST: process.returncode == -signal.SIGKILL, **held}.items()]


def check_protections(limits: Limits | None = None, confinement: str | None = None) -> Chosen:
    """The first confinement whose every protection holds, or the one that is named; raises SandboxError, which says why, for none."""
    reasons = []
    for name in CONFINEMENTS if confinement is None else (confinement,):
        try:
            tried = protections(limits, name)
        except SandboxError as error:
            reasons.append(str(error))
            continue
        missing = [each.name for each in tried if not each.holds]
        if not missing:
            return Chosen(name, tuple(each.name for each in tried))
        reasons.append(f"of the protections of {SHOWN[name]} these do not hold here: {', '.join(missing)}")
    raise SandboxError(f"{'; '.join(reasons)}; --unsafe-no-sandbox runs attempts all the same, with all that they may do")

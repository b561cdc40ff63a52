"""Which protections hold: a confined script tries real escapes before any attempt is let in."""

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

from .confined import SandboxError
from .confinement import CONFINEMENTS, SHOWN
from .limits import Limits
from .temporary import temporary_folder

_LAST = "its folder is bounded"      # the script may be killed for trying


@dataclass(frozen=True)
class Chosen:
    """The confinement that works on this machine, and the names of the protections that hold in it."""

    confinement: str
    held: tuple[str, ...]

    def __str__(self) -> str:
        return f"{SHOWN[self.confinement]}: {', '.join(self.held)}"


def protections(confinement: str = "bubblewrap") -> dict[str, bool]:
    """Try every known escape and return, by name, whether each protection holds. Raises SandboxError where code cannot be confined."""
    script, torch = Path(__file__).with_name("escapes.py"), find_spec("torch")
    with (
        temporary_folder() as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
        CONFINEMENTS[confinement](script, None, Limits(), None, None) as confined,
    ):
        secret = folder / "secret"
        secret.write_text(secrets.token_hex(), encoding="utf-8")
        reference = torch.origin if torch is not None and torch.origin else str(Path(__file__).parents[1] / "lockstep" / "judge.py")
        arguments = (str(secret), str(listener.getsockname()[1]), str(os.getpid()), reference)
        words = [*confined.words, "--script", *confined.files, *arguments]
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
    return {_LAST: process.returncode == -signal.SIGKILL, **held}


def check_protections(confinement: str | None = None) -> Chosen:
    """Return the first confinement, or the named one, whose protections all hold; raises SandboxError, which says why, if there is none."""
    reasons = []
    for name in CONFINEMENTS if confinement is None else (confinement,):
        try:
            held = protections(name)
        except SandboxError as error:
            reasons.append(str(error))
            continue
        missing = [protection for protection, holds in held.items() if not holds]
        if not missing:
            return Chosen(name, tuple(held))
        reasons.append(f"of the protections of {SHOWN[name]} these do not hold here: {', '.join(missing)}")
    raise SandboxError(f"{'; '.join(reasons)}; --unsafe-no-sandbox runs attempts all the same, with all that they may do")

"""The confinements by name, in the order in which they are tried."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from .bubblewrap import by_bubblewrap
from .confined import Confined
from .limits import Limits
from .staged import by_landlock

Confine = Callable[[Path, Path | None, Limits, Path | None, str | None], AbstractContextManager[Confined]]
CONFINEMENTS: dict[str, Confine] = {"bubblewrap": by_bubblewrap, "landlock": by_landlock}
SHOWN = {"bubblewrap": "bubblewrap", "landlock": "landlock and seccomp"}

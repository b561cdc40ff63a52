"""Stand-ins for modules that are not installed: they can be imported and passed on, and a loop over tqdm's bar runs without a bar."""

import dis
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

PYPLOT = "matplotlib.pyplot"


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


def _refuse(self: "Placeholder", *args: Any, **kwargs: Any) -> Any:
    if self._module == PYPLOT:
        raise RuntimeError(f"{self._name} draws nothing while a file is checked, and is used in a calculation")
    raise ModuleNotFoundError(f"{self._module} is not installed, and {self._name} is used in a calculation", name=self._module)


def _check_plain(name: str) -> None:
    """Raise AttributeError for a special method, by which Python asks what an object can do."""
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)


class Placeholder:
    """Stands in for a name of a module that is not installed, or a function that plots: it does nothing.

    A calculation with it raises ModuleNotFoundError, or RuntimeError for what plots.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __getattr__(self, name: str) -> Any:
        _check_plain(name)
        return Placeholder(self._module, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return a further placeholder, or as a decorator the function itself."""
        decorates = len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Placeholder)
        return args[0] if decorates else Placeholder(self._module, f"{self._name}()")

    def __iter__(self) -> Iterator[Any]:
        """Iterate over as many placeholders as are unpacked, and otherwise over none."""
        frame = sys._getframe(1)
        code, at = frame.f_code.co_code, frame.f_lasti
        count = code[at + 1] if at >= 0 and dis.opname[code[at]] == "UNPACK_SEQUENCE" else 0
        return iter([self[index] for index in range(count)])

    def __getitem__(self, key: Any) -> Any:
        return Placeholder(self._module, f"{self._name}[{key!r:.20}]")

    __setitem__ = __exit__ = _nothing

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __enter__(self) -> Any:
        return self

    def __len__(self) -> int:
        return 0

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<placeholder for {self._name}>"


_OPERATIONS = "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift"
_OTHERS = "lt le gt ge neg pos abs invert float int complex index round array array_ufunc array_function"
for _name in [f"{side}{name}" for name in _OPERATIONS.split() for side in ("", "r", "i")] + _OTHERS.split():
    setattr(Placeholder, f"__{_name}__", _refuse)


class Absent(ModuleType):
    """Stands in for a module that is not installed, with the adapter's `names`, and placeholders for all others."""

    def __init__(self, name: str, names: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "0"
        _check_plain(name)
        return Placeholder(self.__name__.partition(".")[0], f"{self.__name__}.{name}")


class Shell:
    """Stands in for the shell of a notebook; each of its methods does nothing."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


class Progress:
    """Stands in for tqdm: a loop over it is a loop over its iterable, and nothing is shown."""

    def __init__(self, iterable: Any = None, desc: str | None = None, total: float | None = None, *args: Any, **kwargs: Any) -> None:
        self.iterable, self.total, self.n = iterable, total, 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __len__(self) -> int:
        return int(self.total or 0) if self.iterable is None else len(self.iterable)

    def __enter__(self) -> "Progress":
        return self

    def __getattr__(self, name: str) -> Any:
        _check_plain(name)
        return _nothing

    __exit__ = _nothing
    write = staticmethod(_nothing)      # of a bar, and of tqdm itself

    @classmethod
    def of_range(cls, *args: int, **kwargs: Any) -> "Progress":
        """Return the bar of a range, like trange."""
        return cls(range(*args), **kwargs)


TQDM = {"tqdm": Progress, "trange": Progress.of_range}

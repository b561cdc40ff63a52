"""What stands in for a module that is not installed: it can be imported and passed on; a loop over a bar of tqdm is one all the same."""

import dis
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any


def _inert(name: str) -> Callable[..., Any]:
    """A method that says that the module is not installed."""

    def refuse(self: "Placeholder", *args: Any, **kwargs: Any) -> Any:
        raise ModuleNotFoundError(f"{self._module} is not installed, and {self._name} is used in a calculation", name=self._module)

    refuse.__name__ = name
    return refuse


class Placeholder:
    """Stands for what a module that is not installed would have; it does nothing, and nothing can be computed with it."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Placeholder(self._module, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A further placeholder; the function itself where it is a decorator."""
        decorates = len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Placeholder)
        return args[0] if decorates else Placeholder(self._module, f"{self._name}()")

    def __iter__(self) -> Iterator[Any]:
        """As many placeholders as are unpacked; otherwise none."""
        frame = sys._getframe(1)
        code, at = frame.f_code.co_code, frame.f_lasti
        count = code[at + 1] if at >= 0 and dis.opname[code[at]] == "UNPACK_SEQUENCE" else 0
        return iter([self[index] for index in range(count)])

    def __getitem__(self, key: Any) -> Any:
        return Placeholder(self._module, f"{self._name}[{key!r:.20}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<placeholder for {self._name}>"


_OPERATIONS = "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift"
_OTHERS = "lt le gt ge neg pos abs invert float int complex index round array array_ufunc array_function"
for _name in [f"{side}{name}" for name in _OPERATIONS.split() for side in ("", "r", "i")] + _OTHERS.split():
    setattr(Placeholder, f"__{_name}__", _inert(f"__{_name}__"))


class Absent(ModuleType):
    """A module that is not installed: `names` that the adapter gives it, and placeholders for all others."""

    def __init__(self, name: str, names: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "0"
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Placeholder(self.__name__.partition(".")[0], f"{self.__name__}.{name}")


class Shell:
    """The shell of a notebook, which takes every call and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class Progress:
    """Stands in for tqdm: a loop over it is one over what it is given, and nothing is shown."""

    def __init__(self, iterable: Any = None, desc: str | None = None, total: float | None = None, *args: Any, **kwargs: Any) -> None:
        self.iterable, self.total, self.n = iterable, total, 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __len__(self) -> int:
        return int(self.total or 0) if self.iterable is None else len(self.iterable)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _nothing

    @staticmethod
    def write(*args: Any, **kwargs: Any) -> None:
        """Nothing, whether it is asked of a bar or of tqdm itself."""

    @classmethod
    def of_range(cls, *args: int, **kwargs: Any) -> "Progress":
        """That of a range, as trange is."""
        return cls(range(*args), **kwargs)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


TQDM = {"tqdm": Progress, "trange": Progress.of_range}

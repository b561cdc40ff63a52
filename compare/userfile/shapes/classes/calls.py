"""Methods of an object that are called one after the other, each with what it has arguments for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..calls import LAYOUTS, Layout, called, filled, parameters_of, returned, roles_of, targets_of
from ..network import Network
from ..spellings import FORWARD, rank, role

_FORMS = 3      # of targets
_NUMBERS = 2      # the form of those in pairs that are single numbers


@dataclass(frozen=True)
class Calls:
    """The methods, the layout of the records, and the targets: class numbers or not, in which form, and in pairs with their records."""

    names: tuple[str, ...]
    layout: Layout
    is_index: bool
    form: int
    is_paired: bool = False

    @property
    def rows(self) -> slice:
        """The records of a call: all of them, or the first."""
        return slice(None) if self.layout.is_whole else slice(1)

    def fits(self, y: Any) -> bool:
        """Return whether the targets have this form.

        Numbers in pairs are left to who holds a step to its own loss: such code often keeps its output from 0 and 1, in the gradient too.
        """
        if self.is_paired and self.form == _NUMBERS:
            return False
        return self.form < len(list(targets_of(self.layout, y if self.layout.is_whole else y[0], self.is_index)))

    def made(self, about: Network, root: Any, x: Any, y: Any, lr: float) -> Any:
        """Call the methods of the root with these records, and return the last answer."""
        of_one = not self.layout.is_whole
        forms, are_numbers = list(targets_of(self.layout, y[0] if of_one else y, self.is_index)), self.is_paired and self.form == _NUMBERS
        targets = None if are_numbers else forms[self.form]
        single = LAYOUTS["column"] if self.form == 0 else LAYOUTS["vector"]
        pairs = [(single.make(one), other.item() if are_numbers else single.make(other)) for one, other in zip(x, y, strict=False)]
        values: dict[str, Any] = {
            "x": self.layout.make(x[0] if of_one else x),
            "y": targets,
            "lr": lr,
            "n": len(x),
            "pairs": pairs,
            "batch": len(x),
            "reg": about.strength(len(x)),
            **about.moving,
        }
        answer: Any = None
        parts: dict[str, Any] = {}      # of the answers, by the names that they are returned by
        for name in self.names:
            method = getattr(root, name)
            handed = {} if answer is None else {"grads": answer, "gradients": answer, "cache": answer, "caches": answer, "delta": answer}
            own = values | {"x": pairs} if self.is_paired and "y" not in roles_of(method).values() else values
            answer = called(method, filled(method, own, _tested_on(method, values) | handed | parts))
            names = returned(about.module, name)
            if isinstance(answer, tuple) and len(names) == len(answer):
                parts |= {key: value for key, value in zip(names, answer, strict=True) if key and role(key) not in ("x", "y", "lr")}
            if rank(name, FORWARD) >= 0:
                values["output"] = answer if not isinstance(answer, tuple) else answer[0]
        return answer


def _tested_on(method: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the records and targets again for arguments that have to be others to test with."""
    stands = roles_of(method)
    tests = [each.name for each in parameters_of(method) if stands[each.name] == "none" and each.default is each.empty]
    return {name: values[name[0].lower()] for name in tests if name[0].lower() in ("x", "y")}


def ways(names: Sequence[str], layouts: Sequence[Layout], forward: str | None, *, in_pairs: bool) -> Iterator[Calls]:
    """Yield each way to call these methods, by themselves and after the forward pass."""
    for layout in layouts:
        for is_index in (False, True):
            for first in ((), (forward,)) if forward else ((),):
                for is_paired in (False, True) if in_pairs and layout.name == "rows" and not is_index else (False,):
                    yield from (Calls((*first, *names), layout, is_index, form, is_paired) for form in range(_FORMS))

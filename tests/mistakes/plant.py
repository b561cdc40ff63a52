"""One planted mistake: its name, the edits of the trainer's text that make it, and what else it may rightly be called."""

from dataclasses import dataclass

from tests.mistakes.networks import Network

Edit = tuple[str, str]


@dataclass(frozen=True)
class Plant:
    """A mistake put into the trainer's text by `edits`, pairs of old and new text.

    `layer` counts from 1; None stands for all layers that it can be in, or for no layer. `also` are names of mistakes that are the same
    function in this network; `variant` says which reading of the mistake it is, where there are several. `probe` says what shows it:
    "any"; "equal": batches of one size, since with others its rows are taken over again from the first; "zeros": a unit whose weights are
    all 0. What is `faint` changes weights by little more than Adam's ε does. What is `alone` is not looked for in pairs, and not
    planted in them. What `has_sign` makes other numbers where δ is of y − ŷ, and what `has_scale` where it is not divided.
    """

    id: str
    number: int
    layer: int | None
    edits: tuple[Edit, ...]
    also: tuple[str, ...] = ()
    variant: str = ""
    probe: str = "any"
    faint: bool = False
    alone: bool = False
    has_sign: bool = False
    has_scale: bool = False

    @property
    def name(self) -> str:
        """The id with its layer in brackets."""
        return named(self.id, self.layer)

    @property
    def names(self) -> tuple[str, ...]:
        """All that it may rightly be called."""
        return (self.name, *self.also)

    def fits(self, text: str) -> bool:
        """Whether what is to be replaced occurs exactly once."""
        return all(text.count(old) == 1 for old, _ in self.edits)

    def apply(self, text: str) -> str:
        """The text with the mistake in it. Raises ValueError if what is to be replaced does not occur exactly once."""
        return edited(text, self.edits, self.name)


def edited(text: str, edits: tuple[Edit, ...], name: str) -> str:
    """The text after these edits. Raises ValueError, with the mistake's name, if an old text does not occur exactly once."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{name}: {old!r} occurs {text.count(old)} times in the trainer; expected once")
        text = text.replace(old, new)
    return text


def named(id: str, layer: int | None) -> str:
    """A mistake's name."""
    return id if layer is None else f"{id}({layer})"


def each_and_all(network: Network, layers: list[int]) -> list[tuple[int | None, list[int]]]:
    """Each of the layers alone, and all of them where there are several: (layer or None, layers)."""
    alone: list[tuple[int | None, list[int]]] = [(layer, [layer]) for layer in layers]
    return alone + ([(None, layers)] if len(layers) > 1 else [])

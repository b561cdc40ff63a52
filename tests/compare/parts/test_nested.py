"""Classes in a class that only holds them."""

from pathlib import Path
from textwrap import indent

from .checking import first
from .test_classes import checked

LAYERS = '''class Double:
    def forward(self, x):
        return 2 * x

    def backward(self, above):
        return 2 * above


class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, above):
        return Layers.Double().forward(self.x) * above
'''


def test_they_are_found_and_know_each_other(tmp_path: Path) -> None:
    text = f"class Layers:\n{indent(LAYERS, '    ')}"
    assert (result := checked(tmp_path, text)).verdict == "equivalent", first(result)
    assert [part.name for part in result.parts] == ["Double.backward", "Square.backward"]
    result = checked(tmp_path, text.replace("forward(self.x) * above", "forward(above)"))
    assert (result.verdict, first(result).lines) == ("different", (15, 16))

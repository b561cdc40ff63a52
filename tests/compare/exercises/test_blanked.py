"""Leaving functions out of a file: what stays, and what is refused."""

import ast
from pathlib import Path

import pytest

from compare import CompareError
from compare.exercises.blanked import blanked, first_gap, first_line

ROOT = Path(__file__).parent.parent.parent.parent
FILE = '''"""A file."""

# Its slope.
def slope(a,
          b={"x": lambda c: c}):      # σ′
    """Return the slope of σ
    at a.

    The rest of it.
    """
    # it is the well-known one
    if a:
        return a * (1 - a)
    return b
    # and that is that

# of the file


class Layer:
    def forward(self, x) -> dict[str, int]:
        return x + 1
    def backward(self, x): return x * 2

    @property
    def shape(self): "a docstring"; return 1
'''


def test_signature_docstring_and_comments_above_stay_and_the_body_goes() -> None:
    text = blanked(FILE, ["slope"], "a.py")
    raises = '    raise NotImplementedError("write slope: Return the slope of σ at a.")\n'
    kept, _, after = text.partition(raises)
    assert kept == FILE.partition("    # it is the well-known one\n")[0]
    assert after == FILE.partition("    # and that is that\n")[2]


def test_methods_go_by_their_class_and_one_line_is_enough() -> None:
    text = blanked(FILE, ["Layer.backward", "Layer.forward", "Layer.shape"], "a.py")
    assert '    def forward(self, x) -> dict[str, int]:\n        raise NotImplementedError("write forward")\n' in text
    assert '    def backward(self, x):\n        raise NotImplementedError("write backward")\n' in text
    assert '    @property\n    def shape(self):\n        raise NotImplementedError("write shape: a docstring")\n' in text
    ast.parse(text)


def test_tabs_stay_tabs() -> None:
    text = blanked('def f(x):\n\t"""Return x."""\n\treturn x\n', ["f"], "a.py")
    assert text == 'def f(x):\n\t"""Return x."""\n\traise NotImplementedError("write f: Return x.")\n'


@pytest.mark.parametrize("path", sorted((ROOT / "manual").glob("*.py")), ids=lambda path: path.stem)
def test_all_else_of_a_file_stays(path: Path) -> None:
    """Of each function of the hand-written side: without it the file is Python, and the same but for the function's body."""
    text = path.read_text(encoding="utf-8")
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    for name in names:
        if names.count(name) > 1:
            continue
        left = blanked(text, [name], path.name)
        for before, after in zip(ast.parse(text).body, ast.parse(left).body, strict=True):
            if isinstance(before, ast.FunctionDef) and isinstance(after, ast.FunctionDef) and before.name == name:
                assert ast.dump(after.args) == ast.dump(before.args)
                assert ast.get_docstring(after) == ast.get_docstring(before)
                assert ast.unparse(after.body[-1])[27:].startswith(f"write {name}")
                assert len(after.body) == 1 + (ast.get_docstring(before) is not None)
            else:
                assert ast.dump(after) == ast.dump(before)


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        (FILE, ["nothing"], "a.py has no function nothing; expected one of its functions: slope, Layer.forward, Layer.backward"),
        (FILE, ["forward"], "; did you mean Layer.forward?"),
        (FILE, ["sloep"], "; did you mean slope?"),
        ("x = 1\n", ["slope"], "a.py defines no function; expected a Python file with those to leave out"),
        ("def f(): pass\ndef f(): pass\n", ["f"], "a.py defines f 2 times; expected it once"),
        ("def f(): return (", ["f"], "a.py cannot be read: "),
        ("def f():\n    def g(): pass\n    return g\n", ["f", "f.g"], "--leave-out: g lies inside f; expected the outer one alone"),
    ],
)
def test_what_cannot_be_left_out_is_refused(text: str, names: list[str], said: str) -> None:
    with pytest.raises(CompareError) as raised:
        blanked(text, names, "a.py")
    assert said in str(raised.value)


def test_the_first_line_says_what_it_is() -> None:
    assert first_line(FILE) == "A file"
    assert first_line("x = 1") == first_line("(") == ""


def test_the_first_gap_of_a_file_is_found() -> None:
    text = blanked(FILE, ["Layer.backward", "slope"], "a.py")
    assert first_gap(text) == (11, "write slope: Return the slope of σ at a.")
    assert first_gap(FILE) is first_gap("x = (") is first_gap("raise NotImplementedError") is first_gap("raise ValueError('a')") is None

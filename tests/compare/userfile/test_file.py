"""A user's file, run as it is: what is found, what is told, and what is left behind."""

import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compare.userfile.file import Attempt, AttemptError
from compare.userfile.source import Source, UnusableFileError

Write = Callable[..., Path]
LOSS = "\ndef loss(output, y):\n    return 0.0\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def answer(path: Path) -> Any:
    return Attempt.load(path).call("loss", None, None)


def test_functions_are_offered_and_called(write: Write) -> None:
    attempt = Attempt.load(write("def forward(params, x):\n    return x + 1\nloss = 3\n"))
    assert (attempt.functions, attempt.call("forward", {}, 1), attempt.name) == (("forward",), 2, "mine.py")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(:\n", "line 1: invalid syntax"),
        ("x = 1\nprint 'a'\n", "defines none of train_step"),
        ("x = 1\n", "defines none of train_step"),
        ("train_step = 5\n", "; train_step is an int and no function; expected one of them at least"),
        (b"\xe9 = 1", "is not text"),
        (b"a\0b", "is not text"),
        (b"# -*- coding: rot13 -*-\n", "is not text"),
        ("PROBLEM = {'sizes': 3}" + LOSS, "'sizes'"),
        ("PROBLEM = {'loss': 'mean'}" + LOSS, "'loss'"),
        ("PROBLEM = 3" + LOSS, "PROBLEM"),
        ("CONVENTIONS = {'weights': 'x'}" + LOSS, "'weights'"),
        ("import numpy as np\nPROBLEM = {'loss': np.array([1, 2])}" + LOSS, "'loss'"),
        ("import numpy as np\nCONVENTIONS = {'weights': np.array([1, 2])}" + LOSS, "'weights'"),
        ("import beside" + LOSS, "beside.py is not Python"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_to_be_so(write: Write, text: str | bytes, told: str) -> None:
    write("1 +", "beside.py")
    with pytest.raises(UnusableFileError, match=told):
        Attempt.load(write(text))


def test_a_folder_a_notebook_and_nothing_are_no_files(tmp_path: Path, write: Write) -> None:
    for path in (tmp_path, tmp_path / "none.py", write("{}", "a.ipynb")):
        with pytest.raises(UnusableFileError):
            Attempt.load(path)


def test_what_it_raises_is_one_report(write: Write) -> None:
    write("def f():\n    return 1 / 0\n", "beside.py")
    attempt = Attempt.load(write("from beside import f\ndef loss(output, y):\n    return f()\n"))
    with pytest.raises(AttemptError, match=r"loss raised ZeroDivisionError: .*, at beside.py line 2: `return 1 / 0`") as caught:
        attempt.call("loss", 0, 0)
    assert (caught.value.function, caught.value.kind, caught.value.line) == ("loss", "exception", 3)


@pytest.mark.parametrize(
    ("body", "kind"),
    [("raise SystemExit(3)", "exit"), ("return loss(output, y)", "recursion"), ("raise MemoryError", "memory"), ("input()", "exception")],
)
def test_other_ends_have_their_kind(write: Write, body: str, kind: str) -> None:
    with pytest.raises(AttemptError) as caught:
        answer(write(f"def loss(output, y):\n    {body}\n"))
    assert (caught.value.kind, caught.value.line, caught.value.source) == (kind, 2, body)


def test_a_file_that_takes_its_output_apart_fails_by_that_alone(write: Write) -> None:
    text = "import sys\ndef loss(output, y):\n    sys.stdout.HOW()\n    return 1.0\n"
    closes, detaches = (Attempt.load(write(text.replace("HOW", how), f"{how}.py")) for how in ("close", "detach"))
    assert [closes.call("loss", 0, 0) for _ in range(2)] == [1.0, 1.0]
    assert detaches.call("loss", 0, 0) == 1.0
    with pytest.raises(AttemptError, match="buffer has been detached"):
        detaches.call("loss", 0, 0)


def test_an_interrupt_passes_through(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        answer(write("def loss(output, y):\n    raise KeyboardInterrupt\n"))


def test_a_top_level_that_raises_and_wrong_arguments_are_told(write: Write) -> None:
    with pytest.raises(AttemptError, match=r"importing mine\.py raised ZeroDivisionError") as caught:
        Attempt.load(write("1 / 0\n"))
    assert caught.value.function == "import"
    with pytest.raises(AttemptError, match=r"expected loss\(output, y\), at mine.py line 1"):
        answer(write("def loss(y):\n    pass\n"))
    attempt = Attempt.load(write("def forward(params, x):\n    pass\n"))
    with pytest.raises(AttemptError, match=r"forward takes params, x; expected forward\(params, x, masks\), at"):
        attempt.call("forward", {}, np.zeros((2, 3)), [np.ones((2, 3))])


def test_fresh_starts_over_with_its_helpers(write: Write) -> None:
    write("count = 0\n", "beside.py")
    attempt = Attempt.load(write("import beside\ndef loss(output, y):\n    beside.count += 1\n    return beside.count\n"))
    assert [attempt.call("loss", 0, 0), attempt.call("loss", 0, 0), attempt.fresh().call("loss", 0, 0)] == [1, 2, 1]


def test_fresh_is_the_file_that_was_read(write: Write) -> None:
    write("VALUE = 1\n", "beside.py")
    attempt = Attempt.load(write("import beside\ndef loss(output, y):\n    return beside.VALUE\n"))
    attempt.path.unlink()
    write("VALUE = 2\n", "beside.py")
    assert attempt.fresh().call("loss", 0, 0) == 1


def test_nothing_beside_it_shadows_what_is_installed(write: Write) -> None:
    for name in ("numpy.py", "random.py", "compare.py", "colorsys.py"):
        write("raise ValueError\n", name)
    assert answer(write("import numpy, random, compare, colorsys\nfrom compare import Problem" + LOSS)) == 0


def test_its_own_data_wins_over_ours_and_ours_comes_back(write: Write) -> None:
    import data

    write("VALUE = 7\n", "data.py")
    assert answer(write("from data import VALUE\ndef loss(output, y):\n    import data\n    return data.VALUE + VALUE\n")) == 14
    assert sys.modules["data"] is data


def test_a_file_called_as_an_installed_module_is_itself(write: Write) -> None:
    assert answer(write("import numpy as np\ndef loss(output, y):\n    return float(np.ones(2).sum())\n", "numpy.py")) == 2
    assert sys.modules["numpy"] is np


def test_relative_and_package_imports_work(write: Write) -> None:
    for package in ("cs231n/__init__.py", "cs231n/classifiers/__init__.py"):
        write("", package)
    write("A = 1\n", "cs231n/layers.py")
    write("B = 2\n", "plain/other.py")
    deep = "from cs231n.layers import *\nfrom ..layers import A as C\ndef loss(output, y):\n    return A + C\n"
    assert answer(write(deep, "cs231n/classifiers/net.py")) == 2
    assert answer(write("from .other import *\ndef loss(output, y):\n    return B\n", "plain/net.py")) == 2


def test_what_is_not_installed_has_a_placeholder(write: Write) -> None:
    text = """
import absent.pyplot as plt
from absent_too import thing, jit
plt.rcParams['a'] = 1
fig, (a, b) = plt.subplots(2)
a.plot([1]).show()
@jit
def loss(output, y):
    return 1.0 if y else thing * 2
"""
    attempt = Attempt.load(write(text))
    assert attempt.call("loss", 0, 1) == 1
    assert attempt.notes[0] == "absent is not installed; a placeholder stands in for it"
    with pytest.raises(AttemptError, match="absent_too is not installed"):
        attempt.call("loss", 0, 0)


@pytest.mark.skipif(find_spec("tqdm") is not None, reason="tqdm is installed")
@pytest.mark.parametrize("module", ["tqdm", "tqdm.auto", "tqdm.notebook"])
def test_a_loop_over_a_bar_that_is_not_installed_is_a_loop(write: Write, module: str) -> None:
    text = f"""
import tqdm as whole
from {module} import tqdm, trange
def loss(output, y):
    seen = [i for i in tqdm(range(3), desc="epochs")] + [i for i in trange(3, 5)] + list(whole.tqdm([5]))
    with tqdm(iter("ab"), total=2) as letters, tqdm(total=7) as total:
        for each in letters:
            letters.set_description(each)
            letters.set_postfix(loss=1.0)
            total.update(1)
            seen.append(each)
        tqdm.write("hidden")
    total.close()
    return seen, len(tqdm(range(3))), len(total)
"""
    attempt = Attempt.load(write(text))
    assert attempt.call("loss", 0, 0) == ([0, 1, 2, 3, 4, 5, "a", "b"], 3, 7)
    assert (attempt.notes, attempt.printed) == ([], "")


def test_an_import_that_may_fail_fails(write: Write) -> None:
    text = "try:\n    import absent as m\nexcept ImportError:\n    import math as m\nimport importlib.util\n"
    text += "def loss(output, y):\n    return m.pi, importlib.util.find_spec('absent')\n"
    assert answer(write(text)) == (np.pi, None)


def test_magics_are_blank_and_operators_stay(write: Write) -> None:
    text = "%matplotlib inline\n!pip install it's\nget_ipython().magic('x')\nif True:\n    %time\ndef loss(output, y):\n    return (7\n        % 4)\n"  # noqa: E501
    assert answer(write(text)) == 3


def test_main_blocks_do_not_run_and_the_file_knows_its_place(write: Write) -> None:
    path = write("if __name__ == '__main__':\n    1 / 0\ndef loss(output, y):\n    return __file__\n")
    assert answer(path) == str(path)


@pytest.mark.parametrize("text", ["# coding: latin-1\r\ns = 'é'\r\n".encode("latin-1"), b"\xef\xbb\xbfs = '\xc3\xa9'\r\n"])
def test_encodings_and_ends_of_lines_are_honoured(write: Write, text: bytes) -> None:
    assert answer(write(text + b"def loss(output, y):\r\n    return s\r\n")) == "é"


def test_the_process_is_as_it_was(write: Write, tmp_path: Path) -> None:
    change = "import numpy as np, sys, os, random, warnings\ndef loss(output, y):\n    np.random.seed(1); random.seed(1); np.seterr(all='raise')\n"  # noqa: E501
    change += "    np.set_printoptions(precision=1); sys.setrecursionlimit(5000); warnings.simplefilter('always'); os.chdir('/')\n"
    change += "    sys.argv.append('x'); sys.path.insert(0, 'y'); sys.modules['zz'] = np; sys.settrace(None); os.environ['ZZ'] = '1'\nloss(0, 0)\n"  # noqa: E501
    write("", "beside.py")

    def state() -> Any:
        system = sys.getrecursionlimit(), list(sys.argv), list(sys.path), list(sys.meta_path), dict(os.environ), os.getcwd(), sys.gettrace()
        return np.random.get_state()[1].tolist(), random.getstate(), np.geterr(), np.get_printoptions(), list(warnings.filters), system      # type: ignore[union-attr, index]

    before, modules = state(), set(sys.modules)
    answer(write("import beside, absent\n" + change))
    assert state() == before
    assert set(sys.modules) == modules
    assert not list(tmp_path.rglob("__pycache__"))


def test_its_random_state_is_its_own(write: Write) -> None:
    attempt = Attempt.load(write("import numpy as np\ndef loss(output, y):\n    return np.random.rand()\n"))
    first = attempt.call("loss", 0, 0)
    assert attempt.call("loss", 0, 0) != first
    assert Attempt.load(attempt.path).call("loss", 0, 0) == first
    assert attempt.fresh().call("loss", 0, 0) != first      # so that an answer that hangs on it is told by asking again


def test_a_generator_of_its_own_stays_its_own(write: Write) -> None:
    ours = np.random.get_state()[1].tolist()      # type: ignore[union-attr, index]
    text = "import numpy as np\nnp.random.set_bit_generator(np.random.PCG64(1))\ndef loss(output, y):\n    return np.random.rand()\n"
    attempt, own = Attempt.load(write(text)), np.random.Generator(np.random.PCG64(1))
    assert [attempt.call("loss", 0, 0), attempt.call("loss", 0, 0)] == [own.random(), own.random()]
    assert np.random.get_state()[1].tolist() == ours      # type: ignore[union-attr, index]


def test_warnings_are_silent_and_prints_are_kept(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = Attempt.load(write("import numpy as np\nprint('hi')\ndef loss(output, y):\n    print('x' * 5000)\n    return np.log(np.zeros(1))\n"))  # noqa: E501
    attempt.call("loss", 0, 0)
    assert attempt.printed.startswith("hi\nxxx")
    assert attempt.printed.endswith("… and 1004 characters more")
    assert capsys.readouterr().out == ""


def test_an_adapter_maps_the_file(write: Write) -> None:
    path = write("from helper_of_course import k\nclass Net:\n    w = k\n")
    text = "MODULES = {'helper_of_course': {'k': 5}}\ndef problem(attempt):\n    return {'lr': attempt.Net.w}\n"
    text += "def forward(attempt, params, x):\n    return attempt.Net.w + x\ndef loss(attempt, output, y):\n    return NotImplemented\n"
    attempt = Attempt.load(path, write(text, "adapter.py"))
    assert (attempt.functions, attempt.problem, attempt.notes) == (("forward", "loss"), {"lr": 5}, [])
    assert attempt.call("forward", {}, 1) == 6
    assert attempt.call("loss", 0, 0) is NotImplemented
    assert attempt.functions == attempt.fresh().functions == ("forward",)


def test_what_an_adapter_gives_wins_over_ours(write: Write) -> None:
    ours = ModuleType("of_course")
    write("MODULES = {'of_course': {'k': 5}}\ndef loss(attempt, output, y):\n    return attempt.k()\n", "adapter.py")
    path = write("def k():\n    import of_course\n    return of_course.k\n")
    sys.modules["of_course"] = ours
    try:
        attempt = Attempt.load(path, path.with_name("adapter.py"))
        assert [attempt.call("loss", 0, 0), attempt.fresh().call("loss", 0, 0)] == [5, 5]
        assert sys.modules["of_course"] is ours
    finally:
        del sys.modules["of_course"]


def test_an_adapter_may_load_the_file_itself(write: Write) -> None:
    adapter = "def load(path):\n    names = {}\n    exec(compile(path.read_text().split('#')[0], str(path), 'exec'), names)\n    return names\n"  # noqa: E501
    adapter += "def loss(attempt, output, y):\n    return attempt['f']()\n"
    attempt = Attempt.load(write("import absent\ndef f():\n    return 1 / 0\n# 1 / 0\n"), write(adapter, "adapter.py"))
    with pytest.raises(AttemptError, match=r"at mine\.py line 3"):
        attempt.call("loss", 0, 0)


def test_assignments_are_recorded_where_they_are_made(write: Write) -> None:
    text = """import numpy as np
import sys
class Net:
    def step(self, p):
        self.h = p["w"] * 3
        return self.h
def loss(output, y):
    sys.settrace(None)
    p = {"w": np.ones(2)}
    p["w"] += 1
    h = Net().step(
        p)
    return h.sum()
"""
    former = sys.gettrace()
    value, assignments = Attempt.load(write(text)).traced_call("loss", 0, 0)
    told = [(one.line, one.name, float(np.sum(one.value))) for one in assignments]
    assert value == 12
    assert told == [(9, "p['w']", 2), (10, "p['w']", 4), (5, "self.h", 12), (6, "return", 12), (11, "h", 12)]
    assert assignments[1].text == 'p["w"] += 1'
    assert sys.gettrace() is former


def test_what_a_line_changes_by_another_name_is_recorded_too(write: Write) -> None:
    """A view of an array changes with it, in a line that names neither or one of them; and a function that is called changes anything."""
    text = """import numpy as np
def fill(a):
    a[0] = 5.0
def loss(output, y):
    a = np.ones(3)
    row = a[1:]
    for i in range(2):
        row[i] += 1
    if fill(a) is None: b = 2 * a
    a[2] -= 1; fill(b)
    return 0
"""
    _, assignments = Attempt.load(write(text)).traced_call("loss", 0, 0)
    told = {(one.line, one.name, *map(float, one.value)) for one in assignments}
    assert told == {
        (5, "a", 1, 1, 1),
        (6, "row", 1, 1),
        (8, "row", 2, 1),
        (8, "a", 1, 2, 1),
        (8, "row", 2, 2),
        (8, "a", 1, 2, 2),
        (3, "a", 5, 2, 2),
        (9, "b", 10, 4, 4),
        (10, "row", 2, 1),
        (10, "a", 5, 2, 1),
        (3, "a", 5, 4, 4),
    }


def test_what_the_first_copy_that_answers_prints_is_shown_and_of_others_nothing(write: Write) -> None:
    text = "print('loaded')\ndef loss(output, y):\n    print('of', y)\n    return 1 / y\n"
    attempt = Attempt.load(write(text))
    with pytest.raises(AttemptError):
        attempt.fresh().call("loss", 0, 0)
    assert attempt.printed == "loaded\nof 0\n"
    first = attempt.fresh()
    for y in (1, 2):
        first.call("loss", 0, y)
        attempt.fresh().call("loss", 0, 3)
    assert attempt.printed == first.printed == "loaded\nof 1\nof 2\n"


def test_a_line_names_what_it_can_change(write: Write) -> None:
    lines = [
        "a[i] += b[j] * w",      # a
        "for i, j in zip(range(3), x): c = i",      # c, i, j
        "if a[0] > 1:",
        "    d = len(x)",
        "while a.any():",      # anything: a call
        "    del d",      # anything
        "e = [f(k) for k in x]",
        "g = (h := 3)",
        "self.w[0] = 1; m = 2",
        "n = 1; n.sort()",
        "o = (",
        "    1",
        ")",
    ]
    names = {1: "a i", 2: "c i j", 3: "", 4: "d", 9: "self m", 11: "o", 12: "o", 13: "o"}
    assert Source.read(write("\n".join(lines))).changed == {line: frozenset(of.split()) for line, of in names.items()}


def test_the_current_folder_shadows_nothing(write: Write, tmp_path: Path) -> None:
    write("raise ValueError\n", "numpy.py")
    write("raise ValueError\n", "argparse.py")
    done = subprocess.run([sys.executable, "-m", "compare", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""What a user's file imports: packages that plot, installed or not, and packages that are folders without __init__.py."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from compare import check
from compare.userfile.file import Attempt, AttemptError
from compare.userfile.imports import Imports

Write = Callable[..., Path]
AXES, PYPLOT = "from mpl_toolkits.mplot3d import Axes3D\n", "import matplotlib.pyplot as plt\n"
ORDERS = [
    AXES + PYPLOT,
    PYPLOT + AXES,
    "import mpl_toolkits.mplot3d\n" + PYPLOT,
    "import matplotlib.pyplot\n" + AXES,
    AXES + "from matplotlib import pyplot\n",
]
RIGHT = """import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    w1, w2 = params["0.weight"], params["2.weight"]
    a1 = sigmoid(x @ w1.T)
    output = sigmoid(a1 @ w2.T)
    delta2 = (output - y) / y.size * output * (1 - output)
    delta1 = delta2 @ w2 * a1 * (1 - a1)
    return {"0.weight": w1 - lr * delta1.T @ x, "2.weight": w2 - lr * delta2.T @ a1}
"""
VALUE = "\ndef loss(output, y):\n    return VALUE\n"
ABSENT = "is not installed; a placeholder stands in for it"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def answer(path: Path) -> Any:
    """What its loss answers, the same when it is loaded anew."""
    attempt = Attempt.load(path)
    first, second = (each.call("loss", None, None) for each in (attempt, attempt.fresh()))
    assert first == second
    return first


def uninstall(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """The packages are as if they were not installed, for what a user's file imports."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, name)
    find = Imports._normal
    monkeypatch.setattr(
        Imports, "_normal", lambda self, name, *where: None if name.partition(".")[0] in packages else find(self, name, *where)
    )


@pytest.mark.parametrize("imports", ORDERS)
@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_what_plots_is_imported_in_any_order(write: Write, monkeypatch: pytest.MonkeyPatch, imports: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mpl_toolkits"]:      # as in a process that has not plotted
        monkeypatch.delitem(sys.modules, name)
    attempt = Attempt.load(write(f"{imports}import sys\nVALUE = sys.modules['mpl_toolkits.mplot3d'].Axes3D.name{VALUE}"))
    assert (attempt.call("loss", None, None), attempt.notes) == ("3d", [])


@pytest.mark.parametrize("imports", ORDERS)
def test_what_plots_has_placeholders_in_any_order(write: Write, monkeypatch: pytest.MonkeyPatch, imports: str) -> None:
    uninstall(monkeypatch, "matplotlib", "mpl_toolkits")
    attempt = Attempt.load(write(f"{imports}VALUE = 1{VALUE}"))
    assert attempt.call("loss", None, None) == 1
    assert sorted(attempt.notes) == [f"matplotlib {ABSENT}", f"mpl_toolkits {ABSENT}"]
    assert not {"matplotlib", "mpl_toolkits"} & sys.modules.keys()


def test_a_namespace_that_lacks_what_is_imported_has_a_placeholder_for_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "matplotlib", "mpl_toolkits")
    write("VALUE = 1\n", "mpl_toolkits/basemap.py")
    attempt = Attempt.load(write(f"from mpl_toolkits.basemap import VALUE\n{AXES}{PYPLOT}{VALUE}"))
    assert attempt.call("loss", None, None) == 1
    assert attempt.notes == ["mpl_toolkits.mplot3d cannot be found; a placeholder stands in for it", f"matplotlib {ABSENT}"]


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
@pytest.mark.slow
def test_a_right_file_that_plots_in_space_is_equivalent(write: Write) -> None:
    path = write(AXES + PYPLOT + RIGHT)
    code = f"from compare import check\nprint({{check({str(path)!r}, seed=seed, steps=5).verdict for seed in range(10)}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)      # which has imported neither
    assert done.stdout == "{'equivalent'}\n", done.stderr


def test_a_right_file_is_equivalent_where_nothing_that_plots_is_installed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "matplotlib", "mpl_toolkits")
    path = write(AXES + PYPLOT + RIGHT)
    assert {check(path, seed=seed, steps=5).verdict for seed in range(2)} == {"equivalent"}


def test_a_wrong_file_that_plots_in_space_is_different(write: Write) -> None:
    assert check(write(AXES + PYPLOT + RIGHT.replace(" * a1 * (1 - a1)", "")), seed=1, steps=5).verdict == "different"


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("import seaborn as sns\nsns.set(style='whitegrid')\nsns.lineplot(x=[1], y=[2]).set(title='a')\n", ["seaborn"]),
        ("import plotly.express as px\npx.line(x=[1], y=[2]).show()\n", ["plotly"]),
        ("from plotly.subplots import make_subplots\nimport plotly.graph_objects as go\n"
         "fig = make_subplots(rows=1, cols=2)\nfig.add_trace(go.Scatter(x=[1], y=[2]), row=1, col=1)\n", ["plotly"]),
        ("import scipy.special\n", ["scipy"]),
        ("import scipy.special\nimport pandas as pd\nimport seaborn\nassert pd.DataFrame({'a': [1.0]}).mean().a == 1\n", ["scipy", "seaborn"]),  # noqa: E501
    ],
)  # fmt: skip
def test_packages_that_are_not_installed_have_placeholders(
    write: Write, monkeypatch: pytest.MonkeyPatch, text: str, packages: list[str]
) -> None:
    uninstall(monkeypatch, *packages)
    attempt = Attempt.load(write(f"{text}VALUE = 1{VALUE}"))
    assert (attempt.call("loss", None, None), attempt.notes) == (1, [f"{package} {ABSENT}" for package in packages])


def test_what_a_placeholder_would_calculate_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "scipy")
    attempt = Attempt.load(write("import scipy.special\ndef loss(output, y):\n    return 1 - scipy.special.expit(output)\n"))
    with pytest.raises(AttemptError, match=r"scipy is not installed.*; install it in this environment, or write"):
        attempt.call("loss", 0, 0)


def test_a_folder_without_init_beside_the_file_is_a_package(write: Write) -> None:
    write("VALUE = 1\n", "parts/deep/net.py")
    assert answer(write("from parts.deep.net import VALUE" + VALUE)) == 1


def test_a_folder_without_init_wins_over_a_package_of_ours(write: Write) -> None:
    import data

    write("VALUE = 2\n", "data/loader.py")
    assert answer(write("from data.loader import VALUE" + VALUE)) == 2
    assert sys.modules["data"] is data


@pytest.mark.parametrize("added", ["before", "by the file"])
def test_a_folder_without_init_on_the_path_is_a_package(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, added: str
) -> None:
    write("FIRST = 3\n", "lib/spread/first.py")
    write("SECOND = 4\n", "spread/second.py")
    text = "from spread.first import FIRST\nVALUE = FIRST" + VALUE
    if added == "before":
        monkeypatch.syspath_prepend(str(tmp_path / "lib"))
        assert answer(write("from spread.second import SECOND\n" + text)) == 3      # both folders are the one package
    else:
        (tmp_path / "spread" / "second.py").unlink()      # which leaves a folder that is no package
        assert answer(write("import sys\nsys.path.append('lib')\n" + text)) == 3
    assert "spread" not in sys.modules


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_an_installed_namespace_and_a_folder_of_its_name_are_one_package(write: Write) -> None:
    for value in (5, 6):      # and the one file's does not stay for the next
        path = write(f"VALUE = {value}\n", f"{value}/mpl_toolkits/own.py").parent.parent / "mine.py"
        path.write_text(f"{AXES}from mpl_toolkits.own import VALUE\n{PYPLOT}VALUE = VALUE, Axes3D.name{VALUE}", encoding="utf-8")
        assert answer(path) == (value, "3d")
        assert "mpl_toolkits.own" not in sys.modules


@pytest.mark.parametrize("is_on_path", [True, False])
def test_a_folder_that_holds_no_module_is_no_package(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_on_path: bool
) -> None:
    uninstall(monkeypatch, "seaborn")
    write("", "lib/seaborn/figure.svg" if is_on_path else "seaborn/figure.svg")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    assert answer(write(f"import seaborn as sns\nsns.set()\nVALUE = 7{VALUE}")) == 7


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_what_plots_draws_nothing_while_a_file_is_checked(write: Write) -> None:
    text = f"{PYPLOT}def loss(output, y):\n    plt.plot(y)\n    return len(plt.get_fignums()) if y else 1 - plt.gcf()\n"
    attempt = Attempt.load(write(text))
    assert attempt.call("loss", None, [1]) == 0
    with pytest.raises(AttemptError, match=r"matplotlib.pyplot.gcf\(\) draws nothing while a file is checked"):
        attempt.call("loss", None, [])
    from matplotlib import pyplot

    pyplot.plot([1])
    assert pyplot.get_fignums()
    pyplot.close("all")

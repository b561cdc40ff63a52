"""Wheel and sdist: they build, and what they install is one package that works in a folder with modules of the same names."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("compare", "data", "manual", "torch_ref")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel built from that sdist."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    pytest.importorskip("hatch_fancy_pypi_readme", reason="hatch-fancy-pypi-readme is not installed")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t"]
    subprocess.run([*build, "sdist"], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        sdist.extractall(folder, filter="data")
    subprocess.run([*build, "wheel"], cwd=next(folder.glob("backprop_compare-*/")), check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with the wheel, and what it depends on from the one that runs the tests."""
    place = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    (mine,) = Path(sys.prefix).glob("lib/python*/site-packages")
    for other in mine.iterdir():      # all but the checkout
        if other.suffix != ".pth" and not other.name.startswith("backprop_compare") and not (site / other.name).exists():
            (site / other.name).symlink_to(other)
    script = "import sys\nfrom backprop_compare.compare.cli.main import run\nsys.exit(run())\n"      # as pip writes it
    (place / "bin" / "backprop-compare").write_text(f"#!{place}/bin/python\n{script}")
    (place / "bin" / "backprop-compare").chmod(0o755)
    return place / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with its own compare.py, numpy.py, data/ and manual/, an attempt, and a test."""
    for name in ("compare", "numpy", "torch_ref"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name}.py of the project was run')\n")
    for name in ("data", "manual"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"mine = 'the {name} of the project'\n")
    shutil.copy(ROOT / "examples" / "right_hidden_error.py", tmp_path / "attempt.py")
    shutil.copy(ROOT / "examples" / "wrong_hidden_error.py", tmp_path / "wrong.py")
    return tmp_path


def run(installed: Path, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run([installed / program, *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_the_wheel_holds_one_package_its_data_and_its_types(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"backprop_compare"}
    page = {f"compare/report/page/{name}" for name in ("picker.js", "report.html", "style.css")}
    exercises = ("exercises.toml", "references.py", "attention_1.py", "solutions/attention_1.py")
    guide = {"compare/exercises/live.html", *(f"compare/exercises/guide/{name}" for name in exercises)}
    inside = {"py.typed", "data/binary.csv", *page, *guide, *(f"{package}/py.typed" for package in PACKAGES)}
    assert {f"backprop_compare/{name}" for name in inside} <= set(names)
    assert "backprop_compare/_checkout.py" not in names


def test_its_metadata_says_what_it_is(built: Path) -> None:
    wheel = zipfile.ZipFile(next(built.glob("*.whl")))
    name = next(name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    metadata = message_from_string(wheel.read(name).decode())
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Author"] == "the backprop-compare authors"
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13, 14)} <= set(metadata.get_all("Classifier") or [])
    assert metadata["Keywords"]
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    readme = metadata.get_payload()
    assert isinstance(readme, str)
    assert "](docs/" not in readme
    assert "](examples/" not in readme
    assert "docs/grading.md" in readme


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", [("backprop-compare",), pytest.param(("python", "-m", "backprop_compare"), marks=pytest.mark.slow)], ids=" ".join
)
def test_installed_it_checks_a_file_among_modules_of_the_same_names(installed: Path, project: Path, program: tuple[str, ...]) -> None:
    right, wrong = (run(installed, project, *program, "check", name, "--seed", "1", "--json") for name in ("attempt.py", "wrong.py"))
    assert (right.returncode, json.loads(right.stdout)["verdict"]) == (0, "equivalent"), right.stderr
    assert (wrong.returncode, json.loads(wrong.stdout)["verdict"]) == (1, "different"), wrong.stderr


@pytest.mark.slow
def test_installed_its_exercises_are_started_and_checked(installed: Path, project: Path) -> None:
    assert run(installed, project, "backprop-compare", "exercises", "start", "attention").returncode == 0
    given = run(installed, project, "backprop-compare", "exercises", "check")
    assert (given.returncode, "NOT WRITTEN YET: of_scores" in given.stdout) == (1, True), given.stderr
    solution = run(installed, project, "backprop-compare", "exercises", "solution", "attention_1").stdout
    (project / "attention_1.py").write_text(solution)
    solved = run(installed, project, "backprop-compare", "exercises", "check", "--quiet")
    assert (solved.returncode, solved.stdout) == (0, "attention_1: solved\n"), solved.stderr


@pytest.mark.slow
def test_installed_a_watch_checks_among_modules_of_the_same_names(installed: Path, project: Path) -> None:
    (project / "json.py").write_text("raise SystemExit('the json.py of the project was run')\n")
    assert run(installed, project, "backprop-compare", "exercises", "start", "attention").returncode == 0
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [installed / "backprop-compare", "exercises", "--watch", "--quiet"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        printed = [watch.stdout.readline() for _ in range(5)]
        watch.send_signal(signal.SIGINT)
    assert printed[4] == "attention_1: not written yet\n", printed
    assert watch.returncode == 130


@pytest.mark.slow
def test_installed_it_trains_the_lesson_there(installed: Path, project: Path) -> None:
    done = run(installed, project, "backprop-compare", "--epochs", "5", "--json")
    assert json.loads(done.stdout)["verdict"] == "equivalent", done.stderr


@pytest.mark.slow
def test_installed_the_plugin_serves_a_project_of_the_same_names(installed: Path, project: Path) -> None:
    (project / "test_mine.py").write_text(
        "import data, manual\n\n\n"
        "def test_imports():\n"
        "    assert (data.mine, manual.mine) == ('the data of the project', 'the manual of the project')\n\n\n"
        "def test_the_attempt(lockstep):\n"
        "    lockstep('attempt.py', seed=1)\n"
    )
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py")
    hidden = run(installed, project, *command)
    assert hidden.returncode == 1
    assert "1 failed, 1 passed" in hidden.stdout
    assert f"{project / 'numpy.py'} would be imported as numpy, which the comparison needs" in hidden.stdout
    (project / "numpy.py").unlink()
    done = run(installed, project, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_installed_an_import_of_data_is_the_projects_own(installed: Path, project: Path) -> None:
    (project / "numpy.py").unlink()
    code = "import backprop_compare.data, data; from backprop_compare import check, Problem; print(data.mine, Problem.__module__)"
    done = run(installed, project, "python", "-c", code)
    assert done.stdout == "the data of the project backprop_compare.compare.problem.problem\n", done.stderr


@pytest.mark.slow
def test_installed_its_types_hold_for_a_user_under_mypy_strict(installed: Path, tmp_path: Path) -> None:
    """Of a right file nothing is said, and of a wrong one each mistake: no name is Any."""
    users = Path(__file__).parent / "users"
    asked = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "python"), "--cache-dir", str(tmp_path)]
    right, wrong = (
        subprocess.run([*asked, str(users / name)], cwd=tmp_path, capture_output=True, text=True, check=False)
        for name in ("typed.py", "mistyped.py")
    )
    assert right.returncode == 0, right.stdout
    found = {(int(line), code) for line, code in re.findall(r"mistyped\.py:(\d+): error: .*\[([\w-]+)\]", wrong.stdout)}
    lines = (users / "mistyped.py").read_text(encoding="utf-8").splitlines()
    assert found == {(n, line.partition("# wrong: ")[2]) for n, line in enumerate(lines, 1) if "# wrong: " in line}


def test_it_says_its_version(installed: Path, project: Path) -> None:
    done = run(installed, project, "backprop-compare", "--version")
    code = run(installed, project, "python", "-P", "-c", "import backprop_compare; print('backprop-compare', backprop_compare.__version__)")
    assert done.stdout == code.stdout != ""


@pytest.mark.slow
def test_in_a_checkout_both_names_are_the_same_object() -> None:
    code = """
import backprop_compare.compare.problem.problem as inner, backprop_compare.manual, backprop_compare.torch_ref, backprop_compare.data
import compare, compare.problem.problem as outer, manual, torch_ref, data
assert inner is outer and inner.__spec__.name == outer.__spec__.name == "compare.problem.problem"
assert backprop_compare.compare is compare and backprop_compare.Problem is compare.Problem
assert (backprop_compare.manual, backprop_compare.torch_ref, backprop_compare.data) == (manual, torch_ref, data)
assert set(backprop_compare.__all__) == set(compare.__all__)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_entry_points_lead_somewhere() -> None:
    ours = [each for each in (*entry_points(group="console_scripts"), *entry_points(group="pytest11")) if "backprop_compare" in each.value]
    if not ours:
        pytest.skip("the package is not installed in this environment")
    assert len({each.name for each in ours}) == 2
    for each in ours:
        assert each.load()

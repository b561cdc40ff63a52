"""What holds the house up: who imports whom, what importing costs, and what each package promises to export."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("compare", "data", "manual", "torch_ref")


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after that code."""
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_imports_keep_the_contracts() -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [("optimizers", "torch", "manual knows NumPy only"), ("fast", "numba", "the loops of manual alone know Numba")],
)
def test_a_forbidden_import_breaks_a_contract(tmp_path: Path, module: str, imported: str, contract: str) -> None:
    """The negative control."""
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "manual" / f"{module}.py").open("a") as appended:
        appended.write(f"\nimport {imported}\n")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_importing_compare_loads_no_torch_and_no_pandas() -> None:
    assert not {"torch", "pandas", "numpy"} & loaded_by("import compare")
    assert not {"torch", "pandas"} & loaded_by("from compare import Manual, Problem, StepRecord, assert_equivalent, train_in_lockstep")


def test_help_loads_no_torch_no_pandas_and_no_numpy() -> None:
    loaded = loaded_by("from compare.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass")
    assert "argparse" in loaded
    assert not {"torch", "pandas", "numpy", "rich"} & loaded


def test_each_backend_loads_without_the_other() -> None:
    assert not {"torch", "pandas", "torch_ref", "compare", "numba"} & loaded_by("import manual")
    assert not {"manual", "pandas", "compare"} & loaded_by("import torch_ref")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_what_it_lists_in_order(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__ is not None
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("compare").nothing  # noqa: B018


def test_both_backends_define_the_same_names() -> None:
    """File by file they read side by side; what only one has, the other leaves to autograd or has no need of."""
    both = (
        "activations", "adam", "attention", "channel_normalization", "checks", "classification", "clipping", "convolution", "dropout",
        "embedding", "gating", "gru", "layers", "losses", "lstm", "nesting", "network", "normalization", "optimizers", "perceptron",
        "pooling", "recurrence", "rmsprop", "slopes", "state", "training", "update",
    )
    for name in both:
        assert (ROOT / "manual" / f"{name}.py").exists()
        assert (ROOT / "torch_ref" / f"{name}.py").exists()
    manual, torch_ref = importlib.import_module("manual"), importlib.import_module("torch_ref")
    assert set(torch_ref.__all__) - set(manual.__all__) == {"exact_settings"}
    assert set(manual.__all__) - set(torch_ref.__all__) == {"Activation", "Layer", "Loss"}


@pytest.mark.parametrize("package", ["manual", "torch_ref"])
def test_each_file_is_read_at_one_sitting(package: str) -> None:
    """At most 150 lines, and most have at most 80; of at most 140 characters, which ruff holds."""
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in (ROOT / package).glob("*.py")}
    assert {name: number for name, number in lines.items() if number > 150} == {}
    assert 2 * sum(number <= 80 for number in lines.values()) > len(lines)

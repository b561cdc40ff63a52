"""Wheel and sdist: they build, and what they install runs outside the checkout, data included."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel built from that sdist."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t"]
    subprocess.run([*build, "sdist"], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        sdist.extractall(folder, filter="data")
    subprocess.run([*build, "wheel"], cwd=next(folder.glob("backprop_compare-*/")), check=True, capture_output=True)
    return folder


def test_the_wheel_holds_the_packages_their_data_and_their_types(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"compare", "data", "manual", "torch_ref"}
    page = {f"compare/report/page/{name}" for name in ("picker.js", "report.html", "style.css")}
    assert {"data/binary.csv", *page, *(f"{package}/py.typed" for package in ("compare", "data", "manual", "torch_ref"))} <= set(names)


def test_what_is_installed_runs_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    code = f"""
import sys
sys.path.insert(0, {str(site)!r})
from compare.cli import main as cli
print(cli.__file__, file=sys.stderr)
cli.run()
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "--epochs", "5", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == str(site / "compare" / "cli" / "main.py")
    assert json.loads(done.stdout)["verdict"] == "equivalent"


def test_the_console_script_is_there() -> None:
    script = Path(sys.executable).parent / "backprop-compare"
    if not script.exists():
        pytest.skip("the package is not installed in this environment")
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=True)
    assert "python -m compare" in done.stdout

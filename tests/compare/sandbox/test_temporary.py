"""Temporary folders are gone when a run is, whatever was made in them, and those of killed runs when the next begins."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from compare.sandbox.temporary import PREFIX, own_folder, remove, run_folder, sweep, temporary_folder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def nested(folder: Path, depth: int = 1500) -> None:
    """A folder with so many others in it, each in the one before; the last has a file."""
    folder.mkdir()
    within = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=within)
        deeper = os.open("a", os.O_RDONLY, dir_fd=within)
        os.close(within)
        within = deeper
    os.close(os.open("file", os.O_CREAT, dir_fd=within))
    os.close(within)


def test_what_is_deep_is_removed_and_no_link_is_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    nested(folder)
    for n in range(2):
        nested(folder / f"b{n}", 30)
        (folder / f"b{n}").chmod(0)
    (folder / "link").symlink_to(outside)
    (folder / "a" / "link").symlink_to(outside)
    remove(folder)
    assert os.listdir(tmp_path) == ["outside"]
    assert (outside / "kept").read_text() == "kept"


def test_all_of_a_run_is_in_one_folder(place: Path) -> None:
    with run_folder() as folder, temporary_folder() as first, temporary_folder() as second:
        assert own_folder() == folder
        assert first.parent == second.parent == Path(folder)
        assert [each.name for each in place.iterdir()] == [Path(folder).name]
        nested(first / "deep")
    assert os.listdir(place) == []
    with temporary_folder() as alone:
        assert alone.parent == place
    assert os.listdir(place) == []


def test_who_is_killed_leaves_what_the_next_sweeps_away(place: Path) -> None:
    """Beside the folder of one that runs, which stays."""
    script = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from compare.sandbox.temporary import run_folder, temporary_folder
with run_folder() as folder, temporary_folder() as made:
    (made / "file").write_text("left")
    os.kill(os.getpid(), 9)
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, str(place)], cwd=ROOT, check=False)
        (left,) = place.glob(f"{PREFIX}*")
    with run_folder() as folder:
        assert not left.exists()
        sweep(str(place))
        assert os.listdir(place) == [Path(folder).name]
    foreign = place / f"{PREFIX}link"
    foreign.symlink_to("/")
    sweep(str(place))
    assert foreign.is_symlink()

"""A save is seen, however the editor does it, and none is lost."""

import os
from pathlib import Path

import pytest

from compare.watching.saved import Saved


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "one.py", tmp_path / "two.py"]
    for number, each in enumerate(found):
        each.write_text("1")
        os.utime(each, (100 + number, 100 + number))
    return found


def test_at_first_the_one_that_was_saved_last_is_taken_and_then_none(files: list[Path]) -> None:
    saved = Saved(lambda: files)
    assert saved.take() == files[1]
    assert saved.take() is None
    assert not saved.waiting()


def in_place(path: Path) -> None:
    path.write_text("2")


def by_replacing(path: Path) -> None:
    other = path.with_suffix(".tmp")
    other.write_text("2")
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))      # an editor may even keep the time
    os.replace(other, path)


def by_moving_away_and_writing_anew(path: Path) -> None:
    path.rename(path.with_suffix(".bak"))
    path.write_text("2")


@pytest.mark.parametrize("save", [in_place, by_replacing, by_moving_away_and_writing_anew])
def test_every_way_of_saving_is_seen_once(save: object, files: list[Path]) -> None:
    saved = Saved(lambda: files)
    saved.take()
    assert callable(save)
    save(files[0])
    assert saved.waiting()
    assert saved.take() == files[0]
    assert saved.take() is None


def test_a_save_after_it_was_taken_is_not_lost(files: list[Path]) -> None:
    saved = Saved(lambda: files)
    assert saved.take() == files[1]
    files[1].write_text("while it was being checked")
    assert saved.take() == files[1]


def test_a_file_that_comes_or_goes(files: list[Path]) -> None:
    saved = Saved(lambda: files)
    saved.take()
    files[0].unlink()
    assert saved.take() is None
    files[0].write_text("again")
    assert saved.take() == files[0]
    files.append(files[0].with_name("three.py"))
    files[2].write_text("new")
    assert saved.take() == files[2]


def test_a_file_that_is_still_being_written_is_waited_for(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    saved = Saved(lambda: files)
    saved.take()
    files[0].write_text("")
    monkeypatch.setattr("time.sleep", lambda _: files[0].write_text("all of it"))      # between two looks
    assert saved.take() is None
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert saved.take() == files[0]

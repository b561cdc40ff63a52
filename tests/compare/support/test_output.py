"""Files are written whole or not at all, keep their permissions, and what cannot be written is refused."""

import os
import stat
from pathlib import Path

import pytest

from compare import ProblemError
from compare.support.output import check_writable, write_file


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("content", "held"), [("δ1\n", "δ1\n".encode()), (b"\x89PNG", b"\x89PNG"), ("\udcff", b"?")])
def test_text_and_bytes_are_written(content: str | bytes, held: bytes, tmp_path: Path) -> None:
    write_file(tmp_path / "a", content)
    assert (tmp_path / "a").read_bytes() == held


@pytest.mark.parametrize("fails", ["replace", "chmod"])
def test_a_file_that_was_there_stays_when_writing_fails(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(ProblemError, match=r"report.html cannot be written: No space left on device"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]      # and nothing half written lies beside it


def test_an_interrupt_leaves_the_file_that_was_there_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="files have no such permissions")
@pytest.mark.parametrize("permissions", [0o600, 0o644, 0o664])
def test_a_file_that_was_there_keeps_its_permissions(permissions: int, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(permissions)
    write_file(path, "new")
    assert path.read_text() == "new"
    assert mode_of(path) == permissions


@pytest.mark.skipif(os.name != "posix", reason="files have no such permissions")
def test_a_new_file_has_the_permissions_that_every_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_file(tmp_path / "report.html", "new")
    assert mode_of(tmp_path / "report.html") == mode_of(tmp_path / "other")


@pytest.mark.skipif(os.name != "posix", reason="links may not be allowed")
def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link, target = tmp_path / "link.html", tmp_path / "kept" / "report.html"
    link.symlink_to(target)
    for content in ("first", "second"):
        check_writable(link)
        write_file(link, content)
        assert link.is_symlink()
        assert target.read_text() == content


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="there is no /dev/fd here")
def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        write_file(f"/dev/fd/{writing}", "through a pipe")
        assert os.read(reading, 100) == b"through a pipe"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(
    ("place", "why"), [("no/folder/a", "is no folder"), (".", "it is a folder"), ("", "it is a folder"), ("a/b", "is no folder")]
)
def test_what_cannot_be_written_is_refused(place: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ProblemError, match=why):
        check_writable(place)
    with pytest.raises(ProblemError, match="cannot be written"):
        write_file(place, "new")
    check_writable("a")      # the control
    check_writable("b")


@pytest.mark.parametrize("forbidden", ["report.html", "."])
def test_a_file_or_a_folder_that_may_not_be_written_is_refused(forbidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the system's answer, and not by trying: some run the tests as root, who may do anything."""
    path = tmp_path / "report.html"
    path.write_text("old")
    check_writable(path)
    no = os.path.realpath(tmp_path / forbidden)
    monkeypatch.setattr(os, "access", lambda place, mode: os.path.realpath(place) != no)
    with pytest.raises(ProblemError, match="that is not permitted"):
        check_writable(path)

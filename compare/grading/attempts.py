"""The attempts in a folder: Python files, folders of them, and zip archives, none of which is trusted."""

import os
import shutil
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath

from compare.errors import CompareError, ProblemError
from compare.output import printable

MAIN = ("attempt.py", "main.py", "network.py", "solution.py", "__init__.py")
KINDS = ("file", "folder", "archive")
MOST_BYTES, MOST_FILES = 8 << 20, 500


class AttemptFilesError(CompareError):
    """An attempt whose files cannot be used; the message says why."""


@dataclass(frozen=True)
class Submitted:
    """One attempt: its `name`, the place in the folder, and the hash of its content."""

    name: str
    place: Path
    digest: str

    def carried(self) -> "Carried":
        """Its content, out of reach of whoever may change its files. Raises AttemptFilesError."""
        if self.place.is_dir():
            return Carried(self.name, self.digest, "folder", _folder_content(self.place))
        if not self.place.is_file():
            raise AttemptFilesError(f"{self.name} is no plain file")
        kind = "archive" if self.place.suffix == ".zip" else "file"
        return Carried(self.name, self.digest, kind, {"": _content(self.place)})


@dataclass(frozen=True)
class Carried:
    """One attempt as it travels: a `kind` of KINDS, and its `files` by their path; a file or an archive is the one named ""."""

    name: str
    digest: str
    kind: str
    files: Mapping[str, bytes]

    def unfold(self, into: Path) -> tuple[Path, Path | None]:
        """The file to check, and the folder that belongs to it, written into that new folder. Raises AttemptFilesError."""
        into.mkdir()
        if self.kind == "file":
            copy = into / "attempt.py"
            copy.write_bytes(self.files[""])
            return copy, None
        if self.kind == "archive":
            _extract(self.files[""], into)
        else:
            for name, content in self.files.items():
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        return _main(into), into


def submitted(folder: Path) -> list[Submitted]:
    """The attempts in the folder, by name; links are none. Raises ProblemError for a folder that is none, or empty."""
    if not folder.is_dir():
        raise ProblemError(f"{folder} is no folder; expected one with attempts in it")
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        is_attempt = entry.is_dir(follow_symlinks=False) or entry.name.endswith((".py", ".zip"))
        if is_attempt and not entry.is_symlink() and not entry.name.startswith((".", "__pycache__")):
            place = Path(entry.path)
            found.append(Submitted(shown(entry.name), place, _digest(place)))
    if not found:
        raise ProblemError(f"{folder} has no attempts; expected Python files, folders of them, or zip archives")
    return found


def shown(name: str) -> str:
    """The name with nothing in it that steers a terminal; what is no UTF-8 is escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return printable(text)


def _digest(place: Path) -> str:
    """Of what it holds: of a folder, of its files by name."""
    digest = sha256()
    files = [place] if place.is_file() else _files(place)
    for file in files[: MOST_FILES + 1]:
        name = b"" if file == place else os.fsencode(file.relative_to(place))
        try:
            content = _content(file)
        except AttemptFilesError as error:
            content = str(error).encode()
        digest.update(len(name).to_bytes(8, "little") + name + len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """The plain files in it, however deep, but not through links."""
    found = []
    for base, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not os.path.islink(os.path.join(base, name)))
        found += [Path(base, name) for name in sorted(names) if stat.S_ISREG(os.lstat(os.path.join(base, name)).st_mode)]
        if len(found) > MOST_FILES:
            break
    return found


def _content(file: Path) -> bytes:
    """What stands in a plain file, which is not read through a link, nor if it is too large."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise AttemptFilesError(f"{shown(file.name)} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as opened:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise AttemptFilesError(f"{shown(file.name)} is no plain file")
        content = opened.read(min(about.st_size, MOST_BYTES) + 1)      # room for 8 MiB is not made for every small file
    if len(content) > MOST_BYTES:
        raise AttemptFilesError(f"{shown(file.name)} is larger than {MOST_BYTES} bytes")
    return content


def _folder_content(folder: Path) -> dict[str, bytes]:
    files, found = _files(folder), dict[str, bytes]()
    if len(files) > MOST_FILES:
        raise AttemptFilesError(f"it has more than {MOST_FILES} files")
    room = MOST_BYTES
    for file in files:
        content = _content(file)
        room -= len(content)
        if room < 0:
            raise AttemptFilesError(f"its files are larger than {MOST_BYTES} bytes together")
        found[str(file.relative_to(folder))] = content
    return found


def _extract(archive: bytes, into: Path) -> None:
    """What is in the archive, if every name in it stays within it; links and oversized content are refused."""
    try:
        with zipfile.ZipFile(BytesIO(archive)) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise AttemptFilesError(f"the archive holds more than {MOST_FILES} files or {MOST_BYTES} bytes")
            for member in members:
                path = PurePosixPath(member.filename.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16) or ":" in member.filename:
                    raise AttemptFilesError(f"the archive has {shown(member.filename)!r}, which leads out of it")
                target = into.joinpath(*path.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, open(target, "xb") as copy:
                    shutil.copyfileobj(source, copy)
                    if copy.tell() > MOST_BYTES:
                        raise AttemptFilesError("the archive holds more than it says")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError) as error:
        raise AttemptFilesError(f"the archive cannot be read: {error}") from None


def _main(folder: Path) -> Path:
    """The file of a folder that is checked: the only one, or the one with a usual name; also in a folder that is all there is."""
    while not list(folder.glob("*.py")):
        inner = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name != "__MACOSX"]
        if len(inner) != 1:
            raise AttemptFilesError("it has no Python file")
        folder = inner[0]
    files = sorted(folder.glob("*.py"))
    usual = next((folder / name for name in MAIN if (folder / name) in files), None)
    if len(files) > 1 and usual is None:
        raise AttemptFilesError(f"it has {len(files)} Python files; expected one, or one of {', '.join(MAIN)}")
    return files[0] if len(files) == 1 else usual or files[0]

"""The attempts in a folder: Python files, notebooks, folders of them, and zip archives, all of them untrusted."""

import os
import shutil
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from ..support.errors import CompareError, ProblemError
from ..support.output import printable
from .results import has_results

MAIN = ("attempt.py", "main.py", "network.py", "solution.py", "__init__.py")
_COPY = "attempt"      # the name, but for its ending, under which a single file is checked
_ENDINGS = (".py", ".ipynb")
KINDS = ("file", "folder", "archive")
MOST_BYTES, MOST_FILES, MOST_DEPTH = 8 << 20, 500, 20
_MOST_ENTRIES = 10_000      # names in a folder, of files or of anything else
# Invisible code points: Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt; str.isprintable() is true of some of them.
_INVISIBLE = (
    range(0xAD, 0xAE), range(0x34F, 0x350), range(0x61C, 0x61D), range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810),
    range(0x200B, 0x2010), range(0x202A, 0x202F), range(0x2060, 0x2070), range(0x3164, 0x3165), range(0xFE00, 0xFE10),
    range(0xFEFF, 0xFF00), range(0xFFA0, 0xFFA1), range(0xFFF0, 0xFFF9), range(0x1BCA0, 0x1BCA4), range(0x1D173, 0x1D17B),
    range(0xE0000, 0xE1000),
)      # fmt: skip
_ALIKE = str.maketrans("аеорсухіјѕһԁԛԝкАВЕКМНОРСТУХІЈЅοαινρυκχΑΒΕΗΙΚΜΝΟΡΤΥΧΖ", "aeopcyxijshdqwkABEKMHOPCTYXIJSoaivpukxABEHIKMNOPTYXZ")
_MOST_SHOWN = 200      # characters of a file name, or of a decompressor's error, in a message
_ENCRYPTED = 1      # the bit of a member's flags in a zip archive


class AttemptFilesError(CompareError):
    """The files of an attempt cannot be used; the message says why."""


@dataclass(frozen=True)
class Submitted:
    """One attempt as submitted: its `name` in the results, its path, and the SHA-256 of its content."""

    name: str
    place: Path
    digest: str

    def carried(self) -> "Carried":
        """Return a copy of its content, which later changes of the files do not affect; raises AttemptFilesError."""
        if self.place.is_dir():
            return Carried(self.name, self.digest, "folder", _folder_content(self.place))
        if not self.place.is_file():
            raise AttemptFilesError(f"{self.name} is no plain file")
        kind = "archive" if self.place.suffix.lower() == ".zip" else "file"
        return Carried(self.name, self.digest, kind, {"": _content(self.place)})


@dataclass(frozen=True)
class Carried:
    """One attempt in memory: a `kind` of KINDS, and its `files` by their relative path, which is "" for a file or an archive."""

    name: str
    digest: str
    kind: str
    files: Mapping[str, bytes]

    def in_its_name(self, text: str) -> str:
        """Return a text about the attempt with its own name in place of that under which a single file is checked."""
        return text.replace(self._copy, self.name) if self.kind == "file" else text

    @property
    def _copy(self) -> str:
        return _COPY + (".ipynb" if self.name.lower().endswith(".ipynb") else ".py")

    def unfold(self, into: Path) -> tuple[Path, Path | None]:
        """Write the files into a new folder; return the file to check, and its folder if there is one. Raises AttemptFilesError."""
        into.mkdir()
        if self.kind == "file":
            copy = into / self._copy
            copy.write_bytes(self.files[""])
            return copy, None
        if self.kind == "archive":
            _extract(self.files[""], into)
        else:
            for name, content in self.files.items():
                _write(into, name, BytesIO(content))
        return _main(into), into


def submitted(folder: Path, out: Path | None = None) -> list[Submitted]:
    """Return the attempts in the folder, by name, without the results in `out`; raises ProblemError if there is none, or no folder."""
    places = [place for place, why in _entries(folder, out) if why is None]
    if not places:
        raise ProblemError(f"{folder} has no attempts; expected Python files, notebooks, folders of them, or zip archives")
    names = shown_apart([place.name for place in places])
    return [Submitted(name, place, _digest(place)) for name, place in zip(names, places, strict=True)]


def skipped(folder: Path, out: Path | None = None) -> dict[str, str]:
    """Return why each other entry of the folder, but for hidden ones, is no attempt, by name; raises ProblemError."""
    return {shown(place.name): why for place, why in _entries(folder, out) if why is not None}


def _entries(folder: Path, out: Path | None) -> Iterator[tuple[Path, str | None]]:
    """Yield each entry of the folder that is not hidden, in order of names, and why it is no attempt, or None."""
    try:
        is_folder = folder.is_dir()
    except OSError as error:
        raise ProblemError(f"{shown(str(folder))[:60]} cannot be read: {error.strerror}; expected a folder with attempts in it") from None
    if not is_folder:
        raise ProblemError(f"{folder} is no folder; expected one with attempts in it")
    if out is not None and out.resolve() == folder.resolve():
        raise ProblemError(f"--out {out} is the folder of the attempts itself; expected another one for the results")
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        place, why = Path(entry.path), None
        if entry.name.startswith((".", "__pycache__")):
            continue
        if entry.is_symlink():
            why = "a link"
        elif not entry.is_dir() and place.suffix.lower() not in (*_ENDINGS, ".zip"):
            why = "neither .py, .ipynb nor .zip"
        elif out is not None and out.resolve().is_relative_to(place.resolve()):
            if _has_python(place):
                raise ProblemError(f"--out {printable(str(out))} is in the attempt {shown(place.name)}; expected a folder in no attempt")
            why = "has the results"
        elif has_results(place) and not _has_python(place):
            why = "has the results of another run"
        yield place, why


def _has_python(folder: Path) -> bool:
    """Whether there is a Python file or a notebook in the folder at any depth, as there is in an attempt, and in no results."""
    return any(name.lower().endswith(_ENDINGS) for _, _, names in os.walk(folder) for name in names)


def shown(name: str) -> str:
    """Return the name with all that is not printable, and backslashes, escaped, so no two names become the same."""
    return printable(name.replace("\\", "\\\\"))


def shown_apart(names: Sequence[str]) -> list[str]:
    """Return each name as `shown` does; where several look the same to a reader, their letters outside ASCII are escaped."""
    found = [shown(name) for name in names]
    counts = Counter(map(_look, found))
    return [name if counts[_look(name)] == 1 else name.encode("ascii", "backslashreplace").decode() for name in found]


def _look(name: str) -> str:
    """Return what the name looks like: NFKC letters, those that look Latin as Latin ones, without invisible ones."""
    visible = "".join(letter for letter in name if not any(ord(letter) in points for points in _INVISIBLE))
    return unicodedata.normalize("NFKC", visible).translate(_ALIKE)


def _digest(place: Path) -> str:
    """Return the SHA-256 of an attempt's files by name, and of the error in place of what cannot be read."""
    digest = sha256()
    try:
        files = [place] if place.is_file() else _files(place)
    except AttemptFilesError as error:
        return sha256(str(error).encode()).hexdigest()
    for file in files:
        name = b"" if file == place else os.fsencode(file.relative_to(place))
        try:
            content = _content(file)
        except AttemptFilesError as error:
            content = str(error).encode()
        digest.update(len(name).to_bytes(8, "little") + name + len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """Return the plain files at any depth, following no links; raises AttemptFilesError for too deep folders or too many files."""
    found: list[Path] = []
    left, entries = [(folder, 0)], 0
    while left:
        base, depth = left.pop()
        if depth > MOST_DEPTH:
            raise AttemptFilesError(f"it has folders within folders, more than {MOST_DEPTH} deep")
        try:
            with os.scandir(base) as names:
                for entry in names:
                    entries += 1
                    if entry.is_file(follow_symlinks=False):
                        found.append(Path(entry.path))
                    elif entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
                        left.append((Path(entry.path), depth + 1))
                    if len(found) > MOST_FILES or entries > _MOST_ENTRIES:
                        what = f"{MOST_FILES} files" if len(found) > MOST_FILES else f"{_MOST_ENTRIES} names"
                        raise AttemptFilesError(f"it has more than {what}")
        except OSError as error:
            raise AttemptFilesError(f"its {shown(base.name)[:_MOST_SHOWN]} cannot be read: {error.strerror}") from None
    return sorted(found, key=os.fsencode)


def _content(file: Path) -> bytes:
    """Return the bytes of a plain file; raises AttemptFilesError for a link, for no plain file, and for one that is too large."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise AttemptFilesError(f"{shown(file.name)} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as opened:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise AttemptFilesError(f"{shown(file.name)} is no plain file")
        content = opened.read(min(about.st_size, MOST_BYTES) + 1)      # allocates no 8 MiB for a small file
    if len(content) > MOST_BYTES:
        raise AttemptFilesError(f"{shown(file.name)} is larger than {MOST_BYTES} bytes")
    return content


def _folder_content(folder: Path) -> dict[str, bytes]:
    found, room = dict[str, bytes](), MOST_BYTES
    for file in _files(folder):
        content = _content(file)
        room -= len(content)
        if room < 0:
            raise AttemptFilesError(f"its files are larger than {MOST_BYTES} bytes together")
        found[str(file.relative_to(folder))] = content
    return found


def _extract(archive: bytes, into: Path) -> None:
    """Write the archive's files into the folder; raises AttemptFilesError for names outside it, links and oversized content."""
    try:      # decompressors raise errors of any kind
        with zipfile.ZipFile(BytesIO(archive)) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(opened.infolist()) > _MOST_ENTRIES:
                raise AttemptFilesError(f"the archive has more than {_MOST_ENTRIES} names")
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise AttemptFilesError(f"the archive holds more than {MOST_FILES} files or {MOST_BYTES} bytes")
            names = [member.filename for member in members]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise AttemptFilesError(f"the archive has {shown(twice)} twice")
            for member in members:
                if member.flag_bits & _ENCRYPTED:
                    raise AttemptFilesError("the archive is encrypted; expected one without a password")
                path = PurePosixPath(member.filename.replace("\\", "/"))
                if len(path.parts) > MOST_DEPTH + 1:
                    raise AttemptFilesError(f"the archive has folders within folders, more than {MOST_DEPTH} deep")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):      # other methods can compress far more
                    raise AttemptFilesError("the archive cannot be read: it is compressed by another method than deflate, which zip uses")
                if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16) or ":" in member.filename:
                    raise AttemptFilesError(f"the archive has {shown(member.filename)!r}, which leads out of it")
                with opened.open(member) as source:
                    if _write(into, str(path), source) > MOST_BYTES:
                        raise AttemptFilesError("the archive holds more than it says")
    except AttemptFilesError:
        raise
    except Exception as error:
        raise AttemptFilesError(f"the archive cannot be read: {printable(str(error))[:_MOST_SHOWN] or type(error).__name__}") from None


def _write(into: Path, name: str, source: IO[bytes]) -> int:
    """Write a new file of that name in the folder and return its size in bytes; raises AttemptFilesError if it cannot be created."""
    target = into / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = open(target, "xb")  # noqa: SIM115 - errors of copying are not caught here
    except OSError as error:
        raise AttemptFilesError(f"its {shown(name)[:_MOST_SHOWN]} cannot be written: {error.strerror}") from None
    with copy:
        shutil.copyfileobj(source, copy)
        return copy.tell()


def _main(folder: Path) -> Path:
    """Return the file to check: the only Python file or the one with a usual name, or the only notebook where there is none.

    They may be inside a folder that is the only entry.
    """
    while not (files := _with_ending(folder, ".py") or _with_ending(folder, ".ipynb")):
        inner = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name != "__MACOSX"]
        if len(inner) != 1:
            raise AttemptFilesError("it has no Python file")
        folder = inner[0]
    usual = files if len(files) == 1 else [folder / name for name in MAIN if folder / name in files]
    if not usual:
        raise AttemptFilesError(f"it has {len(files)} Python files; expected one, or one of {', '.join(MAIN)}")
    return usual[0]


def _with_ending(folder: Path, ending: str) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ending and entry.is_file())

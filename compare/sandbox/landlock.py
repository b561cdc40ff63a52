"""Irreversibly restrict this process with Landlock: its access to files, its capabilities, and its life to that of its parent.

Linux 5.13 and newer, landlock(7). What a newer kernel adds is used where it is available; the filter on system calls refuses the same on
every kernel, so no protection depends on the newer kernel alone.
"""

import ctypes
import os
import signal
import stat
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446      # system calls, the same on every architecture
_VERSION, _BENEATH = 1, 1
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8, 1 << 14
_FILES = ((1, (1 << 13) - 1), (2, 1 << 13), (3, _TRUNCATE), (5, 1 << 15))      # the rights that each ABI added; (2) to refer, (5) to ioctl
_NETWORK = ((4, 0b11),)      # to bind and to connect TCP
_SCOPES = ((6, 0b11),)      # abstract Unix sockets and signals
_OF_A_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 1, 38, 47, 4
_CAPABILITIES = 0x20080522      # the version of the call that sets them
_LIBC = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the kernel's version of Landlock, or 0 if it has none or it is disabled."""
    return max(0, int(_LIBC.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def restrict(readable: Iterable[str], writable: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Let this process read only `readable` and what is beneath it, write only `writable`, and list only the names in `folders`.

    It can execute no program, and create only plain files in a writable folder. Raises OSError where the kernel has no Landlock.
    """
    version = abi()
    if not version:
        raise OSError("this kernel has no landlock, or it is off")
    files, network, scopes = (sum(rights for since, rights in each if since <= version) for each in (_FILES, _NETWORK, _SCOPES))
    rules = _call(_CREATE, struct.pack("QQQ", files, network, scopes), 24, 0)
    for places, rights in (
        (readable, _READ_FILE | _READ_DIR),
        (writable, _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _MAKE_REG | _REMOVE_FILE),
        (folders, _READ_DIR),
    ):
        for place in places:
            _allow(rules, place, rights & files)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _call(_RESTRICT, rules, 0)
    os.close(rules)


def drop_capabilities() -> None:
    """Give up root's privileges, such as raising its own limits."""
    header, none = struct.pack("Ii", _CAPABILITIES, 0), bytes(24)
    if _LIBC.capset(header, none):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be dropped")
    _prctl(_PR_CAP_AMBIENT, _CLEAR_ALL)


def die_with(parent: int) -> None:
    """End this process when the parent ends, even if the parent is killed."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _allow(rules: int, place: str, rights: int) -> None:
    descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_A_FILE
        _call(_ADD, rules, _BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *words: int | bytes) -> int:
    arguments = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_ulong(word) for word in words]
    found = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return found


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))):
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")

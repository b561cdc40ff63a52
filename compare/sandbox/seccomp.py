"""Irreversibly filter this process's system calls: no new processes, sockets, namespaces or mounts, and no access to other processes.

Linux, seccomp(2). A refused call fails with EPERM, as if the user lacked the permission, or with ENOSYS, as if the kernel did not know it.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from .syscalls import JUDGED, LATEST, LATEST_ALLOWED, MACHINES, REFUSED

_X32 = 0x40000000
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06      # the instructions of a BPF program
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH, _ARGUMENTS = 0, 4, 16      # offsets in struct seccomp_data
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_CLONE_THREAD = 0x00010000
_OWN_FILES = (0, 1, 2, 3, 4, 1030, 1032)      # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ
_O_ACCMODE, _O_TRUNC = 0o3, 0o1000
_QUESTIONS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)      # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX

Code = list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class _Rule:
    """A system call judged by one argument: with `passes` only these values of the masked argument pass, otherwise all but these."""

    name: str
    argument: int
    values: tuple[int, ...]
    passes: bool
    mask: int = 0xFFFFFFFF
    error: int = errno.EPERM


def _rules(pid: int, threads: bool) -> list[_Rule]:
    without_right = (_O_ACCMODE, _O_TRUNC, _O_TRUNC | _O_ACCMODE)      # no truncation of what is opened for reading, or for neither
    return [
        _Rule("kill", 0, (pid,), passes=True),
        _Rule("tgkill", 0, (pid,), passes=True),
        _Rule("prlimit64", 0, (0, pid), passes=True),
        _Rule("prctl", 0, (_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE), passes=False),
        _Rule("open", 1, without_right, passes=False, mask=_O_ACCMODE | _O_TRUNC),
        _Rule("openat", 2, without_right, passes=False, mask=_O_ACCMODE | _O_TRUNC),
        _Rule("fcntl", 1, _OWN_FILES, passes=True),      # no lease, lock, signal or larger pipe, since other processes open the same files
        _Rule("ioctl", 1, _QUESTIONS, passes=True, error=errno.ENOTTY),
        _Rule("clone", 0, (_CLONE_THREAD,) if threads else (), passes=True, mask=_CLONE_THREAD),
    ]


def program(machine: str, pid: int, threads: bool) -> bytes:
    """Return the BPF filter for that architecture and process id; raises KeyError for an unknown architecture."""
    column, arch = MACHINES[machine]
    denied, unknown = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS
    code: Code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NR)]
    code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, denied)]
    for number in LATEST_ALLOWED.values():
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    code += [(_AT_LEAST, 0, 1, LATEST), (_RETURN, 0, 0, unknown)]      # clone3 too, whose flags no filter sees: libc then calls clone
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            code += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, denied)]
    for rule in _rules(pid, threads):
        number = JUDGED[rule.name][column]
        if number >= 0:
            body = _judged(rule)
            code += [(_EQUAL, 0, len(body), number), *body]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def apply(threads: bool) -> None:
    """Apply the filter to this process, irreversibly; raises OSError where the kernel or the architecture is not supported."""
    try:
        filter = program(platform.machine(), os.getpid(), threads)
    except KeyError:
        raise OSError(errno.ENOSYS, f"no filter is known for {platform.machine()}; expected {' or '.join(MACHINES)}") from None
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(filter, len(filter))
    fprog = struct.pack("@HP", len(filter) // 8, ctypes.addressof(buffer))
    for words in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, fprog, 0, 0)):
        if libc.prctl(*(ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_ulong(word) for word in words)):
            raise OSError(ctypes.get_errno(), "the system calls cannot be filtered")


def _judged(rule: _Rule) -> Code:
    """Return the instructions for a rule; they look at the low half of the argument, all that the kernel reads of an int or of flags."""
    listed, others = (_ALLOW, _FAIL | rule.error) if rule.passes else (_FAIL | rule.error, _ALLOW)
    code: Code = [(_LOAD, 0, 0, _ARGUMENTS + 8 * rule.argument), (_AND, 0, 0, rule.mask)]
    for value in rule.values:
        code += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, listed)]
    return [*code, (_RETURN, 0, 0, others)]

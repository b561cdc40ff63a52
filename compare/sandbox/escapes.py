"""Try to escape from the confinement, before any attempt is let in: print, as JSON, which protections held, then fill its own folder.

    escapes.py SECRET PORT PARENT REFERENCE

SECRET is a file outside, PORT a local port that listens, PARENT the process that started this one, REFERENCE a file of the reference, which
no attempt may read.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SECRET, PORT, PARENT, REFERENCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG, _PTRACE_SEIZE, _NEW_USER, _NEW_MOUNTS = 1, 2, 0x4206, 0x10000000, 0x00020000
_MACHINE = os.uname().machine
# System calls by their numbers: bpf, perf_event_open, userfaultfd, keyctl; then memfd_create, shmget, mq_open.
_KERNEL = {"x86_64": (321, 298, 323, 250), "aarch64": (280, 241, 282, 219)}.get(_MACHINE, ())
_SHARED = {"x86_64": (319, 29, 240), "aarch64": (279, 194, 180)}.get(_MACHINE, ())
_IO_URING = 425
_SETPIPE, _SETLEASE, _NOTIFY, _SETSIG, _OFD_SETLK = 1031, 1024, 1026, 10, 37      # commands of fcntl
_READ_LOCK = struct.pack("hhqqi", fcntl.F_RDLCK, 0, 0, 0, 0)      # of the whole file


def _any(*ways: Callable[[], object]) -> Callable[[], bool]:
    """A function that tells whether one of the ways succeeds: it raises no error and returns None or something true."""

    def succeeds() -> bool:
        for way in ways:
            with suppress(OSError, MemoryError, ImportError, AttributeError, ValueError):
                result = way()
                if result is None or result:
                    return True
        return False

    return succeeds


def _known(number: int) -> Callable[[], bool]:
    """A function that tells whether the kernel examines the arguments of this system call, all of them invalid, or refuses the call."""

    def known() -> bool:
        answer = _LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 5)
        return bool(answer >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS))

    return known


def _connects_without_python() -> bool:
    """Connect without Python's socket objects."""
    address = b"\x02\x00" + PORT.to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
    own = _LIBC.socket(2, 1, 0)
    return bool(own >= 0 and _LIBC.connect(own, address, len(address)) == 0)


def _writes() -> bool:
    for place in (os.path.dirname(SECRET), "/usr", "/", "/attempt", os.path.dirname(__file__), "/var/tmp", "/dev/shm/.."):
        with suppress(OSError), open(place + "/escaped", "w"):
            return True
    return False


def _forks() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _executes() -> bool:
    try:
        os.execv("/nothing", ["nothing"])
    except OSError as error:
        return error.errno != errno.EPERM


def _reads_memory() -> bool:
    here = ctypes.create_string_buffer(8)
    own, other = ((ctypes.c_size_t * 2)(ctypes.addressof(here), 8) for _ in range(2))
    return _LIBC.process_vm_readv(PARENT, own, 1, other, 1, 0) > 0 or ctypes.get_errno() == errno.EFAULT


def _outlives() -> bool:
    found = ctypes.c_int()
    _LIBC.prctl(_PR_GET_PDEATHSIG, ctypes.byref(found))
    is_bound = os.getppid() != PARENT or found.value == 9      # else it is the child of one that is
    return not is_bound or _LIBC.prctl(_PR_SET_PDEATHSIG, found.value) == 0


def _has_capabilities() -> bool:
    found = (ctypes.c_uint32 * 6)()
    _LIBC.capget((ctypes.c_uint32 * 2)(0x20080522, 0), found)
    return any(found)


def _raises_limits() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard + 1 if hard >= 0 else hard))


def _fills(folder: str) -> None:
    for n in range(4):
        with open(f"{folder}/fill{n}", "wb") as file:
            for _ in range(32):
                file.write(bytes(1 << 20))
    time.sleep(1)      # for the watcher outside, which looks at the folder from time to time


def _preallocates() -> None:
    with open(os.environ["HOME"] + "/ahead", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)


def _with(place: str, do: Callable[[int], object]) -> Callable[[], None]:
    """A way that does something to the file or folder at that place, which other processes read too."""

    def done() -> None:
        descriptor = os.open(place, os.O_RDONLY)
        try:
            do(descriptor)
        finally:
            os.close(descriptor)

    return done


_ESCAPES: dict[str, Callable[[], bool]] = {
    "no network": _any(lambda: socket.create_connection(("127.0.0.1", PORT), 2).close(), _connects_without_python),
    "no socket": _any(socket.socket, lambda: socket.socket(socket.AF_UNIX), socket.socketpair),
    "no file from outside is read": _any(lambda: Path(SECRET).read_bytes(), lambda: os.listdir(os.path.dirname(SECRET))),
    "nothing is written outside": _writes,
    "nothing outside is changed": _any(
        lambda: os.chmod(SECRET, 0o600),
        lambda: os.utime(SECRET),
        lambda: os.truncate(SECRET, 0),
        lambda: os.close(os.open(__file__, os.O_RDONLY | os.O_TRUNC)),
        lambda: os.rename(SECRET, SECRET + "2"),
    ),
    "no file is leased or locked": _any(
        _with(os.__file__, lambda file: fcntl.fcntl(file, _SETLEASE, fcntl.F_RDLCK)),
        _with(__file__, lambda file: fcntl.fcntl(file, _SETLEASE, fcntl.F_RDLCK)),
        _with(os.__file__, lambda file: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)),
        _with(os.__file__, lambda file: fcntl.fcntl(file, fcntl.F_SETLK, _READ_LOCK)),
        _with(os.__file__, lambda file: fcntl.fcntl(file, _OFD_SETLK, _READ_LOCK)),
        _with(os.path.dirname(os.__file__), lambda folder: fcntl.fcntl(folder, _NOTIFY, 1)),
        _with(os.__file__, lambda file: fcntl.fcntl(file, _SETSIG, 9)),
    ),
    "no space is taken ahead": _any(_preallocates, lambda: fcntl.fcntl(os.pipe()[0], _SETPIPE, 1 << 20)),
    "/dev/shm is bounded": _any(lambda: _fills("/dev/shm")),
    "memory is bounded": _any(lambda: bytearray(16 << 30)),
    "no memory beside its own": _any(*map(_known, _SHARED)),
    "CPU time is bounded": _any(lambda: resource.getrlimit(resource.RLIMIT_CPU)[1] == resource.RLIM_INFINITY),
    "limits cannot be raised": _any(_raises_limits),
    "no new process": _any(_forks),
    "no program is started": _any(_executes),
    "no process outside is reached": _any(
        lambda: os.kill(PARENT, 0),
        lambda: resource.prlimit(PARENT, resource.RLIMIT_CPU),
        lambda: os.setpriority(os.PRIO_PROCESS, PARENT, 1),
    ),
    "no process outside is looked into": _any(
        _reads_memory, lambda: _LIBC.ptrace(_PTRACE_SEIZE, PARENT, 0, 0) == 0, lambda: Path(f"/proc/{PARENT}/environ").read_bytes()
    ),
    "no other process is seen": _any(lambda: len([name for name in os.listdir("/proc") if name.isdigit()]) > 3),
    "it cannot outlive who started it": _outlives,
    "no privileges": _has_capabilities,
    "no new namespace": _any(lambda: _LIBC.unshare(_NEW_USER) == 0, lambda: _LIBC.unshare(_NEW_MOUNTS) == 0),
    "no way into the kernel": _any(*map(_known, (*_KERNEL, _IO_URING))),
    "the reference is not there": _any(lambda: __import__("torch"), lambda: Path(REFERENCE).read_bytes()),
}

if __name__ == "__main__":
    print(json.dumps({name: not escape() for name, escape in _ESCAPES.items()}), flush=True)
    print(json.dumps({"its folder is bounded": not _any(lambda: _fills(os.environ["HOME"]))()}), flush=True)

"""A filter on this process's own system calls, for good: no new processes, sockets, namespaces, mounts, and no looking into others.

Linux, seccomp(2). Threads can still be started; what is refused fails with EPERM, as if it were not permitted to the user.
"""

import ctypes
import errno
import platform
import struct

_NUMBERS = {      # of the system calls that are refused, and of clone; from the kernel's tables for each architecture
    "x86_64": (0xC000003E, 56, (41, 57, 58, 101, 155, 161, 165, 166, 248, 249, 250, 272, 298, 308, 310, 311, 312, 321, 323, 425, 438)),
    "aarch64": (0xC00000B7, 220, (39, 40, 41, 51, 97, 117, 198, 217, 218, 219, 241, 268, 270, 271, 272, 280, 282, 425, 438)),
}
_CLONE3, _CLONE_THREAD, _X32 = 435, 0x00010000, 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06      # the instructions of a BPF program
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH, _ARGUMENT = 0, 4, 16      # where they lie in what a filter is shown
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


def program(machine: str) -> bytes:
    """The filter for that architecture; raises KeyError for one that is not known."""
    arch, clone, refused = _NUMBERS[machine]
    denied, unknown = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NR)]
    code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, denied)]
    code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, unknown)]      # whose flags cannot be seen; the C library then uses clone
    for number in refused:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, denied)]
    code += [(_EQUAL, 0, 4, clone), (_LOAD, 0, 0, _ARGUMENT), (_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW)]
    code += [(_RETURN, 0, 0, denied), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def apply() -> None:
    """Hold this process to the filter, and whatever it becomes; raises OSError where the kernel has none of it."""
    try:
        filter = program(platform.machine())
    except KeyError:
        raise OSError(errno.ENOSYS, f"no filter is known for {platform.machine()}") from None
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(filter, len(filter))
    fprog = struct.pack("@HP", len(filter) // 8, ctypes.addressof(buffer))
    for words in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, fprog, 0, 0)):
        if libc.prctl(*(ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_ulong(word) for word in words)):
            raise OSError(ctypes.get_errno(), "the system calls cannot be filtered")

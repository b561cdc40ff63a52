"""The limits on an attempt's process: memory, disk, time, processes, files and output."""

import resource
from dataclasses import dataclass

START = 60.0      # seconds until a process is ready; more than the 45 s for which the kernel lets a file lease block others
ALTOGETHER = 20      # the seconds for all answers, as a multiple of those for one


@dataclass(frozen=True)
class Limits:
    """Limits for an attempt's process: bytes of memory, disk and output, seconds of CPU and of each answer, processes and open files.

    `start` is the seconds until it is ready, before anything of the attempt runs; `diagnosis` the CPU seconds of our own search for its
    mistakes.
    """

    memory: int = 2 << 30
    disk: int = 64 << 20
    cpu: int = 60
    answer: float = 20.0
    processes: int = 16
    files: int = 64
    output: int = 64 << 20
    start: float = START
    diagnosis: float = 120.0

    @property
    def altogether(self) -> float:
        """Seconds for all its answers."""
        return ALTOGETHER * self.answer

    @property
    def longest(self) -> float:
        """Seconds for the whole check of an attempt, even on a busy machine; a check that takes longer hangs."""
        return self.start + self.altogether + 5 * self.diagnosis

    def apply(self) -> None:
        """Apply the limits to this process and the programs it executes."""
        for what, most in (
            (resource.RLIMIT_AS, self.memory),
            (resource.RLIMIT_CPU, self.cpu),
            (resource.RLIMIT_FSIZE, self.disk),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, self.files),
        ):
            resource.setrlimit(what, (most, most))

"""A process that builds competitors and runs them on request: `python -m benchmarks.worker TITLE ROW…`.

It first writes a JSON object with the faults of its rows. Then it reads one JSON object a line and answers each with one: a round's
value, or whether it wrote the weights to a file. It ends when its standard input does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from benchmarks.work import Competitor, Row, Work

ROOT = Path(__file__).parent.parent
INSTALL = "pip install -e .[bench]"
EXTRA = ("autograd", "jax", "jaxlib", "numba", "sklearn")      # the modules that it installs


class WorkerError(Exception):
    """A worker that failed, or whose process ended."""


class Worker:
    """The parent's end of a process started for some rows of a work. `faults` gives the reason for each row that could not be built."""

    def __init__(self, work: Work, names: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", work.title, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment(work.threads),
        )
        try:
            self.faults: dict[str, str] = self._answer()["faults"]
        except WorkerError as error:
            self.faults = dict.fromkeys(names, str(error))

    def value(self, name: str) -> float:
        """Return one round's value of that row, in its unit."""
        return float(self._ask({"do": "value", "row": name})["value"])

    def train(self, name: str, steps: int, path: str) -> bool:
        """Train `steps` steps and write how far the weights moved; return False for a row that trains no weights."""
        return bool(self._ask({"do": "train", "row": name, "steps": steps, "path": path})["written"])

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerError("failed: its process has ended") from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError("failed: its process has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer


def environment(threads: int) -> dict[str, str]:
    """Return a worker's environment variables, which BLAS, OpenMP and XLA read as they are loaded."""
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    one_thread = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"} if threads == 1 else {}
    return {
        **os.environ,
        **dict.fromkeys(variables, str(threads)),
        **one_thread,
        "JAX_PLATFORMS": "cpu",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",      # compile in this process, not in ones that outlive it
    }


def serve(work: Work, names: Sequence[str], questions: TextIO, answers: TextIO) -> None:
    """Build the rows, then answer questions until there are no more: the worker's end."""

    def answer(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    competitors: dict[str, Competitor] = {}
    faults: dict[str, str] = {}
    for name in names:
        try:
            competitors[name] = work.row(name).make()
        except Exception as error:
            faults[name] = fault(error)
    answer(faults=faults)
    for line in questions:
        question = json.loads(line)
        name = question["row"]
        try:
            if question["do"] == "value":
                answer(value=_value(work.row(name), competitors[name]))
            else:
                answer(written=_trained(competitors[name], question["steps"], question["path"]))
        except Exception as error:
            answer(error=fault(error))


def fault(error: Exception) -> str:
    """Return, in one line, why a row cannot be measured."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None and error.name.split(".")[0] in EXTRA:
        return f"not installed: {INSTALL}"
    lines = str(error).strip().splitlines()
    return f"failed: {type(error).__name__}" + (f": {lines[0]}" if lines else "")


def _value(row: Row, competitor: Competitor) -> float:
    from benchmarks.timing import seconds

    if competitor.read is not None:
        return competitor.read()
    competitor.reset()
    return row.scale * seconds(lambda: competitor.run(row.steps))


def _trained(competitor: Competitor, steps: int, path: str) -> bool:
    from benchmarks.agreement import Movement, copied, save

    if competitor.weights is None:
        return False
    competitor.reset()
    start = copied(competitor.weights())
    competitor.run(steps)
    save(Movement.between(start, copied(competitor.weights())), path)
    return True


def main(arguments: Sequence[str]) -> None:
    """Serve on the process's own streams; redirect what libraries print to standard error."""
    from benchmarks.works import WORKS

    title, *names = arguments
    work = next(work for work in WORKS if work.title == title)
    if work.threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        serve(work, names, sys.stdin, answers)


if __name__ == "__main__":
    main(sys.argv[1:])

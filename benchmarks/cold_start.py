"""W6: whole processes, from start to exit."""

import compileall
import subprocess
import sys
from functools import cache, partial

from benchmarks.timing import Bar
from benchmarks.work import Competitor, Row, Work
from benchmarks.worker import ROOT

NOTHING = "python -c pass"
HELP = "python -m compare --help"
LESSON = "python -m compare"
BOTH_SIDES = "python -m benchmarks.both_sides (imports torch and pandas, trains both sides)"
PACKAGES = ("manual", "torch_ref", "compare", "data")


@cache
def compiled() -> None:
    """Write the packages' bytecode, as installing them does."""
    for package in PACKAGES:
        compileall.compile_dir(ROOT / package, quiet=1)


def process(*arguments: str) -> Competitor:
    """Return a competitor that runs Python with these arguments."""
    compiled()

    def run(steps: int) -> None:
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    return Competitor(run)


WORKS = (
    Work(
        key="W6",
        title="a Python that helps; one thread",
        threads=1,
        rounds=31,
        rows=(
            Row(NOTHING, partial(process, "-c", "pass")),
            Row(HELP, partial(process, "-m", "compare", "--help")),
        ),
        bars=(Bar(HELP, NOTHING, at_most=2.5),),
    ),
    Work(
        key="W6",
        title="a Python that trains the lesson on both sides; one thread",
        threads=1,
        rounds=7,
        rows=(
            Row(BOTH_SIDES, partial(process, "-m", "benchmarks.both_sides")),
            Row(LESSON, partial(process, "-m", "compare")),
        ),
        bars=(Bar(LESSON, BOTH_SIDES, at_most=1.15),),
    ),
)

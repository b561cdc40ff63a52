"""`python -m benchmarks`: measure and print the tables and bars; exit code 0 if all bars are met, else 1, and 2 for bad usage."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks import growth
from benchmarks.environment import environment
from benchmarks.measure import Measurement, measured, say
from benchmarks.report import as_object, as_text
from benchmarks.work import Work
from benchmarks.works import KEYS, WORKS

BUILD = Path(__file__).parent.parent / "build"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks with these arguments, or the command line's, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Time both backends, and what comparing them costs, against what they could take."
    )
    parser.add_argument("--only", type=_works, default=WORKS, metavar="W1,W4", help=f"some works of {', '.join(KEYS)} (default: all)")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="rounds after the warm-up round (default: each work's own number)")
    parser.add_argument("--json", type=Path, default=BUILD / "benchmarks.json", metavar="FILE", help="default: build/benchmarks.json")
    parser.add_argument("--out", type=Path, default=BUILD / "benchmarks.txt", metavar="FILE", help="default: build/benchmarks.txt")
    options = parser.parse_args(argv)

    machine = environment()
    measurements: list[Measurement] = []
    for work in options.only:
        start = perf_counter()
        measurements.append(measured(work, options.rounds))
        say(f"{work.key}  {work.title}: {perf_counter() - start:.0f} s")
        result = as_object(machine, measurements)      # written after each work, so that little is lost if the machine stops
        text = as_text(result)
        _write(options.json, json.dumps(result, indent=2, ensure_ascii=False))
        _write(options.out, text)
    print(text)
    if growth.picture(result, options.out.with_suffix(".svg")):
        print(f"how the cost grows: {options.out.with_suffix('.svg')}")
    return 0 if result["all_met"] else 1


def _works(text: str) -> tuple[Work, ...]:
    keys = text.split(",")
    unknown = [key for key in keys if key not in KEYS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown work {', '.join(map(repr, unknown))}; expected some of {', '.join(KEYS)}")
    return tuple(work for work in WORKS if work.key in keys)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"rounds are {number}; expected at least 1")
    return number


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

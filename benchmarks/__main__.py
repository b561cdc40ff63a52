"""`python -m benchmarks`: time the lesson, print the medians and their ratios; exit code 0 if all bars are met, else 1."""

import argparse
import json
import os
import sys
from pathlib import Path

# BLAS reads these when it is loaded, so that NumPy and torch are imported after they are set.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def main() -> int:
    """Run the benchmark with the command line's options; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time the lesson, pinned to one thread.")
    parser.add_argument("--rounds", type=_positive, default=15, metavar="N", help="rounds after the warm-up round (default: 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements to FILE too")
    options = parser.parse_args()

    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    import torch

    torch.set_num_threads(1)
    from benchmarks.lesson import RATIOS, competitors, description
    from benchmarks.report import as_object, as_text
    from benchmarks.timing import interleaved
    from compare.lesson import lesson_problem

    problem = lesson_problem()
    result = as_object(description(problem), interleaved(competitors(problem), options.rounds), RATIOS)
    print(as_text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(ratio["met"] is not False for ratio in result["ratios"]) else 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"rounds are {number}; expected at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())

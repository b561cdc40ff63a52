"""The lesson's loop over records in C, compiled for this machine: how fast the machine can be. Its exp may be off by up to 4 ulp."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import Competitor
from compare.problem.problem import Problem

SOURCE = Path(__file__).with_suffix(".c")
FAST = ("-O3", "-march=native", "-ffast-math")      # the last takes exp of several numbers at once,
LIBRARY = ("-shared", "-fPIC", "-nostartfiles")      # but its start file would set subnormal numbers to 0 in the whole process

Array = NDArray[np.floating[Any]]


def c_loop(problem: Problem) -> Competitor:
    """Return the loop on the problem's records, which it takes as columns; they are copied so before anything is timed."""
    n_in, n_hidden, _ = problem.sizes
    train = compiled(n_in, n_hidden)
    x, y = problem.batch(1)
    columns, targets = x.T.copy(), y[:, 0].copy()
    weights: dict[str, Array] = {}

    def run(steps: int) -> object:
        losses = np.empty(steps)
        train(*map(pointer, (columns, targets, *weights.values())), len(x), problem.lr, steps, pointer(losses))
        return losses

    return Competitor(
        run=run,
        reset=lambda: weights.update({name: array.copy() for name, array in problem.initial_parameters.items()}),
        weights=lambda: weights,
    )


def compiled(n_in: int, n_hidden: int) -> Any:
    """Return the C function for networks of these sizes. Raises FileNotFoundError if there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("there is no C compiler `cc`")
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/c_loop.so"
        sizes = f"-DINPUTS={n_in}", f"-DHIDDEN={n_hidden}"
        subprocess.run([compiler, *FAST, *LIBRARY, *sizes, SOURCE, "-o", library, "-lm"], check=True)
        train = ctypes.CDLL(library).train
    array = ctypes.POINTER(ctypes.c_double)
    train.argtypes = [array] * 4 + [ctypes.c_long, ctypes.c_double, ctypes.c_long, array]
    train.restype = None
    return train


def pointer(array: Array) -> Any:
    """Return the array's data as C takes it."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))

"""What was measured, as an object for JSON and as text."""

import os
import platform
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Ratio, Times


def as_object(work: str, times: Times, ratios: Sequence[Ratio]) -> dict[str, Any]:
    """The medians with the rounds' times they come from, in milliseconds, the ratios, and the machine, as dicts and lists."""
    return {
        "work": work,
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "rounds": min(map(len, times.values())),
        "median_ms": {name: 1e3 * median(seconds) for name, seconds in times.items()},
        "rounds_ms": {name: [1e3 * value for value in seconds] for name, seconds in times.items()},
        "ratios": [
            {"name": ratio.name, "value": ratio.value(times), "bar": ratio.bar, "met": ratio.met(times)} for ratio in ratios
        ],
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The object in lines to be read."""
    where = result["environment"]
    names = list(result["median_ms"])
    width = max(map(len, names))
    lines = [
        result["work"],
        f"python {where['python']}, numpy {where['numpy']}, torch {where['torch']}; {where['platform']}, {where['cpus']} CPUs; "
        f"BLAS and torch on {where['threads']} thread",
        f"{result['rounds']} rounds after a warm-up round, competitors by turns",
        "",
        f"{'':{width}}  {'median ms':>10}  {'least':>8}  {'most':>8}",
    ]
    for name in names:
        rounds = result["rounds_ms"][name]
        lines.append(f"{name:{width}}  {result['median_ms'][name]:10.1f}  {min(rounds):8.1f}  {max(rounds):8.1f}")
    lines += ["", "RATIOS, each the median of the rounds' own"]
    for ratio in result["ratios"]:
        bar = "" if ratio["bar"] is None else f"   (at most {ratio['bar']}: {'met' if ratio['met'] else 'missed'})"
        lines.append(f"{ratio['value']:8.3f}  {ratio['name']}{bar}")
    return "\n".join(lines)

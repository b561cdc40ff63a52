"""The benchmark's arithmetic, on made-up values: ratios, bars, agreement; no clock is read."""

from collections.abc import Mapping

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.__main__ import main
from benchmarks.measure import Measurement
from benchmarks.report import as_object, as_text
from benchmarks.timing import Bar
from benchmarks.work import Row, Work
from benchmarks.works import KEYS, WORKS

VALUES = {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 6.0, 8.0]}


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    assert Bar("theirs", "ours").value(VALUES) == 3.0
    assert Bar("ours").value(VALUES) == 2.0
    assert Bar("ours", "nobody").value(VALUES) is None


@pytest.mark.parametrize(
    ("bar", "verdict"),
    [
        (Bar("theirs", "ours", at_least=3), "met"),
        (Bar("theirs", "ours", at_least=3.1), "missed"),
        (Bar("theirs", "ours", at_most=3), "met"),
        (Bar("theirs", "ours", at_most=2.9), "missed"),
        (Bar("nobody", "ours", at_most=2.9), "not measured"),
        (Bar("theirs", "ours"), "no bar"),
    ],
)
def test_a_bar_is_met_missed_or_not_measured(bar: Bar, verdict: str) -> None:
    assert bar.verdict(VALUES) == verdict


def measurement(values: Mapping[str, list[float]], faults: Mapping[str, str]) -> Measurement:
    rows = tuple(Row(name, lambda: None) for name in ("ours", "theirs"))  # type: ignore[arg-type, return-value]
    work = Work("W9", "made up", 1, 3, rows, (Bar("theirs", "ours", at_least=2),))
    return Measurement(work, dict(values), dict(faults))


def test_the_table_and_its_object_say_what_was_measured_and_what_was_not() -> None:
    environment = {
        "packages": {"numpy": "2", "jax": None},
        "load_before": 0.1,
        "cpu": "c",
        "cpus": 2,
        "platform": "p",
        "python": "3",
        "numpy_blas": "b",
        "threads": "t",
    }
    good = as_object(environment, [measurement(VALUES, {})])
    assert good["all_met"]
    assert "1 met, 0 missed, 0 not measured: all bars are met" in as_text(good)
    lacking = as_object(environment, [measurement({"ours": [1.0]}, {"theirs": "not installed: pip install -e .[bench]"})])
    assert not lacking["all_met"]
    assert "not installed: pip install -e .[bench]" in as_text(lacking)
    assert "jax (not installed)" in as_text(lacking)


def movement(factor: float) -> agreement.Movement:
    start = {"w": np.array([1.0, 2.0])}
    return agreement.Movement.between(start, {"w": start["w"] + factor * np.array([1e-3, -1e-3])})


def test_a_competitor_that_trains_otherwise_is_not_timed() -> None:
    agreement.check(movement(1.0), movement(1.0), 1e-9, steps=1)
    for wrong in (1 + 1e-6, -1.0, 0.0):
        with pytest.raises(agreement.DisagreementError, match="moved otherwise"):
            agreement.check(movement(wrong), movement(1.0), 1e-9, steps=1)


def test_an_unknown_work_is_refused() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "W1,W99"])
    assert stopped.value.code == 2


def test_every_bar_is_about_rows_that_there_are() -> None:
    assert KEYS == ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10")
    for work in WORKS:
        names = {row.name for row in work.rows}
        assert {bar.of for bar in work.bars} | {bar.over for bar in work.bars if bar.over} <= names

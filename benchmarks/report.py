"""The result, as an object for JSON and as text."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.measure import Measurement
from benchmarks.work import Row


def as_object(environment: Mapping[str, object], measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return the rows with their rounds' values, the bars with their ratios, and the machine, as dicts and lists."""
    return {
        "environment": dict(environment),
        "works": [
            {
                "key": work.key,
                "title": work.title,
                "threads": work.threads,
                "rows": [_row(row, measurement) for row in work.rows],
                "bars": [
                    {"name": bar.name, "value": bar.value(values), "at_most": bar.at_most, "at_least": bar.at_least}
                    | {"verdict": bar.verdict(values)}
                    for bar in work.bars
                ],
            }
            for measurement in measurements
            for work, values in [(measurement.work, measurement.values)]
        ],
        "all_met": all(measurement.is_good for measurement in measurements),
    }


def as_text(result: Mapping[str, Any]) -> str:
    """Return the object as text: each work's table, then all bars."""
    lines = _environment_lines(result["environment"])
    for work in result["works"]:
        width = max(len(row["name"]) for row in work["rows"])
        lines += ["", f"{work['key']}  {work['title']}", f"{'':{width}}  {'median':>9}  {'least':>9}  {'most':>9}"]
        for row in work["rows"]:
            if row["fault"] is not None:
                lines.append(f"{row['name']:{width}}  {row['fault']}")
            else:
                numbers = "  ".join(f"{_number(row[key]):>9}" for key in ("median", "least", "most"))
                count = len(row["values"])
                lines.append(f"{row['name']:{width}}  {numbers}  {row['unit']}, {count} round{'' if count == 1 else 's'}")
    lines += ["", "BARS: ratios of times, each the median of the rounds' own"]
    for work in result["works"]:
        lines.append(f"{work['key']}  {work['title']}")
        for bar in work["bars"]:
            value = "-" if bar["value"] is None else _number(bar["value"])
            lines.append(f"    {value:>9}  {_limit(bar):14}  {bar['verdict']:12}  {bar['name']}")
    verdicts = [bar["verdict"] for work in result["works"] for bar in work["bars"]]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("met", "missed", "not measured"))
    return "\n".join([*lines, "", f"{counts}: {'all bars are met' if result['all_met'] else 'not all bars are met'}"])


def _row(row: Row, measurement: Measurement) -> dict[str, Any]:
    values = measurement.values.get(row.name, [])
    return {
        "name": row.name,
        "unit": row.unit,
        "median": median(values) if values else None,
        "least": min(values, default=None),
        "most": max(values, default=None),
        "values": values,
        "fault": None if values else measurement.faults.get(row.name, "not measured"),
    }


def _environment_lines(environment: Mapping[str, Any]) -> list[str]:
    packages = ", ".join(f"{name} {version or '(not installed)'}" for name, version in environment["packages"].items())
    load = "" if environment["load_before"] is None else f", load before {environment['load_before']:.1f}"
    return [
        f"{environment['cpu']}, {environment['cpus']} CPUs{load}; {environment['platform']}",
        f"Python {environment['python']}, {packages}; NumPy's BLAS: {environment['numpy_blas']}",
        str(environment["threads"]),
        "times by turns after a warm-up round, and after a check that all train to the same weights",
    ]


def _limit(bar: Mapping[str, Any]) -> str:
    if bar["at_most"] is not None:
        return f"at most {bar['at_most']:g}"
    return "" if bar["at_least"] is None else f"at least {bar['at_least']:g}"


def _number(value: float) -> str:
    """Format with four digits, more if there are more before the point."""
    digits = next((digits for digits, below in ((3, 10), (2, 100), (1, 1000)) if abs(value) < below), 0)
    return f"{value:.{digits}f}"

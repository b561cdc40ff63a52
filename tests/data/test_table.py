"""The reader of any CSV: what its columns become, the three kinds of target, and what is refused and how.

What is computed here to check it uses the standard library and NumPy, never pandas. Whatever is about the file and not about its
columns is refused as the admissions reader refuses it, word for word.
"""

import csv
import io
import statistics
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data
import data.admissions
import data.columns
import data.table
from data import LESSON_CSV, DataError, LabelsError, Table, load_admissions, load_table
from data.columns import read_columns
from data.faults import MOST, Faults
from data.reading import NUMBER
from data.spelling import meant
from data.table import MOST_TEXTS

Kind = Literal["regression", "binary", "classes"]
KINDS: tuple[Kind, ...] = ("regression", "binary", "classes")
MODES: tuple[Literal["all", "train"], ...] = ("all", "train")

HEADER = "size,city,age,sold"
COLUMNS = HEADER.split(",")
CITIES = ("Ulm", "Bonn", "Kiel")
RECORDS = [f"{40 + 7 * i}.5,{CITIES[i % 3]},{(i * i) % 17},{i % 2}" for i in range(20)]
NAMES = ("size", "city=Bonn", "city=Kiel", "city=Ulm", "age")


def csv_text(*records: str, header: str = HEADER) -> str:
    return "".join(f"{line}\n" for line in (header, *records))


def with_line(number: int, line: str) -> str:
    """The good file with its line `number`, the header's being 1, replaced."""
    lines = [HEADER, *RECORDS]
    lines[number - 1] = line
    return csv_text(*lines[1:], header=lines[0])


def with_cell(column: str, cell: str, *, number: int = 5) -> str:
    """The good file with one cell of line `number` replaced."""
    cells = RECORDS[number - 2].split(",")
    cells[COLUMNS.index(column)] = cell
    return with_line(number, ",".join(cells))


def with_column(column: str, values: list[str], *, header: str = HEADER) -> str:
    """The good file with a whole column replaced."""
    rows = [record.split(",") for record in RECORDS]
    for row, value in zip(rows, values, strict=True):
        row[COLUMNS.index(column)] = value
    return csv_text(*(",".join(row) for row in rows), header=header)


def repeated(*values: object) -> list[str]:
    """These values over and over, one for each of the good file's records."""
    return [str(values[i % len(values)]) for i in range(len(RECORDS))]


PLAIN = csv_text(*RECORDS)


def saved(tmp_path: Path, content: str | bytes, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(
    path: str | Path, target: str = "sold", *, kind: Kind = "binary", standardize: Literal["all", "train"] = "all"
) -> str:
    """What the one `DataError` says after the name of the file; its lines are printable, and the file's name is in front."""
    with pytest.raises(DataError) as caught:
        load_table(path, target, kind=kind, standardize=standardize)
    assert type(caught.value) in (DataError, LabelsError)
    message = str(caught.value)
    name = f"{str(path)!r}: "
    assert message.startswith(name)
    assert all(line.isprintable() for line in message.split("\n"))
    assert len(message) < len(name) + 700 * len(message.splitlines())
    return listed(message.removeprefix(name))


def listed(message: str) -> str:
    """The message as it is of one fault, or of several what is listed, a line each."""
    first, *lines = message.splitlines()
    if not lines:
        return message
    number = int(first.partition(" ")[0])
    assert first == f"{number} faults:" or (number > MOST and first == f"{number} faults, the first {MOST} of them:")
    assert sum(line.startswith("  line ") or line.startswith("  column ") for line in lines) == min(number, MOST)
    return "\n".join(line.removeprefix("  ") for line in lines)


def in_file_order(table: Table) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """All records' features and targets, training and test put together again."""
    return pd.concat([table.features, table.features_test]).sort_index(), pd.concat([table.targets, table.targets_test]).sort_index()


def assert_equal(actual: Table, expected: Table) -> None:
    pd.testing.assert_frame_equal(actual.features, expected.features, check_exact=True)
    pd.testing.assert_series_equal(actual.targets, expected.targets, check_exact=True)
    pd.testing.assert_frame_equal(actual.features_test, expected.features_test, check_exact=True)
    pd.testing.assert_series_equal(actual.targets_test, expected.targets_test, check_exact=True)
    assert (actual.names, actual.classes) == (expected.names, expected.classes)


def standard_scores(values: list[float], fitted_on: list[int]) -> list[float]:
    """By exact mean and sample deviation (ddof = 1) of the rows `fitted_on`."""
    fitted = [values[row] for row in fitted_on]
    mean, deviation = statistics.mean(fitted), statistics.stdev(fitted)
    return [(value - mean) / deviation for value in values]


# Features


def test_columns_are_the_files_own_in_its_order_with_one_for_each_text(tmp_path: Path) -> None:
    table = load_table(saved(tmp_path, PLAIN), "sold", kind="binary")
    assert table.names == NAMES
    for features in (table.features, table.features_test):
        assert tuple(features.columns) == NAMES
        assert all(dtype == np.float64 for dtype in features.dtypes)


@pytest.mark.parametrize("standardize", MODES)
def test_numbers_are_standardised_as_an_independent_computation_says(tmp_path: Path, standardize: Literal["all", "train"]) -> None:
    table = load_table(saved(tmp_path, PLAIN), "sold", kind="binary", standardize=standardize)
    fitted_on = list(range(20)) if standardize == "all" else list(table.features.index)
    features, _ = in_file_order(table)
    for name in ("size", "age"):
        values = [float(record.split(",")[COLUMNS.index(name)]) for record in RECORDS]
        np.testing.assert_allclose(features[name].to_numpy(), standard_scores(values, fitted_on), rtol=0, atol=1e-13)


@pytest.mark.parametrize("standardize", MODES)
def test_texts_are_0_and_1_whatever_is_standardised(tmp_path: Path, standardize: Literal["all", "train"]) -> None:
    features, _ = in_file_order(load_table(saved(tmp_path, PLAIN), "sold", kind="binary", standardize=standardize))
    for city in CITIES:
        assert list(features[f"city={city}"]) == [float(record.split(",")[1] == city) for record in RECORDS]


def test_standardize_changes_what_the_training_rows_average_to(tmp_path: Path) -> None:
    """The control of the two above."""
    path = saved(tmp_path, PLAIN)
    train, everything = (load_table(path, "sold", kind="binary", standardize=mode) for mode in ("train", "all"))
    assert abs(train.features["size"].mean()) < 1e-13
    assert abs(everything.features["size"].mean()) > 1e-4


@pytest.mark.parametrize("standardize", MODES)
def test_text_of_the_test_rows_alone_has_its_column_too(tmp_path: Path, standardize: Literal["all", "train"]) -> None:
    drawn = np.random.RandomState(21).choice(20, size=18, replace=False)
    path = saved(tmp_path, with_column("city", ["Ulm" if row in drawn else f"Rom{row}" for row in range(20)]))
    table = load_table(path, "sold", kind="binary", standardize=standardize)
    others = sorted(set(range(20)) - set(drawn))
    assert table.names == ("size", *sorted(f"city=Rom{row}" for row in others), "city=Ulm", "age")
    assert (table.features["city=Ulm"] == 1).all()
    for row in others:
        assert (table.features[f"city=Rom{row}"] == 0).all()
        assert list(table.features_test[f"city=Rom{row}"]) == [float(other == row) for other in others]


@pytest.mark.parametrize("target", COLUMNS)
def test_any_column_may_be_the_target_and_is_then_no_feature(tmp_path: Path, target: str) -> None:
    table = load_table(saved(tmp_path, PLAIN), target, kind="classes" if target in ("city", "sold") else "regression")
    assert table.targets.name == target
    kept = [name for name in COLUMNS if name != target]
    assert list(dict.fromkeys(name.split("=")[0] for name in table.names)) == kept


def test_most_texts_that_a_column_may_have_are_taken(tmp_path: Path) -> None:
    records = [f"{i},t{i % MOST_TEXTS:03},{i % 2}" for i in range(MOST_TEXTS * 2)]
    table = load_table(saved(tmp_path, csv_text(*records, header="x,t,y")), "y", kind="binary")
    assert len(table.names) == MOST_TEXTS + 1


def test_texts_are_told_apart_by_every_character_and_sorted_by_code_point(tmp_path: Path) -> None:
    texts = ["b", "B", "é", "e\u0301", "NA", "nan", "3.5 m", "1,5", "a  b", "a\nb", "=", ""]
    spelled = [f'"{text}"' for text in texts if text]
    table = load_table(saved(tmp_path, with_column("city", repeated(*spelled))), "sold", kind="binary")
    assert table.names[1:-1] == tuple(f"city={text}" for text in sorted(texts) if text)


# The split


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split_seed", [21, 5])
def test_split_is_the_lessons_nine_tenths_in_drawn_order_and_the_rest_in_file_order(tmp_path: Path, kind: Kind, split_seed: int) -> None:
    table = load_table(saved(tmp_path, PLAIN), "sold", kind=kind, split_seed=split_seed)
    drawn = list(np.random.RandomState(split_seed).choice(20, size=18, replace=False))
    assert list(table.features.index) == list(table.targets.index) == drawn
    others = sorted(set(range(20)) - set(drawn))
    assert list(table.features_test.index) == list(table.targets_test.index) == others


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("split_seed", [21, 5])
def test_lessons_file_has_the_lessons_split_and_numbers_with_rank_as_a_number(
    standardize: Literal["all", "train"], split_seed: int
) -> None:
    table = load_table(LESSON_CSV, "admit", kind="binary", split_seed=split_seed, standardize=standardize)
    admissions = load_admissions(split_seed=split_seed, standardize=standardize)
    assert table.names == ("gre", "gpa", "rank")
    numbers = ["gre", "gpa"]
    pd.testing.assert_frame_equal(table.features[numbers], admissions.features[numbers], check_exact=True)
    pd.testing.assert_frame_equal(table.features_test[numbers], admissions.features_test[numbers], check_exact=True)
    pd.testing.assert_series_equal(table.targets, admissions.targets, check_exact=True)
    pd.testing.assert_series_equal(table.targets_test, admissions.targets_test, check_exact=True)
    with LESSON_CSV.open(newline="", encoding="ascii") as file:
        ranks = [float(row["rank"]) for row in csv.DictReader(file)]
    fitted_on = list(range(400)) if standardize == "all" else list(table.features.index)
    features, _ = in_file_order(table)
    np.testing.assert_allclose(features["rank"].to_numpy(), standard_scores(ranks, fitted_on), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("records", "training"), [(3, 2), (4, 3), (9, 8), (10, 9), (11, 9), (19, 17), (20, 18)])
def test_nine_tenths_rounded_down_are_for_training(tmp_path: Path, records: int, training: int) -> None:
    table = load_table(saved(tmp_path, csv_text(*RECORDS[:records])), "sold", kind="binary")
    assert (len(table.features), len(table.features_test)) == (training, records - training)


def test_loading_leaves_numpys_global_generator_alone(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN)
    with np.printoptions(threshold=10_000):
        before = repr(np.random.get_state(legacy=False))
        load_table(path, "sold", kind="binary")
        assert repr(np.random.get_state(legacy=False)) == before


# The target

TARGETS: dict[str, tuple[Kind, list[str], list[float], tuple[str, ...]]] = {
    # what: (kind, the cells, the targets they become, the classes), the cells and targets over and over
    "raw numbers": ("regression", ["1e3", "-2.5", "+.5", "0"], [1000.0, -2.5, 0.5, 0.0], ()),
    "one number only": ("regression", ["7"], [7.0], ()),
    "0 and 1": ("binary", ["1", "0", "0"], [1.0, 0.0, 0.0], ("0", "1")),
    "0 and 1 written otherwise": ("binary", ["1.0", "-0", "00", "1e0"], [1.0, 0.0, 0.0, 1.0], ("0", "1")),
    "two labels": ("binary", ["yes", "no", "no"], [1.0, 0.0, 0.0], ("no", "yes")),
    "two labels, capitals first": ("binary", ["a", "B"], [1.0, 0.0], ("B", "a")),
    "0 to K-1": ("classes", ["2", "0", "1"], [2, 0, 1], ("0", "1", "2")),
    "two classes": ("classes", ["1", "0"], [1, 0], ("0", "1")),
    "labels": ("classes", ["c", "a", "b", "a"], [2, 0, 1, 0], ("a", "b", "c")),
    "1 to K": ("classes", ["3", "1", "2"], [2, 0, 1], ("1", "2", "3")),
    "whole numbers with gaps": ("classes", ["10", "9", "-1", "9"], [2, 1, 0, 1], ("-1", "9", "10")),
    "whole numbers written otherwise": ("classes", ["1.0", "1e1", "10", "+1"], [0, 1, 1, 0], ("1", "10")),
    "largest whole number": ("classes", [str(2**53 - 1), str(2**53 - 2)], [1, 0], (str(2**53 - 2), str(2**53 - 1))),
}


@pytest.mark.parametrize(("kind", "cells", "expected", "classes"), TARGETS.values(), ids=TARGETS.keys())
def test_target_becomes(tmp_path: Path, kind: Kind, cells: list[str], expected: list[float], classes: tuple[str, ...]) -> None:
    table = load_table(saved(tmp_path, with_column("sold", repeated(*cells))), "sold", kind=kind)
    _, targets = in_file_order(table)
    assert list(targets) == [expected[i % len(expected)] for i in range(20)]
    assert table.classes == classes
    assert table.targets.dtype == table.targets_test.dtype == (np.int64 if kind == "classes" else np.float64)


def test_class_of_the_test_rows_alone_is_a_class(tmp_path: Path) -> None:
    drawn = np.random.RandomState(21).choice(20, size=18, replace=False)
    path = saved(tmp_path, with_column("sold", ["old" if row in drawn else "new" for row in range(20)]))
    for kind in ("binary", "classes"):
        table = load_table(path, "sold", kind=kind)
        assert table.classes == ("new", "old")
        assert (set(table.targets), set(table.targets_test)) == ({1}, {0})


BAD_TARGETS: dict[str, tuple[Kind, list[str], str, str]] = {
    # what: (kind, the cells over and over, how the message starts, what else it says)
    "text to regress on": ("regression", ["a", "b"], "column sold is text, with 2 labels, a, b", "'binary' or 'classes'"),
    "1 and 2": ("binary", ["1", "2"], "line 3, column sold: '2' is neither 0 nor 1", "'classes'"),
    "-1 and 1": ("binary", ["1", "-1"], "line 3, column sold: '-1' is neither 0 nor 1", "recode"),
    "0, 1 and a fraction": ("binary", ["0", "1", "0.5"], "line 4, column sold: '0.5' is neither 0 nor 1", "recode"),
    "0, 1 and 2": ("binary", ["0", "1", "2"], "line 4, column sold: '2' is neither 0 nor 1", "'classes'"),
    "three labels": ("binary", ["b", "a", "c"], "column sold: there are 3 labels, a, b, c", "'classes'"),
    "twenty labels": ("binary", [f"l{i:02}" for i in range(20)], "column sold: there are 20 labels, l00, l01, l02", "and 12 more"),
    "0 only": ("binary", ["0"], "column sold: every value is 0", "both classes"),
    "1 only": ("binary", ["1"], "column sold: every value is 1", "both classes"),
    "one label": ("binary", ["yes"], "column sold: every value is yes", "both classes"),
    "one class": ("classes", ["3"], "column sold: every value is 3", "two or more classes"),
    "one class by label": ("classes", ["a"], "column sold: every value is a", "two or more classes"),
    "fractions": ("classes", ["1", "2", "2.5"], "line 4, column sold: '2.5' is not whole", "'regression'"),
    "nearly whole": ("classes", ["1", "2.0000000001"], "line 3, column sold: '2.0000000001' is not whole", "'regression'"),
    "whole, not in float64": ("classes", ["1", f"{2**53 + 1}"], f"line 3, column sold: '{2**53 + 1}' is out of range", "2**53"),
    "negative, not in float64": ("classes", ["1", f"-{2**53}"], f"line 3, column sold: '-{2**53}' is out of range", "2**53"),
    "infinite": ("regression", ["1", "1e999"], "line 3, column sold: '1e999' is out of range", "finite"),
    "labels and a number": ("classes", ["a", "b", "3"], "line 4, column sold: '3' is a number and 'a' on line 2 is text", "correct"),
    "0, 1 and a label": ("binary", ["0", "1", "no"], "line 4, column sold: 'no' is not a number and '0' on line 2 is one", "correct"),
    "numbers and a gap": ("regression", ["1", "2", ""], "line 4, column sold: the cell is empty", "delete the record"),
}


@pytest.mark.parametrize(("kind", "cells", "start", "also"), BAD_TARGETS.values(), ids=BAD_TARGETS.keys())
def test_bad_target_is_refused(tmp_path: Path, kind: Kind, cells: list[str], start: str, also: str) -> None:
    says = refusal(saved(tmp_path, with_column("sold", repeated(*cells))), kind=kind)
    assert says.startswith(start)
    assert also in says
    assert "expected" in says or "a text column may hold no numbers" in says


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_target_is_held_to_its_kind(tmp_path: Path, kind: Kind) -> None:
    """The control: fractions, and a text with three values, are features beside a target of each kind."""
    load_table(saved(tmp_path, PLAIN), "sold", kind=kind)


# Arguments


@pytest.mark.parametrize("kind", ["REGRESSION", "class", "", None, 2, ["binary"]])
def test_unknown_kind_is_a_value_error_that_names_the_three(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"kind is .*expected 'regression', 'binary' or 'classes'") as caught:
        load_table("no file", "y", kind=kind)
    assert not isinstance(caught.value, DataError)


@pytest.mark.parametrize("choice", [{"standardize": "test"}, {"standardize": None}, {"split_seed": -1}, {"split_seed": 2**32}])
def test_choices_that_are_none_are_refused_as_the_admissions_reader_does(choice: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected") as expected:
        load_admissions("no file", **choice)
    with pytest.raises(ValueError, match="expected") as actual:
        load_table("no file", "y", kind="binary", **choice)
    assert str(actual.value) == str(expected.value)
    assert not isinstance(actual.value, DataError)


# A user's own file

SPELLINGS = {
    "no newline at the end": PLAIN.removesuffix("\n"),
    "quoted cells": "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in PLAIN.splitlines()),
    "quoted header": PLAIN.replace(HEADER, '"size","city","age","sold"'),
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "CR alone": PLAIN.replace("\n", "\r"),
    "BOM": "\ufeff" + PLAIN,
    "spaces round cells": PLAIN.replace(",", " , ").replace("\n", " \n "),
    "spaces inside quotes": with_cell("city", '"  Ulm "'),
    "trailing blank lines": PLAIN + "\n\n \t \r\n\n",
    "another way to write a number": with_line(5, "+615e-1,Ulm,9.,1.0"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_another_spelling_of_the_file_equals_the_plain_one(tmp_path: Path, spelling: str) -> None:
    plain = load_table(saved(tmp_path, PLAIN, "plain.csv"), "sold", kind="binary")
    assert_equal(load_table(saved(tmp_path, spelling), "sold", kind="binary"), plain)


@pytest.mark.parametrize("name", ["sold at", "größe", "a,b", 'the "price"', "x\ny", "\x1b[31mred", "=1+1", "n" * 500, "7", "sold\u202e"])
def test_names_may_be_any_text(tmp_path: Path, name: str) -> None:
    header = "size,city,age," + '"' + name.replace('"', '""') + '"'
    path = saved(tmp_path, csv_text(*RECORDS, header=header))
    assert load_table(path, name, kind="binary").targets.name == name
    assert name in load_table(path, "size", kind="regression").names


# Bad cells: the line and the column are named

NO_PLAIN_NUMBER = [
    "high", "NA", "nan", "-inf", "1_000", "0x1", "1e", ".", "1 0", "1.0.0", "1d0", "1%", "True", '"1,000"', "١", "１", "²", "−1", "\u200b1",
]  # fmt: skip


def test_good_file_that_the_bad_ones_are_made_from_loads(tmp_path: Path) -> None:
    """The control: whatever is refused below is refused for its one fault."""
    path = saved(tmp_path, PLAIN)
    for standardize in MODES:
        load_table(path, "sold", kind="binary", standardize=standardize)
    assert with_cell("size", "61.5") == PLAIN


@pytest.mark.parametrize("number", [3, 21])
@pytest.mark.parametrize("column", ["size", "age", "sold"])
@pytest.mark.parametrize("cell", NO_PLAIN_NUMBER, ids=ascii)
def test_text_among_numbers_is_refused_with_its_line_its_column_and_its_text(
    tmp_path: Path, column: str, cell: str, number: int
) -> None:
    first = RECORDS[0].split(",")[COLUMNS.index(column)]
    content = cell.strip('"')
    says = refusal(saved(tmp_path, with_cell(column, cell, number=number)))
    if like := meant(content):
        assert says == f"line {number}, column {column}: {content!r} is not a number; it {like}"
        return
    assert says.startswith(f"line {number}, column {column}: {content!r} is not a number and {first!r} on line 2 is one; ")
    assert "a text column may hold no numbers and a numeric one no text" in says


@pytest.mark.parametrize("number", [3, 21])
@pytest.mark.parametrize("cell", ["0", "-1.5", "1e3", ".5", "4."])
def test_number_among_texts_is_refused_with_its_line_its_column_and_its_text(tmp_path: Path, cell: str, number: int) -> None:
    says = refusal(saved(tmp_path, with_cell("city", cell, number=number)))
    assert says.startswith(f"line {number}, column city: {cell!r} is a number and 'Ulm' on line 2 is text; ")
    assert "a text column may hold no numbers and a numeric one no text" in says


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("cell", ["", "  ", '""', '" "'])
@pytest.mark.parametrize("number", [2, 5, 21])
def test_empty_cell_is_refused_with_its_line_and_column(tmp_path: Path, column: str, cell: str, number: int) -> None:
    says = refusal(saved(tmp_path, with_cell(column, cell, number=number)))
    assert says.startswith(f"line {number}, column {column}: the cell is empty; expected ")
    assert "delete the record" in says


@pytest.mark.parametrize("number", [2, 5])
@pytest.mark.parametrize("cell", ["1e999", "-1e999", "9" * 400])
def test_number_beyond_float64_is_refused(tmp_path: Path, cell: str, number: int) -> None:
    says = refusal(saved(tmp_path, with_cell("age", cell, number=number)))
    assert says.startswith(f"line {number}, column age: '{cell[:40]}")
    assert "is out of range; expected a finite number" in says


@pytest.mark.parametrize("cell", ["x" * 100_000, "4" * 100_000 + "x", "." + "4" * 100_000 + "e", "1e" + "4" * 100_000], ids=[*"abcd"])
def test_huge_cell_is_shortened_in_the_message(tmp_path: Path, cell: str) -> None:
    says = refusal(saved(tmp_path, with_cell("age", cell)))
    assert says.startswith(f"line 5, column age: '{cell[:40]}…' is ")


def test_all_faults_are_named_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = csv_text(*RECORDS[:4], "1,2,x,0.5", *RECORDS[4:], "1,2")
    said = refusal(saved(tmp_path, text)).splitlines()
    assert [line.partition(": ")[0] for line in said[:4]] == [*(f"line 6, column {name}" for name in ("city", "age", "sold")), "line 23"]
    assert said[4:] == [
        "a text column may hold no numbers and a numeric one no text: correct the cell", "expected a cell for each column",
    ]  # fmt: skip


def test_many_faults_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    said = refusal(saved(tmp_path, csv_text(*(f"{record},7" for record in RECORDS), *RECORDS, "1,,x,1"))).splitlines()
    assert len(said) == MOST + 1
    with pytest.raises(DataError, match="22 faults, the first 20 of them:"):
        load_table(tmp_path / "mine.csv", "sold", kind="binary")


def test_the_kind_of_a_column_is_that_of_most_of_its_cells(tmp_path: Path) -> None:
    """A first cell that is wrong is one fault, and not one of every cell after it."""
    said = [refusal(saved(tmp_path, with_cell(column, cell, number=2))) for column, cell in (("size", "high"), ("city", "7"))]
    assert said[0].startswith("line 2, column size: 'high' is not a number and '47.5' on line 3 is one; ")
    assert said[1].startswith("line 2, column city: '7' is a number and 'Bonn' on line 3 is text; ")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ('"1,234"', "'1,234' is not a number; it looks like a number with a thousands separator: write 1234, or 1.234 if that is"),
        ('"-1,234,567.5"', "'-1,234,567.5' is not a number; it looks like a number with a thousands separator: write -1234567.5"),
        ('"3,61"', "'3,61' is not a number; it looks like a number with a decimal comma: write 3.61"),
        ("$12.5", "'$12.5' is not a number; it looks like a number with a unit: write 12.5"),
        ("12 %", "'12 %' is not a number; it looks like a number with a unit: write 12"),
        ("N/A", "'N/A' is not a number; it looks like a missing value: fill it in, delete the record, or choose --missing drop or mean"),
    ],
)
def test_what_a_cell_looks_like_is_said(tmp_path: Path, cell: str, says: str) -> None:
    assert refusal(saved(tmp_path, with_cell("size", cell))).startswith(f"line 5, column size: {says}")


def test_a_column_of_thousands_is_no_column_of_texts(tmp_path: Path) -> None:
    path = saved(tmp_path, with_column("size", [f'"{i},000"' for i in range(1, 21)]))
    assert refusal(path).count("looks like a number with a thousands separator") == 20


def test_a_number_with_a_comma_that_is_two_cells_is_said_to_be_that(tmp_path: Path) -> None:
    says = refusal(saved(tmp_path, with_line(5, "1,234,Ulm,9,1")))
    assert says.endswith("expected numbers without commas, 1234 and not 1,234, or the cell in quotes")
    assert "commas" not in refusal(saved(tmp_path, with_line(5, "61.5,Ulm,9,1,x")))      # the control


# Which columns are features, and what becomes of missing cells


def test_features_are_those_asked_for_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN)
    assert load_table(path, "sold", kind="binary", features=["age", "size"]).names == ("size", "age")
    assert load_table(path, "sold", kind="binary", drop=["city"]).names == ("size", "age")


def test_what_is_left_out_is_not_looked_at(tmp_path: Path) -> None:
    path = saved(tmp_path, with_column("city", ["", "3", *[f"id{i}" for i in range(18)]]))
    assert load_table(path, "sold", kind="binary", drop=("city",)).names == ("size", "age")
    with pytest.raises(DataError, match="2 faults"):      # the control
        load_table(path, "sold", kind="binary")


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"features": ["siez"]}, "there is no column 'siez'; expected features among size, city, age, sold; did you mean size?"),
        ({"drop": ["id"]}, "there is no column 'id'; expected drop among size, city, age, sold"),
        ({"features": ["age", "sold"]}, "column sold is the target; expected features to be other columns"),
        ({"drop": ["sold"]}, "column sold is the target; expected drop to be other columns"),
        ({"drop": ["size", "city", "age"]}, "no feature is left; expected one at least"),
        ({"features": ["age"], "drop": ["age"]}, "column age is among features and drop; expected it in one of them"),
    ],
)
def test_columns_that_cannot_be_chosen_are_refused(tmp_path: Path, choice: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as caught:
        load_table(saved(tmp_path, PLAIN), "sold", kind="binary", **choice)
    assert says in str(caught.value)


@pytest.mark.parametrize("choice", [{"features": "age"}, {"drop": [1]}, {"missing": "median"}])
def test_choices_of_another_kind_are_value_errors(tmp_path: Path, choice: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        load_table(saved(tmp_path, PLAIN), "sold", kind="binary", **choice)
    assert not isinstance(caught.value, DataError)


GAPS = csv_text(*RECORDS[:3], ",Ulm,3,1", "70.5,Ulm,NA,0", *RECORDS[5:])


def test_records_with_missing_cells_are_left_out_if_that_is_chosen(tmp_path: Path) -> None:
    table = load_table(saved(tmp_path, GAPS), "sold", kind="binary", missing="drop")
    assert (table.dropped, table.filled) == (2, 0)
    whole = load_table(saved(tmp_path, csv_text(*RECORDS[:3], *RECORDS[5:]), "whole.csv"), "sold", kind="binary")
    assert_equal(table, whole)


@pytest.mark.parametrize("standardize", MODES)
def test_missing_numbers_become_the_mean_if_that_is_chosen(tmp_path: Path, standardize: Literal["all", "train"]) -> None:
    table = load_table(saved(tmp_path, GAPS), "sold", kind="binary", missing="mean", standardize=standardize)
    assert (table.dropped, table.filled) == (0, 2)
    features, _ = in_file_order(table)
    for column, place, gap in (("size", 0, 3), ("age", 2, 4)):
        values = [float(line.split(",")[place]) if i != gap else None for i, line in enumerate(GAPS.splitlines()[1:])]
        fitted_on = list(range(20)) if standardize == "all" else list(table.features.index)
        mean = statistics.mean(values[row] for row in fitted_on if values[row] is not None)
        expected = standard_scores([mean if value is None else value for value in values], fitted_on)
        np.testing.assert_allclose(features[column].to_numpy(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("column", "of"), [("sold", "the target has no mean"), ("city", "a column of text has no mean")])
def test_what_has_no_mean_is_not_filled_in(tmp_path: Path, column: str, of: str) -> None:
    path = saved(tmp_path, with_cell(column, ""))
    with pytest.raises(DataError, match=rf"line 5, column {column}: the cell is empty, and {of}; expected a value, or --missing drop"):
        load_table(path, "sold", kind="binary", missing="mean")
    assert load_table(path, "sold", kind="binary", missing="drop").dropped == 1


def test_a_text_spelled_like_a_missing_number_is_a_text(tmp_path: Path) -> None:
    """NA is Namibia's code: in a column of texts only an empty cell is missing."""
    table = load_table(saved(tmp_path, with_column("city", repeated("NA", "DE"))), "sold", kind="binary", missing="drop")
    assert table.names[1:3] == ("city=DE", "city=NA")
    assert table.dropped == 0


def test_a_target_of_text_has_its_labels_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(LabelsError) as caught:
        load_table(saved(tmp_path, PLAIN), "city", kind="regression")
    assert caught.value.labels == ("Bonn", "Kiel", "Ulm")


# Bad columns


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("value", ["0", "3.1", "580"])
def test_constant_number_is_refused_by_name(tmp_path: Path, value: str, standardize: Literal["all", "train"]) -> None:
    says = refusal(saved(tmp_path, with_column("age", [value] * 20)), standardize=standardize)
    assert says.startswith(f"column age: every {'' if standardize == 'all' else 'training '}value is {value}; ")
    assert "different values" in says


def test_number_constant_in_the_training_rows_alone_is_refused_only_with_standardize_train(tmp_path: Path) -> None:
    drawn = np.random.RandomState(21).choice(20, size=18, replace=False)
    path = saved(tmp_path, with_column("age", ["3" if row in drawn else f"4.{row}" for row in range(20)]))
    assert refusal(path, standardize="train").startswith("column age: every training value is 3")
    assert load_table(path, "sold", kind="binary").features["age"].nunique() == 1


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("cells", [["1e307", "9e307"], ["1e-200", "2e-200"], ["10000000000000000", "10000000000000002"]])
def test_numbers_that_float64_cannot_standardise_are_refused(
    tmp_path: Path, cells: list[str], standardize: Literal["all", "train"]
) -> None:
    says = refusal(saved(tmp_path, with_column("age", repeated(*cells))), standardize=standardize)
    assert says.startswith("column age: ")
    assert "rescale" in says


def test_same_numbers_are_taken_as_a_target(tmp_path: Path) -> None:
    """The control: a target is not standardised, so it may have any scale."""
    for cells in (["1e307", "9e307"], ["1e-200", "2e-200"]):
        path = saved(tmp_path, with_column("sold", repeated(*cells)))
        _, targets = in_file_order(load_table(path, "sold", kind="regression"))
        assert list(targets) == [float(cell) for cell in repeated(*cells)]


@pytest.mark.parametrize("standardize", MODES)
def test_constant_text_is_refused_by_name(tmp_path: Path, standardize: Literal["all", "train"]) -> None:
    says = refusal(saved(tmp_path, with_column("city", ["Ulm"] * 20)), standardize=standardize)
    assert says.startswith("column city: every value is 'Ulm'; ")
    assert "delete the column" in says


def test_more_texts_than_a_category_has_are_refused(tmp_path: Path) -> None:
    records = [f"{i},t{i % (MOST_TEXTS + 1)},{i % 2}" for i in range(MOST_TEXTS * 3)]
    says = refusal(saved(tmp_path, csv_text(*records, header="x,t,y")), "y")
    assert says.startswith(f"column t: {MOST_TEXTS + 1} different texts; expected at most {MOST_TEXTS}")
    assert "delete the column" in says


def test_texts_that_are_all_different_are_refused_as_names(tmp_path: Path) -> None:
    names = [f"name {i}" for i in range(20)]
    assert refusal(saved(tmp_path, with_column("city", names))) == (
        "column city: all of its 20 texts are different, as names are; "
        "expected a category: leave it out, as by --drop city, or drop in Python"
    )
    load_table(saved(tmp_path, with_column("city", [*names[1:], names[1]])), "sold", kind="binary")      # the control: two have one


CLASHES = {
    "a column's name": ("t,t=a,y", ["a,1,0", "b,2,1", "a,3,0", "b,4,1"], "column t=a", "'t=a'"),
    "a column's name, the other way round": ("t=a,t,y", ["1,a,0", "2,b,1", "3,a,0", "4,b,1"], "column t:", "'t=a'"),
    "another column's text": ("t,t=a,y", ["a=b,b,0", "c,d,1", "a=b,b,0", "c,d,1"], "column t=a", "'t=a=b'"),
}


@pytest.mark.parametrize(("header", "records", "start", "also"), CLASHES.values(), ids=CLASHES.keys())
def test_text_that_would_take_the_name_of_another_feature_is_refused(
    tmp_path: Path, header: str, records: list[str], start: str, also: str
) -> None:
    says = refusal(saved(tmp_path, csv_text(*records, header=header)), "y")
    assert says.startswith(start.replace("t=a", "'t=a'"))
    assert also in says
    assert "rename the column" in says


# Bad headers

BAD_HEADERS: dict[str, tuple[str, str, str]] = {
    # what: (the header, how the message starts, what else it says)
    "name twice": ("size,city,size,sold", "line 1: column size stands twice", "rename or delete"),
    "name twice with spaces": ("size,city, size ,sold", "line 1: column size stands twice", "rename or delete"),
    "target twice": ("size,sold,age,sold", "line 1: column sold stands twice", "rename or delete"),
    "no name": ("size,,age,sold", "line 1: column 2 has no name", "name it"),
    "no name but spaces": ('size,city," ",sold', "line 1: column 3 has no name", "name it"),
    "no last name": ("size,city,sold,", "line 1: column 4 has no name", "name it"),
    "no names": (",,,", "line 1: column 1 has no name", "name it"),
    "no target": ("size,city,age,price", "line 1: there is no column 'sold'", "one of size, city, age, price"),
    "target in capitals": ("size,city,age,SOLD", "line 1: there is no column 'sold'", "one of size, city, age, SOLD"),
    "numbers only": ("47.5,1,16,1", "line 1: there are only numbers, 47.5, 1, 16, 1;", "add a header"),
    "a record": ("47.5,Ulm,16,1", "line 1: there is no column 'sold'", "if '47.5' is a record's, add a header"),
    "semicolons": ("size;city;age;sold", "line 1: there is only one column, 'size;city;age;sold'", "comma"),
    "target only": ("sold", "line 1: there is only one column, sold", "a feature"),
    "escapes in a name twice": ("a\x1b[2J,a\x1b[2J,age,sold", r"line 1: column 'a\x1b[2J' stands twice", "rename"),
    "escapes and no target": ("a\x1b[2J,\u202eb,age,x", r"line 1: there is no column 'sold'", r"one of 'a\x1b[2J', '\u202eb', age, x"),
    "escapes only": ("a\x1b[2J", r"line 1: there is only one column, 'a\x1b[2J'", "a feature"),
    "long name twice": (f"{'n' * 5000},{'n' * 5000},age,sold", f"line 1: column '{'n' * 40}…' stands twice", "rename"),
}


@pytest.mark.parametrize(("header", "start", "also"), BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_bad_header_is_refused(tmp_path: Path, header: str, start: str, also: str) -> None:
    says = refusal(saved(tmp_path, csv_text(*RECORDS, header=header)))
    assert says.startswith(start)
    assert also in says
    assert "expected" in says


def test_unknown_target_among_many_columns_lists_the_first_and_counts_the_rest(tmp_path: Path) -> None:
    header = ",".join(f"x{i}" for i in range(500))
    says = refusal(saved(tmp_path, csv_text(header.replace("x", ""), header=header)), "y\x1b]0;t\a" + "y" * 5000)
    assert says.startswith(r"line 1: there is no column 'y\x1b]0;t\x07yyy")
    assert says.endswith("one of x0, x1, x2, x3, x4, x5, x6, x7 and 492 more")


def test_numbers_beside_names_are_a_header(tmp_path: Path) -> None:
    """The control of the files without one: years may be columns."""
    table = load_table(saved(tmp_path, csv_text(*RECORDS, header="2019,city,2020,sold")), "sold", kind="binary")
    assert (table.names[0], table.names[-1]) == ("2019", "2020")


HOSTILE = "a\x1b[31m\u202e\x07b"
IN_NAMES: dict[str, tuple[str, int]] = {
    # what: (a file whose column `HOSTILE` is at fault, its column)
    "empty cell": (with_cell("age", ""), 2),
    "text among numbers": (with_cell("age", "old"), 2),
    "number among texts": (with_cell("city", "3"), 1),
    "constant number": (with_column("age", ["3"] * 20), 2),
    "constant text": (with_column("city", ["Ulm"] * 20), 1),
    "missing cell": (with_line(5, "1,Ulm"), 2),
    "bad target": (with_cell("sold", "3"), 3),
    "one class": (with_column("sold", ["1"] * 20), 3),
    "three labels": (with_column("sold", repeated("a", "b", "c")), 3),
}


@pytest.mark.parametrize(("content", "column"), IN_NAMES.values(), ids=IN_NAMES.keys())
def test_escapes_in_a_name_never_reach_the_terminal(tmp_path: Path, content: str, column: int) -> None:
    names = [*COLUMNS]
    names[column] = HOSTILE
    path = saved(tmp_path, content.replace(HEADER, ",".join(names)))
    assert r"column 'a\x1b[31m\u202e\x07b'" in refusal(path, HOSTILE if column == 3 else "sold")


@pytest.mark.parametrize("column", COLUMNS)
def test_escapes_in_a_cell_never_reach_the_terminal(tmp_path: Path, column: str) -> None:
    cells = repeated(HOSTILE, 3) if column == "city" else repeated(3, HOSTILE)
    assert r"'a\x1b[31m\u202e\x07b'" in refusal(saved(tmp_path, with_column(column, cells)), kind="regression")


def test_escapes_in_labels_never_reach_the_terminal(tmp_path: Path) -> None:
    says = refusal(saved(tmp_path, with_column("sold", repeated(HOSTILE, "b", "c"))))
    assert r"3 labels, 'a\x1b[31m\u202e\x07b', b, c" in says


@pytest.mark.parametrize("read", [lambda path: load_table(path, "y", kind="binary"), load_admissions, data.load_digits, data.load_text])
def test_a_traceback_ends_at_the_users_own_call(read: Any) -> None:
    with pytest.raises(DataError) as caught:
        read("no such file")
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


# What both readers share

ADMISSIONS = csv_text(*(f"{i % 2},{400 + 20 * i},{3 + i / 100:.2f},{i % 4 + 1}" for i in range(20)), header="admit,gre,gpa,rank")
BAD_FILES: dict[str, str | bytes] = {
    "header only": "admit,gre,gpa,rank\n",
    "short row": ADMISSIONS.replace("1,460,3.03,4", "1,460,3.03"),
    "row of one cell": ADMISSIONS.replace("1,460,3.03,4", "1"),
    "long row": ADMISSIONS.replace("1,460,3.03,4", "1,460,3.03,4,7"),
    "blank line in the middle": ADMISSIONS.replace("1,460,3.03,4", ""),
    "line of spaces in the middle": ADMISSIONS.replace("1,460,3.03,4", " \t "),
    "blank line before the header": "\n" + ADMISSIONS,
    "blank line after the header": ADMISSIONS.replace("rank\n", "rank\n\n"),
    "unterminated quote": ADMISSIONS + '1,460,3.03,"4',
    "text after a quote": ADMISSIONS.replace("460", '"460"0'),
    "cell of 200,000 characters": ADMISSIONS.replace("460", "4" * 200_000),
    "one record": "admit,gre,gpa,rank\n0,380,3.6,1\n",
    "two records": "admit,gre,gpa,rank\n0,380,3.6,1\n1,390,3.5,2\n",
    "constant gre": csv_text(*(f"{i % 2},400,{3 + i / 100},{i % 4 + 1}" for i in range(20)), header="admit,gre,gpa,rank"),
    "huge gpa": csv_text(*(f"{i % 2},{400 + i},{i + 1}e306,{i % 4 + 1}" for i in range(20)), header="admit,gre,gpa,rank"),
    "Latin-1": ADMISSIONS.encode() + b"1,\xe9,3.1,2\n",
    "UTF-8 cut short": ADMISSIONS.encode() + "é".encode()[:1],
    "UTF-16": ADMISSIONS.encode("utf-16"),
    "NUL byte": ADMISSIONS.replace("460", "4\0"),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_fault_of_the_file_is_refused_in_the_words_of_the_admissions_reader(tmp_path: Path, content: str | bytes) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(DataError) as caught:
        load_admissions(path)
    assert refusal(path, "admit") == str(caught.value).removeprefix(f"{str(path)!r}: ")


@pytest.mark.parametrize("content", ["", "\ufeff", "\n \r\n\n"], ids=["empty", "a BOM only", "blank lines only"])
def test_empty_file_is_refused_with_the_target_it_should_have(tmp_path: Path, content: str) -> None:
    assert refusal(saved(tmp_path, content)).startswith("the file is empty; expected the header sold,… and one record a line")


@pytest.mark.parametrize("name", ["missing.csv", "nul\0.csv", "n" * 5000, "two\nlines.csv", "lone\ud800.csv", "."])
def test_path_that_cannot_be_read_is_refused_with_the_target_it_should_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        load_table(f"{tmp_path}/{name}", "so\x1bld", kind="binary")
    says = str(caught.value).removeprefix(f"{f'{tmp_path}/{name}'!r}: ")
    assert says.startswith("cannot be read: ")
    assert says.endswith(r"expected a CSV file with the columns 'so\x1bld',…")


@pytest.mark.parametrize("shared", ["read_rows", "standardized", "split", "check_choices", "NUMBER", "DataError"])
def test_both_readers_use_one_definition(shared: str) -> None:
    """Nothing of it is written twice: each has the name from where it is defined."""
    users = [module for module in (data, data.admissions, data.columns, data.table) if hasattr(module, shared)]
    assert len({id(getattr(module, shared)) for module in users}) == 1
    assert len(users) == (1 if shared == "DataError" else 2)
    for module in (data.admissions, data.columns, data.table):
        assert not {"csv", "io", "re", "np"} & set(vars(module))


# Drawn tables

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: text and not NUMBER.fullmatch(text))
)
NUMBERS_THAT_STANDARDISE = st.integers(-1000, 1000)


def written(rows: list[list[object]], *, quoting: Any = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerows(rows)
    return text.getvalue()


@contextmanager
def on_disk(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield saved(Path(folder), text)


@st.composite
def drawn_columns(draw: st.DrawFn) -> tuple[dict[str, list[Any]], Any]:
    names = draw(st.lists(TEXTS, min_size=2, max_size=5, unique=True))
    n = draw(st.integers(1, 12))
    of_a_kind = st.one_of(st.lists(NUMBERS, min_size=n, max_size=n), st.lists(TEXTS, min_size=n, max_size=n))
    return {name: draw(of_a_kind) for name in names}, draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))


@given(drawn_columns())
def test_drawn_columns_are_read_back_as_they_were_written(drawn: tuple[dict[str, list[Any]], Any]) -> None:
    """Every float64 to its last bit, every text to its last character, whatever the names and the quoting."""
    columns, quoting = drawn
    rows = [list(columns), *(list(row) for row in zip(*columns.values(), strict=True))]
    *others, target = columns
    with on_disk(written(rows, quoting=quoting)) as path:
        faults = Faults(path)
        read = read_columns(faults, target)
        faults.check()
    assert [column.name for column in read.features] == others
    for column, values in zip([*read.features, read.target], columns.values(), strict=True):
        assert (list(column.numbers) if column.is_numeric else column.texts) == values


@st.composite
def drawn_tables(draw: st.DrawFn) -> tuple[dict[str, list[Any]], Kind, list[Any]]:
    """Columns x… of numbers and t… of text that a table may have, and a target of a drawn kind."""
    n = draw(st.integers(3, 15))
    columns: dict[str, list[Any]] = {}
    for i in range(draw(st.integers(1, 2))):
        columns[f"x{i}"] = draw(st.lists(NUMBERS_THAT_STANDARDISE, min_size=n, max_size=n).filter(lambda x: len(set(x)) > 1))
    for i in range(draw(st.integers(0, 2))):
        columns[f"t{i}"] = draw(st.lists(TEXTS, min_size=n, max_size=n).filter(lambda t: 1 < len(set(t)) < max(10, len(t))))
    kind: Kind = draw(st.sampled_from(KINDS))
    if kind == "regression":
        return columns, kind, draw(st.lists(NUMBERS, min_size=n, max_size=n))
    labels: list[Any] = draw(
        st.one_of(
            st.just([0, 1]) if kind == "binary" else st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=2, max_size=5, unique=True),
            st.lists(TEXTS, min_size=2, max_size=2 if kind == "binary" else 5, unique=True),
        )
    )
    return columns, kind, draw(st.lists(st.sampled_from(labels), min_size=n, max_size=n).filter(lambda y: len(set(y)) > 1))


@given(drawn_tables(), st.integers(0, 2**32 - 1))
def test_drawn_table_is_read_back_through_its_features_and_classes(
    drawn: tuple[dict[str, list[Any]], Kind, list[Any]], split_seed: int
) -> None:
    """The target is decoded by the classes, the texts by the names of their columns, the numbers by mean and deviation."""
    columns, kind, target = drawn
    rows = [[*columns, "y"], *(list(row) for row in zip(*columns.values(), target, strict=True))]
    with on_disk(written(rows)) as path:
        table = load_table(path, "y", kind=kind, split_seed=split_seed)
    features, targets = in_file_order(table)
    assert list(features.index) == list(range(len(target)))
    assert tuple(features.columns) == table.names
    for name, values in columns.items():
        if name.startswith("x"):
            expected = standard_scores([float(value) for value in values], list(range(len(values))))
            np.testing.assert_allclose(features[name].to_numpy(), expected, rtol=0, atol=1e-9)
        else:
            of_text = [column for column in table.names if column.startswith(f"{name}=")]
            assert of_text == [f"{name}={text}" for text in sorted(set(values))]
            is_on = features[of_text].to_numpy()
            assert (is_on.sum(axis=1) == 1).all()
            assert [of_text[place].removeprefix(f"{name}=") for place in is_on.argmax(axis=1)] == values
    decoded = list(targets) if kind == "regression" else [table.classes[int(index)] for index in targets]
    assert decoded == (target if kind == "regression" else [str(value) for value in target])


# Every damage of a good file


def assert_read_or_refused(path: Path) -> bool:
    """True if the file is read, all its numbers finite; false if it is refused in one printable line."""
    try:
        table = load_table(path, "sold", kind="regression")
    except DataError as error:
        message = str(error)
        assert message.startswith(f"{str(path)!r}: ")
        assert all(line.isprintable() for line in message.split("\n"))
        return False
    features, targets = in_file_order(table)
    assert np.isfinite(features.to_numpy()).all()
    assert np.isfinite(targets.to_numpy()).all()
    assert len(features) == len(targets) >= 3
    return True


@pytest.mark.parametrize("byte", [*b'\0\t\n\r ",.-_0;e#=\x1a\x1b\xa0\xc3\xff'], ids=lambda byte: f"{byte:#04x}")
def test_any_byte_put_anywhere_gives_a_table_or_one_data_error(tmp_path: Path, byte: int) -> None:
    good = csv_text(*RECORDS[:3]).encode()
    read = 0
    for at in range(len(good) + 1):
        read += assert_read_or_refused(saved(tmp_path, good[:at] + bytes([byte]) + good[at:]))
        read += assert_read_or_refused(saved(tmp_path, good[:at] + bytes([byte]) + good[at + 1 :]))
    assert read < 2 * len(good)


def test_file_cut_anywhere_gives_its_whole_records_or_one_data_error(tmp_path: Path) -> None:
    good = csv_text(*RECORDS[:6])
    read = [end for end in range(len(good) + 1) if assert_read_or_refused(saved(tmp_path, good[:end]))]
    assert read
    assert all(good[:end].count(",") % 3 == 0 for end in read)

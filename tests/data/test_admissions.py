"""The admissions loader: the lesson's golden split, what a user's own file may look like, and what is refused and how.

The golden facts are those of data/README.md and of the lesson (its `data_prep`): what is computed here to check them uses the
standard library and NumPy, never pandas.
"""

import csv
import hashlib
import statistics
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

import data
from data import FEATURES, LESSON_CSV, Admissions, DataError, load_admissions, read_admissions

HEADER = "admit,gre,gpa,rank"
COLUMNS = HEADER.split(",")
RECORDS = [f"{i % 2},{400 + 20 * i},{3 + i / 100:.2f},{i % 4 + 1}" for i in range(20)]
STANDARDIZED: tuple[Literal["gre", "gpa"], ...] = ("gre", "gpa")
MODES: tuple[Literal["all", "train"], ...] = ("all", "train")


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


def with_column(column: str, values: list[str]) -> str:
    """The good file with a whole column replaced."""
    rows = [record.split(",") for record in RECORDS]
    for row, value in zip(rows, values, strict=True):
        row[COLUMNS.index(column)] = value
    return csv_text(*(",".join(row) for row in rows))


def saved(tmp_path: Path, content: str | bytes, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: str | Path, *, standardize: Literal["all", "train"] = "all") -> str:
    """What the one `DataError` says after the name of the file, which is in front; of several faults what is listed, a line each."""
    with pytest.raises(DataError) as caught:
        load_admissions(path, standardize=standardize)
    assert type(caught.value) is DataError
    message = str(caught.value)
    name = f"{str(path)!r}: "
    assert message.startswith(name)
    first, *lines = message.removeprefix(name).splitlines()
    assert not lines or first.startswith(f"{sum(line.startswith('  line ') for line in lines)} faults:")
    return "\n".join(line.removeprefix("  ") for line in lines) or first


def assert_equal(actual: Admissions, expected: Admissions) -> None:
    pd.testing.assert_frame_equal(actual.features, expected.features, check_exact=True)
    pd.testing.assert_series_equal(actual.targets, expected.targets, check_exact=True)
    pd.testing.assert_frame_equal(actual.features_test, expected.features_test, check_exact=True)
    pd.testing.assert_series_equal(actual.targets_test, expected.targets_test, check_exact=True)


def lesson_records() -> dict[str, list[float]]:
    """The lesson's columns, read by the standard library alone."""
    with LESSON_CSV.open(newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in COLUMNS}


def expected_features(fitted_on: list[int]) -> np.ndarray:
    """All 400 records' six features, with exact mean and sample deviation (ddof = 1) of the rows `fitted_on`   (400, 6)."""
    records = lesson_records()
    columns = []
    for name in STANDARDIZED:
        fitted = [records[name][row] for row in fitted_on]
        mean, deviation = statistics.mean(fitted), statistics.stdev(fitted)
        columns.append([(value - mean) / deviation for value in records[name]])
    columns += [[float(value == rank) for value in records["rank"]] for rank in (1, 2, 3, 4)]
    return np.array(columns).T


# The lesson's file


def test_public_names_are_these() -> None:
    readers = {"draw_sorting", "load_admissions", "load_digits", "load_table", "load_text", "read_admissions"}
    files = {"ALICE_TXT", "DIGITS_CSV", "LESSON_CSV"}
    kinds = {"Admissions", "DataError", "Digits", "LabelsError", "Sorting", "Table", "Text"}
    assert set(data.__all__) == {"FEATURES"} | kinds | files | readers
    assert all(hasattr(data, name) for name in data.__all__)


def test_lesson_file_is_the_published_one_byte_for_byte() -> None:
    """Golden: sha256 in data/README.md."""
    digest = hashlib.sha256(LESSON_CSV.read_bytes()).hexdigest()
    assert digest == "2f5dcda0e455631215709575cc2eede4e5fb4e94cda9c37dab54e26d79dcf8c2"


def test_lesson_file_has_the_published_counts_means_and_deviations() -> None:
    """Golden: the table of data/README.md, to the digits printed there."""
    records = read_admissions()
    assert list(records.columns) == COLUMNS
    assert all(dtype == np.float64 for dtype in records.dtypes)
    assert len(records) == 400
    assert records["admit"].sum() == 127
    assert round(records["gre"].mean(), 4) == 587.7
    assert round(records["gre"].std(), 4) == 115.5165
    assert round(records["gpa"].mean(), 4) == 3.3899
    assert round(records["gpa"].std(), 6) == 0.380567
    assert set(records["rank"]) == {1.0, 2.0, 3.0, 4.0}


def test_reading_gives_every_cell_as_the_standard_library_reads_it() -> None:
    assert read_admissions().to_dict("list") == lesson_records()


def test_lesson_split_draws_360_rows_in_drawn_order() -> None:
    """Golden: first rows 106, 9, 61, 224, 37 and last row 240, as the lesson's `data_prep` draws them."""
    admissions = load_admissions()
    drawn = list(admissions.features.index)
    assert len(drawn) == len(set(drawn)) == 360
    assert drawn[:5] == [106, 9, 61, 224, 37]
    assert drawn[-1] == 240
    assert drawn == list(np.random.RandomState(21).choice(400, size=360, replace=False))


def test_lesson_test_rows_are_the_other_40_in_file_order() -> None:
    admissions = load_admissions()
    assert list(admissions.features_test.index) == sorted(set(range(400)) - set(admissions.features.index))
    assert len(admissions.features_test) == 40


def test_features_are_six_float_columns_in_the_stated_order() -> None:
    admissions = load_admissions()
    assert FEATURES == ("gre", "gpa", "rank_1", "rank_2", "rank_3", "rank_4")
    for features in (admissions.features, admissions.features_test):
        assert tuple(features.columns) == FEATURES
        assert all(dtype == np.float64 for dtype in features.dtypes)


def test_targets_are_the_admit_column_of_the_same_rows() -> None:
    admissions = load_admissions()
    admit = lesson_records()["admit"]
    for features, targets in ((admissions.features, admissions.targets), (admissions.features_test, admissions.targets_test)):
        assert list(targets.index) == list(features.index)
        assert targets.dtype == np.float64
        assert list(targets) == [admit[row] for row in targets.index]


def test_standardisation_over_all_records_equals_an_independent_computation() -> None:
    admissions = load_admissions()
    expected = expected_features(list(range(400)))
    for actual in (admissions.features, admissions.features_test):
        np.testing.assert_allclose(actual.to_numpy(), expected[actual.index], rtol=0, atol=1e-13)


def test_standardisation_over_the_training_rows_equals_an_independent_computation() -> None:
    admissions = load_admissions(standardize="train")
    expected = expected_features(list(admissions.features.index))
    for actual in (admissions.features, admissions.features_test):
        np.testing.assert_allclose(actual.to_numpy(), expected[actual.index], rtol=0, atol=1e-13)


def test_standardize_train_gives_training_mean_0_and_deviation_1_which_all_does_not() -> None:
    train, everything = load_admissions(standardize="train"), load_admissions(standardize="all")
    for name in STANDARDIZED:
        assert abs(train.features[name].mean()) < 1e-13
        assert abs(train.features[name].std(ddof=1) - 1) < 1e-13
        assert abs(everything.features[name].mean()) > 1e-4
        assert abs(everything.features[name].std(ddof=1) - 1) > 1e-4


def test_standardize_train_changes_no_rank_no_target_and_no_row() -> None:
    train, everything = load_admissions(standardize="train"), load_admissions(standardize="all")
    ranks = list(FEATURES[2:])
    pd.testing.assert_frame_equal(train.features[ranks], everything.features[ranks])
    pd.testing.assert_frame_equal(train.features_test[ranks], everything.features_test[ranks])
    pd.testing.assert_series_equal(train.targets, everything.targets)
    pd.testing.assert_series_equal(train.targets_test, everything.targets_test)


def test_split_seed_changes_the_split_and_repeats_it() -> None:
    other = load_admissions(split_seed=5)
    assert list(other.features.index) == list(np.random.RandomState(5).choice(400, size=360, replace=False))
    assert list(other.features.index) != list(load_admissions().features.index)
    assert_equal(load_admissions(split_seed=5), other)


def test_loading_leaves_numpys_global_generator_alone() -> None:
    def state() -> str:
        return repr(np.random.get_state(legacy=False))

    with np.printoptions(threshold=10_000):
        before = state()
        load_admissions()
        assert state() == before


@pytest.mark.parametrize("standardize", ["ALL", "test", "", None, True])
def test_unknown_standardize_is_a_value_error_that_names_both_choices(standardize: object) -> None:
    with pytest.raises(ValueError, match=r"standardize is .*expected 'all' or 'train'") as caught:
        load_admissions(standardize=standardize)  # type: ignore[arg-type]
    assert not isinstance(caught.value, DataError)


@pytest.mark.parametrize("split_seed", [-1, 2**32])
def test_split_seed_that_is_none_is_a_value_error(split_seed: int) -> None:
    with pytest.raises(ValueError, match=r"[Ss]eed") as caught:
        load_admissions(split_seed=split_seed)
    assert not isinstance(caught.value, DataError)


# A user's own file

PLAIN = csv_text(*RECORDS)
SPELLINGS = {
    "no newline at the end": PLAIN.removesuffix("\n"),
    "reordered columns": csv_text(*(",".join(reversed(record.split(","))) for record in RECORDS), header="rank,gpa,gre,admit"),
    "quoted cells": "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in PLAIN.splitlines()),
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "CR alone": PLAIN.replace("\n", "\r"),
    "BOM": "\ufeff" + PLAIN,
    "spaces round cells": PLAIN.replace(",", " , ").replace("\n", " \n "),
    "tabs round cells": PLAIN.replace(",", "\t,\t"),
    "spaces inside quotes": with_cell("gre", '"  460 "'),
    "trailing blank lines": PLAIN + "\n\n \t \r\n\n",
    "another way to write a number": with_line(5, "+1.0,4.6E+02,3.030,4."),
}
SPELLINGS["all at once"] = "\ufeff" + SPELLINGS["quoted cells"].replace('","', ' ","').replace("\n", "\r\n") + "\r\n \r\n"


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_another_spelling_of_the_file_equals_the_plain_one(tmp_path: Path, spelling: str, standardize: Literal["all", "train"]) -> None:
    plain = load_admissions(saved(tmp_path, PLAIN, "plain.csv"), standardize=standardize)
    assert_equal(load_admissions(saved(tmp_path, spelling), standardize=standardize), plain)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_records_have_the_columns_in_one_order_and_the_same_values_in_any_spelling(tmp_path: Path, spelling: str) -> None:
    records = read_admissions(saved(tmp_path, spelling))
    pd.testing.assert_frame_equal(records, read_admissions(saved(tmp_path, PLAIN, "plain.csv")), check_exact=True)
    assert list(records.columns) == COLUMNS


def test_path_may_be_text_or_a_path(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN)
    assert_equal(load_admissions(str(path)), load_admissions(path))


@pytest.mark.parametrize("absent", [1, 2, 3, 4])
def test_file_without_some_rank_still_has_six_features(tmp_path: Path, absent: int) -> None:
    ranks = [rank for rank in (1, 2, 3, 4) if rank != absent]
    admissions = load_admissions(saved(tmp_path, with_column("rank", [str(ranks[i % 3]) for i in range(20)])))
    for features in (admissions.features, admissions.features_test):
        assert tuple(features.columns) == FEATURES
        assert (features[f"rank_{absent}"] == 0).all()
        assert (features[list(FEATURES[2:])].sum(axis="columns") == 1).all()


@pytest.mark.parametrize(("records", "training"), [(3, 2), (4, 3), (9, 8), (10, 9), (11, 9), (19, 17), (20, 18)])
def test_nine_tenths_rounded_down_are_for_training(tmp_path: Path, records: int, training: int) -> None:
    admissions = load_admissions(saved(tmp_path, csv_text(*RECORDS[:records])))
    assert (len(admissions.features), len(admissions.features_test)) == (training, records - training)


# Bad cells: the line and the column are named

NOT_A_NUMBER = [
    "high", "NA", "N/A", "nan", "NaN", "-nan", "null", "None", "", "  ", '""', "inf", "-inf", "Infinity", "1e999", "-1e999",
    "1_000", "0x1", "1e", "e1", ".", "+", "1 0", "--1", "1.0.0", "1d0", "1j", "1/1", "1%", "True", "#N/A", '"1,000"', '"1\n0"',
    "١", "１", "²", "Ⅰ", "−1", "\u200b1", "\ufeff1",
]  # fmt: skip
OUT_OF_RANGE = {"admit": ["2", "0.5", "-1", "1e1", "0.9999"], "rank": ["0", "5", "1.5", "-1", "1e1", "4.0001"]}
BAD_CELLS = [(column, cell) for column in COLUMNS for cell in [*NOT_A_NUMBER, *OUT_OF_RANGE.get(column, [])]]


def test_good_file_that_the_bad_ones_are_made_from_loads(tmp_path: Path) -> None:
    """The control: whatever is refused below is refused for its one fault."""
    path = saved(tmp_path, PLAIN)
    for standardize in MODES:
        load_admissions(path, standardize=standardize)
    assert with_cell("gre", "460") == PLAIN


@pytest.mark.parametrize(("column", "cell"), BAD_CELLS, ids=[f"{column}={cell!a}" for column, cell in BAD_CELLS])
def test_bad_cell_is_refused_with_its_line_its_column_and_its_text(tmp_path: Path, column: str, cell: str) -> None:
    says = refusal(saved(tmp_path, with_cell(column, cell)))
    # A record that spans two lines may be named by either.
    assert says.startswith(f"line 5, column {column}: ") or ("\n" in cell and says.startswith(f"line 6, column {column}: "))
    content = cell.strip().strip('"').strip()
    assert (repr(content) if content else "empty") in says
    assert "expected" in says


@pytest.mark.parametrize("number", [2, 3, 20, 21])
def test_line_of_a_bad_cell_is_counted_from_1_with_the_header(tmp_path: Path, number: int) -> None:
    assert refusal(saved(tmp_path, with_cell("gpa", "x", number=number))).startswith(f"line {number}, column gpa: ")


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_of_a_bad_cell_is_right_with_other_line_ends_and_a_bom(tmp_path: Path, newline: str) -> None:
    text = "\ufeff" + with_cell("gre", "x", number=8).replace("\n", newline)
    assert refusal(saved(tmp_path, text)).startswith("line 8, column gre: ")


def test_column_of_a_bad_cell_is_named_by_the_files_own_header(tmp_path: Path) -> None:
    text = csv_text("1,3.2,400,0", "x,3.3,420,1", "2,3.4,440,0", header="rank,gpa,gre,admit")
    assert refusal(saved(tmp_path, text)).startswith("line 3, column rank: ")


def test_all_faults_are_named_with_what_was_expected(tmp_path: Path) -> None:
    text = csv_text(*RECORDS[:4], "1,x,3.2,9", *RECORDS[4:], "1,2")
    assert refusal(saved(tmp_path, text)).splitlines() == [
        "line 6, column gre: 'x' is not a number",
        "line 6, column rank: '9' is out of range",
        "line 23: column gpa is missing: 2 cells where the header has 4 columns",
        "expected a number such as 580 as gre",
        "expected 1, 2, 3 or 4 as rank",
        "expected a cell for each column",
    ]


# Bad files

BAD_FILES: dict[str, tuple[str | bytes, str, str]] = {
    # what: (content, how the message starts, what else it says)
    "empty": ("", "the file is empty", HEADER),
    "a BOM only": ("\ufeff", "the file is empty", HEADER),
    "blank lines only": ("\n \r\n\n", "the file is empty", HEADER),
    "header only": (csv_text(), "there is a header and no record", "expected"),
    "no header": (csv_text(*RECORDS[1:], header=RECORDS[0]), "line 1: unknown column '0'", HEADER),
    "missing column": (csv_text("0,380,3.6", header="admit,gre,gpa"), "line 1: column rank is missing", HEADER),
    "missing first column": (csv_text("380,3.6,1", header="gre,gpa,rank"), "line 1: column admit is missing", HEADER),
    "repeated column": (csv_text("0,380,380,3.6,1", header="admit,gre,gre,gpa,rank"), "line 1: column gre stands twice", "once"),
    "unknown column": (csv_text("0,380,3.6,1,7", header=HEADER + ",age"), "line 1: unknown column 'age'", HEADER),
    "column in capitals": (csv_text(*RECORDS, header=HEADER.upper()), "line 1: unknown column 'ADMIT'", HEADER),
    "unnamed column": (csv_text(*(f"{record}," for record in RECORDS), header=HEADER + ","), "line 1: unknown column ''", HEADER),
    "an index column": (csv_text(*(f"0,{record}" for record in RECORDS), header="," + HEADER), "line 1: unknown column ''", HEADER),
    "semicolons": (PLAIN.replace(",", ";"), "line 1: unknown column 'admit;gre;gpa;rank'", HEADER),
    "short row": (with_line(5, "1,460,3.03"), "line 5: column rank is missing", "3 cells"),
    "row of one cell": (with_line(5, "1"), "line 5: column gre is missing", "4 columns"),
    "short last row": (csv_text(*RECORDS, "1,460"), "line 22: column gpa is missing", "2 cells"),
    "short row under another header": (csv_text("1,3.2,400", header="rank,gpa,gre,admit"), "line 2: column admit is missing", "3 cells"),
    "long row": (with_line(5, "1,460,3.03,4,7"), "line 5: too many cells", "5 cells"),
    "long row with an empty cell": (with_line(5, "1,460,3.03,4,"), "line 5: too many cells", "5 cells"),
    "row of commas": (with_line(5, ",,,"), "line 5, column admit: the cell is empty", "0 or 1"),
    "decimal comma": (with_line(5, "1,460,3,03,4"), "line 5: too many cells", "5 cells"),
    "blank line in the middle": (with_line(5, ""), "line 5 is blank", "delete the line"),
    "line of spaces in the middle": (with_line(5, " \t "), "line 5 is blank", "delete the line"),
    "two blank lines in the middle": (with_line(5, "\n"), "line 5 is blank", "delete the line"),
    "blank line before the header": ("\n" + PLAIN, "line 1 is blank", "header"),
    "blank line after the header": (with_line(2, ""), "line 2 is blank", "record"),
    "comment": ("# mine\n" + PLAIN, "line 1: unknown column '# mine'", HEADER),
    "unterminated quote": (csv_text(*RECORDS, '1,460,3.03,"4'), "line 22 ", "not CSV"),
    "text after a quote": (with_line(5, '1,"460"0,3.03,4'), "line 5 ", "not CSV"),
    "cell of 200,000 characters": (with_line(5, f"1,{'4' * 200_000},3.03,4"), "line 5 ", "not CSV"),
    "one record": (csv_text(*RECORDS[:1]), "1 record(s) are too few", "at least 3"),
    "two records": (csv_text(*RECORDS[:2]), "2 record(s) are too few", "at least 3"),
    "all refused": (with_column("admit", ["0"] * 20), "column admit: every value is 0", "both classes"),
    "all admitted": (with_column("admit", ["1"] * 20), "column admit: every value is 1", "both classes"),
    "Latin-1": (PLAIN.encode() + b"1,\xe9,3.1,2\n", "line 22 is not UTF-8", "0xe9"),
    "bad byte in the header": (b"\xff" + PLAIN.encode(), "line 1 is not UTF-8", "0xff"),
    "UTF-8 cut short": (PLAIN.encode() + "é".encode()[:1], "line 22 is not UTF-8", "0xc3"),
    "a surrogate in UTF-8": (with_line(5, "1,?,3.1,2").encode().replace(b"?", b"\xed\xa0\x80"), "line 5 is not UTF-8", "0xed"),
    "UTF-16": (PLAIN.encode("utf-16"), "line 1 ", "UTF-8"),
    "NUL byte": (with_cell("gre", "4\0"), "line 5 holds a NUL byte", "UTF-8"),
    "NUL bytes at the end": (PLAIN + "\0\0\0", "line 22 holds a NUL byte", "UTF-8"),
    "NUL byte past the first mebibyte": (csv_text(*["1,460,3.03,4"] * 90_000, "1,\0,3,1"), "line 90002 holds a NUL byte", "UTF-8"),
}


@pytest.mark.parametrize(("content", "start", "also"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_file_is_refused_where_its_fault_is(tmp_path: Path, content: str | bytes, start: str, also: str) -> None:
    says = refusal(saved(tmp_path, content))
    assert says.startswith(start)
    assert also in says


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("column", STANDARDIZED)
@pytest.mark.parametrize("value", ["0", "3.1", "580"])
def test_constant_column_is_refused_by_name(tmp_path: Path, column: str, value: str, standardize: Literal["all", "train"]) -> None:
    says = refusal(saved(tmp_path, with_column(column, [value] * 20)), standardize=standardize)
    assert says.startswith(f"column {column}: ")
    assert f"value is {value}" in says
    assert "different values" in says


@pytest.mark.parametrize("column", STANDARDIZED)
def test_column_constant_in_the_training_rows_alone_is_refused_only_with_standardize_train(tmp_path: Path, column: str) -> None:
    drawn = np.random.RandomState(21).choice(20, size=18, replace=False)
    path = saved(tmp_path, with_column(column, ["3" if row in drawn else f"4.{row}" for row in range(20)]))
    says = refusal(path, standardize="train")
    assert says.startswith(f"column {column}: every training value is 3")
    admissions = load_admissions(path, standardize="all")
    assert admissions.features[column].nunique() == 1
    assert np.isfinite(admissions.features_test[column]).all()


TOO_FAR = {
    "sum overflows": [f"{i % 9 + 1}e307" for i in range(20)],
    "sum overflows downwards": [f"-{i % 9 + 1}e307" for i in range(20)],
    "1e308 nearly throughout": ["1e308"] * 19 + ["1"],
    "squares underflow": [f"{i + 1}e-200" for i in range(20)],
    "one square overflows": ["1e200", *(f"{i}" for i in range(1, 20))],
    "neighbours in float64": ["10000000000000000", "10000000000000002"] * 10,
}


@pytest.mark.parametrize("standardize", MODES)
@pytest.mark.parametrize("column", STANDARDIZED)
@pytest.mark.parametrize("values", TOO_FAR.values(), ids=TOO_FAR.keys())
def test_column_that_float64_cannot_standardise_is_refused(
    tmp_path: Path, column: str, values: list[str], standardize: Literal["all", "train"]
) -> None:
    says = refusal(saved(tmp_path, with_column(column, values)), standardize=standardize)
    assert says.startswith(f"column {column}: ")
    assert "rescale" in says


@pytest.mark.parametrize("name", ["missing.csv", "no/such/folder.csv", "nul\0.csv", "n" * 5000, "two\nlines.csv", "lone\ud800.csv", "."])
def test_path_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A missing file, a NUL or a lone surrogate in the name, a name that is too long, a directory."""
    says = refusal(f"{tmp_path}/{name}")
    assert says.startswith("cannot be read: ")
    assert HEADER in says


@pytest.mark.parametrize("path", ["", Path("missing.csv")], ids=["no name", "a relative Path"])
def test_path_is_named_as_it_was_given(path: str | Path) -> None:
    assert refusal(path).startswith("cannot be read: ")


def test_data_error_is_a_value_error() -> None:
    assert issubclass(DataError, ValueError)


# What pandas would have repaired in silence


def test_na_is_refused_where_pandas_reads_nan(tmp_path: Path) -> None:
    path = saved(tmp_path, with_cell("gpa", "NA"))
    assert pd.read_csv(path)["gpa"].isna().sum() == 1
    assert refusal(path).startswith("line 5, column gpa: 'NA'")


def test_repeated_header_is_refused_where_pandas_renames_it(tmp_path: Path) -> None:
    path = saved(tmp_path, csv_text(*(f"{record},700" for record in RECORDS), header=HEADER + ",gre"))
    assert list(pd.read_csv(path).columns) == [*COLUMNS, "gre.1"]
    assert refusal(path).startswith("line 1: column gre ")


def test_extra_cell_is_refused_where_pandas_shifts_the_columns_into_the_index(tmp_path: Path) -> None:
    path = saved(tmp_path, csv_text(*(f"{record},7" for record in RECORDS)))
    shifted = pd.read_csv(path)
    assert list(shifted["rank"]) == [7] * 20
    assert list(shifted.index) == [i % 2 for i in range(20)]
    assert refusal(path).startswith("line 2: too many cells: 5 ")


def test_short_row_is_refused_where_pandas_fills_it(tmp_path: Path) -> None:
    path = saved(tmp_path, with_line(5, "1,460,3.03"))
    assert pd.read_csv(path)["rank"].isna().sum() == 1
    assert refusal(path).startswith("line 5: column rank ")


def test_blank_line_is_refused_where_pandas_skips_it(tmp_path: Path) -> None:
    path = saved(tmp_path, with_line(5, ""))
    assert len(pd.read_csv(path)) == 19
    assert refusal(path).startswith("line 5 is blank")


def test_thousand_separator_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, with_cell("gre", "1_000"))
    assert float("1_000") == 1000  # as Python itself would read it
    assert refusal(path).startswith("line 5, column gre: '1_000'")


# Every damage of a good file


def assert_read_or_refused(path: Path) -> bool:
    """True if the file is read, with every value in its range; false if it is refused in one line."""
    try:
        records = read_admissions(path)
    except DataError as error:
        message = str(error)
        assert message.startswith(f"{str(path)!r}: ")
        assert all(line.startswith("  ") for line in message.splitlines()[1:])
        return False
    assert list(records.columns) == COLUMNS
    assert np.isfinite(records.to_numpy()).all()
    assert records["admit"].isin([0, 1]).all()
    assert records["rank"].isin([1, 2, 3, 4]).all()
    return True


@pytest.mark.parametrize("byte", [*b'\0\t\n\r ",.-_0;e#\x1a\xa0\xc3\xff'], ids=lambda byte: f"{byte:#04x}")
def test_any_byte_put_anywhere_gives_records_or_one_data_error(tmp_path: Path, byte: int) -> None:
    good = csv_text(*RECORDS[:4]).encode()
    read = 0
    for at in range(len(good) + 1):
        read += assert_read_or_refused(saved(tmp_path, good[:at] + bytes([byte]) + good[at:]))
        read += assert_read_or_refused(saved(tmp_path, good[:at] + bytes([byte]) + good[at + 1 :]))
    assert read < 2 * len(good)


def test_file_cut_anywhere_gives_its_whole_records_or_one_data_error(tmp_path: Path) -> None:
    good = csv_text(*RECORDS[:4])
    whole = read_admissions(saved(tmp_path, good, "good.csv"))
    for end in range(len(good)):
        path = saved(tmp_path, good[:end])
        if assert_read_or_refused(path):
            assert good[:end].count(",") % 3 == 0
            pd.testing.assert_frame_equal(read_admissions(path), whole.iloc[: good[:end].count(",") // 3 - 1])

"""What a cell that is no plain number was probably meant to be: a number with separators or a unit, or a missing value."""

import re

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", "."})

_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)"
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,'’ _\u00a0\u202f]\d{3})+(\.\d*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_UNIT = re.compile(rf"[$€£¥]\s?(?P<after>{_NUMBER.replace('(', '(?:')})|(?P<before>{_NUMBER.replace('(', '(?:')})\s?[$€£¥%]", re.ASCII)


def is_missing(cell: str) -> bool:
    """Return whether the cell is empty, or one of the usual spellings of a missing number."""
    return cell.lower() in MISSING


def is_grouped(cell: str) -> bool:
    """Return whether the cell is a number with thousands separators."""
    return _THOUSANDS.fullmatch(cell) is not None


def meant(cell: str) -> str | None:
    """Say what the cell looks like and how to write that, for the end of a sentence, or return None if it is like no number."""
    if is_missing(cell):
        return "looks like a missing value: fill it in, delete the record, or choose --missing drop or mean"
    if is_grouped(cell):
        plain = re.sub(r"[^\d.+-]", "", cell)
        other = f", or {cell.replace(',', '.')} if that is a decimal comma" if _DECIMAL_COMMA.fullmatch(cell) else ""
        return f"looks like a number with a thousands separator: write {plain}{other}"
    if _DECIMAL_COMMA.fullmatch(cell):
        return f"looks like a number with a decimal comma: write {cell.replace(',', '.')}"
    if found := _UNIT.fullmatch(cell):
        return f"looks like a number with a unit: write {found['after'] or found['before']}"
    return None

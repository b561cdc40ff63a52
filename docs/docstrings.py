"""Conversion of docstrings, plain text with `code`, into the reStructuredText that Sphinx reads."""

import re


def as_restructured_text(app: object, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
    """Turn indented lines into a block of code, and escape |x| and a lone * outside of `code`; `lines` are changed in place."""
    written: list[str] = []
    is_code = False
    for line in lines:
        if not line.strip():
            written.append(line)
            continue
        if line.startswith("    ") and not is_code and (not written or not written[-1].strip()):
            written += ["::", ""]
        is_code = line.startswith("    ") and (is_code or not written[-1].strip())
        written.append(line if is_code else "".join(_escaped(part) for part in re.split(r"(`[^`]*`)", line)))
    lines[:] = written


def _escaped(part: str) -> str:
    return part if part.startswith("`") else re.sub(r"(?<![^\s(])\*(?=[\s.,;)]|$)", r"\\*", part.replace("|", "\\|"))

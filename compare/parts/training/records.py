"""The records that methods of a class are given: rows of numbers, or words by their numbers, with a target of each."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...userfile.shapes.spellings import role

_RECORDS = 6
_WORDS = 3      # that come: each more than once, and no table is so small
_METHOD = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Rows:
    """Rows of so many numbers; with `of_one`, a sequence that has one target."""

    inputs: int
    outputs: int
    of_one: bool = False

    @property
    def given(self) -> tuple[Any, ...]:
        """What the methods see of it but for the number of outputs."""
        return self.inputs, self.of_one

    @property
    def said(self) -> str:
        """What they are, in words, where the layout does not say it."""
        return "records as a sequence" if self.of_one else ""

    def __call__(self) -> tuple[Any, Any]:
        """Draw them, with targets."""
        random = np.random.default_rng(0)
        x, y = random.normal(size=(_RECORDS, self.inputs)), np.eye(self.outputs)[np.arange(_RECORDS) % self.outputs]
        y = random.uniform(0.1, 0.9, size=(_RECORDS, 1)) if self.outputs == 1 else y
        return x, y[0] if self.of_one else y


@dataclass(frozen=True)
class Words:
    """Numbers of words: one sequence, or several of a length, with a word as the target of each record, or of each word."""

    length: int
    at_each: bool = False

    @property
    def given(self) -> tuple[Any, ...]:
        """What the methods see of it."""
        return self.length, self.at_each

    @property
    def said(self) -> str:
        """What they are, in words."""
        return f"{_RECORDS} sequences of {self.length} words by their numbers" if self.length else f"{_RECORDS} words by their numbers"

    def __call__(self) -> tuple[Any, Any]:
        """Draw them, with targets."""
        random = np.random.default_rng(0)
        shape = (_RECORDS, self.length) if self.length else (_RECORDS,)
        x = random.integers(0, _WORDS, shape)
        return x, random.integers(0, _WORDS, shape if self.at_each else _RECORDS)


def words_of(lengths: Sequence[int]) -> Iterator[Words]:
    """Yield a sequence, and several of each of these lengths."""
    yield Words(0)
    yield from (Words(length, at_each) for length in lengths for at_each in (False, True))


def takes_words(tree: ast.Module, name: str) -> bool:
    """Return whether a method of the class of that name takes records that it looks something up by."""
    return any(
        isinstance(each, ast.Subscript) and _inputs(method) & {one.id for one in ast.walk(each.slice) if isinstance(one, ast.Name)}
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == name
        for method in node.body
        if isinstance(method, _METHOD)
        for each in ast.walk(method)
    )


def _inputs(method: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {each.arg for each in method.args.args[1:] if role(each.arg) == "x"}

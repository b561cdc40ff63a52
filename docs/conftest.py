"""Every code block of every page is a test: see tests/blocks.py. Pages that train, or run pytest, again and again are in the slow lane."""

from pathlib import Path

import pytest
from sybil import Sybil

from tests.blocks import Blocks, enter, leave
from tests.few_trials import pytest_runtest_protocol  # noqa: F401 - a hook

DOCS = Path(__file__).parent
CHAPTERS = ("attention", "backpropagation", "convolution", "embedding", "normalization", "recurrence", "residuals")
SLOW = {DOCS / f"{name}.md" for name in (*CHAPTERS, "adding-a-mistake", "pytest-and-ci")}

pytest_collect_file = Sybil([Blocks()], patterns=["*.md"], setup=enter, teardown=leave).pytest()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the blocks of those pages."""
    for item in items:
        if item.path in SLOW:
            item.add_marker(pytest.mark.slow)

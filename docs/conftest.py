"""Every code block of every page is a test: see tests/blocks.py."""

from sybil import Sybil

from tests.blocks import Blocks, enter, leave

pytest_collect_file = Sybil([Blocks()], patterns=["*.md"], setup=enter, teardown=leave).pytest()

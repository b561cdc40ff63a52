"""A file that ends the process, beside a module or by itself, ends no check: no exit code of its own is taken for a verdict."""

import subprocess
import sys
from pathlib import Path

import pytest

from compare.cli.main import DIFFERENT, EQUIVALENT, UNUSABLE

RIGHT = (Path(__file__).parents[3] / "examples" / "right_hidden_error.py").read_text(encoding="utf-8")
REFERENCE = """
import os
from torch import nn
from compare import Problem
class Ends(nn.Linear):
    def forward(self, x):
        os._exit(0)
def linear():
    return Problem.of(nn.Linear(3, 2), inputs=(4, 3))
def ends():
    return Problem.of(Ends(3, 2), inputs=(4, 3))
"""
ENDS = "import os; os._exit(0)\n"
MODULE = """
import os, sys
from torch import nn
class Module(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
"""
COPIED = "    def __deepcopy__(self, memo):\n        sys.exit(0)\n"
FORKS = """
import os
child = os.fork()
if child == 0:
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
"""


def checked(tmp_path: Path, text: str, reference: str) -> subprocess.CompletedProcess[str]:
    """The check of a file with that text, as its user runs it."""
    (tmp_path / "reference.py").write_text(REFERENCE, encoding="utf-8")
    (tmp_path / "attempt.py").write_text(text, encoding="utf-8")
    beside = ["--reference", str(tmp_path / f"reference.py:{reference}")] if reference else []
    command = [sys.executable, "-m", "compare", "check", str(tmp_path / "attempt.py"), *beside]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("text", "reference", "code", "said"),
    [
        ("import os; os._exit(0)", "linear", UNUSABLE, "attempt.py cannot be executed: SystemExit: 0"),
        (ENDS + RIGHT, "", DIFFERENT, "COULD NOT RUN: importing attempt.py raised SystemExit: 0, at attempt.py line 1"),
        ("import os\ndef gradients(params, x):\n    os._exit(0)", "linear", UNUSABLE, "step 1 of the candidate raised SystemExit: 0"),
        (MODULE, "ends", UNUSABLE, "the forward of the reference (Ends) raised SystemExit: 0"),
        (MODULE + COPIED, "linear", UNUSABLE, "what was run ended the process with 0"),
        (MODULE, "linear", EQUIVALENT, "equivalent: "),
        (FORKS + RIGHT, "", EQUIVALENT, "EQUIVALENT: "),
    ],
)
def test_only_a_verdict_of_equivalent_is_success(tmp_path: Path, text: str, reference: str, code: int, said: str) -> None:
    result = checked(tmp_path, text, reference)
    assert said in result.stdout + result.stderr
    assert result.returncode == code

"""A program at the end of the pipe: right ones are equal, wrong ones are told where and why, and those that misbehave never hang."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Program, check
from compare.checking.result import Check
from compare.cli.main import main
from compare.support.errors import CompareError, ProblemError
from compare.userfile.pipe import frames
from compare.userfile.pipe.frames import FrameError
from compare.userfile.pipe.peer import Peer, PeerError

ROOT = Path(__file__).parents[3]
PEER = [sys.executable, "-X", f"started-by={os.getpid()}", str(ROOT / "tests" / "peer.py")]      # another process runs such tests too
PROBLEM = {"sizes": (3, 4, 2), "activations": ("tanh", "identity"), "bias": True, "loss": "half_mse", "lr": 0.3}


def checked(*how: str, timeout: float = 30.0, steps: int = 3) -> Check:
    return check(Program([*PEER, *how], timeout=timeout), problem=PROBLEM, seed=1, steps=steps)


def alive() -> list[str]:
    """The peers that run on."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.startswith(" ".join(PEER))]


@pytest.mark.parametrize("how", ["well", "black box", "ignores"])
def test_one_that_is_right_is_equal(how: str) -> None:
    result = checked(how)
    assert result.verdict == "equivalent", result.reason
    assert result.printed == "ready\n"
    assert result.comparison is not None
    assert not alive()


def test_a_mistake_is_named_as_in_a_file() -> None:
    result = checked("slope")
    assert result.verdict == "different"
    assert [found.causes[0].id for found in result.diagnosis] == ["slope-missing"]
    assert next(stage.name for stage in result.stages if stage.mark == "wrong").startswith("error term δ1")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("dies", "ended with exit code 7: ready"),
        ("killed", "ended with signal SIGKILL"),
        ("nonce", "another question's nonce"),
        ("number", "it answers step 99"),
        ("kind", "a frame of kind 3; expected 131"),
        ("version", "of version 2; expected 1"),
        ("print", r"it wrote 'epoch 1: loss 0.3\n"),
        ("twice", "after its answer"),
        ("long", "announces 1125899906842624 bytes; expected at most"),
        ("left over", "left over after"),
        ("count", "announces 2147483648 arrays"),
        ("too few", "too early for what it announces"),
        ("huge", "too early for what it announces"),
        ("same name", "twice in a frame"),
        ("name", "not UTF-8"),
        ("refuses", "it says: nope"),
        ("endless", "of version"),
        ("no params", "expected also 0.weight"),
        ("no output", "expected output"),
        ("unknown", "gradient"),
    ],
)
def test_one_that_misbehaves_is_told_so(how: str, said: str) -> None:
    result = checked(how)
    assert result.verdict == "could not run"
    assert said in (result.reason or ""), result.reason
    assert not alive()


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("silent", "did not answer within"),
        ("stops", "did not answer within"),
        ("short", "bytes of a frame"),
        ("header", "and wrote 17 bytes"),
        ("closes", "closed its standard output, and runs on"),
    ],
)
def test_one_that_is_silent_is_ended(how: str, said: str) -> None:
    started = time.monotonic()
    result = checked(how, "2", timeout=1.5)
    assert result.verdict == "could not run"
    assert said in (result.reason or ""), result.reason
    assert time.monotonic() - started < 30
    assert not alive()


def test_what_it_started_is_ended_too() -> None:
    assert checked("child").verdict == "equivalent"
    until = time.monotonic() + 5      # a process that has been killed is listed until its parent has noticed
    while alive() and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive()


def test_numbers_that_are_none_are_different() -> None:
    result = checked("nan")
    assert result.verdict == "different"
    assert "NaN" in (result.reason or "")


def test_float32_answers_are_not_equal() -> None:
    assert checked("float32").verdict == "different"


def test_one_that_cannot_be_started_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--command", "/no/such/program"]) == 2
    assert "cannot be started: No such file or directory" in capsys.readouterr().err
    with pytest.raises(CompareError, match="cannot be started"):
        check(Program("/no/such/program"))


def test_an_empty_command_and_a_timeout_of_0_are_refused() -> None:
    with pytest.raises(ProblemError, match="command is empty"):
        Program("")
    with pytest.raises(ProblemError, match="timeout is 0"):
        Program("true", timeout=0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "FILE or --command"),
        (["f.py", "--command", "true"], "FILE or --command"),
        (["f.py", "--timeout", "3"], "--timeout is for --command"),
        (["--command", "true", "--adapter", "a.py"], "--adapter is for a FILE"),
        (["--command", "true", "--timeout", "-1"], "not a time"),
        (["--command", "true", "--timeout", "nan"], "not a time"),
    ],
)
def test_bad_usage_is_2(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["check", *argv])
    assert exit.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
def test_the_c_program_is_equal(tmp_path: Path) -> None:
    source = (ROOT / "examples" / "c" / "network.c").read_text(encoding="utf-8")
    for name, text in (("right", source), ("wrong", source.replace("back * a * (1 - a)", "back + 0 * a"))):
        (tmp_path / f"{name}.c").write_text(text, encoding="utf-8")
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=c11"]
        subprocess.run(["cc", *flags, "-o", str(tmp_path / name), str(tmp_path / f"{name}.c"), "-lm"], check=True)
    assert check(Program(str(tmp_path / "right")), seed=1).verdict == "equivalent"
    wrong = check(Program(str(tmp_path / "wrong")), seed=1)
    assert [found.causes[0].id for found in wrong.diagnosis] == ["slope-missing"]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
@pytest.mark.parametrize(
    "problem",
    [PROBLEM, {"sizes": (4, 5, 3, 2), "activations": ("relu", "sigmoid", "identity"), "loss": "mse"}],
)
def test_the_javascript_program_is_equal(problem: dict[str, object]) -> None:
    result = check(Program(["node", str(ROOT / "examples" / "js" / "network.mjs")]), problem=problem, seed=2)
    assert result.verdict == "equivalent", result.reason


def test_a_large_question_and_a_large_answer_do_not_block_each_other() -> None:
    """Neither fits into a pipe's buffer."""
    peer = Peer(["cat"], timeout=30)
    with pytest.raises(PeerError, match=r"before it has read|kind 3; expected 131"):
        peer.ask(frames.STEP, {"x": np.zeros((1000, 1000))})
    peer.kill()


names = st.text(st.characters(codec="utf-8"), max_size=8)
arrays = st.builds(
    lambda shape, dtype: np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(["<f8", "<f4", "<i8", "u1"]),
)


@given(st.dictionaries(names, arrays, max_size=4))
def test_a_frame_comes_back_as_it_was(entries: dict[str, np.ndarray]) -> None:
    data = frames.frame(frames.STEP, bytes(range(16)), 5, entries)
    head = frames.header(data[:40])
    assert (head.kind, head.nonce, head.step, head.length) == (frames.STEP, bytes(range(16)), 5, len(data) - 40)
    back = frames.entries(data[40:])
    assert back.keys() == entries.keys()
    for name, array in entries.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


@given(st.dictionaries(names, arrays, max_size=2), st.data())
def test_a_payload_that_is_cut_or_flipped_is_a_frame_error_or_a_frame(entries: dict[str, np.ndarray], data: st.DataObject) -> None:
    payload = bytearray(frames.frame(frames.STEP, bytes(16), 0, entries)[40:])
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(FrameError):
        frames.entries(bytes(payload[:cut]))
    payload[cut] ^= data.draw(st.integers(1, 255))
    with suppress(FrameError):
        frames.entries(bytes(payload))


def test_text_booleans_and_numbers_are_entries() -> None:
    back = frames.entries(frames.frame(1, bytes(16), 0, {"text": "δ", "flags": np.array([True, False]), "lr": 0.5, "n": 3})[40:])
    assert frames.text(back["text"]) == "δ"
    assert back["flags"].tolist() == [1, 0]
    assert (float(back["lr"]), int(back["n"])) == (0.5, 3)


def test_a_command_with_an_open_quote_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProblemError, match="No closing quotation"):
        Program("python3 '")
    assert main(["check", "--command", 'python3 "']) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_it_says_steers_no_terminal(tmp_path: Path) -> None:
    says = tmp_path / "says.py"
    says.write_text("import sys\nsys.stderr.write('a\\tb\\r\\n\\x1b[2Jc\\x07\\n\\x1b]0;title\\x07')\nsys.exit(3)\n")
    result = check(Program([sys.executable, str(says)]), problem=PROBLEM, seed=1, steps=0)
    assert result.printed == "a       b\n\\x1b[2Jc\\x07\n\\x1b]0;title\\x07"
    assert str(result.reason).endswith("exit code 3: \\x1b]0;title\\x07")
    says.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom compare.userfile.pipe import frames\n"
        "head = frames.header(sys.stdin.buffer.read(40))\nsys.stdin.buffer.read(head.length)\n"
        "sys.stdout.buffer.write(frames.frame(127, head.nonce, head.step, {'message': 'a\\x1b[2J\\nb'}))\n"
    )
    peer = Peer([sys.executable, str(says)])
    with pytest.raises(PeerError) as failed:
        peer.ask(frames.HELLO, {})
    peer.kill()
    assert str(failed.value) == "it says: a\\x1b[2J\\nb"

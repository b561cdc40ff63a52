"""The command line: what it prints, what it refuses, and its exit codes."""

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compare.cli import main as cli
from compare.cli.main import main
from compare.problem.pieces import LOSSES
from manual.optimizers import SGD

PYTHON = [sys.executable, "-m", "compare"]
HERE = Path(__file__).parent


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PYTHON, *arguments], capture_output=True, text=True, check=False, **options)


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--json"])
    result: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return result


LESSON_ENDS = "810   0.240400679325 0.240400679325 0.240400679325 0.254413615431 0.254413615431"


def test_the_lesson_is_told_on_one_screen_with_the_verdict_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].startswith("EQUIVALENT: ")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert LESSON_ENDS in out
    assert "manual 0.725, torch_ref 0.725; the lesson: 0.725" in out
    sides = [line.split()[1:3] for line in lines if line.startswith(("0.weight[", "2.weight["))]
    assert len(sides) == 4      # deltas, side by side: of each tensor one, at the first step and at the last
    assert all(float(manual) == pytest.approx(float(torch_ref), rel=1e-12) for manual, torch_ref in sides)
    assert [line.strip() for line in lines if line.startswith("step ")] == ["step 1", "step 900"]


def test_verbose_prints_more_of_the_lesson(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--verbose"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("EQUIVALENT: ")
    assert LESSON_ENDS in out
    assert max(map(len, out.splitlines())) <= 80
    for step in (1, 2, 3, 91, 811, 900):
        assert f"step {step} " in out
    assert out.count("0.weight[1,4] ") >= 3
    assert out.count("\n270   ") == 1


def test_verbose_and_quiet_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--verbose", "--quiet"])
    assert stopped.value.code == 2
    assert "--quiet and --verbose are given; expected one of them" in capsys.readouterr().err


def test_a_training_that_differs_is_told_on_one_screen_with_what_is_wrong_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SGD.delta
    monkeypatch.setattr(SGD, "delta", lambda *given: right(*given) * 1.001)
    assert main(["--hidden", "5,4,3", "--bias", "--epochs", "20"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DIFFERENT: first at step 1, deltas ")
    assert [line[:7] for line in lines if line[:7] in ("where  ", "why    ", "do     ")] == ["where  ", "why    ", "do     "]
    assert len(lines) <= 40
    assert [line.strip() for line in lines if line.startswith("step ")] == ["step 1"]
    shares = [float(line.split()[-1]) for line in lines if ".weight[" in line and line[0].isdigit()]
    assert shares
    assert min(shares) > 1e9      # far beyond what is allowed


def test_the_example_has_every_figure_of_the_lesson(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example"]) == 0
    out = capsys.readouterr().out
    for figure in ("1.77005547e-04", "-5.11178506e-04", "0.00804047", "0.00555918", "9 of 9"):
        assert figure in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_example_takes_the_common_options_on_either_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert json_of(capsys, "example", "--dtype", "float32")["dtype"] == "float32"
    assert json_of(capsys, "--dtype", "float32", "example")["dtype"] == "float32"
    with pytest.raises(SystemExit) as stopped:
        main(["--epochs", "5", "example"])
    assert stopped.value.code == 2
    assert "--epochs is no option of example" in capsys.readouterr().err


def test_json_holds_what_it_promises(capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(capsys, "--epochs", "30", "--hidden", "4,3", "--activation", "tanh", "--bias", "--loss", "mse", "--seed", "5")
    assert result["verdict"] == "equivalent"
    assert (result["steps"], result["mode"], result["dtype"], result["device"]) == (30, "free", "float64", "cpu")
    problem = result["problem"]
    assert problem["sizes"] == [6, 4, 3, 1]
    assert problem["activations"] == ["tanh", "tanh", "sigmoid"]
    assert (problem["bias"], problem["loss"], problem["lr"], problem["seed"], problem["records"]) == (True, "mse", 0.005, 5, 360)
    assert result["reported_epochs"] == list(range(0, 30, 3))
    for name in ("loss", "lesson_loss", "mse"):
        assert set(result[name]) == {"manual", "torch_ref"}
        np.testing.assert_allclose(result[name]["manual"], result[name]["torch_ref"], rtol=1e-14)
        assert len(result[name]["manual"]) == 10
    assert result["loss"]["manual"] == result["mse"]["manual"]
    assert set(result["accuracy"]) == {"manual", "torch_ref"}
    fields = {"step", "phase", "tensor", "index", "actual", "expected", "difference", "allowed", "ulps"}
    assert fields <= set(result["worst"])
    assert result["worst"]["difference"] <= result["worst"]["allowed"]
    assert result["first_divergence"] is None
    for when in ("initial_parameters", "final_parameters"):
        for side in ("manual", "torch_ref"):
            assert np.shape(result[when][side]["2.weight"]) == (3, 4)
            assert np.shape(result[when][side]["2.bias"]) == (3,)
    assert result["initial_parameters"]["manual"] == result["initial_parameters"]["torch_ref"]
    assert result["environment"]["torch"] == torch.__version__
    assert {"python", "numpy", "threads", "device_name"} <= set(result["environment"])


def test_what_overflows_is_different_and_its_json_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--activation", "identity,identity", "--lr", "1e200", "--epochs", "60")
    result = json_of(capsys, *arguments)
    assert result["verdict"] == "different"
    assert result["steps"] < 60
    assert result["stopped"]
    assert result["first_divergence"]["actual"] in ("NaN", "Infinity", "-Infinity")
    assert main(list(arguments)) == 1
    out = capsys.readouterr().out
    assert f"Stopped at step {result['steps']}" in out
    assert "both sides are no longer finite" in out


def test_quiet_prints_the_verdict_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quiet", "--epochs", "3", "--mode", "follow"]) == 0
    assert capsys.readouterr().out == (
        "equivalent: 1249 numbers in 3 steps, each within what rounding allows\n"
    )


def test_every_reports_the_epochs_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert json_of(capsys, "--epochs", "10", "--every", "4")["reported_epochs"] == [0, 4, 8]


def test_a_csv_of_ones_own_is_trained_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [f"{i % 2},{400 + 10 * i},{2.5 + i / 40},{1 + i % 4}" for i in range(30)]
    (tmp_path / "mine.csv").write_text("\n".join(["admit,gre,gpa,rank", *rows]))
    result = json_of(capsys, "--data", str(tmp_path / "mine.csv"), "--epochs", "20", "--standardize", "train", "--split-seed", "3")
    assert result["verdict"] == "equivalent"
    assert (result["problem"]["records"], result["problem"]["test_records"]) == (27, 3)


RECORDS = [f"n{i},{50 + i * i},{'Ulm' if i % 2 else 'Bonn'},{i % 7},{'ynm'[i % 3]}" for i in range(30)]
HOUSES = "\n".join(["id,size,city,price,sold", *RECORDS, ""])


def test_columns_are_chosen_and_missing_cells_are_dealt_with(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    path.write_text(HOUSES.replace("n3,59,Ulm,3", "n3,NA,Ulm,3").replace("n4,66", "n4,"))
    of = ["--data", str(path), "--target", "price", "--epochs", "3", "--json"]
    assert main([*of, "--drop", "id,sold", "--missing", "drop"]) == 0
    dropped = capsys.readouterr()
    assert dropped.err == "backprop-compare: 2 of 30 records are left out: a cell is missing\n"
    said = json.loads(dropped.out)["problem"]
    assert (said["sizes"][0], said["records"], said["test_records"]) == (3, 25, 3)
    assert (said["drop"], said["missing"]) == (["id", "sold"], "drop")
    assert main([*of, "--features", "size", "--missing", "mean"]) == 0
    filled = capsys.readouterr()
    assert filled.err == "backprop-compare: missing cells that are their columns' means: 2\n"
    assert json.loads(filled.out)["problem"]["sizes"][0] == 1
    assert main([*of, "--features", "size"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4


@pytest.mark.parametrize(
    ("more", "proposal"),
    [
        (["--target", "city"], "with 2 labels, Bonn, Ulm; the loss half_mse is of numbers; expected --loss bce or bce_with_logits"),
        (["--target", "sold"], "with 3 labels, m, n, y; the loss half_mse is of numbers; expected --loss cross_entropy"),
        (["--target", "sold", "--loss", "bce"], "3 labels, m, n, y; the loss bce is of two classes; expected --loss cross_entropy"),
        (["--features", "size"], "--features is given without --target; expected the column of --data that is to be learned"),
    ],
)
def test_a_target_of_text_has_a_loss_proposed(
    more: list[str], proposal: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "houses.csv").write_text(HOUSES)
    assert main(["--data", str(tmp_path / "houses.csv"), *more, "--drop", "id"] if "--target" in more else more) == 2
    assert proposal in capsys.readouterr().err
    if "--target" in more:      # what is proposed works
        loss = proposal.split("--loss ")[1].split()[0]
        assert main(["--data", str(tmp_path / "houses.csv"), *more, "--drop", "id", "--loss", loss, "--epochs", "2"]) == 0


def test_a_trace_of_chosen_columns_is_read_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, trace = tmp_path / "houses.csv", tmp_path / "trace"
    path.write_text(HOUSES.replace("n4,66", "n4,"))
    of = ["--data", str(path), "--target", "price", "--drop", "id,sold", "--missing", "drop", "--epochs", "3"]
    assert main(["record", "--out", str(trace), "--hash-inputs", *of]) == 0
    assert main(["verify", str(trace)]) == 0
    path.write_text(HOUSES.replace("n4,66", "n4,67"))
    assert main(["verify", str(trace)]) == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--lr", "nan"], "lr is nan"),
        (["--lr", "-1"], "lr is -1.0"),
        (["--lr", "1e400"], "lr is inf"),
        (["--lr", "1e-60", "--dtype", "float32"], "float32 can hold"),
        (["--device", "tpu"], "expected cpu, cuda or cuda:N"),
        (["--device", "meta"], "expected cpu, cuda or cuda:N"),
        (["--data", "/no/such/file.csv"], "No such file"),
        (["--data", ""], "No such file"),
        (["--data", str(HERE)], "Is a directory"),
        (["--activation", "tanh,tanh,tanh", "--hidden", "3"], "activations"),
    ],
)
def test_input_that_cannot_be_used_is_one_clear_error(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err
    assert len(captured.err.splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_without_cuda_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda"]) == 2
    assert "sees no CUDA device here; expected --device cpu" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--epochs", "0"],
        ["--epochs", "1.5"],
        ["--hidden", "0"],
        ["--hidden", "9999999999999999999"],
        ["--epochs", "1" + 5000 * "0"],
        ["--hidden", "4,,2"],
        ["--hidden", ""],
        ["--dtype", "float16"],
        ["--activation", "sigmoidal"],
        ["--loss", "quadratic"],
        ["--seed", "-1"],
        ["--seed", "4294967296"],
        ["--split-seed", "x"],
        ["--every", "0"],
        ["--lr", "fast"],
        ["--mode", "stage"],
        ["--standardize", "none"],
        ["--epoch", "3"],
        ["exemple"],
        ["--loss", "mes"],
        ["--completion", "fish"],
    ],
)
def test_bad_usage_is_refused_with_what_was_expected(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("backprop-compare: error: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("chek mine.py", "'chek' is no command; expected one of example, check, "),
        ("chek mine.py", "did you mean check? See backprop-compare --help"),
        ("tests/blocks.py", "did you mean: backprop-compare check tests/blocks.py?"),
        ("check mine.py --sede 1", "--sede is no option of check; did you mean --seed?"),
        ("check mine.py --epochs 3", "--epochs is no option of check; it is one of backprop-compare itself, plot, record; see"),
        ("check mine.py other.py", "other.py is more than the command takes; expected what its usage says; see"),
        ("--sizes 3,4,1", "--sizes is no option of backprop-compare; it is one of check, grade; see"),
        ("grade --ouput results", "--ouput is no option of grade; did you mean --out?"),      # and not that --out is missing
        ("-seed 3", "-seed is no option of backprop-compare; did you mean --seed?"),
        ("--loss mes", "did you mean mse?"),
        ("--activation sigmod", "did you mean sigmoid?"),
        ("--network lenett", "did you mean lenet?"),
        ("plot diference x.png", "did you mean difference?"),
        ("--lr fast", "'fast' is not a number; expected one such as 0.01"),
        ("--lr 0,1", "'0,1' is not a number; expected 0.1, with a point"),
        ("version", "did you mean --version?"),
        ("exercises attention_1", "did you mean: backprop-compare exercises start attention_1?"),
        ("exercises atention_1.py", "did you mean: backprop-compare exercises start attention_1?"),
        ("exercises convolution", "did you mean: backprop-compare exercises start convolution?"),      # and not solution
        ("exercises --set mine attention_1", "make, solution; see"),
        ("exercises chek", "did you mean check?"),
        ("epochs 3", "did you mean --epochs?"),
        ("grade", "backprop-compare grade: error: the command is not complete; expected DIR, --out; see backprop-compare grade --help"),
        ("check", "check takes a FILE or --command CMD; expected one of them; see backprop-compare check --help"),
    ],
)
def test_what_was_meant_is_said(arguments: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["--seed -1", "--lr -1", "--lr=-1", "--seed", "check --seed --steps 3"])
def test_a_value_is_not_taken_for_an_option_or_a_command(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        assert main(arguments.split()) == 2
    said = capsys.readouterr().err
    assert said
    assert "is no option" not in said
    assert "is no command" not in said


@pytest.mark.parametrize("command", [[], *([name] for name in ("check", "plot", "grade", "record", "replay", "diff", "info", "verify"))])
def test_each_help_ends_with_the_exit_codes(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    assert " ".join(capsys.readouterr().out.split()).partition("exit codes: 0 ")[2].endswith("3 internal fault, 130 interrupted")


def completed(*words: str) -> set[str]:
    """What bash offers for the last of the words."""
    script = run("--completion", "bash").stdout
    place = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}"
    asked = f'{place}; _shtab_backprop_compare; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_shell_completes_commands_options_and_choices() -> None:
    assert completed("backprop-compare", "ch") == {"check"}
    assert completed("backprop-compare", "check", "--adap") == {"--adapter"}
    assert completed("backprop-compare", "check", "--loss", "") == set(LOSSES)


def test_completion_without_its_extra_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as stopped:
        main(["--completion", "bash"])
    assert stopped.value.code == 2
    assert "pip install 'backprop-compare[completion]'" in capsys.readouterr().err


def test_an_internal_fault_is_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("compare.cli.common.lesson_problem", lambda *args, **kwargs: 1 / 0)
    assert main([]) == 3
    assert "internal fault" in capsys.readouterr().err


def test_an_os_error_that_is_not_of_the_report_is_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(12, "libtorch_cpu.so")

    monkeypatch.setattr("compare.cli.train.train_both", fail)
    assert main([]) == 3
    assert "cannot be written" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numpy", *(pytest.param(name, marks=pytest.mark.slow) for name in ("data", "argparse", "torch"))])
def test_a_module_in_the_current_folder_shadows_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    assert run("--epochs", "1", cwd=tmp_path).returncode == 0


def test_too_little_memory_is_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def starve(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("compare.cli.train.train_both", starve)
    assert main([]) == 2
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupt_is_130() -> None:
    process = subprocess.Popen(
        [*PYTHON, "--epochs", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),      # which a test run in the background inherits as ignored
    )
    maps = Path(f"/proc/{process.pid}/maps")      # on a busy machine it takes its time to start
    for _ in range(60 if maps.exists() else 0):
        if "libtorch" in maps.read_text():
            break
        time.sleep(1)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err == "backprop-compare: interrupted: nothing was decided\n"


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--epochs", "5"], {cli.CLOSED_PIPE}),
        pytest.param(["--help"], {0, cli.CLOSED_PIPE}, marks=pytest.mark.slow),      # argparse itself may swallow the error
    ],
)
def test_a_closed_pipe_is_no_traceback(arguments: list[str], codes: set[int]) -> None:
    process = subprocess.Popen([*PYTHON, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() in codes


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.slow
@pytest.mark.parametrize("form", ["--quiet", "--json"])
def test_a_full_disk_is_a_clear_error(form: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PYTHON, "example", form], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "backprop-compare: error: the report cannot be written: No space left on device\n"


@pytest.mark.slow
def test_a_pipe_gets_plain_text_and_is_told_of_no_progress_and_no_loading() -> None:
    piped = run("--epochs", "20", "--quiet", env=os.environ | {"FORCE_COLOR": ""})
    assert "\x1b" not in piped.stdout
    assert piped.stderr == ""


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the command writes to a terminal, both streams."""
    parent, child = pty.openpty()
    environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*PYTHON, *arguments], stdout=child, stderr=child, stdin=child, env=environ | {"TERM": "xterm-256color"} | environment
    )
    os.close(child)
    written = b""
    while True:
        try:
            chunk = os.read(parent, 4096)
        except OSError:      # the other end is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(parent)
    process.wait()
    return written.decode()


@pytest.mark.slow
def test_a_terminal_gets_colour_and_for_a_long_run_a_progress_bar() -> None:
    written = on_a_terminal("--epochs", "8000", OMP_NUM_THREADS="1")
    assert "\x1b[1;32mEQUIVALENT" in written
    assert "steps" in written.split("Network")[0]


@pytest.mark.slow
def test_a_terminal_is_told_that_pytorch_is_being_loaded() -> None:
    assert "loading PyTorch" in on_a_terminal("--epochs", "5", "--quiet")


@pytest.mark.slow
def test_no_color_is_obeyed() -> None:
    assert "\x1b[1;32m" not in on_a_terminal("--epochs", "5", NO_COLOR="1")

"""`--network`: both sides train, learn and end equal; what is printed, written and refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from compare.cli.main import main
from compare.problem.networks import NETWORKS
from compare.sides import by_hand

FAST = ("lenet", "autoencoder")      # to train for an epoch
LEARNT = {      # after one epoch
    "lenet": lambda reached: reached > 0.5,
    "autoencoder": lambda reached: reached < 0.1,
    "lstm": lambda reached: reached > 0.5,
    "gru": lambda reached: reached > 0.5,
    "gpt": lambda reached: reached > 0.4,
    "gpt-text": lambda reached: reached < 4.0,
}


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--json"])
    result: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return result


def test_each_network_is_tried_here() -> None:
    assert set(LEARNT) == set(NETWORKS)


@pytest.mark.parametrize("name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS])
def test_both_sides_learn_and_are_equal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(capsys, "--network", name, "--epochs", "1")
    assert result["verdict"] == "equivalent", result["explanation"]
    assert result["steps"] == result["steps_per_epoch"] * len(result["reported_epochs"])
    assert result["manual"][-1] == pytest.approx(result["torch_ref"][-1], rel=1e-9)
    assert LEARNT[name](result["manual"][-1])


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--dtype", "float32", "--mode", "follow"), ()])
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_trainings_are_equal(name: str, how: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(capsys, "--network", name, *how)
    assert result["verdict"] == "equivalent", result["explanation"]
    assert result["reported_epochs"][-1] == NETWORKS[name].epochs


def test_the_terminal_shows_deltas_what_is_reached_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "autoencoder", "--epochs", "1", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "autoencoder, for images of 8 × 8 pixels in 8 numbers: 4744 parameters; loss mse, adam, lr 0.005" in out
    assert all(f"step {step} " in out for step in (1, 2, 3, 26))
    assert "On the test records: MSE" in out
    assert out.startswith("EQUIVALENT: ")


@pytest.mark.slow
def test_without_verbose_it_fits_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "lenet", "--epochs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("EQUIVALENT: ")
    assert len(lines) <= 40
    assert all(f"step {step} " in "\n".join(lines) for step in (1, 26))
    shown = [line for line in lines if re.match(r"\d+\.(weight|bias)\[", line)]
    assert len(shown) == 8      # of ten tensors four, at two steps
    assert not any("…" in line for line in lines)


@pytest.mark.slow
def test_the_page_shows_what_is_reached_the_filters_and_each_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "lenet", "--epochs", "1", "--quiet", "--report", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for title in ("On the test records: accuracy", "The filters of the first convolution", "Every step and tensor"):
        assert f">{title}</h2>" in page
    assert capsys.readouterr().out.startswith("equivalent: ")


def test_other_trainings_than_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--optimizer", "sgd", "--momentum", "0.9", "--lr", "0.1", "--batch-size", "500", "--seed", "3", "--split-seed", "4")
    result = json_of(capsys, "--network", "autoencoder", "--epochs", "2", "--every", "1", *chosen)
    assert result["verdict"] == "equivalent"
    assert (result["steps"], result["reported_epochs"]) == (8, [1, 2])
    problem = result["problem"]
    assert [problem[name] for name in ("optimizer", "momentum", "lr", "batch_size", "seed", "split_seed")] == ["sgd", 0.9, 0.1, 500, 3, 4]


def test_a_fault_is_found_in_its_layer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    right = by_hand.manual.MaxPool2d.backward
    monkeypatch.setattr(by_hand.manual.MaxPool2d, "backward", lambda self, error: right(self, error) * (1 + 1e-9))
    assert main(["--network", "lenet", "--epochs", "1"]) == 1
    out = capsys.readouterr().out
    assert "DIFFERENT: first at step 1, gradient at 4" in out
    assert "part        5 (MaxPool2d)" in out


@pytest.mark.slow
def test_weights_that_have_not_moved_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "autoencoder", "--epochs", "1", "--lr", "1e-300", "--quiet"]) == 1
    assert capsys.readouterr().out.startswith("not a proof: the steps of 0.weight, 2.weight, 3.weight, 5.weight are about as small")


@pytest.mark.parametrize("side", ["manual", "torch_ref"])
def test_it_is_recorded(side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    assert main(["record", "--network", "autoencoder", "--epochs", "1", "--side", side, "--out", out]) == 0
    assert main(["verify", out]) == 0
    assert "26 of 26, without the stages of the pass" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--network", "lenet", "--hidden", "3"), "--hidden is no option of --network lenet"),
        (("--network", "lenet", "--loss", "mse"), "--loss is no option of --network lenet"),
        (("plot", "loss", "x.png", "--network", "lenet"), "--network is no option of plot"),
        (("--network", "resnet"), "'resnet' is no choice"),
        (("--network", "gpt", "--data", "mine.txt"), "--data is no option of --network gpt"),
        (("--network", "gpt-text", "--split-seed", "3"), "--split-seed is no option of --network gpt-text"),
        (("check", "x.py", "--network", "lenet"), "--network"),
    ],
)
def test_what_it_does_not_take_is_refused(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_other_data_is_read_strictly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["--network", "lenet", "--data", str(tmp_path / "mine.csv")]) == 2
    assert "line 1: the column a; expected the 65 columns" in capsys.readouterr().err

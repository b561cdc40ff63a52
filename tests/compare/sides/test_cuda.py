"""The PyTorch side on CUDA; skipped where there is none."""

import json

import pytest
import torch

from compare import Manual, Problem, TorchRef, lesson_problem, train_in_lockstep
from compare.cli.main import main
from compare.lockstep.training import train
from compare.problem.lesson import EPOCHS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device here")


@pytest.mark.parametrize("mode", ["free", "follow"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_lesson_holds_on_cuda(mode: str, dtype: str) -> None:
    training = train(lesson_problem(dtype=dtype), epochs=EPOCHS, mode=mode, device="cuda")
    assert training.comparison.verdict == "equivalent", training.comparison.explanation()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
def test_every_activation_holds_on_cuda_stage_by_stage(activation: str) -> None:
    problem = Problem.draw((5, 8, 3), activations=activation, bias=True, lr=0.1)
    comparison = train_in_lockstep(Manual(problem, stages=True), TorchRef(problem, device="cuda", stages=True), problem, steps=50)
    assert comparison.verdict == "equivalent", comparison.explanation()


def test_the_command_line_names_the_cuda_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda", "--epochs", "20", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["device"] == "cuda"
    assert result["environment"]["device_name"] == torch.cuda.get_device_name()


def test_a_device_number_too_high_is_refused() -> None:
    assert main(["--device", "cuda:99"]) == 2

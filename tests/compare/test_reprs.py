"""What a result shows of itself at a prompt: its verdict, and no array."""

from pathlib import Path

from compare import Manual, Problem, StepRecord, TorchRef, check, train_in_lockstep

WRONG = Path(__file__).parents[2] / "examples" / "wrong_hidden_error.py"


def test_a_result_is_its_verdict() -> None:
    problem = Problem.draw((4, 5, 2), activations="tanh", lr=0.1, bias=True)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=5, keep=[1])
    assert repr(comparison) == f"Comparison(equivalent: {comparison.compared} numbers in 5 steps, each within what rounding allows)"
    assert repr(problem) == "Problem(4-5-2, tanh tanh, biases; half_mse, sgd, lr 0.1, float64; 3 batches)"
    assert repr(comparison.kept[1].actual).startswith("StepRecord(output (7, 2), loss (), grads 2.bias (2,), grads 2.weight (2, 5), ")
    assert repr(StepRecord()) == "StepRecord()"


def test_a_check_is_its_verdict() -> None:
    found = repr(check(WRONG, seed=1, steps=0))
    assert found == "Check(wrong_hidden_error.py: different: first at step 1, error term δ1, the hidden layer, index [6, 0])"

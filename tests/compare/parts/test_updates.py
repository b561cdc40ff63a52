"""Update rules beside PyTorch's optimisers, over several steps."""

from pathlib import Path

import pytest

from .checking import checked, first, right

RIGHT = right("update_rules")


def test_right_rules_are_equivalent(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT, shape="update_rules").verdict == "equivalent"


@pytest.mark.parametrize(
    ("line", "wrong", "part", "tensor"),
    [
        ('v = config["momentum"] * v - ', 'v = config["momentum"] * v + ', "sgd_momentum", "w after step 1"),
        ('    config["velocity"] = v\n', "", "sgd_momentum", "w after step 2"),
        ('(np.sqrt(cache) + config["epsilon"])', 'np.sqrt(cache + config["epsilon"])', "rmsprop", "w after step 1"),
        ('v_hat = v / (1 - config["beta2"]', 'v_hat = v / (1 - config["beta1"]', "adam", "w after step 1"),
        ('    config["t"] += 1\n', '    config["t"] = 1\n', "adam", "w after step 2"),
    ],
)
def test_a_planted_mistake_is_found_at_its_step(tmp_path: Path, line: str, wrong: str, part: str, tensor: str) -> None:
    assert RIGHT.count(line) == 1
    found = first(result := checked(tmp_path, RIGHT.replace(line, wrong)))
    assert (result.verdict, found.name, found.tensor.partition("[")[0]) == ("different", part, tensor)


def test_a_rule_that_is_not_written_is_no_proof(tmp_path: Path) -> None:
    result = checked(tmp_path, "def adam(w, dw, config=None):\n    next_w = None\n    return next_w, config\n")
    assert result.verdict == "not a proof"

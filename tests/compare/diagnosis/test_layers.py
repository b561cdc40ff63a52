"""Normalisation and dropout in a file: a right one is equal, and a term that is lost is named."""

from pathlib import Path
from typing import Any

import pytest

from compare import check

TEXT = """
import numpy as np

PROBLEM = {problem}


def train_step(params, x, y, lr, masks=None):
    W1, b1, gamma, beta, W2, b2 = (np.array(params[name]) for name in params)
    z = x @ W1.T + b1
    mean = z.mean({axis}, keepdims=True)
    scale = 1 / np.sqrt(z.var({axis}, keepdims=True) + 1e-5)
    normal = (z - mean) * scale
    a = np.tanh(gamma * normal + beta)
    keep = masks[0] / 0.6 if masks else 1.0
    d = a * keep
    output = d @ W2.T + b2
    delta2 = 2 * (output - y) / y.size
    back = delta2 @ W2 * keep
    error = back * (1 - a * a)
    g = error * gamma
    delta1 = scale * (g - g.mean({axis}, keepdims=True) - normal * (g * normal).mean({axis}, keepdims=True))
    grads = delta1.T @ x, delta1.sum(0), (error * normal).sum(0), error.sum(0), delta2.T @ d, delta2.sum(0)
    return {{name: w - lr * grad for (name, w), grad in zip(params.items(), grads)}}
"""
PROBLEM = {"sizes": (4, 5, 2), "activations": ("tanh", "identity"), "bias": True, "loss": "mse"}


def checked(folder: Path, old: str, new: str, **options: Any) -> Any:
    axis = 0 if options["normalization"] == "batch_norm" else 1
    text = TEXT.format(problem={**PROBLEM, **options}, axis=axis)
    assert old in text
    path = folder / "attempt.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return check(path, seed=1, steps=5)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("normalization", ["layer_norm", "batch_norm"])
def test_a_right_file_is_equal(tmp_path: Path, normalization: str, dropout: float) -> None:
    result = checked(tmp_path, "", "", normalization=normalization, dropout=dropout)
    assert result.verdict == "equivalent", result.reason


MISTAKES = [
    ("norm-mean-term-lost", " - g.mean({axis}, keepdims=True)", ""),
    ("norm-variance-term-lost", " - normal * (g * normal).mean({axis}, keepdims=True)", ""),
    ("norm-both-terms-lost", "(g - g.mean({axis}, keepdims=True) - normal * (g * normal).mean({axis}, keepdims=True))", "g"),
    ("norm-unbiased", "z.var({axis}, keepdims=True)", "z.var({axis}, keepdims=True, ddof=1)"),
    ("norm-eps-outside", "1 / np.sqrt(z.var({axis}, keepdims=True) + 1e-5)", "1 / (z.std({axis}, keepdims=True) + 1e-5)"),
    ("dropout-mask-missing-back", "back = delta2 @ W2 * keep", "back = delta2 @ W2"),
    ("dropout-scale-missing-back", "back = delta2 @ W2 * keep", "back = delta2 @ W2 * masks[0]"),
    ("dropout-scale-missing", "masks[0] / 0.6", "masks[0]"),
    ("dropout-mask-inverted", "masks[0] / 0.6", "(1 - masks[0]) / 0.6"),
    ("dropout-mask-inverted", "d = a * keep", "d = a * (1 - masks[0]) / 0.6"),
    ("dropout-mask-inverted", "back = delta2 @ W2 * keep", "back = delta2 @ W2 * (1 - masks[0]) / 0.6"),
    ("slope-missing", " * (1 - a * a)", ""),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("normalization", ["layer_norm", "batch_norm"])
@pytest.mark.parametrize(("id", "old", "new"), MISTAKES, ids=lambda value: str(value)[:25])
def test_a_mistake_in_it_is_named(tmp_path: Path, id: str, old: str, new: str, normalization: str) -> None:
    axis = 0 if normalization == "batch_norm" else 1
    result = checked(tmp_path, old.format(axis=axis), new.format(axis=axis), normalization=normalization, dropout=0.4)
    assert result.verdict == "different"
    assert id in [cause.id for found in result.diagnosis for cause in found.causes]


def test_masks_that_are_overwritten_are_told(tmp_path: Path) -> None:
    line = "keep = masks[0] / 0.6 if masks else 1.0"
    result = checked(tmp_path, line, f"{line}\n    masks[0][:] = True", normalization="layer_norm", dropout=0.4)
    assert (result.verdict, "changes the masks" in str(result.reason)) == ("could not run", True)


def test_running_statistics_in_training_are_named(tmp_path: Path) -> None:
    text = "mean = z.mean(0, keepdims=True)\n    scale = 1 / np.sqrt(z.var(0, keepdims=True) + 1e-5)"
    end = "(g - g.mean(0, keepdims=True) - normal * (g * normal).mean(0, keepdims=True))"
    full = TEXT.format(problem={**PROBLEM, "normalization": "batch_norm"}, axis=0).replace(text, "mean, scale = 0.0, 1 / np.sqrt(1 + 1e-5)")
    path = tmp_path / "attempt.py"
    path.write_text(full.replace(end, "g"), encoding="utf-8")
    assert check(path, seed=1).diagnosis[0].causes[0].id == "norm-running-in-training"

"""Everything that a program trains is found, in whatever form: each has a right program, and faults that reach no other number."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck
from compare.userfile.file import AttemptError

START = """
import numpy as np
random = np.random.default_rng(0)
x, y = random.normal(size=(12, 3)), random.normal(size=(12, 2))
W1, W2, b1, b2 = random.normal(size=(3, 5)), random.normal(size=(5, 2)), np.zeros(5), np.zeros(2)
"""
GRADIENTS = """
h = np.tanh(x @ W1 + b1)
e = (h @ W2 + b2 - y) / 12
d = (e @ W2.T) * (1 - h ** 2)
gW1, gb1, gW2, gb2 = x.T @ d, d.sum(0), h.T @ e, e.sum(0)
"""
UPDATE = "W1 -= 0.1 * gW1; b1 -= 0.1 * gb1; W2 -= 0.1 * gW2; b2 -= 0.1 * gb2\n"
MOMENTA = "vW1, vW2, vb1, vb2 = 0 * W1, 0 * W2, 0 * b1, 0 * b2\n"


def within(*statements: str) -> str:
    """Return the statements as the body of a loop."""
    return "for epoch in range(40):\n" + "".join(f"    {line}\n" for each in statements for line in each.strip("\n").splitlines())


def momentum(*decays: str) -> str:
    names = ("W1", "b1", "W2", "b2")
    return "; ".join(f"v{name} = {decay} * v{name} - 0.1 * g{name}; {name} += v{name}" for name, decay in zip(names, decays, strict=True))


LOOP = START + within(GRADIENTS, UPDATE)
ONE_STEP = START + GRADIENTS + UPDATE
MOMENTUM = START + MOMENTA + within(GRADIENTS, momentum("0.9", "0.9", "0.9", "0.9"))
NORM = """
n = np.sqrt((gW1 ** 2).sum() + (gb1 ** 2).sum() + (gW2 ** 2).sum() + (gb2 ** 2).sum()) + 1e-9
if n > 0.01: gW1, gb1, gW2, gb2 = (0.01 * each / n for each in (gW1, gb1, gW2, gb2))
"""
CLIP = "gW1, gb1, gW2, gb2 = (np.clip(each, -0.4, 0.4) for each in (gW1, gb1, gW2, gb2))"
SQUARES = "loss = 6 * (e ** 2).sum() + 0.1 * (np.sum(W1 ** 2) + np.sum(W2 ** 2))"
PENALTY = within(GRADIENTS, SQUARES, "gW1 += 0.2 * W1; gW2 += 0.2 * W2", UPDATE)
ABSOLUTE = within(GRADIENTS, "loss = 6 * (e ** 2).sum() + 0.1 * np.abs(W1).sum()", "gW1 += 0.1 * np.sign(W1)", UPDATE)
HUBER = within(GRADIENTS.replace("/ 12", ""), "loss = np.where(abs(e) < 1, e ** 2 / 2, abs(e) - 0.5).sum()", UPDATE)
TWO = START + "A, B = W1[:, :2].copy(), W1[:, 2:4].copy()\n"
TWO += within("e = x @ A - y", "A -= 0.01 * x.T @ e") + within("f = x @ B - y", "B -= 0.01 * x.T @ f")
ONES = START + "X_b = np.c_[np.ones(12), x]\ntheta = np.ones((4, 2))\n" + within("theta = theta - X_b.T @ (X_b @ theta - y) / 99")
NESTEROV = START + "w, v = W1[:, 0].copy(), np.zeros(3)\n" + within(
    "look = w + 0.9 * v", "v = 0.9 * v - 0.1 * x.T @ (x @ look - y[:, 0]) / 12", "w = w + v",
)
EMBEDDED = START + "E = random.normal(size=(6, 5))\n" + within(
    "for word, t in zip([0, 3, 1, 5, 2, 4], y):",
    "    h = E[word]",
    "    e = h @ W2 + b2 - t",
    "    W2, b2, E[word] = W2 - 0.1 * np.outer(h, e), b2 - 0.1 * e, E[word] - 0.1 * W2 @ e",
)
SCALARS = """
w1, w2, w3, bias = 0.3, -0.2, 0.4, 0.1
for epoch in range(40):
    for x1, x2, t in [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)]:
        h = w1 * x1 + w2 * x2 + bias
        e = w3 * h * h - t
        d = e * w3 * 2 * h
        w3 -= 0.1 * e * h * h
        w1 -= 0.1 * d * x1
        w2 -= 0.1 * d * x2
        bias -= 0.1 * d
"""
LINE = START + "t = 3 * x[:, 0] + 1\nk = m = 0.0\n" + within(
    "e = k * x[:, 0] + m - t", "loss = np.mean(e ** 2)", "dk = 2 * np.mean(e * x[:, 0])", "dm = 2 * np.mean(e)",
    "k -= 0.1 * dk", "m -= 0.1 * dm",
)
SIGNS = """
import math
w1, w2, bias, answer = 0.3, -0.2, 0.1, 0.9
for epoch in range(60):
    out = w2 * math.tanh(w1 * 0.7 + bias)
    d = math.copysign(1, answer - out)
    back = d * w2 * (1 - math.tanh(w1 * 0.7 + bias) ** 2)
    w2 += 0.01 * d * math.tanh(w1 * 0.7 + bias)
    w1 += 0.01 * back * 0.7
    bias += 0.01 * back
"""
HINGE = """
import numpy as np
random = np.random.default_rng(0)
x = random.normal(size=(20, 3))
t, w, b = np.sign(x[:, 0]), random.normal(size=3), 0.0
for epoch in range(9):
    for row, sign in zip(x, t):
        if sign * (row @ w - b) < 1:
            w -= 0.1 * (0.02 * w - sign * row)
            b -= 0.1 * sign
"""


def checked(folder: Path, text: str) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    return check_parts(path, "training", 1)


RIGHT = {
    "one step": ONE_STEP,
    "a comprehension": START + "p = [W1, b1, W2, b2]\ndef step():\n" + "".join(f"    {line}\n" for line in (
        "W1, b1, W2, b2 = p", *GRADIENTS.strip().splitlines(), "for one, g in zip(p, (gW1, gb1, gW2, gb2)): one -= 0.1 * g",
    )) + "done = [step() for _ in range(9)]\n",
    "a recursion": START + "def step(n):\n    global W1, W2, b1, b2\n" + "".join(f"    {line}\n" for line in (
        *GRADIENTS.strip().splitlines(), "W1, b1, W2, b2 = W1 - gW1, b1 - gb1, W2 - gW2, b2 - gb2", "if n: step(n - 1)",
    )) + "step(20)\n",
    "momentum": MOMENTUM,
    "a norm that is clipped": START + within(GRADIENTS, NORM, UPDATE),
    "values that are clipped": START + within(GRADIENTS, CLIP, UPDATE),
    "a rate that decays": START + "rate = 0.3\n" + within(GRADIENTS, UPDATE.replace("0.1", "rate"), "rate *= 0.9"),
    "squares in the loss": START + PENALTY,
    "sizes in the loss": START + ABSOLUTE,
    "two networks": TWO,
    "rows of a table": EMBEDDED,
    "scalars": SCALARS,
    "a line": LINE,
    "the sign of the error": SIGNS,
    "float32": LOOP.replace("np.zeros(2)\n", "np.zeros(2)\nx, y, W1, W2 = (each.astype(np.float32) for each in (x, y, W1, W2))\n"),
    "a column of ones": ONES,
    "a root of the mean": START + within(GRADIENTS, "error = abs(e).mean()", "loss = np.sqrt((e ** 2).mean())", UPDATE),
    "the loss afterwards": START + within(GRADIENTS, UPDATE, "loss = ((np.tanh(x @ W1 + b1) @ W2 + b2 - y) ** 2).mean()"),
    "Nesterov": NESTEROV,
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_agrees(name: str, tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT[name])
    assert (result.verdict, {part.mark for part in result.parts}) == ("equivalent", {"agrees"})


def test_an_update_by_the_size_of_anothers_momentum_is_said_not_to_be_compared(tmp_path: Path) -> None:
    assert checked(tmp_path, MOMENTUM).left_out == ()
    assert checked(tmp_path, MOMENTUM.replace("0.9 * vb1", "0.9 * vb2.mean()")).left_out == ("b1",)


WRONG = {
    "one step": ONE_STEP.replace("d.sum(0)", "d.mean(0)"),
    "a recursion": RIGHT["a recursion"].replace("(1 - h ** 2)", "(1 - h)"),
    "momentum that never decays": MOMENTUM.replace("0.9 * vW1", "1 * vW1"),
    "momentum of its own": MOMENTUM.replace("0.9 * vb2", "0.8 * vb2"),
    "momentum of another": MOMENTUM.replace("0.9 * vb2", "0.9 * vW2.sum(0)"),
    "momentum uphill": MOMENTUM.replace("0.1 * gW2", "-0.1 * gW2"),
    "sums that are not reset": START + MOMENTA + within(GRADIENTS, momentum("1", "1", "1", "1")),
    "one array, a norm that is clipped": START + within(GRADIENTS, NORM, UPDATE.replace("0.1 * gb1", "0.2 * gb1")),
    "no penalty in one array": START + PENALTY.replace("; gW2 += 0.2 * W2", ""),
    "no penalty in the step": START + PENALTY.replace("gW1 += 0.2 * W1; gW2 += 0.2 * W2", "pass"),
    "twice the penalty": START + PENALTY.replace("gW1 += 0.2", "gW1 += 0.4"),
    "a penalty of a bias": START + PENALTY.replace("gW1 +=", "gb1 += 0.2 * b1; gW1 +="),
    "no sizes in the step": START + ABSOLUTE.replace("gW1 += 0.1 * np.sign(W1)", "pass"),
    "no error, where one answer is larger": SIGNS.replace("math.copysign(1, answer - out)", "1; e = answer - out"),
    "the second network": TWO.replace("B -=", "B +="),
    "the first network": TWO.replace("A -=", "A +="),
    "another row": EMBEDDED.replace("b2 - 0.1 * e, E[word]", "b2 - 0.1 * e, E[0]").replace("E[word] = W2", "E[0] = W2"),
    "a scalar's input": SCALARS.replace("d * x2", "d * x1"),
    "a scalar's rate": SCALARS.replace("w2 -= 0.1", "w2 -= 0.2"),
    "a scalar that stays": SCALARS.replace("        bias -= 0.1 * d\n", ""),
    "a scalar of any name that stays": LINE.replace("    m -= 0.1 * dm\n", ""),
    "an offset that stays": LOOP.replace("b1 -= 0.1 * gb1; ", ""),
    "what does not go on from what it was": START + "A = W1[:, :2].copy()\n" + within("A = -0.1 * x.T @ (x @ A - y)"),
    "the target of another": START + within(
        "for i in range(12):",
        "    e = x[i] @ W1[:, :2] - y[(i + 1) % 12]",
        "    loss = ((x[i] @ W1[:, :2] - y[i]) ** 2).sum()",
        "    W1[:, :2] -= 0.1 * np.outer(x[i], e)",
    ),
}


@pytest.mark.sampled(11)
@pytest.mark.parametrize("name", WRONG)
def test_a_fault_is_found(name: str, tmp_path: Path) -> None:
    assert checked(tmp_path, WRONG[name]).verdict == "different"


ADAM = START + "state = {name: np.zeros_like(each) for name, each in dict(W1=W1, b1=b1, W2=W2, b2=b2).items()}\n" + within(
    GRADIENTS,
    "for name, p, g in (('W1', W1, gW1), ('b1', b1, gb1), ('W2', W2, gW2), ('b2', b2, gb2)):",
    "    state[name] = 0.9 * state[name] + 0.1 * g * g",
    "    p -= (RATE if name == 'W2' else 0.01) * g / (np.sqrt(state[name]) + 1e-8)",
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("rate", "verdict"), [("0.01", "equivalent"), ("-0.01", "different"), ("0.03", "different")])
def test_an_update_that_is_no_multiple_goes_against_its_gradient(rate: str, verdict: str, tmp_path: Path) -> None:
    result = checked(tmp_path, ADAM.replace("RATE", rate))
    assert result.verdict == verdict


@pytest.mark.parametrize("text", [
    HINGE, HINGE.replace("b -=", "b +="),      # on b no output depends but by a condition
    START + HUBER,      # its loss is a third one
    LOOP.replace("default_rng(0)", "default_rng(list(__import__('os').urandom(4)))"),      # each run is another
], ids=["hinge", "wrong hinge", "Huber", "chance"])
def test_what_cannot_be_told_is_no_proof(text: str, tmp_path: Path) -> None:
    assert checked(tmp_path, text).verdict == "not a proof"


def test_a_program_that_trains_in_threads_is_not_run(tmp_path: Path) -> None:
    text = START + "import threading\ndef work():\n    global W1\n    W1 = W1 - 0.1\nthreading.Thread(target=work).start()\n"
    with pytest.raises(AttemptError, match="starts no threads"):
        checked(tmp_path, text)

"""Files of other shapes than the contract's: what is recognised in them, and what is never guessed."""

from pathlib import Path
from textwrap import dedent

import pytest

from compare import check
from compare.checking.check import check_network
from compare.checking.readings import evidence
from compare.support.errors import ProblemError
from compare.userfile.source import UnusableFileError
from compare.userfile.text import place_in, python_text

pytestmark = pytest.mark.sampled(6)

EXAMPLES = Path(__file__).parents[3] / "examples"

CLASS = """
    import numpy as np

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    class Net:
        def __init__(self, n_in, n_hidden, n_out):
            self.W1 = np.random.randn(n_in, n_hidden)
            self.b1 = np.zeros(n_hidden)
            self.W2 = np.random.randn(n_hidden, n_out)
            self.b2 = np.zeros(n_out)

        def feedForward(self, inputs):
            self.h = sigmoid(inputs @ self.W1 + self.b1)
            return sigmoid(self.h @ self.W2 + self.b2)

        def train(self, inputs, targets, eta, lmbda=0.0):
            out = self.feedForward(inputs)
            d2 = DELTA
            d1 = d2 @ self.W2.T * self.h * (1 - self.h)
            self.W2 -= eta * (self.h.T @ d2 + PENALTY * self.W2)
            self.b2 -= eta * d2.sum(axis=0)
            self.W1 -= eta * (inputs.T @ d1 + lmbda * self.W1)
            self.b1 -= eta * d1.sum(axis=0)
"""
SQUARES, ENTROPY = "(out - targets) * out * (1 - out) / len(out)", "(out - targets) / len(out)"


def written(folder: Path, text: str, name: str = "mine.py", **changes: str) -> Path:
    text = dedent(text)
    for was, now in {"DELTA": SQUARES, "PENALTY": "lmbda", **changes}.items():
        text = text.replace(was, now)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_what_was_recognised_is_said_with_the_option_that_says_it(tmp_path: Path) -> None:
    path = written(tmp_path, CLASS)
    result = check(path, seed=1, steps=2)
    option = "--class Net --weights W1,W2 --step train --forward feedForward"
    assert result.verdict == "equivalent"
    assert result.conventions[0] == f"a class Net with train and feedForward, as {option}"
    words = option.split()
    again = check(path, seed=1, steps=2, shape=dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True)))
    assert again.verdict == "equivalent"


@pytest.mark.slow
def test_a_loss_that_is_not_said_is_asked_for_where_two_fit(tmp_path: Path) -> None:
    path = written(tmp_path, CLASS, DELTA=ENTROPY)
    with pytest.raises(ProblemError, match=r"does not say which loss it has: .* expected --loss bce or --loss half_mse"):
        check(path, seed=1)
    assert check(path, seed=1, steps=2, problem={"loss": "bce"}).verdict == "equivalent"
    wrong = check(path, seed=1, steps=2, problem={"loss": "half_mse"})
    assert (wrong.verdict, wrong.diagnosis[0].causes[0].id) == ("different", "slope-missing")


@pytest.mark.slow
def test_a_mistake_is_explained_by_both_losses_where_none_is_said_and_none_is_right(tmp_path: Path) -> None:
    text = CLASS.replace(" * self.h * (1 - self.h)", "")
    path = written(tmp_path, text, DELTA=ENTROPY)
    result = check(path, seed=1, steps=2)      # the output's step is right for bce alone
    assert (result.verdict, result.problem.loss, result.diagnosis[0].causes[0].id) == ("different", "bce", "slope-missing")
    assert result.diagnosis[0].causes[0].sentence == "f′ is left out of the error term of the hidden layer"
    other = "if its loss is meant as half_mse, averaged over the records: f′ is left out of the error term of every layer"
    assert [note.replace("summed over the outputs, ", "") for note in result.notes if "meant as" in note] == [other]
    said = check(written(tmp_path, text, DELTA=SQUARES), seed=1, steps=2)      # and here for squared errors alone
    assert (said.problem.loss, said.diagnosis[0].causes[0].id) == ("half_mse", "slope-missing")


@pytest.mark.slow
def test_a_loss_that_is_said_decides(tmp_path: Path) -> None:
    said = "\n\n    def mse(y, out):\n        return np.mean((y - out) ** 2)\n"
    result = check(written(tmp_path, CLASS + said, DELTA=ENTROPY), seed=1, steps=2)
    assert result.verdict == "different"
    assert {cause.id for cause in result.diagnosis[0].causes} & {"slope-missing", "other-loss"}
    said = "\n\n    def cost(y, out):\n        return -np.mean(y * np.log(out) + (1 - y) * np.log(1 - out))\n"
    assert check(written(tmp_path, CLASS + said, DELTA=ENTROPY), seed=1, steps=2).verdict == "equivalent"


@pytest.mark.slow
def test_a_regularisation_is_checked_at_another_value_than_0(tmp_path: Path) -> None:
    right = check(written(tmp_path, CLASS), seed=1, steps=2)
    assert right.verdict == "equivalent"
    assert any("it agrees with its regularisation at 0.05" in note for note in right.notes)
    wrong = check(written(tmp_path, CLASS, PENALTY="2 * lmbda"), seed=1, steps=2)
    assert wrong.verdict == "different"
    assert any("it agrees without its regularisation, and not with" in note for note in wrong.notes)


@pytest.mark.slow
def test_a_learning_rate_of_the_files_own_is_found(tmp_path: Path) -> None:
    text = CLASS.replace(", eta, lmbda=0.0", "").replace("eta *", "0.3 *").replace("PENALTY", "0").replace("lmbda", "0")
    result = check(written(tmp_path, text), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert "it has a learning rate of its own: 0.3 beside that loss" in result.conventions
    assert check(written(tmp_path, text.replace("0.3 * d1", "0.2 * d1")), seed=1, steps=2).verdict == "different"


def test_state_that_is_carried_from_step_to_step_is_seen(tmp_path: Path) -> None:
    kept = "self.g = getattr(self, 'g', 0) + inputs.T @ d1\n            self.W1 -= eta * self.g"
    text = CLASS.replace("self.W1 -= eta * (inputs.T @ d1 + lmbda * self.W1)", kept)
    result = check(written(tmp_path, text), seed=1, steps=2)
    assert result.verdict == "different"
    assert result.first is not None
    assert result.first.step == 2


@pytest.mark.parametrize(
    ("made", "verdict", "named"),
    [("sums", "different", ["accumulator-not-reset"]), ("sums.copy()", "equivalent", []), ("0 * sums", "equivalent", [])],
)
def test_sums_that_a_loop_leaves_to_the_next_pass_under_another_name_are_seen(
    tmp_path: Path, made: str, verdict: str, named: list[str]
) -> None:
    text = (EXAMPLES / "lesson_right.py").read_text(encoding="utf-8")
    text = text.replace("for e in range(epochs):", "sums = np.zeros(weights_input_hidden.shape)\nfor e in range(epochs):")
    text = text.replace("    del_w_input_hidden = np.zeros(weights_input_hidden.shape)", f"    del_w_input_hidden = {made}")
    result = check(written(tmp_path, text), seed=1, steps=2)
    assert (result.verdict, [cause.id for found in result.diagnosis for cause in found.causes]) == (verdict, named)


def test_a_rate_that_a_file_changes_is_said_not_to_be_compared(tmp_path: Path) -> None:
    text = (EXAMPLES / "lesson_right.py").read_text(encoding="utf-8")
    result = check(written(tmp_path, text.replace("    if e % (", "    learnrate *= 0.99\n    if e % (")), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert any("learnrate changes from step to step" in note for note in result.notes)
    assert not any("changes" in note for note in check(EXAMPLES / "lesson_right.py", seed=1, steps=2).notes)


def test_an_optimiser_that_is_no_plain_descent_is_not_guessed_at(tmp_path: Path) -> None:
    text = CLASS.replace("self.b1 = np.zeros(n_hidden)", "self.b1, self.beta_1 = np.zeros(n_hidden), 0.9")
    with pytest.raises(UnusableFileError, match="no network is recognised"):
        check_network(written(tmp_path, text), seed=1)


def test_a_file_without_a_network_is_said_to_be_so_and_not_run(tmp_path: Path) -> None:
    path = written(tmp_path, "import numpy as np\nwhile True:\n    pass\n")
    with pytest.raises(UnusableFileError, match=r"no network is recognised; it has no class and no function; expected --weights"):
        check(path)


HIDDEN = """
import numpy as np


class Blob:
    def __init__(self):
        self.w_in, self.w_out, self.bias = np.ones((2, 3)), np.ones((3, 1)), np.zeros(3)

    def forward(self, table):
        return open(table).read()

    def learn(self, table):
        raise KeyError(table)


def helper(rows):
    return rows
"""


def test_what_is_not_recognised_is_named_with_options_that_would_fit(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError) as found:
        check(written(tmp_path, HIDDEN))
    said = str(found.value)
    assert "is a file in which no network is recognised; it has class Blob (forward, learn) and the functions helper;" in said
    assert "expected --class Blob --weights w_in,w_out --step learn --forward forward, or an adapter; docs/bring-your-own.md" in said
    assert len(said) < 300
    assert "\n" not in said
    with pytest.raises(UnusableFileError, match=r"recognised by --class Blob --step learn; .*expected --class Blob"):
        check(written(tmp_path, HIDDEN), shape={"class": "Blob", "step": "learn"})


def test_a_file_that_goes_back_by_autograd_is_said_to_have_no_way_back_by_hand(tmp_path: Path) -> None:
    text = "import torch\nnet = torch.nn.Linear(3, 1)\nloss = net(torch.ones(2, 3)).sum()\nloss.backward()\n"
    with pytest.raises(UnusableFileError, match=r"mine.py goes back by PyTorch's own .backward\(\), and has no way back by hand"):
        check(written(tmp_path, text))
    with pytest.raises(UnusableFileError, match="no network is recognised"):      # the control: what goes back is its own
        check(written(tmp_path, text + "def backward(q):\n    pass\n"))


def test_a_backward_without_the_forward_that_makes_its_cache_is_said_so(tmp_path: Path) -> None:
    text = "def gate_backward(dh, cache):\n    x, w = cache\n    return dh * w, dh * x\n"
    with pytest.raises(UnusableFileError, match=r"has gate_backward and no forward function .* expected gate_forward beside it"):
        check(written(tmp_path, text))
    with pytest.raises(UnusableFileError, match="no network is recognised"):      # the control: there is one that goes forward
        check(written(tmp_path, text + "def forward(q):\n    pass\n"))


def test_options_of_functions_name_what_goes_back_and_what_updates(tmp_path: Path) -> None:
    text = "W1 = W2 = 0\ndef forward(q):\n    raise ValueError\ndef backprop(q):\n    pass\ndef update(q):\n    pass\n"
    with pytest.raises(UnusableFileError, match="expected --weights W1,W2 --step backprop,update --forward forward, or"):
        check(written(tmp_path, text))


def test_an_unknown_name_of_a_shape_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="shape has 'klass'; expected some of class, weights"):
        check(written(tmp_path, CLASS), shape={"klass": "Net"})


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"class": "Nett"}, r"--class Nett: mine.py has no class Nett; expected one of Net; did you mean Net\?"),
        ({"weights": "W1,V2"}, "--weights V2: mine.py has no variable or attribute V2; expected one of W1, b1, W2, b2, h"),
        ({"biases": "c1"}, "--biases c1: mine.py has no variable or attribute c1; expected one of W1"),
        ({"step": "trian"}, r"--step trian: mine.py has no function or method trian; expected one of .*train.*; did you mean train\?"),
        ({"forward": "feedForwad"}, r"--forward feedForwad: .*; did you mean feedForward\?"),
    ],
)
def test_a_name_that_the_file_has_not_is_refused_and_the_nearest_proposed(tmp_path: Path, shape: dict[str, str], said: str) -> None:
    with pytest.raises(UnusableFileError, match=said):
        check(written(tmp_path, CLASS), shape=shape)


def test_a_class_of_a_file_without_classes_is_refused() -> None:
    with pytest.raises(UnusableFileError, match=r"script_right\.py has no class Net; expected no --class, for it has none"):
        check(EXAMPLES / "shapes/script_right.py", shape={"class": "Net"})


def test_a_name_that_is_made_of_a_text_in_the_file_is_not_refused(tmp_path: Path) -> None:
    made = CLASS.replace("self.b1 = np.zeros(n_hidden)", 'setattr(self, "b" + "1", np.zeros(n_hidden))')
    assert check(written(tmp_path, made), seed=1, steps=2, shape={"biases": "b1,b2", "weights": "W1,W2"}).verdict == "equivalent"


def test_a_name_that_is_of_no_use_is_said(tmp_path: Path) -> None:
    found = check(EXAMPLES / "shapes/script_right.py", seed=1, steps=2, shape={"weights": "W1,W2", "forward": "sigmoid"})
    assert found.verdict == "equivalent"
    assert "of no use here: --forward sigmoid" in found.notes


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("shapes/script_right.py", {"weights": "W1,W2"}),
        ("shapes/layer_objects_right.py", {"class": "Network", "weights": "layers", "step": "train", "forward": "forward"}),
        ("loss_and_grads_right.py", {"class": "TwoLayerNet", "weights": "params", "step": "loss", "forward": "loss"}),
    ],
)
def test_the_option_that_is_said_gives_the_same_network_with_its_biases(name: str, shape: dict[str, str]) -> None:
    found = check(EXAMPLES / name, seed=1, steps=2, shape=shape)
    assert f"as {' '.join(f'--{option} {value}' for option, value in shape.items())}" in found.conventions[0]
    assert (found.verdict, found.problem.bias) == ("equivalent", True)


OLD = """
    import numpy as np

    X = np.array([[0, 0, 1], [1, 1, 1]])
    y = np.array([[0], [1]])
    syn0 = 2 * np.random.random((3, 4)) - 1
    syn1 = 2 * np.random.random((4, 1)) - 1
    for j in xrange(60000):
        l1 = 1 / (1 + np.exp(-np.dot(X, syn0)))
        l2 = 1 / (1 + np.exp(-np.dot(l1, syn1)))
        l2_delta = (y - l2) * l2 * (1 - l2)
        l1_delta = l2_delta.dot(syn1.T) * l1 * (1 - l1)
        syn1 += l1.T.dot(l2_delta)
        syn0 += X.T.dot(l1_delta)
        if j % 10000 == 0:
            print "error", np.mean(np.abs(y - l2))
"""


@pytest.mark.slow
def test_python_2_is_converted_in_memory(tmp_path: Path) -> None:
    result = check(written(tmp_path, OLD), seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert any("is Python 2: it is converted in memory" in note for note in result.notes)
    wrong = check(written(tmp_path, OLD.replace("l2_delta.dot(syn1.T) * l1 * (1 - l1)", "l2_delta.dot(syn1.T)")), seed=1, steps=2)
    assert (wrong.verdict, wrong.diagnosis[0].causes[0].id) == ("different", "slope-missing")


def test_python_2_without_the_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.userfile.text.find_spec", lambda name: None)
    with pytest.raises(UnusableFileError, match=r"pip install 'backprop-compare\[python2\]'"):
        check(written(tmp_path, OLD + "\n    again = 1\n"))


def test_a_line_of_a_notebook_is_said_by_its_cell() -> None:
    path = Path(__file__).parents[3] / "examples" / "shapes" / "notebook_right.ipynb"
    text, notes = python_text(path, path.read_bytes())
    line = text.split("\n").index("    dZ1 = W2.T @ dZ2 * (Z1 > 0)") + 1
    assert place_in(text, path, line) == "cell 4, line 8"
    assert "notebook" in notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss = np.mean((y - out) ** 2)", (True, False)),
        ("loss = -np.mean(y * np.log(out))", (False, True)),
        ("d = 1 - np.tanh(z) ** 2\nr = np.sum(W ** 2)", (False, False)),
        ("# the cross-entropy\nerror = y - out", (False, True)),
    ],
)
def test_what_a_file_says_of_its_loss(text: str, said: tuple[bool, bool]) -> None:
    assert evidence(text) == said


@pytest.mark.slow
def test_a_step_that_decays_otherwise_than_its_own_loss_is_different(tmp_path: Path) -> None:
    loss = """
        def cost(self, x, y, lmbda):
            return np.mean((self.feedForward(x) - y) ** 2) + FACTOR * sum((w ** 2).sum() for w in (self.W1, self.W2))
"""
    right = check(written(tmp_path, CLASS + loss, FACTOR="0.5 * lmbda"), seed=1, steps=2)
    assert (right.verdict, any("its own loss, cost, has" in note for note in right.notes)) == ("equivalent", True)
    wrong = check(written(tmp_path, CLASS + loss, FACTOR="lmbda / (2 * len(x))"), seed=1, steps=2)
    assert (wrong.verdict, any("divided by the number of records" in note for note in wrong.notes)) == ("different", True)


SCRIPT = """
import numpy as np

X = np.load("x.npy")
y = TARGETS
W1, b1 = np.random.randn(4, 5), np.zeros(5)
W2, b2 = np.random.randn(5, 1), np.zeros(1)
for epoch in range(100):
    h = np.tanh(X @ W1 + b1)
    out = h @ W2 + b2
    diff = out - y
    loss = np.mean(diff ** 2)
    grad = 2 * diff.mean(axis=1, keepdims=True) / len(X)
    dh = grad @ W2.T * (1 - h ** 2)
    W2 -= 0.1 * h.T @ grad
    b2 -= 0.1 * grad.sum(axis=0)
    W1 -= 0.1 * X.T @ dh
    b1 -= 0.1 * dh.sum(axis=0)
"""


def test_targets_are_a_vector_where_the_file_makes_one(tmp_path: Path) -> None:
    wrong = check(written(tmp_path, SCRIPT, TARGETS="np.load('y.npy').ravel()"), seed=1, steps=2)
    assert (wrong.verdict, wrong.diagnosis[0].causes[0].id) == ("different", "error-crossed")
    assert check(written(tmp_path, SCRIPT, TARGETS="np.load('y.npy').reshape(-1, 1)"), seed=1, steps=2).verdict == "equivalent"


PORTUGUESE = """
import numpy as np

def sigma(z):
    return 1 / (1 + np.exp(-z))

class Rede:
    def __init__(self, tam):
        self.pesos = [np.random.randn(m, n) for n, m in zip(tam[:-1], tam[1:])]
        self.vieses = [np.random.randn(m, 1) for m in tam[1:]]

    def saida(self, a):
        for w, b in zip(self.pesos, self.vieses):
            a = sigma(w @ a + b)
        return a

    def custo(self, X, Y):
        return ((self.saida(X) - Y) ** 2).sum() / 2

    def atualiza(self, X, Y, eta):
        ativacoes = [X]
        for w, b in zip(self.pesos, self.vieses):
            ativacoes.append(sigma(w @ ativacoes[-1] + b))
        delta = (ativacoes[-1] - Y) * ativacoes[-1] * (1 - ativacoes[-1])
        for l in range(len(self.pesos) - 1, -1, -1):
            antes = self.pesos[l].T @ delta SLOPE
            self.pesos[l] -= eta * delta @ ativacoes[l].T
            self.vieses[l] -= eta * delta.sum(axis=1, keepdims=True)
            delta = antes
"""


SEVERAL = """
import numpy as np

class Net:
    def __init__(self, sizes):
        self.weights = [np.random.randn(m, n) for n, m in zip(sizes, sizes[1:])]
        self.biases = [np.random.randn(m, 1) for m in sizes[1:]]

    def forward(self, x):
        activations, zs = [x], []
        for w, b in zip(self.weights, self.biases):
            zs.append(w @ activations[-1] + b)
            activations.append(np.tanh(zs[-1]))
        return activations, zs

    def train(self, x, y, lr):
        activations, zs = self.forward(x)
        delta = (activations[-1] - y) SLOPE
        for l in range(len(self.weights) - 1, -1, -1):
            below = (self.weights[l].T @ delta) * (1 - activations[l] ** 2)
            self.weights[l] -= lr * delta @ activations[l].T
            self.biases[l] -= lr * delta.sum(axis=1, keepdims=True)
            delta = below
"""


@pytest.mark.parametrize(("slope", "verdict"), [("* (1 - activations[-1] ** 2)", "equivalent"), ("* (1 - activations[-1])", "different")])
def test_of_several_lists_the_output_is_in_that_of_its_name(tmp_path: Path, slope: str, verdict: str) -> None:
    result = check(written(tmp_path, SEVERAL, SLOPE=slope), seed=1, steps=2)
    assert (result.verdict, result.problem.activations[-1]) == (verdict, "tanh")


NAMED = """
import numpy as np

def ahead(X, W1, b1, W2, b2, activation="sigmoid"):
    z = X @ W1 + b1
    h = np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-z))
    return h, 1 / (1 + np.exp(-(h @ W2 + b2)))

def trained(X, y, n_hidden, activation="sigmoid", epochs=900, learning_rate=0.5):
    W1, b1 = np.random.randn(X.shape[1], n_hidden), np.zeros((1, n_hidden))
    W2, b2 = np.random.randn(n_hidden, 1), np.zeros((1, 1))
    for epoch in range(epochs):
        h, out = ahead(X, W1, b1, W2, b2, activation)
        e = (out - y) * out * (1 - out)
        d = e @ W2.T SLOPE
        W2 -= learning_rate * h.T @ e
        b2 -= learning_rate * e.sum(axis=0, keepdims=True)
        W1 -= learning_rate * X.T @ d
        b1 -= learning_rate * d.sum(axis=0, keepdims=True)
    return W1, b1, W2, b2
"""


@pytest.mark.parametrize(("slope", "verdict"), [("* h * (1 - h)", "equivalent"), ("", "different")])
def test_an_argument_that_is_a_text_by_default_is_no_record(tmp_path: Path, slope: str, verdict: str) -> None:
    assert check(written(tmp_path, NAMED, SLOPE=slope), seed=1, steps=2).verdict == verdict


@pytest.mark.slow
def test_a_class_is_recognised_in_another_language(tmp_path: Path) -> None:
    assert check(written(tmp_path, PORTUGUESE, SLOPE="* ativacoes[l] * (1 - ativacoes[l])"), seed=1, steps=2).verdict == "equivalent"
    wrong = check(written(tmp_path, PORTUGUESE, SLOPE=""), seed=1, steps=2)
    assert (wrong.verdict, wrong.diagnosis[0].causes[0].id) == ("different", "slope-missing")


UNROLLED = """
    import numpy as np

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def costs(theta, n_in, hidden_size, num_labels, X, y, lambda_):
        T1 = theta[: hidden_size * (n_in + 1)].reshape(hidden_size, n_in + 1)
        T2 = theta[hidden_size * (n_in + 1) :].reshape(num_labels, hidden_size + 1)
        m = len(X)
        a1 = np.column_stack((np.ones(m), X))
        a2 = np.column_stack((np.ones(m), sigmoid(a1 @ T1.T)))
        h = sigmoid(a2 @ T2.T)
        Y = np.eye(num_labels)[y - 1]
        J = np.sum(-Y * np.log(h) - (1 - Y) * np.log(1 - h)) / m + lambda_ / (2 * m) * (np.sum(T1[:, 1:] ** 2) + np.sum(T2[:, 1:] ** 2))
        d3 = h - Y
        d2 = (d3 @ T2)[:, 1:] * SLOPE
        G1, G2 = d2.T @ a1 / m, d3.T @ a2 / m
        G1[:, FROM:] += lambda_ / m * T1[:, FROM:]
        G2[:, FROM:] += lambda_ / m * T2[:, FROM:]
        return J, np.concatenate((G1.ravel(), G2.ravel()))
"""


@pytest.mark.parametrize(
    ("changes", "verdict", "why"),
    [
        ({}, "equivalent", ""),
        ({"FROM": "0"}, "different", "over all parameters, divided by the number of records; its own loss, costs, has"),
        ({"SLOPE": "a2[:, 1:]"}, "different", "slope"),
    ],
)
def test_parameters_in_one_vector_are_recognised(tmp_path: Path, changes: dict[str, str], verdict: str, why: str) -> None:
    result = check(written(tmp_path, UNROLLED, **{"SLOPE": "a2[:, 1:] * (1 - a2[:, 1:])", "FROM": "1", **changes}), seed=1, steps=2)
    assert result.verdict == verdict
    assert why in (result.reason or "") + "".join(cause.id for found in result.diagnosis for cause in found.causes)


NEURONS = """
    import math
    import random

    class Neuron:
        def __init__(self, bias):
            self.bias, self.weights = bias, []

        def fire(self, inputs):
            self.output = 1 / (1 + math.exp(-sum(w * x for w, x in zip(self.weights, inputs)) - self.bias))
            return self.output

    class Net:
        def __init__(self, n_in, n_hidden, n_out):
            self.hidden = [Neuron(0.3) for _ in range(n_hidden)]
            self.out = [Neuron(0.6) for _ in range(n_out)]
            for neuron in self.hidden:
                neuron.weights = [random.random() for _ in range(n_in)]
            for neuron in self.out:
                neuron.weights = [random.random() for _ in range(n_hidden)]

        def feed_forward(self, inputs):
            hidden = [neuron.fire(inputs) for neuron in self.hidden]
            return [neuron.fire(hidden) for neuron in self.out]

        def train(self, inputs, targets, lr):      # BIASES
            out = self.feed_forward(inputs)
            d2 = [(o - t) * o * (1 - o) for o, t in zip(out, targets)]
            hidden = [neuron.output for neuron in self.hidden]
            d1 = [sum(d * n.weights[i] for d, n in zip(d2, self.out)) SLOPE for i, h in enumerate(hidden)]
            for d, neuron in zip(d2, self.out):
                neuron.weights = [w - lr * d * h for w, h in zip(neuron.weights, hidden)]
            for d, neuron in zip(d1, self.hidden):
                neuron.weights = [w - lr * d * x for w, x in zip(neuron.weights, inputs)]
"""


@pytest.mark.parametrize(
    ("changes", "verdict", "cause"),
    [
        ({}, "equivalent", ""),
        ({"SLOPE": ""}, "different", "slope-missing"),
        ({"BIASES": "a step"}, "different", "bias-never-updated"),      # biases are left out only where the file says that it is meant so
    ],
)
def test_objects_of_neurons_are_recognised(tmp_path: Path, changes: dict[str, str], verdict: str, cause: str) -> None:
    result = check(written(tmp_path, NEURONS, **{"SLOPE": "* h * (1 - h)", "BIASES": "the biases stay fixed", **changes}), seed=1, steps=2)
    assert result.verdict == verdict
    assert cause in "".join(each.id for found in result.diagnosis for each in found.causes)


OF_NEURONS = """
    import math
    import random

    class Neuron:
        def __init__(self, n):
            self.weights, self.bias = [random.random() for _ in range(n)], random.random()

        def activate(self, inputs):
            self.inputs = inputs
            self.output = 1 / (1 + math.exp(-sum(w * x for w, x in zip(self.weights, inputs)) - self.bias))
            return self.output

        def update_weights(self, learning_rate, delta):
            for i, x in enumerate(self.inputs):
                self.weights[i] -= learning_rate * delta * x
            self.bias -= learning_rate * delta

    class Net:
        def __init__(self, n_in, n_hidden, n_out):
            self.hidden = [Neuron(n_in) for _ in range(n_hidden)]
            self.out = [Neuron(n_hidden) for _ in range(n_out)]

        def forward(self, inputs):
            return [neuron.activate([each.activate(inputs) for each in self.hidden]) for neuron in self.out]

        def train(self, inputs, targets, learning_rate):
            out = self.forward(inputs)
            d2 = [(o - t) * o * (1 - o) for o, t in zip(out, targets)]
            d1 = [sum(d * n.weights[i] for d, n in zip(d2, self.out)) SLOPE for i, each in enumerate(self.hidden)]
            for d, neuron in [*zip(d2, self.out), *zip(d1, self.hidden)]:
                neuron.update_weights(learning_rate, d)
"""


@pytest.mark.parametrize(("slope", "verdict"), [("* each.output * (1 - each.output)", "equivalent"), ("", "different")])
def test_a_neuron_that_a_network_is_made_of_is_not_taken_for_the_network(tmp_path: Path, slope: str, verdict: str) -> None:
    result = check(written(tmp_path, OF_NEURONS, SLOPE=slope), seed=1, steps=2)
    assert result.verdict == verdict
    assert "a class Neuron" not in result.conventions[0]


@pytest.mark.parametrize(("where", "verdict"), [("feedForward", "equivalent"), ("train", "different")])
def test_an_output_that_is_rounded_is_compared_before(tmp_path: Path, where: str, verdict: str) -> None:
    text = CLASS.replace("return sigmoid(self.h @ self.W2 + self.b2)", "return np.around(self.raw(self.h), 3)")
    text += """
        def raw(self, h):
            return sigmoid(h @ self.W2 + self.b2)
"""
    before = "out = self.feedForward(inputs)\n"
    text = text.replace(before, before + "            out = self.raw(self.h)\n" if where == "feedForward" else before)
    result = check(written(tmp_path, text), seed=1, steps=2)
    assert result.verdict == verdict
    assert "it rounds its output, by around: that is compared before" in result.notes


ODD = """
    import numpy as np

    class Retea:
        def __init__(self, features, labels, ascunse, viteza):
            self.viteza = viteza
            self.w1_matrix, self.b1_matrix = np.random.rand(features, ascunse), np.zeros((1, ascunse))
            self.w2_matrix, self.b2_matrix = np.random.rand(ascunse, labels), np.zeros((1, labels))
            self.again = np.random.rand(ascunse, ascunse)

        def forward(self, x):
            self.h = np.tanh(x @ self.w1_matrix + self.b1_matrix) HIDDEN
            scores = np.exp(self.h @ self.w2_matrix + self.b2_matrix)
            return scores / scores.sum(axis=1, keepdims=True)

        def train(self, x, y):
            d2 = (self.forward(x) - y) / len(x)
            dh = d2 @ self.w2_matrix.T
            AGAIN
            d1 = dh * (1 - self.h**2)
            self.w2_matrix -= self.viteza * self.h.T @ d2
            self.b2_matrix -= self.viteza * d2.sum(axis=0, keepdims=True) TIMES
            self.w1_matrix -= self.viteza * x.T @ d1
            self.b1_matrix -= self.viteza * d1.sum(axis=0, keepdims=True)
"""


@pytest.mark.parametrize(("times", "verdict"), [("", "equivalent"), ("/ 2", "different")])
def test_counts_a_rate_and_biases_of_unknown_names_are_found_by_what_they_do(tmp_path: Path, times: str, verdict: str) -> None:
    result = check(written(tmp_path, ODD, HIDDEN="", AGAIN="", TIMES=times), seed=1, steps=2)
    assert result.verdict == verdict
    assert result.conventions[0].startswith("a class Retea ")
    assert [stage.name for stage in result.stages if stage.mark == "wrong"] == (["new 2.bias"] if times else [])


@pytest.mark.slow
def test_a_network_with_a_weight_that_is_none_of_its_layers_is_not_taken_for_one_of_them_alone(tmp_path: Path) -> None:
    again = {"HIDDEN": "+ x[:, :1] * self.again.sum(axis=0)", "AGAIN": "self.again -= self.viteza * (x[:, :1] * dh).sum(axis=0)"}
    result = check(written(tmp_path, ODD, TIMES="", **again), seed=1, steps=2)
    assert "a class Retea with" not in result.conventions[0]


LINEAR_SOFTMAX = """
import numpy as np


def softmax_loss(W, X, y, reg):
    scores = X @ W
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    n = len(X)
    loss = -np.log(p[np.arange(n), y]).mean() + reg * (W * W).sum()
    p[np.arange(n), y] -= 1
    return loss, X.T @ p / n + 2 * reg * W
"""

COUNTED = """
import numpy as np


class Net:
    def __init__(self, n_x, n_h, n_y):
        self.W1, self.b1 = np.random.randn(n_h, n_x) * 0.1, np.zeros((n_h, 1))
        self.W2, self.b2 = np.random.randn(n_y, n_h) * 0.1, np.zeros((n_y, 1))

    def forward(self, X):
        self.A1 = np.tanh(self.W1 @ X + self.b1)
        self.A2 = 1 / (1 + np.exp(-(self.W2 @ self.A1 + self.b2)))
        return self.A2

    def backward(self, X, Y, m, lr):
        dZ2 = self.A2 - Y
        dZ1 = self.W2.T @ dZ2 * (1 - self.A1 ** 2)
        self.W2 -= lr * dZ2 @ self.A1.T / m
        self.b2 -= lr * dZ2.sum(axis=1, keepdims=True) / m
        self.W1 -= lr * dZ1 @ X.T / m
        self.b1 -= lr * dZ1.sum(axis=1, keepdims=True) / m


def cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "mistake"),
    [(LINEAR_SOFTMAX, ("X.T @ p / n", "X.T @ p / X.size")), (COUNTED, ("dZ1 @ X.T / m", "dZ1 @ X.T"))],
    ids=["weights before the records", "the number of records"],
)
def test_an_argument_stands_for_what_its_name_and_its_place_say(tmp_path: Path, text: str, mistake: tuple[str, str]) -> None:
    (tmp_path / "right.py").write_text(text)
    (tmp_path / "wrong.py").write_text(text.replace(*mistake))
    assert check(tmp_path / "right.py", seed=1).verdict == "equivalent"
    assert check(tmp_path / "wrong.py", seed=1).verdict == "different"


def test_a_class_that_holds_the_records_is_no_network(tmp_path: Path) -> None:
    (path := tmp_path / "mine.py").write_text(
        "class Tensor:\n    def __init__(self, data, prev=()):\n        self.data, self.prev, self.grad = data, set(prev), None\n\n"
        "    @property\n    def T(self):\n        return Tensor(self.data.T, (self,))\n\n"
        "    def dot(self, b):\n        return Tensor(self.data.dot(b.data), (self, b))\n"
    )
    with pytest.raises(UnusableFileError, match="no network is recognised"):
        check(path, seed=1)


@pytest.mark.parametrize("option", ["step", "forward"])
def test_of_a_file_checked_part_by_part_no_weights_are_proposed(option: str) -> None:
    path = EXAMPLES / "parts" / "layer_pairs_right.py"
    with pytest.raises(UnusableFileError, match=r"it is checked part by part, as layer_pairs.*; expected none of these options") as found:
        check(path, shape={option: "affine_backward"})
    assert "--weights" not in str(found.value)

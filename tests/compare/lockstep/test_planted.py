"""Negative controls, a planted fault for each piece: in what manual computes, on its way back, in what it keeps and in its updates.

Each is found at the step and in the phase where it begins, and the same problem without it is equivalent. What is planted stands in
manual's own objects, so that all else is as it is.
"""

import dataclasses
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np
import pytest

import manual
from compare import Comparison, Manual, Problem, StepRecord, TorchRef, train_in_lockstep
from compare.problem.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS
from compare.support.arrays import Array
from tests.compare.problems import targets
from tests.manual.test_optimizers import every_option
from tests.torch_ref.test_optimizers import WRONG_OPTIONS, options_beside

STEPS = 5
SLIGHTLY = 1 + 1e-9
SINCE = pytest.mark.parametrize("since", [1, 3])

Place = tuple[int, str, str]      # step, phase, tensor
Patch = pytest.MonkeyPatch


def problem(loss: str = "mse", activation: str = "tanh", hard: bool = False, n: int = 9, **options: Any) -> Problem:
    """Two layers, the first with all that hidden layers may have, γ and β not 1 and 0."""
    generator = np.random.default_rng(4)
    batch = (generator.normal(size=(n, 3)), targets(generator, hard, loss, n, 2))
    given: dict[str, Any] = {"activations": (activation, LOSSES[loss].output), "bias": True, "loss": loss, "lr": 0.1}
    fresh = Problem(sizes=(3, 4, 2), batches=(batch,), test=batch, **given | options)
    params = {name: array + 0.3 * generator.normal(size=array.shape) for name, array in fresh.initial_parameters.items()}
    return dataclasses.replace(fresh, initial_parameters=params)


def compared(problem: Problem, side: Any = None) -> Comparison:
    side = side or Manual(problem, stages=True)
    return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=STEPS)


def place(comparison: Comparison) -> Place | None:
    found = comparison.first_divergence
    return None if found is None else (found.step, found.phase, found.tensor)


def step_and_phase(comparison: Comparison) -> tuple[int, str] | None:
    found = place(comparison)
    return None if found is None else found[:2]


def from_call(since: int, right: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[..., Any]:
    """The right function, and from its call number `since` on the wrong one."""
    calls = count(1)
    return lambda *arguments, **named: (wrong if next(calls) >= since else right)(*arguments, **named)


def scaled(function: Callable[..., Array], factor: Any = SLIGHTLY) -> Callable[..., Array]:
    return lambda *arguments: function(*arguments) * factor


# --- activations -------------------------------------------------------------------------------------------------------------------


@SINCE
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_slightly_off_is_found_in_what_it_computes_or_sends_back(name: str, since: int) -> None:
    p = problem(activation=name)
    assert compared(p).verdict == "equivalent"

    side = Manual(p, stages=True)
    right = manual.ACTIVATIONS[name]
    side.network.layers[1].activation = dataclasses.replace(right, function=from_call(since, right.function, scaled(right.function)))
    assert place(compared(p, side)) == (since, "activations", "1")

    side = Manual(p, stages=True)
    layer = side.network.layers[1]
    layer.backward = from_call(since, layer.backward, scaled(layer.backward))
    assert place(compared(p, side)) == (since, "errors", "0")


# --- losses ------------------------------------------------------------------------------------------------------------------------


def loss_planted(name: str, fault: str, since: int) -> Any:
    """The loss with one of its two halves wrong from that step on."""
    right = manual.LOSSES[name]

    class Wrong(manual.Loss):
        def value(self, output: Array, y: Any, reduction: str = "mean") -> Array:
            return values(output, y, reduction)

        def gradient(self, output: Array, y: Any, reduction: str = "mean") -> Array:
            return gradients(output, y, reduction)

    over = dataclasses.replace(right, over={"elements": "records", "records": "elements"}[right.over])
    in_value = {
        "value": scaled(right.value),
        "value's reduction": lambda output, y, reduction: right.value(output, y, "sum"),
        "value's divisor": over.value,
    }
    in_gradient = {
        "gradient": scaled(right.gradient),
        "gradient's sign": scaled(right.gradient, -1),
        "gradient's reduction": lambda output, y, reduction: right.gradient(output, y, "sum"),
        "gradient's divisor": over.gradient,
    }
    values = from_call(since, right.value, in_value.get(fault, right.value))
    gradients = from_call(since, right.gradient, in_gradient.get(fault, right.gradient))
    return Wrong(right.name, right.terms, right.derivative, right.over)


VALUE_FAULTS = ("value", "value's reduction", "value's divisor")
GRADIENT_FAULTS = ("gradient", "gradient's sign", "gradient's reduction", "gradient's divisor")


@pytest.mark.sampled(3)
@SINCE
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_off_in_value_gradient_or_reduction_is_found_there(name: str, hard: bool, since: int, monkeypatch: Patch) -> None:
    p = problem(name, hard=hard)
    assert compared(p).verdict == "equivalent"
    for fault in VALUE_FAULTS + GRADIENT_FAULTS:
        monkeypatch.setitem(manual.LOSSES, name, loss_planted(name, fault, since))
        assert place(compared(p)) == ((since, "loss", "loss") if fault in VALUE_FAULTS else (since, "errors", "2")), fault
        monkeypatch.undo()


@pytest.mark.parametrize("name", LOSSES)
def test_a_mean_taken_for_a_sum_is_found(name: str, monkeypatch: Patch) -> None:
    p = problem(name, reduction="sum", lr=0.01)
    assert compared(p).verdict == "equivalent"
    right = manual.LOSSES[name].gradient
    monkeypatch.setattr(manual.Loss, "gradient", lambda self, output, y, reduction: right(output, y, "mean"))
    assert place(compared(p)) == (1, "errors", "2")


# --- normalisation -----------------------------------------------------------------------------------------------------------------


def mean(layer: Any, array: Array) -> Array:
    return array.mean(axis=layer.axis, keepdims=True)


def mean_dropped(layer: Any, error: Array) -> Array:
    g = error * layer.weight
    return layer.scale * (g - layer.normal * mean(layer, g * layer.normal))


def variance_dropped(layer: Any, error: Array) -> Array:
    g = error * layer.weight
    return layer.scale * (g - mean(layer, g))


def gamma_ignored(layer: Any, error: Array) -> Array:
    return layer.scale * (error - mean(layer, error) - layer.normal * mean(layer, error * layer.normal))


def gammas_gradient_of_z(layer: Any, error: Array) -> dict[str, Array]:
    return {"weight": (error * layer.normal / layer.scale).sum(axis=0), "bias": error.sum(axis=0)}


def betas_gradient_averaged(layer: Any, error: Array) -> dict[str, Array]:
    return {"weight": (error * layer.normal).sum(axis=0), "bias": error.mean(axis=0)}


def rescaled(scale: Callable[[Any, Array], Array]) -> Callable[[Any, Callable[[Array], Array]], Callable[[Array], Array]]:
    """A forward pass with another 1 / √(v + ε)."""

    def forward(layer: Any, right: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def wrong(z: Array) -> Array:
            right(z)
            layer.scale = scale(layer, z)
            layer.normal = (z - layer.mean) * layer.scale
            return layer.normal * layer.weight + layer.bias

        return wrong

    return forward


FORWARD = {
    "unbiased variance": rescaled(lambda layer, z: 1 / np.sqrt(z.var(axis=layer.axis, ddof=1, keepdims=True) + layer.eps)),
    "ε left out": rescaled(lambda layer, z: 1 / np.sqrt(layer.variance)),
    "ε outside the root": rescaled(lambda layer, z: 1 / (np.sqrt(layer.variance) + layer.eps)),
    "ε slightly off": rescaled(lambda layer, z: 1 / np.sqrt(layer.variance + 1.0001e-5)),
}
BACKWARD = {"mean term dropped": mean_dropped, "variance term dropped": variance_dropped, "gamma ignored": gamma_ignored}
GRADIENTS = {"gamma's": (gammas_gradient_of_z, "1.weight"), "beta's": (betas_gradient_averaged, "1.bias")}


@pytest.mark.sampled(3)
@SINCE
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalisation_that_is_wrong_is_found_where_it_is(name: str, since: int) -> None:
    p = problem(normalization=name)
    assert compared(p).verdict == "equivalent"

    def planted(method: str, wrong: Callable[[Any], Callable[..., Any]]) -> Place | None:
        side = Manual(p, stages=True)
        layer = side.network.layers[1]
        setattr(layer, method, from_call(since, getattr(layer, method), wrong(layer)))
        return place(compared(p, side))

    for fault, forward in FORWARD.items():
        assert planted("forward", lambda layer, forward=forward: forward(layer, layer.forward)) == (since, "activations", "2"), fault
    for fault, backward in BACKWARD.items():
        assert planted("backward", lambda layer, backward=backward: lambda error: backward(layer, error)) == (since, "errors", "0"), fault
    for fault, (gradients, tensor) in GRADIENTS.items():
        found = planted("gradients", lambda layer, gradients=gradients: lambda error: gradients(layer, error))
        assert found == (since, "grads", tensor), fault


def biased(layer: Any, n: int, before: Mapping[str, Array]) -> None:
    layer.running_var[...] = before["running_var"] + 0.1 * (layer.variance[0] - before["running_var"])


def momentum_swapped(layer: Any, n: int, before: Mapping[str, Array]) -> None:
    layer.running_mean[...] = 0.1 * before["running_mean"] + 0.9 * layer.mean[0]


def standing_still(layer: Any, n: int, before: Mapping[str, Array]) -> None:
    layer.running_mean[...] = before["running_mean"]


def deviation_for_variance(layer: Any, n: int, before: Mapping[str, Array]) -> None:
    layer.running_var[...] = 0.9 * before["running_var"] + 0.1 * np.sqrt(layer.variance[0] * n / (n - 1))


def nearly_unbiased(layer: Any, n: int, before: Mapping[str, Array]) -> None:
    layer.running_var *= 1 + 1e-12


STATISTICS = {
    biased: "running_var",
    momentum_swapped: "running_mean",
    standing_still: "running_mean",
    deviation_for_variance: "running_var",
    nearly_unbiased: "running_var",
}
KEEPING = [name for name in NORMALIZATIONS if problem(normalization=name).buffer_shapes()]


@SINCE
@pytest.mark.parametrize("name", KEEPING)
@pytest.mark.parametrize("fault", STATISTICS)
def test_running_statistics_that_are_wrong_are_found_among_the_buffers(fault: Any, name: str, since: int) -> None:
    p = problem(normalization=name)
    side = Manual(p, stages=True)
    layer = side.network.layers[1]
    right = layer.forward

    def wrong(z: Array) -> Array:
        before = {key: array.copy() for key, array in layer.buffers().items()}
        output = right(z)
        fault(layer, len(z), before)
        return output

    layer.forward = from_call(since, right, wrong)
    assert place(compared(p, side)) == (since, "buffers", f"1.{STATISTICS[fault]}")


@pytest.mark.parametrize("name", KEEPING)
def test_an_evaluation_by_the_batchs_own_statistics_is_found_in_the_predictions(name: str) -> None:
    p = problem(normalization=name)
    side = Manual(p, stages=True)
    side.network.layers[1].predict = side.network.layers[1].forward
    assert place(compared(p, side)) == (STEPS, "prediction", "prediction")


# --- dropout -----------------------------------------------------------------------------------------------------------------------

DROPOUT: dict[str, tuple[str, Callable[[Any, Callable[..., Array]], Callable[..., Array]], tuple[str, str]]] = {
    "the mask missing on the way back": ("backward", lambda layer, right: lambda error: error / (1 - layer.p), ("errors", "0")),
    "1/(1 − p) missing on the way back": ("backward", lambda layer, right: lambda error: error * (layer.scale != 0), ("errors", "0")),
    "nothing dropped on the way back": ("backward", lambda layer, right: lambda error: error, ("errors", "0")),
    "1/(1 − p) missing": ("forward", lambda layer, right: lambda a: right(a) * (1 - layer.p), ("activations", "4")),
    "1/p for 1/(1 − p)": ("forward", lambda layer, right: lambda a: right(a) * (1 - layer.p) / layer.p, ("activations", "4")),
    "the mask turned round": ("forward", lambda layer, right: lambda a: a / (1 - layer.p) - right(a), ("activations", "4")),
    "another mask": ("forward", lambda layer, right: lambda a: (setattr(layer, "mask", None), right(a))[1], ("activations", "4")),
}


@SINCE
@pytest.mark.parametrize("fault", DROPOUT)
def test_a_dropout_that_is_wrong_is_found_where_it_is(fault: str, since: int) -> None:
    p = problem(dropout=0.4)
    assert compared(p).verdict == "equivalent"
    method, wrong, where = DROPOUT[fault]
    side = Manual(p, stages=True)
    layer = side.network.layers[2]
    setattr(layer, method, from_call(since, getattr(layer, method), wrong(layer, getattr(layer, method))))
    assert place(compared(p, side)) == (since, *where)


def test_a_dropout_that_drops_in_evaluation_is_found_in_the_predictions() -> None:
    p = problem(dropout=0.4)
    side = Manual(p, stages=True)
    side.network.layers[2].predict = side.network.layers[2].forward
    assert place(compared(p, side)) == (STEPS, "prediction", "prediction")


# --- optimisers --------------------------------------------------------------------------------------------------------------------


class Descent(manual.SGD):
    """`SGD` as it reads, from which the mistaken ones below differ in a line."""

    def velocity(self, b: Array, g: Array) -> Array:
        return g if self.steps == 1 else self.momentum * b + (1 - self.dampening) * g

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        g = g + self.weight_decay * w
        b = state["momentum_buffer"]
        b[...] = self.velocity(b, g)
        return -self.lr * (g + self.momentum * b if self.nesterov else b)


def corrections(betas: tuple[float, float], t: int) -> tuple[float, float]:
    return 1 - betas[0] ** t, 1 - betas[1] ** t


class Adaptive(manual.Adam):
    """`Adam` as it reads, from which the mistaken ones below differ in a line."""

    def corrections(self) -> tuple[float, float]:
        return corrections(self.betas, self.steps)

    def divisor(self, v_hat: Array) -> Array:
        return np.sqrt(v_hat) + self.eps

    def adaptive(self, g: Array, state: dict[str, Array]) -> Array:
        beta1, beta2 = self.betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m[...] = beta1 * m + (1 - beta1) * g
        v[...] = beta2 * v + (1 - beta2) * g * g
        corrected = self.corrections()
        return -self.lr * (m / corrected[0]) / self.divisor(v / corrected[1])


class AdaptiveW(Adaptive):
    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        return self.adaptive(g, state) - self.lr * self.weight_decay * w


class RootMeanSquare(manual.RMSprop):
    """`RMSprop` as it reads, from which the mistaken ones below differ in a line."""

    def divisor(self, v: Array) -> Array:
        return np.sqrt(v) + self.eps

    def velocity(self, b: Array, step: Array) -> Array:
        return self.momentum * b + step

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        g = g + self.weight_decay * w
        v, b = state["square_avg"], state["momentum_buffer"]
        v[...] = self.alpha * v + (1 - self.alpha) * g * g
        b[...] = self.velocity(b, g / self.divisor(v))
        return -self.lr * b


class Accumulating(manual.Adagrad):
    """`Adagrad` as it reads, from which the mistaken ones below differ in a line."""

    def total(self, s: Array, g: Array) -> Array:
        return s + g * g

    def divisor(self, s: Array) -> Array:
        return np.sqrt(s) + self.eps

    def slower(self) -> float:
        return 1 + (self.steps - 1) * self.lr_decay

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        g = g + self.weight_decay * w
        s = state["sum"]
        s[...] = self.total(s, g)
        return -self.lr / self.slower() * g / self.divisor(s)


def with_betas_swapped(self: Any, lr: float, *, betas: tuple[float, float], **options: Any) -> None:
    manual.Adam.__init__(self, lr, betas=betas[::-1], **options)


# the optimiser as it reads, and by name what is mistaken in it: (members instead, the first step and phase where it shows)
HONEST: dict[str, Any] = {"sgd": Descent, "adam": Adaptive, "adamw": AdaptiveW, "rmsprop": RootMeanSquare, "adagrad": Accumulating}
MISTAKEN: dict[str, dict[str, tuple[dict[str, Any], tuple[int, str]]]] = {
    "sgd": {
        "momentum's sign": (
            {"velocity": lambda self, b, g: g if self.steps == 1 else (1 - self.dampening) * g - self.momentum * b},
            (2, "state"),
        ),
        "dampening at the first step": ({"velocity": lambda self, b, g: self.momentum * b + (1 - self.dampening) * g}, (1, "state")),
        "dampening left out": ({"velocity": lambda self, b, g: g if self.steps == 1 else self.momentum * b + g}, (2, "state")),
        "the velocity not kept": ({"velocity": lambda self, b, g: g if self.steps == 1 else (1 - self.dampening) * g}, (2, "state")),
        "a running mean for the velocity": (
            {"velocity": lambda self, b, g: self.momentum * b + (1 - self.momentum) * g},
            (1, "state"),
        ),
        "decay decoupled": (
            {"delta": lambda self, w, g, state: Descent.delta(self, 0 * w, g, state) - self.lr * self.weight_decay * w},
            (1, "state"),
        ),
        "decay left out": ({"delta": lambda self, w, g, state: Descent.delta(self, 0 * w, g, state)}, (1, "state")),
        "decay's sign": ({"delta": lambda self, w, g, state: Descent.delta(self, -w, g, state)}, (1, "state")),
    },
    "adam": {
        "no bias correction": ({"corrections": lambda self: (1.0, 1.0)}, (1, "deltas")),
        "no bias correction of v": ({"corrections": lambda self: (Adaptive.corrections(self)[0], 1.0)}, (1, "deltas")),
        "step 2 counted as 1": ({"corrections": lambda self: corrections(self.betas, max(self.steps - 1, 1))}, (2, "deltas")),
        "steps counted from 2": ({"corrections": lambda self: corrections(self.betas, self.steps + 1)}, (1, "deltas")),
        "ε inside the root": ({"divisor": lambda self, v_hat: np.sqrt(v_hat + self.eps)}, (1, "deltas")),
        "ε left out": ({"divisor": lambda self, v_hat: np.sqrt(v_hat)}, (1, "deltas")),
        "the root left out": ({"divisor": lambda self, v_hat: v_hat + self.eps}, (1, "deltas")),
        "betas swapped": ({"__init__": with_betas_swapped}, (1, "state")),
        "decay left out": ({"delta": lambda self, w, g, state: self.adaptive(g, state)}, (1, "state")),
        "decay decoupled": ({"delta": AdaptiveW.delta}, (1, "state")),
    },
    "rmsprop": {
        "ε inside the root": ({"divisor": lambda self, v: np.sqrt(v + self.eps)}, (1, "state")),
        "ε left out": ({"divisor": lambda self, v: np.sqrt(v)}, (1, "state")),
        "the root left out": ({"divisor": lambda self, v: v + self.eps}, (1, "state")),
        "the mean corrected as Adam's": ({"divisor": lambda self, v: np.sqrt(v / (1 - self.alpha**self.steps)) + self.eps}, (1, "state")),
        "momentum's sign": ({"velocity": lambda self, b, step: step - self.momentum * b}, (2, "state")),
        "the velocity a running mean": ({"velocity": lambda self, b, step: self.momentum * b + (1 - self.momentum) * step}, (1, "state")),
        "decay left out": ({"delta": lambda self, w, g, state: RootMeanSquare.delta(self, 0 * w, g, state)}, (1, "state")),
    },
    "adagrad": {
        "ε inside the root": ({"divisor": lambda self, s: np.sqrt(s + self.eps)}, (1, "deltas")),
        "ε left out": ({"divisor": lambda self, s: np.sqrt(s)}, (1, "deltas")),
        "the root left out": ({"divisor": lambda self, s: s + self.eps}, (1, "deltas")),
        "the sum not kept": ({"total": lambda self, s, g: self.initial_accumulator_value + g * g}, (2, "state")),
        "the start left out": ({"start": lambda self, w: {"sum": np.zeros_like(w)}}, (1, "state")),
        "slower from the first step on": ({"slower": lambda self: 1 + self.steps * self.lr_decay}, (1, "deltas")),
        "never slower": ({"slower": lambda self: 1.0}, (2, "deltas")),
        "decay left out": ({"delta": lambda self, w, g, state: Accumulating.delta(self, 0 * w, g, state)}, (1, "state")),
    },
}
MISTAKEN["adamw"] = MISTAKEN["adam"] | {
    "decay left out": ({"delta": lambda self, w, g, state: self.adaptive(g, state)}, (1, "deltas")),
    "decay coupled": ({"delta": manual.Adam.delta}, (1, "state")),
    "decay not scaled by lr": ({"delta": lambda self, w, g, state: self.adaptive(g, state) - self.weight_decay * w}, (1, "deltas")),
}
del MISTAKEN["adamw"]["decay decoupled"]


@pytest.mark.parametrize("name", MISTAKEN)
def test_an_optimiser_that_is_wrong_is_found_where_it_begins(name: str, monkeypatch: Patch) -> None:
    p = problem(optimizer=name, optimizer_options=every_option(name) | ({"eps": 1e-3} if "eps" in OPTIMIZERS[name].options else {}))
    for fault, (members, where) in {"none": ({}, None), **MISTAKEN[name]}.items():
        monkeypatch.setitem(manual.OPTIMIZERS, name, type("Wrong", (HONEST[name],), dict(members)))
        assert step_and_phase(compared(p)) == where, fault
        monkeypatch.undo()


@pytest.mark.parametrize(("name", "option", "wrong"), WRONG_OPTIONS)
def test_a_wrong_value_of_any_option_is_found_at_one_of_the_first_steps(name: str, option: str, wrong: Any, monkeypatch: Patch) -> None:
    p = problem(optimizer=name, optimizer_options=options_beside(name, option))
    assert compared(p).verdict == "equivalent"
    right = manual.OPTIMIZERS[name]
    monkeypatch.setitem(manual.OPTIMIZERS, name, lambda lr, **options: right(lr, **options | {option: wrong}))
    found = step_and_phase(compared(p))
    assert found is not None
    assert found[0] <= 2
    assert found[1] in ("state", "deltas")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_that_is_wrong_from_a_later_step_on_is_found_there(name: str, monkeypatch: Patch) -> None:
    p = problem(optimizer=name, optimizer_options=every_option(name))

    class Late(manual.OPTIMIZERS[name]):  # type: ignore[misc]
        def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
            return super().delta(w, g, state) * (SLIGHTLY if self.steps >= 4 else 1)

    monkeypatch.setitem(manual.OPTIMIZERS, name, Late)
    assert step_and_phase(compared(p)) == (4, "deltas")


# --- batches -----------------------------------------------------------------------------------------------------------------------


RIGHT = manual.accumulated_gradients


def last_part_dropped(network: Any, x: Array, y: Any, loss: str, *, parts: int, reduction: str, masks: Any) -> Any:
    output, value, _ = RIGHT(network, x, y, loss, parts=parts, reduction=reduction, masks=masks)
    kept = np.concatenate(np.array_split(np.arange(len(x)), parts)[:-1])
    grads = network.gradients(x[kept], y[kept], loss, reduction=reduction, weight=len(kept) / len(x))[2]
    return output, value, grads


def parts_averaged(network: Any, x: Array, y: Any, loss: str, *, parts: int, reduction: str, masks: Any) -> Any:
    output, value, _ = RIGHT(network, x, y, loss, parts=parts, reduction=reduction, masks=masks)
    passes = [network.gradients(x[rows], y[rows], loss)[2] for rows in np.array_split(np.arange(len(x)), parts)]
    return output, value, {name: sum(grads[name] for grads in passes) / parts for name in passes[0]}


def summed_instead(network: Any, x: Array, y: Any, loss: str, *, parts: int, reduction: str, masks: Any) -> Any:
    passes = [network.gradients(x[rows], y[rows], loss) for rows in np.array_split(np.arange(len(x)), parts)]
    grads = {name: sum(grads[name] for _, _, grads in passes) for name in passes[0][2]}
    return np.concatenate([output for output, _, _ in passes]), sum(value for _, value, _ in passes), grads


@pytest.mark.parametrize(("wrong", "phase"), [(last_part_dropped, "grads"), (parts_averaged, "grads"), (summed_instead, "loss")])
def test_parts_of_a_batch_gathered_wrongly_are_found(wrong: Any, phase: str, monkeypatch: Patch) -> None:
    p = problem(accumulate=4)      # of 9 records: parts of 3, 2, 2, 2
    assert compared(p).verdict == "equivalent"
    monkeypatch.setattr(manual, "accumulated_gradients", wrong)
    assert step_and_phase(compared(p)) == (1, phase)


class Misfed(Manual):
    """Manual, given other records than the batch's."""

    def __init__(self, problem: Problem, feed: Callable[[Array], Array], since: int) -> None:
        super().__init__(problem, stages=True)
        self.feed = from_call(2 * since - 1, lambda rows: rows, feed)      # called for x and y

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        return super().step(self.feed(x), self.feed(y), masks)


@SINCE
@pytest.mark.parametrize(
    ("feed", "where"),
    [
        (lambda rows: rows[1:], ("activations", "1")),      # as many as expected are missing
        (lambda rows: np.concatenate([rows[1:2], rows[1:]]), ("activations", "1")),
        (lambda rows: rows[::-1], ("activations", "1")),
        (lambda rows: np.roll(rows, 1, axis=0) if rows.shape[1] == 2 else rows, ("loss", "loss")),
    ],
    ids=["first dropped", "first taken twice", "turned round", "targets of the records before"],
)
def test_a_mini_batch_of_other_records_is_found_at_once(feed: Any, where: tuple[str, str], since: int) -> None:
    p = problem(n=11, batch_size=4)
    assert place(compared(p, Misfed(p, lambda rows: rows, 1))) is None
    assert place(compared(p, Misfed(p, feed, since))) == (since, *where)


@SINCE
def test_a_record_whose_gradients_are_dropped_is_found_among_the_gradients(since: int) -> None:
    p = problem(n=11, batch_size=4)
    side = Manual(p, stages=True)
    layer = side.network.layers[0]
    right = layer.gradients

    def wrong(delta: Array) -> dict[str, Array]:
        return right(delta) | {"bias": delta[1:].sum(axis=0)}

    layer.gradients = from_call(since, right, wrong)
    assert place(compared(p, side)) == (since, "grads", "0.bias")

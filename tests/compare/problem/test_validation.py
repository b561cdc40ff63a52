"""Every option that a problem refuses, with what the refusal says was expected; and beside each the nearest that it takes."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Problem, ProblemError
from compare.problem.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS
from compare.problem.validation import DTYPES, check_choice, check_seed, checked_number, checked_optimizer_options, checked_sizes

X = np.linspace(-1, 1, 12).reshape(4, 3)
Y = np.linspace(0, 1, 8).reshape(4, 2)
CLASSES = np.array([0, 1, 1, 0])

BINARY = [name for name, row in LOSSES.items() if row.targets == "binary"]
TAKE_CLASSES = [name for name, row in LOSSES.items() if row.targets == "classes"]
PARTICULAR = [name for name, row in LOSSES.items() if row.only]
EVERY_OPTION = [(name, option) for name, row in OPTIMIZERS.items() for option in row.options]

WORDLESS = ["", "MSE", "mse ", None, 3, 0.5, ("mse",)]
NO_NUMBERS = [math.nan, math.inf, -math.inf, "0.1", None, True, [0.1], 10**400, 1j, np.array(0.1)]


def problem(**options: Any) -> Problem:
    loss = options.get("loss", "mse")
    output = LOSSES[loss].output if isinstance(loss, str) and loss in LOSSES else "identity"
    return Problem(**{"sizes": (3, 2), "activations": output, "batches": ((X, Y),)} | options)


def refused(complaint: str, **options: Any) -> None:
    with pytest.raises(ProblemError, match=complaint):
        problem(**options)


# --- numbers of units, seeds, names, numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3,), (), 3, None, (3, 0), (3, -1), (3, 1.0), (3, "1"), "31", (3, None), (True, 2), [2, [1]]])
def test_sizes_are_at_least_two_whole_numbers_from_1(sizes: Any) -> None:
    with pytest.raises(ProblemError, match=r"sizes are .*; expected at least two whole numbers of units, each at least 1"):
        checked_sizes(sizes)
    assert checked_sizes([3, np.int32(1)]) == (3, 1)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "21", None, True, math.nan])
def test_a_seed_is_a_whole_number_of_32_bits(seed: Any) -> None:
    with pytest.raises(ProblemError, match=r"seed is .*; expected a whole number from 0 to 4294967295"):
        check_seed(seed)
    check_seed(0)
    check_seed(np.uint32(2**32 - 1))


@pytest.mark.parametrize(
    ("what", "choices"),
    [
        ("dtype", DTYPES),
        ("loss", LOSSES),
        ("reduction", REDUCTIONS),
        ("optimizer", OPTIMIZERS),
        ("normalization", NORMALIZATIONS),
        ("activation", ACTIVATIONS),
    ],
)
def test_a_name_is_one_of_its_table(what: str, choices: Any) -> None:
    expected = re.escape(f"; expected one of {', '.join(choices)}")
    for wrong in WORDLESS:
        with pytest.raises(ProblemError, match=re.escape(f"{what} is {wrong!r}") + expected):
            check_choice(what, wrong, choices)
    refused(f"{what} is 'none'" + expected, **{"activations" if what == "activation" else what: "none"})
    for name in choices:
        check_choice(what, name, choices)


@pytest.mark.parametrize("wrong", NO_NUMBERS)
def test_a_number_is_a_finite_number_and_not_what_looks_like_one(wrong: Any) -> None:
    with pytest.raises(ProblemError, match=r"^it is .{1,40}; expected a finite number$"):
        checked_number("it", wrong)
    for limit in ({"above": 0}, {"least": 0, "below": 1}):
        with pytest.raises(ProblemError, match=r"it is .*; expected a finite number (above 0|of at least 0 and below 1)"):
            checked_number("it", wrong, **limit)


@given(number=st.floats(allow_nan=False, allow_infinity=False), limit=st.floats(-5, 5))
def test_a_number_is_within_its_limits_and_given_back(number: float, limit: float) -> None:
    for name, is_within, words in (
        ("above", number > limit, "above"),
        ("least", number >= limit, "of at least"),
        ("below", number < limit, "below"),
    ):
        if is_within:
            assert checked_number("it", number, **{name: limit}) == number
        else:
            with pytest.raises(ProblemError, match=re.escape(f"it is {str(number)[:40]}; expected a finite number {words} {limit:g}")):
                checked_number("it", number, **{name: limit})


@pytest.mark.parametrize("number", [1e60, 1e-60, -1e39])
def test_a_number_is_one_that_its_dtype_can_hold(number: float) -> None:
    assert checked_number("lr", number, "float64") == number
    with pytest.raises(ProblemError, match=r"lr .* is -?(inf|0\.0) in float32; expected a number that float32 can hold"):
        checked_number("lr", number, "float32")
    assert checked_number("lr", 0, "float32") == 0


@pytest.mark.parametrize("wrong", [0, -0.1, *NO_NUMBERS])
def test_a_learning_rate_is_above_0(wrong: Any) -> None:
    refused("lr is .*; expected a finite number above 0", lr=wrong)
    assert problem(lr=np.float32(0.5)).lr == 0.5


@pytest.mark.parametrize("wrong", [1, 1.5, -0.1, *NO_NUMBERS])
def test_dropout_is_a_probability_below_1(wrong: Any) -> None:
    refused("dropout is .*; expected a finite number of at least 0 and below 1", dropout=wrong)
    assert problem(dropout=0.999).dropout == 0.999
    assert problem(dropout=0).dropout == 0


@pytest.mark.parametrize("what", ["bias", "drop_last"])
@pytest.mark.parametrize("wrong", [0, 1, "no", None, 1.0])
def test_a_flag_is_true_or_false(what: str, wrong: Any) -> None:
    refused(f"{what} is {wrong!r}; expected True or False", **{what: wrong})


def test_an_eps_is_one_that_the_dtype_can_hold() -> None:
    options: dict[str, Any] = {"optimizer": "adam", "optimizer_options": {"eps": 1e-60}}
    assert problem(**options).optimizer_options["eps"] == 1e-60
    refused("eps 1e-60 is 0.0 in float32", dtype="float32", **options)


# --- optimisers --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizers_options_are_a_mapping_of_those_it_has_with_defaults_filled_in(name: str) -> None:
    names = ", ".join(OPTIMIZERS[name].options)
    for wrong in (None, 0.9, [("momentum", 0.9)], "momentum"):
        refused(f"optimizer_options are a {type(wrong).__name__}; expected a mapping of {names}", optimizer=name, optimizer_options=wrong)
    for wrong in ("lr", "Momentum", "", 3):
        refused(f"{wrong} is no option of {name}; expected some of {names}", optimizer=name, optimizer_options={wrong: 0.5})
    assert checked_optimizer_options(name, {}, "float32") == OPTIMIZERS[name].options
    for option, default in OPTIMIZERS[name].options.items():
        assert checked_optimizer_options(name, {option: default}, "float32") == OPTIMIZERS[name].options


@pytest.mark.parametrize(("name", "option"), EVERY_OPTION)
def test_an_option_is_of_the_kind_of_its_default(name: str, option: str) -> None:
    default = OPTIMIZERS[name].options[option]
    if isinstance(default, bool):
        wrongs, complaint = [0, 1, "yes", None, 1.0], "is .*; expected True or False"
    elif isinstance(default, tuple):
        wrongs, complaint = [0.9, (0.9,), (0.9, 0.9, 0.9), None, "ab"], "are .*; expected two numbers of at least 0 and below 1"
    elif option == "decay":
        wrongs, complaint = ["", "weight", "ALL", None, 0, True, ["weights"]], "is .*; expected one of all, weights"
    elif option == "eps":
        wrongs, complaint = [0, -1e-8, *NO_NUMBERS], "is .*; expected a finite number above 0"
    else:
        wrongs, complaint = [-1e-9, *NO_NUMBERS], "is .*; expected a finite number of at least 0"
    for wrong in wrongs:
        refused(f"{option} {complaint}", optimizer=name, optimizer_options={option: wrong})


@pytest.mark.parametrize("name", [name for name, row in OPTIMIZERS.items() if "betas" in row.options])
@pytest.mark.parametrize("wrong", [1, 1.5, -0.1, *NO_NUMBERS])
def test_each_beta_is_at_least_0_and_below_1(name: str, wrong: Any) -> None:
    for betas in ((wrong, 0.9), [0.9, wrong]):
        refused("a beta is .*; expected a finite number of at least 0 and below 1", optimizer=name, optimizer_options={"betas": betas})
    assert checked_optimizer_options(name, {"betas": [0, 0.999]}, "float64")["betas"] == (0.0, 0.999)


@pytest.mark.parametrize("others", [{}, {"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_has_a_momentum_and_no_dampening(others: dict[str, Any]) -> None:
    complaint = "nesterov is set; expected a momentum above 0 and no dampening"
    refused(complaint, optimizer="sgd", optimizer_options={"nesterov": True, **others})
    checked_optimizer_options("sgd", {"nesterov": np.bool_(False), **others}, "float64")
    assert checked_optimizer_options("sgd", {"nesterov": np.bool_(True), "momentum": 0.9}, "float64")["nesterov"] is True


# --- what goes with what -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", PARTICULAR)
def test_a_loss_of_probabilities_has_an_output_that_gives_some(loss: str) -> None:
    expected = f"expected {' or '.join(LOSSES[loss].only)} for {loss}"
    for activation in ACTIVATIONS:
        if activation in LOSSES[loss].only:
            problem(loss=loss, activations=activation)
        else:
            refused(f"the output's activation is {activation}; {expected}", loss=loss, activations=activation)
    problem(sizes=(3, 4, 2), loss=loss, activations=("relu", LOSSES[loss].only[0]))      # only the output's


@pytest.mark.parametrize("loss", LOSSES)
def test_targets_are_from_0_to_1_where_the_loss_needs_them_so(loss: str) -> None:
    for wrong in (-1e-9, 1 + 1e-9, 5.0):
        y = Y.copy()
        y[2, 1] = wrong
        for batches in ({"batches": ((X, y),)}, {"test": (X, y)}):
            if LOSSES[loss].targets == "regression":
                problem(loss=loss, **batches)
            else:
                refused(f"batch has targets from .* to .*; expected numbers from 0 to 1 for {loss}", loss=loss, **batches)


@pytest.mark.parametrize("loss", TAKE_CLASSES)
@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (np.array([0, 1, 2, 0]), "from 0 to 2"),
        (np.array([0, -1, 1, 0]), "from -1 to 1"),
        (np.array([0.0, 1.0, 1.0, 0.0]), "of float64"),
        (np.array([True, False, True, True]), "of bool"),
        (["a", "b", "a", "b"], "of <U1"),
    ],
)
def test_class_indices_are_whole_numbers_of_an_output(loss: str, wrong: Any, found: str) -> None:
    complaint = f"batch has targets {found}; expected class indices, whole numbers from 0 to 1 for 2 outputs"
    refused(complaint, loss=loss, batches=((X, wrong),))
    refused("test " + complaint, loss=loss, batches=((X, CLASSES),), test=(X, wrong))
    assert problem(loss=loss, batches=((X, CLASSES.astype(np.uint8)),)).batches[0][1].dtype == np.int64


@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in TAKE_CLASSES])
def test_a_loss_that_takes_no_classes_refuses_them(loss: str) -> None:
    refused(r"batch has x \(4, 3\) and y \(4,\); expected x \(n, 3\) and y \(n, 2\)", loss=loss, batches=((X, CLASSES),))


@pytest.mark.parametrize("loss", TAKE_CLASSES)
def test_targets_are_all_indices_or_all_probabilities(loss: str) -> None:
    complaint = "some targets are class indices and some probabilities; expected all of one kind"
    refused(complaint, loss=loss, batches=((X, CLASSES), (X, Y)))
    refused(complaint, loss=loss, batches=((X, CLASSES),), test=(X, Y))
    refused(r"y \(3,\)", loss=loss, batches=((X, CLASSES[:3]),))
    for y in (CLASSES, Y):
        problem(loss=loss, batches=((X, y), (X, y)), test=(X, y))


# --- batches -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["batch_size", "accumulate"])
@pytest.mark.parametrize("wrong", [0, -1, 2.0, "2", True, math.nan, [2]])
def test_a_batch_size_and_a_number_of_parts_are_whole_numbers_from_1(what: str, wrong: Any) -> None:
    refused(f"{what} is {re.escape(repr(wrong))}; expected a whole number, at least 1", **{what: wrong})
    problem(**{what: np.int64(1)})


def test_mini_batches_are_drawn_from_one_batch_of_at_least_as_many_records() -> None:
    refused("there are 2 batches and a batch_size; expected one batch to draw mini-batches from", batches=((X, Y), (X, Y)), batch_size=2)
    refused("batch_size is 5, and there are 4 records; expected no more than that", batch_size=5)
    refused("drop_last is set without a batch_size; expected both, or neither", drop_last=True)
    problem(batch_size=4, drop_last=True)


def test_batch_norm_has_batches_of_at_least_2_records_in_one_part() -> None:
    with_norm = {"sizes": (3, 4, 2), "normalization": "batch_norm"}
    too_short = "a batch has 1 record, which batch_norm cannot normalise over; expected at least 2, or drop_last"
    refused(too_short, **with_norm, batches=((X, Y), (X[:1], Y[:1])))
    refused(too_short, **with_norm, batch_size=1)
    refused(too_short, **with_norm, batch_size=3)
    problem(**with_norm, batch_size=3, drop_last=True)
    problem(**with_norm, batch_size=2, test=(X[:1], Y[:1]))
    refused("accumulate is set with batch_norm, whose statistics are of a whole batch; expected one of the two", **with_norm, accumulate=2)
    problem(**with_norm | {"normalization": "layer_norm"}, accumulate=2, batch_size=1)


@pytest.mark.parametrize("what", ["batch", "test batch"])
@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ((X,), "{} is a tuple; expected a pair"),
        ((X, Y, Y), "{} is a tuple; expected a pair"),
        ("xy", "{} is a str; expected a pair"),
        ({"x": X, "y": Y}, "{} is a dict; expected a pair"),
        ((X[:, :2], Y), r"{} has x \(4, 2\) and y \(4, 2\); expected x \(n, 3\) and y \(n, 2\)"),
        ((X, Y[:3]), r"{} has x \(4, 3\) and y \(3, 2\); expected"),
        ((X[:0], Y[:0]), r"{} has x \(0, 3\) .* at least 1"),
        ((X.ravel(), Y), r"{} has x \(12,\)"),
        ((np.full((4, 3), np.nan), Y), "{} holds a value that is not finite in float64; expected finite numbers"),
        ((X, np.full((4, 2), np.inf)), "{} holds a value that is not finite in float64; expected finite numbers"),
        ((X * 1j, Y), "an array is complex; expected real numbers, for float64"),
        (([["a"] * 3] * 4, Y), "an array cannot be made of list"),
        (([[1.0, 2.0], [1.0]], Y), "an array cannot be made of list"),
        ((None, Y), "{} has x"),
    ],
)
def test_a_batch_is_a_pair_of_finite_arrays_that_fit(what: str, wrong: Any, complaint: str) -> None:
    refused(complaint.format(what), **({"batches": (wrong,)} if what == "batch" else {"test": wrong}))


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ([np.ones((2, 3))], "initial parameters are a list; expected arrays by name: 0.weight"),
        ({"0.weight": np.ones((3, 2))}, r"initial parameters are 0\.weight \(3, 2\); expected 0\.weight \(2, 3\)"),
        ({"weight": np.ones((2, 3))}, r"initial parameters are weight \(2, 3\); expected 0\.weight"),
        ({"0.weight": np.ones((2, 3)), "0.bias": np.ones(2)}, r"0\.bias \(2,\); expected 0\.weight \(2, 3\)"),
        ({"0.weight": np.full((2, 3), np.nan)}, "an initial parameter is not finite in float64; expected finite numbers"),
        ({"0.weight": np.ones((2, 3)) * 1j}, "an array is complex; expected real numbers"),
    ],
)
def test_initial_parameters_are_those_of_the_problem_by_name(params: Any, complaint: str) -> None:
    refused(complaint, initial_parameters=params)
    problem(initial_parameters={"0.weight": np.ones((2, 3))})


def test_there_is_an_activation_for_each_layer_and_a_batch_at_least() -> None:
    for wrong in ((), ("tanh",), ("tanh",) * 3):
        refused(f"activations are {', '.join(wrong)}; expected one for each of 2 layers", sizes=(3, 4, 2), activations=wrong)
    refused(r"there is no batch; expected at least one \(x, y\) to train on", batches=())


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": ["mse"]},
        {"optimizer": {}},
        {"normalization": ["layer_norm"]},
        {"activations": 5},
        {"activations": (["tanh"],)},
        {"batches": 5},
        {"batches": None},
        {"batches": ((X, [[1.0, 2.0], [1.0]]),)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_of_no_kind_that_an_option_has_is_refused_too(wrong: dict[str, Any]) -> None:
    refused("; expected", **wrong)


def test_a_refusal_is_a_value_error() -> None:
    assert issubclass(ProblemError, ValueError)

"""The lesson's own figures, from both sides."""

import numpy as np
import pytest

import data
from compare import Problem, TorchRef, lesson_problem, train_in_lockstep
from compare.lockstep.training import Training, reported_epochs, train
from compare.problem.lesson import EPOCHS, EXAMPLE_DELTAS, PRINTED_ACCURACY, example_problem
from compare.support.arrays import Array
from tests.compare.variants import Variant

# As the lesson prints them, and the true mean squared errors at the same points, recomputed with plain loops.
PRINTED = [
    "0.251357252426",
    "0.249965407188",
    "0.248620052189",
    "0.247319932172",
    "0.246063804656",
    "0.244850441793",
    "0.243678632019",
    "0.242547181518",
    "0.241454915502",
    "0.240400679325",
]
TRUE_MSE = [
    "0.268560154404",
    "0.266810282686",
    "0.265106963589",
    "0.263449343285",
    "0.261836550103",
    "0.260267697680",
    "0.258741887933",
    "0.257258213847",
    "0.255815762088",
    "0.254413615431",
]


@pytest.fixture(scope="module")
def lesson() -> Training:
    return train(lesson_problem(), epochs=EPOCHS)


def twelve_digits(values: list[float]) -> list[str]:
    return [f"{value:.12f}" for value in values]


def test_both_sides_print_the_lessons_ten_losses(lesson: Training) -> None:
    assert lesson.epochs == list(range(0, 900, 90))
    assert twelve_digits(lesson.manual.lesson_loss) == PRINTED
    assert twelve_digits(lesson.torch_ref.lesson_loss) == PRINTED


def test_both_sides_have_the_true_losses(lesson: Training) -> None:
    assert twelve_digits(lesson.manual.mse) == TRUE_MSE
    assert twelve_digits(lesson.torch_ref.mse) == TRUE_MSE
    np.testing.assert_allclose(lesson.manual.loss, np.array(lesson.manual.mse) / 2, rtol=1e-15)
    np.testing.assert_allclose(lesson.torch_ref.loss, np.array(lesson.torch_ref.mse) / 2, rtol=1e-15)


def test_every_step_of_the_lesson_agrees_and_so_does_its_accuracy(lesson: Training) -> None:
    assert lesson.comparison.verdict == "equivalent"
    assert lesson.comparison.steps == 900
    assert {key for key in lesson.comparison.series if key[0] == "deltas"} == {("deltas", "0.weight"), ("deltas", "2.weight")}
    assert lesson.comparison.accuracies == (0.725, 0.725) == (PRINTED_ACCURACY,) * 2


@pytest.mark.parametrize("mode", ["free", "follow"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_lesson_holds_in_every_mode_and_dtype(mode: str, dtype: str) -> None:
    assert train(lesson_problem(dtype=dtype), epochs=EPOCHS, mode=mode).comparison.verdict == "equivalent"


EVERY_WEIGHT = [("0.weight", index) for index in np.ndindex(2, 6)] + [("2.weight", index) for index in np.ndindex(1, 2)]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "index"), EVERY_WEIGHT)
def test_one_gradient_wrong_by_one_part_in_1e11_at_step_700_is_found_there(name: str, index: tuple[int, int]) -> None:
    def spoil(arrays: dict[str, Array]) -> None:
        if name in arrays:
            arrays[name][index] *= 1 + 1e-11

    problem = lesson_problem()
    variant = Variant(problem, fault=spoil, fault_at=700, fault_until=700)
    found = train_in_lockstep(variant, TorchRef(problem), problem, steps=701).first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index) == (700, "grads", name, index)


def test_the_worked_example_gives_the_lessons_figures() -> None:
    kept = train(example_problem(), epochs=1, keep=[1]).comparison.kept[1]
    for record in (kept.actual, kept.expected):
        assert record.deltas is not None
        assert record.output is not None
        assert float(record.output[0, 0]) == pytest.approx(0.48497343084992534, rel=0, abs=2e-16)
        for name, rows in EXAMPLE_DELTAS.items():
            printed = np.array([[float(figure) for figure in row] for row in rows])
            digits = 5e-9 if name == "2.weight" else 5e-13
            np.testing.assert_allclose(record.deltas[name], printed, rtol=0, atol=digits)


def test_the_weights_are_drawn_as_the_lesson_draws_them_also_for_more_layers() -> None:
    random = np.random.RandomState(5)
    drawn = [random.normal(scale=6**-0.5, size=shape) for shape in ((6, 8), (8, 4), (4, 1))]
    for bias in (False, True):
        params = lesson_problem(hidden=(8, 4), seed=5, bias=bias).initial_parameters
        for name, matrix in zip(("0.weight", "2.weight", "4.weight"), drawn, strict=True):
            np.testing.assert_array_equal(params[name], matrix.T)


def test_the_records_are_the_lessons_in_their_order() -> None:
    problem = lesson_problem()
    x, y = problem.batches[0]
    assert (x.shape, y.shape) == ((360, 6), (360, 1))
    assert problem.test is not None
    assert problem.test[0].shape == (40, 6)
    np.testing.assert_array_equal(x, data.load_admissions().features.to_numpy())


def test_epochs_are_reported_ten_times_or_as_asked() -> None:
    assert reported_epochs(900) == list(range(0, 900, 90))
    assert reported_epochs(3) == [0, 1, 2]
    assert len(reported_epochs(25)) == 10
    assert reported_epochs(10, every=4) == [0, 4, 8]


def test_a_problem_hands_out_read_only_copies() -> None:
    x, y = np.ones((2, 3)), np.ones((2, 1))
    problem = Problem(sizes=(3, 1), batches=((x, y),))
    x[:] = 7
    assert problem.batches[0][0].max() == 1
    with pytest.raises(ValueError, match="read-only"):
        problem.batches[0][0][:] = 2

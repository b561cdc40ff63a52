"""The page of a comparison: what it says of every verdict, what it keeps back, and that what users bring is never markup."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import Check, Comparison, Manual, Problem, TorchRef, check, lesson_problem, train_in_lockstep
from compare.cli.main import main
from compare.diagnosis.mistake import Cause
from compare.lockstep.result import steps_to_keep
from compare.report import html, pictures, plots, svg
from compare.report.ci import junit
from compare.report.console import Output, print_summary
from compare.report.grades import grades_page
from compare.report.html import check_page, comparison_page, in_notebook
from compare.report.words import Line, hinted, summary_of_check, why
from compare.support.arrays import Array
from tests.compare.pages import Page

EXAMPLES = Path(__file__).parents[3] / "examples"
WRONG = str(EXAMPLES / "wrong_hidden_error.py")
HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"\'&amp;'
MOST_BYTES = 1_500_000      # of the lesson's page
PASS = """import numpy as np


def train_step(params, x, y, lr):
    W1, W2 = params["0.weight"], params["2.weight"]
    h = 1 / (1 + np.exp(-x @ W1.T))
    output = 1 / (1 + np.exp(-h @ W2.T))
    delta2 = (output - y) / len(x) * output * (1 - output)
    delta1 = delta2 @ W2 * h * (1 - h)
    return {"0.weight": W1 - lr * delta1.T @ x, "2.weight": W2 - lr * delta2.T @ h}
"""
GRADIENTS = PASS.replace("train_step(params, x, y, lr)", "gradients(params, x, y)").replace(
    'W1 - lr * delta1.T @ x, "2.weight": W2 - lr * delta2.T @ h', 'delta1.T @ x, "2.weight": delta2.T @ h'
)


class Doubled(Manual):
    """Wrong on purpose: from the third step on its learning rate is twice what it should be."""

    def step(self, x: Array, y: Array, masks: Mapping[str, Array] | None = None) -> Any:
        self.taken = getattr(self, "taken", 0) + 1
        self.optimizer.lr = self.problem.lr * (2 if self.taken >= 3 else 1)
        return super().step(x, y, masks)


def trained(problem: Problem, steps: int = 4, side: type[Manual] = Manual, **options: Any) -> Comparison:
    options = {"keep": range(1, steps + 1), **options}
    return train_in_lockstep(side(problem, stages=True), TorchRef(problem, stages=True), problem, steps=steps, **options)


def small(**options: Any) -> Problem:
    return Problem.draw((3, 4, 2), **{"records": (6,), "bias": True, "lr": 0.1, "activations": ("tanh", "sigmoid"), **options})


def checked(folder: Path, text: str, name: str = "attempt.py", **options: Any) -> Check:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return check(path, **{"seed": 1, "steps": 3, "keep": True, **options})


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are left empty, where a test is not about them: they take the most of a page's time."""
    monkeypatch.setattr(pictures, "drawn", lambda name, *args, **kwargs: f'<svg id="{name}-svg"></svg>')


@pytest.fixture(scope="module")
def equal() -> Page:
    return Page(trained(small()).to_html())


@pytest.fixture(scope="module")
def different() -> Page:
    return Page(trained(small(), 5, Doubled).to_html())


@pytest.fixture(scope="module")
def wrong() -> Check:
    return check(WRONG, seed=1, steps=3, keep=True)


@pytest.fixture(scope="module")
def wrong_page(wrong: Check) -> Page:
    return Page(check_page(wrong, "backprop-compare check mine.py --seed 1"))


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lesson") / "lesson.html"
    assert main(["--quiet", "--report", str(path)]) == 0
    return path


def test_an_equal_training_says_so_and_shows_what_was_compared(equal: Page) -> None:
    assert equal.headings[0] == "✓ Equivalent"
    assert "equivalent: " in equal.words
    assert "each within what rounding allows" in equal.words
    for part in ("3-4-2 tanh sigmoid, biases", "half_mse", "lr 0.1, float64", "6 training records", "seed 21", "mode free"):
        assert part in equal.words
    for version in (f"numpy {np.__version__}", "python 3.", "torch "):
        assert version in equal.words
    assert {"where", "why", "do"}.isdisjoint(text.strip() for text in equal.texts)


def test_the_pictures_have_titles_descriptions_and_their_numbers_as_tables(equal: Page) -> None:
    titles = ["The network", "The loss", "Every step and tensor", "How far apart, and how far rounding allows"]
    assert [title for title in equal.headings if title in titles] == titles
    assert equal.pictures == 4
    described = [value for tag, name, value in equal.attributes if name == "aria-describedby" and tag == "div"]
    labelled = [value for tag, name, value in equal.attributes if name == "aria-labelledby" and tag == "div"]
    assert len(described) == len(labelled) == 4
    assert {*described, *labelled} <= set(equal.ids)
    assert [equal.html.count(f"<summary>The numbers<span class=\"hidden\"> of “{title}”") for title in titles] == [1, 1, 1, 1]
    assert "2 layers: 3 to 4 tanh, 4 to 2 sigmoid." in equal.words


def test_ids_are_unique_and_what_refers_to_one_finds_it(equal: Page, wrong_page: Page) -> None:
    for page in (equal, wrong_page):
        assert len(page.ids) == len(set(page.ids))
        names = ("aria-labelledby", "aria-describedby", "for")
        wanted = {one for _, name, value in page.attributes if name in names for one in value.split()}
        wanted |= {value[1:] for _, name, value in page.attributes if name in ("href", "xlink:href") and value.startswith("#")}
        wanted |= set(re.findall(r"url\(#([^)]+)\)", page.html))
        assert wanted <= set(page.ids)


def test_pictures_are_drawn_in_the_colour_of_the_text(equal: Page) -> None:
    assert "currentColor" in equal.html
    assert svg.INK not in equal.html


def test_a_different_training_says_where_and_marks_it(different: Page) -> None:
    assert different.headings[0] == "✗ Different"
    assert "The first that is wrong is marked: Δ 2.bias." in different.words
    assert "first wrong: Δ 2.bias" in different.words      # in the picture itself
    for part in ("where step 3, deltas 2.bias", "why off by", "do look at what makes this tensor", "agreed before it:"):
        assert part in different.words


def test_the_picker_starts_at_the_first_step_that_differs_and_has_every_kept_one(different: Page, equal: Page) -> None:
    assert list(different.numbers["deltas"]) == ["1", "2", "3", "4", "5"]
    assert ("input", "value", "2") in different.attributes
    assert ("input", "value", "3") in equal.attributes      # the last


def test_the_deltas_are_those_of_both_sides_with_their_share(different: Page) -> None:
    comparison = trained(small(), 5, Doubled)
    kept = comparison.kept[3]
    assert kept.actual.deltas is not None
    assert kept.expected.deltas is not None
    shown = {one["name"]: one for one in different.numbers["deltas"]["3"]}
    assert list(shown) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, one in shown.items():
        ours, theirs, shares = (np.array(rows, dtype=float) for rows in one["rows"])
        np.testing.assert_allclose(ours.reshape(one["shape"]), kept.actual.deltas[name], rtol=1e-5)
        np.testing.assert_allclose(theirs.reshape(one["shape"]), kept.expected.deltas[name], rtol=1e-5)
        assert (shares > 1).all()


def test_a_share_just_beyond_its_bound_is_not_rounded_to_it() -> None:
    assert html._share(0.25) == "0.25"
    assert html._share(1.0) == "1"
    assert float(html._share(np.nextafter(1.0, 2.0))) > 1
    assert float(html._share(1.0004)) > 1
    assert html._share(0.99999) == "1"


def test_a_check_shows_its_stages_and_the_diagnosis_with_its_formula_and_line(wrong_page: Page) -> None:
    assert wrong_page.headings[0] == "✗ Different"
    assert "Stage by stage" in wrong_page.headings
    for part in (
        "error term δ1, the hidden layer wrong here step 1 [6, 0]: 0.003761762, PyTorch's 0.00089181266",
        "gradient of 0.weight follows from what is wrong before it",
        "f′ is left out of the error term of the hidden layer",
        "should be δ = ∂L/∂a ∘ f′(z)",
        "behaves as δ = ∂L/∂a",
        "wrong_hidden_error.py line 23",
        "23 hidden_error_term = output_error_term @ w2",
        "0.003761762 is yours, 0.00089181266 right, 0.003761762 with the mistake",
        "first wrong: δ1",
        "backprop-compare check mine.py --seed 1",
    ):
        assert part in wrong_page.words


@pytest.mark.usefixtures("undrawn")
def test_a_right_file_shows_the_training_that_followed(tmp_path: Path) -> None:
    result = checked(tmp_path, PASS, steps=4)
    page = Page(result.to_html())
    assert page.headings[0] == "✓ Equivalent"
    assert list(page.numbers["deltas"]) == ["1", "2", "3", "4"]
    assert page.numbers["sides"] == ["yours", "PyTorch"]
    assert "check(…, seed=1)" in page.words


@pytest.mark.all_trials
@pytest.mark.parametrize(
    ("text", "title", "said"),
    [
        ("def train_step(params, x, y, lr):\n    return params\n", "✗ Not a proof", "the weights never change"),
        ("def train_step(params, x, y, lr):\n    raise ValueError('no idea')\n", "✗ Could not run", "`raise ValueError('no idea')`"),
        (PASS.replace("return {", "return 1, {"), "✗ Could not run", "train_step"),
        (PASS.replace("output - y) /", "output - y) * np.inf /"), "✗ Different", "0.weight is NaN"),
        (PASS.replace("1 / (1 + np.exp(-x @ W1.T))", "np.exp(x @ W1.T) / (1 + np.exp(x @ W1.T))"), "✗ Unstable formula", "overflow"),
    ],
)
def test_every_verdict_has_its_page(text: str, title: str, said: str, tmp_path: Path) -> None:
    page = Page(checked(tmp_path, text).to_html())
    assert page.headings[0] == title
    assert said in page.words
    assert "attempt.py" in page.words
    assert page.pictures >= 1      # the network at least
    assert "where" in page.words


@pytest.mark.usefixtures("undrawn")
def test_a_file_that_shows_gradients_alone_has_no_deltas_to_pick(tmp_path: Path) -> None:
    page = Page(checked(tmp_path, GRADIENTS, steps=0).to_html())
    assert page.headings[0] == "✓ Equivalent"
    assert page.pictures == 3
    assert page.numbers == {}
    assert "Weight deltas, side by side" not in page.headings


DELTAS = ('id="numbers"', 'id="deltas"', "class=\"picker\"", "0.00253778", "Every step and tensor", "How far apart")


@pytest.mark.parametrize(
    ("hint", "said", "withheld"),
    [
        ("1", ["error term δ1, the hidden layer", "that is for you to find out"], ["f′", "derivative", "behaves as", "line 23"]),
        ("2", ["the derivative of an activation"], ["f′ is left out", "behaves as", "line 23"]),
        ("3", ["f′ is left out of the error term of the hidden layer"], ["behaves as", "line 23"]),
    ],
)
def test_the_page_of_a_hint_gives_away_no_more_than_it(hint: str, said: list[str], withheld: list[str], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    main(["check", WRONG, "--seed", "1", "--quiet", "--hint", hint, "--report", str(report)])
    text = report.read_text(encoding="utf-8")
    page = Page(text)
    assert all(part in page.words for part in said)
    for part in (*withheld, "hidden_error_term", *DELTAS):
        assert part not in text
        assert part not in unescape(text)
    assert f"--hint {hint}" in page.words      # the command to repeat gives away no more either
    assert page.pictures == 1
    assert "first wrong: δ1" in page.words


def test_without_a_hint_all_of_that_is_there(wrong_page: Page) -> None:
    """The control: what is searched for above is what the page else says."""
    text = unescape(wrong_page.html)
    for part in ("f′ is left out", "behaves as", "line 23", "hidden_error_term", *DELTAS):
        assert part in text


RIGHT_OF_BCE = """
import numpy as np

PROBLEM = {"loss": "bce"}


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def train_step(params, x, y, lr):
    w1, w2 = params.values()
    a = sigmoid(x @ w1.T)
    d2 = (sigmoid(a @ w2.T) - y) / y.size
    d1 = d2 @ w2 * a * (1 - a)
    return {"0.weight": w1 - lr * (d1.T @ x), "2.weight": w2 - lr * (d2.T @ a)}
"""


@pytest.mark.parametrize("hint", [1, 3])
def test_a_hint_keeps_the_numbers_back_where_no_stage_is_wrong_by_itself(hint: int, wrong: Check) -> None:
    """Such as a file that answers otherwise when it is asked again."""
    changing = replace(wrong, verdict="could not run", reason="a different answer on the same call twice", stages=(), diagnosis=())
    kept_back, given = hinted(changing, hint)
    page = Page(check_page(kept_back, "again", given))
    assert given == {}
    assert page.numbers == {}
    assert page.pictures == 1


@pytest.mark.sampled(3)
@pytest.mark.all_trials
@pytest.mark.parametrize("hint", [1, 2, 3])
def test_a_hint_does_not_give_away_what_a_limits_reason_says(hint: int, tmp_path: Path) -> None:
    """The planted fault: a limit that is named ends its reason with the mistake."""
    (tmp_path / "clipped.py").write_text(RIGHT_OF_BCE.replace("d1.T @ x", "np.clip(d1.T @ x, -5, 5)"))
    limited = check(tmp_path / "clipped.py", seed=1)
    given, told = hinted(limited, hint)
    assert "clipped to ±5" in str(limited.reason)
    assert ("clipped" in str(given.reason)) == ("clipped" in str(told)) == (hint == 3)
    assert given.first is not None
    assert given.first.expected is None


def test_a_hint_marks_where_a_training_in_lockstep_parts_and_keeps_its_numbers_back(wrong: Check) -> None:
    training = trained(small(), 5, Doubled)
    parted = replace(wrong, stages=(), diagnosis=(), comparison=training, first=training.first_divergence, reason="in lockstep")
    assert Page(parted.to_html()).numbers != {}      # the control
    kept_back, given = hinted(parted, 1)
    page = Page(check_page(kept_back, "again", given))
    assert page.numbers == {}
    assert page.pictures == 1
    assert "first wrong: Δ 2.bias" in page.words


def test_names_texts_and_exceptions_are_data(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "") + ".py"
    text = f"print({HOSTILE!r})\n\n\ndef train_step(params, x, y, lr):\n    raise ValueError({HOSTILE!r})\n"
    page = Page(checked(tmp_path, text, name).to_html())
    assert_harmless(page)
    assert name.split("{{")[0] in page.words
    assert page.words.count('document.title="owned"') > 3
    assert page.words.count("{{ 7 * 7 }}") > 3
    assert "What the file printed" in page.headings


@pytest.mark.usefixtures("undrawn")
def test_a_problem_a_side_and_a_command_that_are_hostile_are_data() -> None:
    comparison = replace(trained(small()), stopped=HOSTILE)
    page = Page(comparison_page(comparison, sides=(HOSTILE, "torch_ref"), command=HOSTILE, epochs=[[HOSTILE] * 3]))
    assert_harmless(page)
    assert page.numbers["sides"] == [HOSTILE, "torch_ref"]      # the island holds it, and is not closed by it
    assert page.words.count("onerror=alert(1)") > 3


@pytest.mark.parametrize("markup", ["<img src=x>", "<p onclick=alert(1)></p>", "<script>document.title='owned'</script>"])
def test_markup_that_was_not_escaped_would_be_seen(markup: str, equal: Page) -> None:
    assert_harmless(equal)
    with pytest.raises(AssertionError):
        assert_harmless(Page(equal.html.replace("<footer>", f"{markup}<footer>")))


def assert_harmless(page: Page) -> None:
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert page.html.count("<script") == (2 if page.numbers else 0)
    assert "49" not in page.headings[0]
    assert not any("owned" in script and not script.lstrip().startswith("{") for script in page.scripts)


@pytest.mark.usefixtures("undrawn")
def test_in_a_notebook_the_page_is_in_a_frame_that_may_do_nothing_but_run_its_own_script(wrong: Check) -> None:
    frame = Page(replace(wrong, name=HOSTILE)._repr_html_())
    assert frame.tags == {"iframe"}
    attributes = {name: value for _, name, value in frame.attributes}
    assert attributes["sandbox"] == "allow-scripts"
    assert_harmless(Page(attributes["srcdoc"]))
    assert "different: first at step 1" in attributes["title"]
    assert trained(small(), 2, keep=())._repr_html_().startswith("<iframe ")


def test_in_a_notebook_without_the_extra_the_verdict_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shown = trained(small(), 2)._repr_html_()
    assert shown.startswith("<pre>equivalent: ")
    assert in_notebook(lambda: HOSTILE, "<b>")[:40].startswith('<iframe title="&lt;b&gt;"')


def test_the_lesson_is_one_file_of_bounded_size_that_refers_to_nothing(lesson: Path) -> None:
    assert lesson.stat().st_size <= MOST_BYTES
    page = Page(lesson.read_text(encoding="utf-8"))
    assert page.references() == []
    assert not [value for _, name, value in page.attributes if "://" in value and not name.startswith("xmlns")]
    assert "default-src 'none'" in page.html
    assert page.styles
    assert len(page.scripts) == 2
    assert len(page.numbers["deltas"]) == html.MOST_PICKED
    accuracy = "Accuracy on the test records manual 0.725, torch_ref 0.725"
    for part in (accuracy, "Repeat backprop-compare ", "Loss after the reported epochs"):
        assert part in page.words


@pytest.mark.parametrize(
    "added",
    [
        '<img src="http://a/b">',
        '<a href="//a/b">x</a>',
        '<p style="background: url(c.png)">x</p>',
        "<style>@import 'a.css'</style>",
    ],
)
def test_a_reference_would_be_seen(added: str, equal: Page) -> None:
    assert equal.references() == []
    assert Page(equal.html.replace("<footer>", f"{added}<footer>")).references()


def test_the_report_is_the_same_byte_for_byte(wrong: Check) -> None:
    small_part = replace(wrong, probes=None)
    assert small_part.to_html() == small_part.to_html()


@pytest.mark.usefixtures("undrawn")
def test_large_tensors_list_the_entries_nearest_to_their_bounds() -> None:
    page = Page(trained(Problem.draw((12, 9, 2), records=(6,), bias=True, lr=0.1), 2).to_html())
    weight, bias = page.numbers["deltas"]["2"][:2]
    assert (weight["name"], weight["shape"], "rows" in weight, len(weight["entries"])) == ("0.weight", [9, 12], False, 8)
    assert (bias["name"], len(bias["rows"][0][0])) == ("0.bias", 9)
    shares = [float(entry[3]) for entry in weight["entries"]]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= row < 9 and 0 <= column < 12 for (row, column), *_ in weight["entries"])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("steps", "said"), [(24, None), (30, "The table has 24 of the 30 steps.")])
def test_a_table_without_all_steps_says_so(steps: int, said: str | None) -> None:
    words = Page(trained(small(), steps).to_html()).words
    assert ("The table has" in words) == (said is not None)
    assert said is None or words.count(said) == 2


@pytest.mark.usefixtures("undrawn")
def test_a_loss_that_is_not_shown_is_said_not_to_be(tmp_path: Path) -> None:
    assert "not shown" not in trained(small()).to_html()
    assert ">not shown</td>" in checked(tmp_path, PASS).to_html()


def test_a_difference_that_no_mistake_of_the_catalogue_explains_is_said_to_be_unknown(wrong: Check) -> None:
    page = Page(replace(wrong, diagnosis=(), probes=None).to_html())
    assert "unknown: no mistake of the catalogue makes just these numbers" in page.words


@pytest.mark.parametrize(
    ("functions", "is_told"), [(("train_step",), True), (("train_step", "loss"), True), (("train_step", "trace"), False)]
)
def test_who_shows_new_weights_alone_is_told_what_else_would_say_more(wrong: Check, functions: tuple[str, ...], is_told: bool) -> None:
    said = "\n".join(why(replace(wrong, diagnosis=(), functions=functions)))
    assert ("with gradients(params, x, y) or trace(params, x, y) as well" in said) == is_told


def test_the_last_lines_say_that_other_mistakes_look_the_same(wrong: Check) -> None:
    found = wrong.diagnosis[0]
    (cause,) = found.causes
    others = [replace(cause, mistake=replace(cause.mistake, sentence=f"another {number}")) for number in range(2)]

    def last(*causes: Cause) -> str:
        check = replace(wrong, diagnosis=(replace(found, causes=causes),))
        return next(line.text for line in summary_of_check(check, "") if line.label == "why")

    assert last(cause) == cause.sentence
    assert last(cause, cause, others[0]) == f"{cause.sentence}, or, which looks the same: another 0"
    assert last(cause, *others) == f"{cause.sentence}, or one of 2 that look the same"


def test_beside_a_recorded_run_numbers_are_that_runs_and_not_pytorchs(wrong: Check) -> None:
    replayed = replace(wrong, diagnosis=(), reference="the run of manual on NumPy in DIR")
    assert any(f"the recorded run's {wrong.first.expected!r}" in line for line in why(replayed))  # type: ignore[union-attr]
    assert 'name="equal to the run of manual on NumPy in DIR"' in junit(replayed)
    assert "PyTorch's" not in "".join(why(replayed)) + check_page(replayed, "")


def test_without_kept_steps_the_verdict_the_facts_and_the_network_are_shown() -> None:
    page = Page(trained(small(), keep=()).to_html())
    assert page.headings == ["✓ Equivalent", "What was compared", "The network"]
    assert page.numbers == {}
    assert "Nearest to its bound" in page.words


@pytest.mark.usefixtures("undrawn")
def test_of_a_difference_without_other_kept_steps_its_own_step_is_shown() -> None:
    page = Page(trained(small(), 5, Doubled, keep=[1]).to_html())
    assert list(page.numbers["deltas"]) == ["1", "3"]


def test_numbers_that_overflow_have_a_page_that_says_so() -> None:
    with np.errstate(all="ignore"):
        comparison = trained(small(activations="identity", lr=1e308), 6)
    page = Page(comparison.to_html())
    assert page.headings[0] == "✗ Different"
    assert "no longer finite" in page.words
    assert not [text for text in page.scripts if "NaN is not JSON" in text]
    assert page.pictures == 4


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("options", "steps", "said"),
    [
        ({"dtype": "float32", "records": (7,), "batch_size": 3}, 6, "float32 Data 7 training records"),      # 3 + 3 + 1
        ({"normalization": "batch_norm", "dropout": 0.3, "optimizer": "adam", "records": (8,)}, 3, "adam"),
        ({"normalization": "layer_norm", "optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "accumulate": 2}, 3, "momentum 0.9"),
    ],
)
def test_every_kind_of_training_has_a_page(options: dict[str, Any], steps: int, said: str) -> None:
    page = Page(trained(small(**options), steps).to_html())
    assert page.headings[0] == "✓ Equivalent"
    assert said in page.words
    assert page.pictures == 4
    assert list(page.numbers["deltas"]) == [str(step) for step in range(1, steps + 1)]
    names = {one["name"] for one in page.numbers["deltas"]["1"]}
    assert names == set(small(**options).shapes())


@pytest.mark.usefixtures("undrawn")
def test_classes_are_targets_too() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(9, 3)), generator.integers(4, size=9)
    problem = Problem(sizes=(3, 5, 4), loss="cross_entropy", activations=("relu", "identity"), batches=((x, y),), test=(x, y), lr=0.1)
    page = Page(trained(problem, 3).to_html())
    assert page.headings[0] == "✓ Equivalent"
    assert "Accuracy on the test records" in page.words
    assert "The cross_entropy of both sides" in page.words


@pytest.mark.usefixtures("undrawn")
def test_a_network_of_one_layer_and_one_step_has_a_page() -> None:
    page = Page(trained(Problem.draw((2, 1), records=(3,), lr=0.1), 1).to_html())
    assert "1 layer: 2 to 1 sigmoid." in page.words
    assert list(page.numbers["deltas"]) == ["1"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--epochs", "3"],
        ["example"],
        ["check", str(EXAMPLES / "right_hidden_error.py"), "--seed", "1", "--steps", "2"],
    ],
)
def test_every_command_that_compares_writes_its_page(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "a page.html"
    assert main([*arguments, "--report", str(report)]) == 0
    assert f"Report: {report}" in capsys.readouterr().out.replace("\n", "")
    page = Page(report.read_text(encoding="utf-8"))
    assert page.headings[0] == "✓ Equivalent"
    assert f"Repeat backprop-compare {' '.join(arguments[:1])}" in page.words
    assert "--report" not in page.words
    assert page.pictures == 4


def test_the_report_keeps_evenly_spaced_steps_of_a_long_run() -> None:
    kept = steps_to_keep(lesson_problem(), 900)
    assert kept == list(range(1, 901))
    many = steps_to_keep(lesson_problem(), 10**6)
    assert (many[0], many[-1]) == (1, 10**6)
    assert len(many) == 1000
    assert max(np.diff(many)) - min(np.diff(many)) <= 1


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
@pytest.mark.parametrize("arguments", [[], ["example"], ["check", WRONG]])
def test_without_the_extra_a_report_is_refused_at_once(
    package: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    html.template.cache_clear()
    never(monkeypatch)
    assert main([*arguments, "--report", "out.html"]) == 2
    err = capsys.readouterr().err
    assert err == (
        f"backprop-compare: error: {package} is not installed; it comes with the extra report: pip install 'backprop-compare[report]'\n"
    )
    assert not (tmp_path / "out.html").exists()


@pytest.mark.slow
def test_without_the_extra_all_else_works() -> None:
    code = "import sys; sys.modules.update(matplotlib=None, jinja2=None)\nfrom compare.cli.main import run\nrun()"
    done = subprocess.run([sys.executable, "-c", code, "--epochs", "2", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nothing may be trained, nor checked."""

    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr("compare.cli.train.train_both", fail)
    monkeypatch.setattr("compare.checking.check.check", fail)


@pytest.mark.parametrize(
    ("place", "why"),
    [("no/such/folder.html", "is no folder"), (".", "it is a folder"), ("", "it is a folder"), ("file/x.html", "is no folder")],
)
@pytest.mark.parametrize("command", [[], ["example"], ["check", WRONG]])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_trained(
    place: str, why: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a file")
    never(monkeypatch)
    assert main([*command, "--report", place]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "cannot be written" in err
    assert why in err


def test_the_control_a_place_that_can_be_written_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    never(monkeypatch)
    assert main(["--report", str(tmp_path / "x.html")]) == 3      # for want of a training


def terminal(width: int, **options: Any) -> Output:
    console = Output(file=StringIO(), width=width, soft_wrap=True, **options)
    console.room = width
    return console


def rows(console: Output) -> list[str]:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_a_terminal_wraps_below_the_text_and_a_pipe_has_the_line_whole() -> None:
    line = "    should be   " + " ".join(["δ = ∂L/∂a ∘ f′(z)"] * 5)
    wrapped, piped = terminal(40, force_terminal=True, color_system=None), terminal(40, force_terminal=False)
    for console in (wrapped, piped):
        console.say(line)
    assert rows(piped) == [line]
    assert len(rows(wrapped)) > 2
    assert max(map(len, rows(wrapped))) <= 40
    assert all(row[:16] == " " * 16 and row[16] != " " for row in rows(wrapped)[1:])
    assert " ".join(" ".join(rows(wrapped)).split()) == " ".join(line.split())


def test_the_command_to_repeat_has_a_row_of_its_own_on_a_terminal_and_is_never_broken() -> None:
    console = terminal(40, force_terminal=True, color_system=None)
    command = "backprop-compare check examples/wrong_hidden_error.py --seed 1"
    print_summary(console, [Line("do", f"look at line 23 of wrong_hidden_error.py, then repeat: {command}")])
    assert rows(console)[-1] == f"       {command}"
    assert all(len(row) <= 40 for row in rows(console)[:-1])


def test_the_page_of_the_grades_marks_each_verdict_and_escapes_what_is_brought() -> None:
    blank = {"attempt": HOSTILE, "score": 0.85714, "stage": None, "hint": None, "report": None, "network": HOSTILE}
    blank |= {"mistakes": [HOSTILE], "alternatives": [[HOSTILE]], "lines": [3]}
    verdicts = ("equivalent", "different", "could not run")
    lines = [{**blank, "verdict": verdict, "reason": f"{verdict}: {HOSTILE}"} for verdict in verdicts]
    page = Page("".join(grades_page(lines)))
    assert [text.strip() for text in page.texts if text.strip() in ("✓", "✗", "!")] == ["✗", "!", "✓"]
    assert page.words.count("0.86") == 3
    assert "1 different, 1 could not run, 1 equivalent" in page.words
    assert "script" not in page.tags
    assert "img" not in page.tags


def test_every_legend_has_the_room_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many tensors with long names: none lies on the axes below it, or leaves the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn: list[Any] = []
    plot = plots.plot_differences
    monkeypatch.setattr(plots, "plot_differences", lambda *args, **options: drawn.append(plot(*args, **options)))
    problem = Problem.draw((6, 16, 8, 1), normalization="batch_norm", optimizer="adam", bias=True)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3, keep=range(1, 4))
    assert list(pictures.pictures(comparison, plots.SIDES))
    figure = drawn[0].figure
    FigureCanvasAgg(figure).draw()
    assert len(drawn) > 4
    for ax, following in zip(drawn, [*drawn[1:], None], strict=True):
        legend = ax.get_legend().get_window_extent()
        assert figure.bbox.x0 <= legend.x0
        assert legend.x1 <= figure.bbox.x1
        assert legend.y0 >= (figure.bbox.y0 if following is None else following.title.get_window_extent().y1)

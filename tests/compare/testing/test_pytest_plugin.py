"""The fixture, its marker and its options, in pytest runs of their own."""

import json
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from compare.testing.pytest_plugin import file_name, pytest_configure_node
from tests.compare.testing.test_assertions import RIGHT, WRONG

MISTAKE = "E*f′ is left out of the error term of the hidden layer"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Beside my_network.py and wrong_network.py, with warnings as errors and no plugin but this one."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = "-p compare.testing.pytest_plugin -p no:cacheprovider --strict-markers"
    pytester.makeini(f"[pytest]\naddopts = {options}\nfilterwarnings = error\npythonpath = .\n")
    pytester.makepyfile(my_network=RIGHT, wrong_network=WRONG)
    return pytester


@pytest.mark.slow
def test_networks_that_are_equal_pass_whatever_they_are_given_as(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import my_network, pytest
        from my_network import train_step
        from compare import Problem, TorchRef

        def test_a_function(lockstep):
            check = lockstep(train_step, sizes=(4, 5, 2), steps=5)
            assert (check.verdict, check.problem.sizes, check.seed) == ("equivalent", (4, 5, 2), 7)

        def test_a_path(lockstep, monkeypatch, tmp_path):
            lockstep("my_network.py")
            monkeypatch.chdir(tmp_path)      # then it is found beside the test
            lockstep("my_network.py")

        def test_a_module(lockstep):
            check = lockstep(my_network, problem={"sizes": (4, 5, 2), "bias": True})
            assert (check.problem.bias, check.comparison.steps) == (True, 9)
            assert my_network.velocity == {}

        def test_an_implementation(lockstep):
            problem = Problem.draw((3, 2, 1))
            assert lockstep(TorchRef(problem), problem=problem).steps == 9
            assert lockstep(TorchRef(problem), problem, steps=3, mode="follow").mode == "follow"

        @pytest.mark.lockstep(seed=3, steps=4, sizes=(2, 2))
        class TestMarked:
            @pytest.mark.lockstep(steps=2, sizes=(4, 5, 2))
            def test_the_closest_marker_has_the_last_word(self, lockstep):
                check = lockstep(train_step, bias=True)
                assert (check.seed, check.comparison.steps, check.problem.sizes) == (3, 2, (4, 5, 2))

            def test_and_a_call_before_it(self, lockstep):
                check = lockstep(train_step, sizes=(3, 2, 1), seed=5)
                assert (check.seed, check.comparison.steps, check.problem.sizes) == (5, 4, (3, 2, 1))
                problem = Problem.draw((3, 2, 1))
                assert lockstep(TorchRef(problem), problem=problem).steps == 4
        """
    )
    result = run.runpytest_subprocess("--lockstep-seed", "7", "--lockstep-steps", "9")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["lockstep: --lockstep-seed 7"])


def test_a_planted_fault_fails_in_the_words_of_the_report(run: pytest.Pytester, tmp_path: Path) -> None:
    run.makepyfile(
        """
        import pytest, wrong_network
        from compare import Problem, StepRecord, TorchRef

        def test_wrong(lockstep):
            lockstep(wrong_network)

        @pytest.mark.lockstep(seed=3)
        @pytest.mark.parametrize("path", ["wrong_network.py"])
        def test_twice(lockstep, path):
            lockstep("my_network.py", steps=2)
            lockstep(path)

        class Wrong(TorchRef):
            def step(self, x, y):
                record = super().step(x, y)
                return StepRecord(loss=record.loss * 2, params=record.params)

        def test_an_implementation(lockstep):
            problem = Problem.draw((3, 2, 1))
            lockstep(Wrong(problem), problem)

        def test_bad(lockstep):
            lockstep({"train_steps": wrong_network.train_step})

        @pytest.mark.lockstep(3)
        def test_bad_marker(lockstep):
            lockstep(wrong_network)

        def test_fields_beside_a_problem(lockstep):
            lockstep(wrong_network, Problem.draw((3, 2, 1)), bias=True)

        def test_a_name_that_is_none(lockstep):
            lockstep(wrong_network, size=(6, 2, 1))

        @pytest.mark.lockstep(stesp=20)
        def test_a_marker_with_a_name_that_is_none(lockstep):
            lockstep(wrong_network)
        """
    )
    result = run.runpytest_subprocess("--lockstep-report", "out/reports", "--lockstep-steps", "3")
    result.assert_outcomes(failed=8)
    out = result.stdout.str()
    header = next(line for line in result.outlines if line.startswith("lockstep: "))
    seed = header.split()[-1]
    result.stdout.fnmatch_lines(
        [
            ">*lockstep(wrong_network)",
            "E*NotEquivalentError: different: first at step 1, new 0.weight, index *",
            MISTAKE,
            "E*should be   δ = ∂L/∂a ∘ f′(z)",
            "E*see         wrong_network.py line 14: delta1 = *",
            "E*compared: wrong_network.py (train_step) beside PyTorch on 6-2-1 sigmoid*",
            f"E*repeat: pytest *.py::test_wrong --lockstep-seed {seed} --lockstep-steps 3",
            ">*lockstep(path)",
            MISTAKE,
            "E*repeat: pytest '*.py::test_twice[[]wrong_network.py]' --lockstep-steps 3",
            "E*NotEquivalentError: different: first at step 1, loss*",
            "E*repeat: pytest *.py::test_an_implementation --lockstep-steps 3",
            "E*ProblemError: the mapping has 'train_steps'*",
            "the marker lockstep has (3,)*",
            "E*ProblemError: bias cannot be given beside a Problem; expected some of expected, steps, mode",
            "E*ProblemError: lockstep(…) has 'size'; expected some of adapter, seed, steps, data, *, sizes, *",
            "E*ProblemError: the marker lockstep has 'stesp'; expected some of adapter, seed, steps, data, *, sizes, *",
        ]
    )
    for inner in ("pytest_plugin.py", "assertions.py", "checking.py", "functions.py"):
        assert inner not in out
    folder = run.path / "out" / "reports"
    stem = Path(next(run.path.glob("test_*.py"))).name + "__test_"
    twice = file_name(f"{stem.removesuffix('__test_')}::test_twice[wrong_network.py]")
    names = [f"{stem}an_implementation", twice, f"{twice}-2", f"{stem}wrong"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(name + suffix for name in names for suffix in (".json", ".xml"))
    said = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    assert [said[name]["verdict"] for name in names] == ["different", "equivalent", "different", "different"]
    assert (said[names[-1]]["seed"], said[f"{twice}-2"]["seed"]) == (int(seed), 3)
    assert said[names[0]]["first_divergence"]["phase"] == "loss"
    suite = ElementTree.parse(folder / f"{stem}wrong.xml").getroot()
    assert (suite.tag, suite.get("failures")) == ("testsuite", "2")      # the verdict, and the one stage
    assert "f′ is left out" in (suite.find("testcase/failure").text or "")  # type: ignore[union-attr]


@pytest.mark.slow
def test_no_torch_and_no_numpy_are_imported_until_it_is_used(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import sys

        def test_not_used(lockstep):
            assert "compare.testing.pytest_plugin" in sys.modules
            assert not {"torch", "numpy", "compare.checking.check"} & sys.modules.keys()

        def test_used(lockstep):
            lockstep("my_network.py", steps=1)
            assert {"torch", "numpy", "compare.checking.check"} <= sys.modules.keys()
        """
    )
    run.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--lockstep-seed", "4294967296"), "*--lockstep-seed: '4294967296'; expected a whole number from 0 to 4294967295"),
        (("--lockstep-steps", "-1"), "*--lockstep-steps*expected*"),
        (("--lockstep-report", "my_network.py/here"), "*--lockstep-report my_network.py/here: *; expected a folder that can be made"),
    ],
)
def test_options_that_cannot_be_used_are_refused(run: pytest.Pytester, options: tuple[str, ...], told: str) -> None:
    result = run.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])


def test_the_marker_is_known_and_the_plugin_is_one_by_either_name(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it as an installed plugin may still name its module, on the command line or in a conftest."""
    run.makeconftest('pytest_plugins = ["compare.testing.pytest_plugin"]')
    result = run.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.lockstep(seed=*"])
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    run.makepyfile("def test_it(lockstep): pass")
    run.runpytest_subprocess().assert_outcomes(passed=1)
    run.makeini("")      # neither with -p
    run.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_worker_has_the_seed_of_the_process_that_started_it() -> None:
    class Stash(dict[object, object]):
        def __missing__(self, key: object) -> object:
            return SimpleNamespace(seed=5)

    node = SimpleNamespace(config=SimpleNamespace(stash=Stash()), workerinput={})
    pytest_configure_node(node)
    assert node.workerinput == {"lockstep_seed": 5}


def test_file_names_are_safe_short_and_each_test_s_own() -> None:
    assert file_name("tests/test_a.py::TestIt::test_b") == "tests__test_a.py__TestIt__test_b"
    odd = ["a.py::t[x/../y]", "a.py::t[x:y]", "a.py::t[x|y]", "a.py::t[é\n\0]", "a.py::t[" + "long" * 100 + "]", "../../etc::t"]
    names = [file_name(test) for test in odd]
    assert len(set(names)) == len(odd)
    for name in names:
        assert len(name) < 140
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert not name.startswith(".")

"""A pytest plugin: the fixture `lockstep`, which asserts that a user's network is equal to PyTorch, with a marker and options for it.

NumPy and torch are imported when the fixture is first called, so that runs without it are not slower.
"""

import re
import secrets
import shlex
import sys
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import sha1
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..support.errors import CompareError, ProblemError

if TYPE_CHECKING:
    from ..lockstep.result import Comparison
    from ..report.checked import Checked

SEEDS = 2**32
_OF_FUNCTIONS, _OF_IMPLEMENTATIONS = ("adapter", "seed", "steps", "data"), ("expected", "steps", "mode")
_OPTIONS = (*_OF_FUNCTIONS, "expected", "mode")      # of a call or a marker; their other arguments are keys of the problem
_LONGEST = 120      # characters of a report's file name, before the digest
_MARKER = "lockstep(seed=…, steps=…, sizes=…, …): defaults for the fixture lockstep, with the names of its own arguments"


class Lockstep:
    """The fixture's value: a call with a user's network raises unless the network is equal to PyTorch.

        lockstep(train_step, sizes=(4, 5, 2))
        lockstep("my_network.py", steps=200)
        lockstep(my_module, problem={"sizes": (4, 5, 2), "bias": True})
        lockstep(MyNetwork(), problem=Problem.draw((6, 2, 1)))
    """

    def __init__(self, node: pytest.Item) -> None:
        self._node, self._run = node, node.config.stash[_RUN]

    def __call__(self, actual: Any, problem: Any = None, **arguments: Any) -> "Checked | Comparison":
        """Do what `assert_equivalent` does; keys of the problem may be arguments too. The marker or the options set the seed and the steps.

        A path is looked for where pytest runs, then beside the test. Returns the Check, or the Comparison of an Implementation.
        """
        __tracebackhide__ = True
        _check_nothing_hides("numpy", "pandas", "torch")
        from ..problem.problem import Problem
        from .assertions import compared, raise_unless_equivalent

        is_problem = isinstance(problem, Problem)
        options = self._defaults(_OF_IMPLEMENTATIONS if is_problem else _OF_FUNCTIONS)
        options |= {name: self._found(value) for name, value in arguments.items() if name in _OPTIONS}
        fields = {name: value for name, value in arguments.items() if name not in _OPTIONS}
        if is_problem and fields:
            raise ProblemError(f"{', '.join(fields)} cannot be given beside a Problem; expected some of {', '.join(_OF_IMPLEMENTATIONS)}")
        _check_names("lockstep(…)", fields)
        _check_names("the marker lockstep", self._marked(fields=True))
        if not is_problem and (problem is None or isinstance(problem, Mapping)):
            problem = {**self._marked(fields=True), **(problem or {}), **fields} or None
        try:
            result = compared(self._found(actual), problem, **options)
        except CompareError as error:
            raise error.with_traceback(None) from None
        self._run.write(self._node.nodeid, actual, result)
        raise_unless_equivalent(result, self._command(arguments, has_seed=not is_problem))
        return result

    def _defaults(self, names: tuple[str, ...]) -> dict[str, Any]:
        defaults = {"seed": self._run.seed} | ({} if self._run.steps is None else {"steps": self._run.steps})
        return {name: value for name, value in {**defaults, **self._marked(fields=False)}.items() if name in names}

    def _marked(self, *, fields: bool) -> dict[str, Any]:
        """Return the markers' arguments, keys of the problem or others; the closest marker's win."""
        marked: dict[str, Any] = {}
        for marker in self._node.iter_markers("lockstep"):
            if marker.args:
                pytest.fail(f"the marker lockstep has {marker.args!r}; expected arguments with names: {_MARKER}", pytrace=False)
            marked = {**marker.kwargs, **marked}
        return {name: self._found(value) for name, value in marked.items() if (name not in _OPTIONS) == fields}

    def _found(self, value: Any) -> Any:
        """Return the value; a path that is not in the current folder, but beside the test, becomes that one."""
        if not isinstance(value, (str, PathLike)) or Path(value).exists():
            return value
        beside = self._node.path.parent / value
        return beside if beside.exists() else value

    def _command(self, arguments: Mapping[str, Any], *, has_seed: bool) -> str:
        """Return the command that runs this test again with the same probes."""
        named = {**self._marked(fields=False), **arguments}
        seed = [] if "seed" in named or not has_seed else ["--lockstep-seed", str(self._run.seed)]
        steps = [] if "steps" in named or self._run.steps is None else ["--lockstep-steps", str(self._run.steps)]
        return shlex.join(["pytest", self._node.nodeid, *seed, *steps])


def _check_names(where: str, names: Iterable[str]) -> None:
    """Raise ProblemError for names that are neither arguments nor keys of the problem."""
    __tracebackhide__ = True
    from ..problem.from_dict import keys, unknown_keys
    from ..support.suggest import did_you_mean

    for name in unknown_keys(names):
        known = [*_OPTIONS, *keys()]
        raise ProblemError(f"{where} has {name!r}; expected some of {', '.join(known)}{did_you_mean(name, known)}")


def _check_nothing_hides(*packages: str) -> None:
    """Raise CompareError where a file of the user's project would be imported in place of one of the packages."""
    for name in packages:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is None:
            why = "`python -m pytest` looks in its folder first: rename it, or run `pytest`"
            raise CompareError(f"{spec.origin} would be imported as {name}, which the comparison needs; {why}")


class _Run:
    """The settings of a run of pytest: the seed, the steps, and the folder of the reports."""

    def __init__(self, config: pytest.Config) -> None:
        seed = getattr(config, "workerinput", {}).get("lockstep_seed")      # from the process that started this one, under xdist
        seed = config.getoption("lockstep_seed") if seed is None else seed
        self.seed: int = secrets.randbelow(SEEDS) if seed is None else seed
        self.steps: int | None = config.getoption("lockstep_steps")
        folder = config.getoption("lockstep_report")
        self.folder = None if folder is None else config.invocation_params.dir / folder
        self._written: Counter[str] = Counter()
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise pytest.UsageError(f"--lockstep-report {folder}: {error.strerror}; expected a folder that can be made") from None

    def write(self, test: str, actual: Any, result: "Checked | Comparison") -> None:
        """Write the JSON and JUnit's XML of a check under the name of the test; a second check of the test has a 2."""
        if self.folder is None:
            return
        from ..checking.result import Check
        from ..lockstep.result import Comparison
        from ..report.checked import as_json
        from ..report.ci import junit

        if isinstance(result, Comparison):
            about: dict[str, Any] = {"steps": result.steps, "compared": result.compared, "first": result.first_divergence}
            result = Check(result.verdict, type(actual).__name__, result.problem, result.problem.seed or 0, comparison=result, **about)
        name = file_name(test)
        self._written[name] += 1
        if self._written[name] > 1:
            name += f"-{self._written[name]}"
        for suffix, text in ((".json", as_json(result) + "\n"), (".xml", junit(result))):
            (self.folder / (name + suffix)).write_text(text, encoding="utf-8", errors="replace")


_RUN = pytest.StashKey[_Run]()


def file_name(test: str) -> str:
    """Return a file name of letters, digits, dots, dashes and underscores; with a digest where the test's name loses others."""
    plain = test.replace("::", "__").replace("/", "__")
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")[:_LONGEST]
    return name if name == plain else f"{name}-{sha1(test.encode('utf-8', 'replace'), usedforsecurity=False).hexdigest()[:8]}"


@pytest.fixture
def lockstep(request: pytest.FixtureRequest) -> Lockstep:
    """Assert that your own network is equal to PyTorch, down to rounding: `lockstep(train_step, sizes=(4, 5, 2))`."""
    return Lockstep(request.node)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lockstep", "networks compared with PyTorch")
    seed = "draw probes from this seed (default: another in each run)"
    group.addoption("--lockstep-seed", type=partial(_whole, below=SEEDS), metavar="N", help=seed)
    group.addoption("--lockstep-steps", type=_whole, metavar="N", help="steps of training in lockstep (default: 50, of a Problem 10)")
    group.addoption("--lockstep-report", metavar="DIR", help="write each check as JSON and as JUnit's XML into this folder")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and set the seed."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_RUN] = _Run(config)


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed, so that a failure can be repeated."""
    return f"lockstep: --lockstep-seed {config.stash[_RUN].seed}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all processes of xdist the seed of the first."""
    node.workerinput["lockstep_seed"] = node.config.stash[_RUN].seed


def pytest_plugin_registered(plugin: object, plugin_name: str, manager: pytest.PytestPluginManager) -> None:
    """Keep pytest from loading the plugin twice, by its module's name and by its entry point."""
    if plugin is sys.modules[__name__]:
        for name in {"lockstep", __name__} - {plugin_name}:
            manager.set_blocked(name)


def _whole(text: str, below: int | None = None) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or (below is not None and int(text) >= below):
        raise ArgumentTypeError(f"{text!r}; expected a whole number from 0" + ("" if below is None else f" to {below - 1}"))
    return int(text)

"""What all tests share: Hypothesis without deadlines, BLAS and torch on one thread, the slow lane, and seeds.

`make test` runs the fast lane; `make test-all`, and so CI, all of it. A test marked `slow` is in the slow lane, and of a function marked
`sampled(n)` all cases but every n-th. The fast lane draws a sixth of the examples. A test marked `seeds(n)` is right at n seeds, of
which the first is tried, or as many as `--seeds` says: `make test-all` tries all. A check in the fast lane makes every sixth of
its trials; all of them in a test marked `all_trials`, which is about them.
"""

import os
from collections import Counter

import pytest
from hypothesis import settings

from tests.few_trials import pytest_runtest_protocol  # noqa: F401 - a hook

# Small products on several threads wait for one another, the longer the busier the machine is. Read when NumPy and torch are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

pytest_plugins = ["pytester"]

settings.register_profile("fast", deadline=None, max_examples=10)
settings.register_profile("all", deadline=None, max_examples=60)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="how many of a test's seeds to try")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("seeds")
    if marker is not None:
        metafunc.parametrize("seed", range(min(marker.args[0], metafunc.config.option.seeds)))


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("fast" if config.option.markexpr == "not slow" else "all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen: Counter[str] = Counter()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            function = item.nodeid.partition("[")[0]
            if seen[function] % sampled.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[function] += 1

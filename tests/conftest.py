"""What all tests share: Hypothesis without deadlines, BLAS and torch on one thread, and the slow lane.

`make test` runs the fast lane; `make test-all`, and so CI, all of it. A test marked `slow` is in the slow lane, and of a function marked
`sampled(n)` all cases but every n-th.
"""

import os
from collections import Counter

import pytest
from hypothesis import settings

# Small products on several threads wait for one another, the longer the busier the machine is. Read when NumPy and torch are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

pytest_plugins = ["pytester"]

settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")


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

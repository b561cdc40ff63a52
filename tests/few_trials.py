"""In the fast lane a check makes every sixth of its trials beyond the probes: they take most of its time, and have tests of their own."""

from collections.abc import Generator
from itertools import islice

import pytest

EVERY = 6


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test so, unless it is marked `all_trials`: a hook for the conftest of a folder."""
    if item.config.option.markexpr != "not slow" or item.get_closest_marker("all_trials") is not None:
        return (yield)
    from compare.checking import trial_runs

    directions = trial_runs.directions
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trial_runs, "directions", lambda *given: islice(directions(*given), 0, None, EVERY))
        return (yield)

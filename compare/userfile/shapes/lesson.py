"""Scripts in the shape of the lesson on backpropagation: they train when they are run, with weights_input_hidden and weights_hidden_output.

Either they loop over the records of `features` and `targets`, for some `epochs`, with a `learnrate`; or they compute the steps delta_w_i_h
and delta_w_h_o for one record `x` and its `target`. Such a script runs again for each step, for one epoch, with the probe's data, weights
and learning rate in place of the first values of these names. Everything else in it, such as loading data and testing, is left out.

For scripts with other names, add the names to NAMES.
"""

from typing import Any

import numpy as np
import pandas as pd

from .script import Script

NAMES = {
    "W1": ("weights_input_hidden", "weights_in_hidden", "weights_input_to_hidden"),
    "W2": ("weights_hidden_output", "weights_hidden_out", "weights_hidden_to_output"),
    "step_W1": ("delta_w_i_h", "delta_w_input_hidden", "del_w_input_hidden"),
    "step_W2": ("delta_w_h_o", "delta_w_hidden_output", "del_w_hidden_output"),
    "lr": ("learnrate", "learning_rate", "lr"),
    "x": ("x", "inputs"),
    "target": ("target", "y"),
    "a1": ("hidden_output", "hidden_layer_output"),
    "output": ("output", "output_layer_output"),
    "delta2": ("output_error_term",),
    "delta1": ("hidden_error_term",),
}
COLUMNS = ["gre", "gpa", "rank_1", "rank_2", "rank_3", "rank_4"]
WEIGHTS = ("W1", "W2")
CONVENTIONS = {"params": "W1b1", "weights": "in_out", "records": "rows"}


class Lesson(Script):
    """Such a script, its variables under the names of NAMES; its weights are (in, hidden), and (hidden,) or (hidden, 1)."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.is_loop, self.is_checked = "features" in self.names, False
        self.theirs = {ours: next((name for name in theirs if name in self.names), theirs[0]) for ours, theirs in NAMES.items()}
        self.require("", self.names)
        first = self.after(0, WEIGHTS, WEIGHTS, np.zeros((1, len(COLUMNS))), np.zeros((1, 1)), {})
        self.require(" outside of functions", {*(self.theirs[ours] for ours in first), self.theirs["lr"]})
        self.shapes = {name: np.shape(array) for name, array in first.items()}

    def require(self, where: Any, names: Any) -> Any:
        """Raise NameError unless the weights and the learning rate are among the names found there."""
        missing = [self.theirs[ours] for ours in (*WEIGHTS, "lr") if self.theirs[ours] not in names]
        if missing:
            raise NameError(f"no {', '.join(missing)}{where}; expected a script that trains with these")

    def after(self, epochs: Any, needed: Any, wanted: Any, x: Any, y: Any, given: Any) -> Any:
        """Run what the needed names need, on records x (n, in) and y (n, 1) with the given values; return the wanted names' values."""
        features, targets = pd.DataFrame(x.copy(), columns=COLUMNS if x.shape[1] == len(COLUMNS) else None), pd.Series(y[:, 0].copy())
        data = {"features": features, "targets": targets, "features_test": features, "targets_test": targets}
        given = data | {self.theirs[name]: value for name, value in given.items()}
        found = self.run([self.theirs[name] for name in needed], given, epochs)
        return {name: found[self.theirs[name]] for name in wanted if self.theirs[name] in found}

    def check_epochs(self, params: Any, x: Any, y: Any, lr: Any) -> Any:
        """Raise ValueError, in the first call, if two epochs of one run differ from two runs of one epoch: then state is carried over."""
        if not self.is_checked:
            self.is_checked = True
            once = self.after_epoch(WEIGHTS, params, x, y, lr)
            apart = self.after_epoch(WEIGHTS, {name: array.reshape(params[name].shape) for name, array in once.items()}, x, y, lr)
            together = self.after_epoch(WEIGHTS, params, x, y, lr, epochs=2)
            if not all(np.allclose(apart[name], together[name], rtol=1e-9, atol=1e-12) for name in WEIGHTS):
                why = "is a sum not set back to 0, does the learning rate change, or is something random drawn in each epoch?"
                raise ValueError(f"a second epoch is not like the first: {why}")

    def after_epoch(self, wanted: Any, params: Any, x: Any, y: Any, lr: Any, epochs: Any = 1) -> Any:
        """Return the wanted names' values after `epochs` epochs from these weights; for a script of one record, on the first record."""
        weights = {name: array.flatten() if len(self.shapes[name]) == 1 else array.copy() for name, array in params.items()}
        record = {} if self.is_loop else {"x": x[0], "target": y[0, 0]}
        return self.after(epochs, WEIGHTS if self.is_loop else wanted, wanted, x, y, {"lr": lr, **weights, **record})

    def after_each(self, wanted: Any, params: Any, x: Any, y: Any, lr: Any) -> Any:
        """Return the same for each record by itself, a row for each."""
        runs = [self.after_epoch(wanted, params, x[[i]], y[[i]], lr) for i in range(len(x))]
        return {name: np.array([np.ravel(found[name]) for found in runs]) for name in runs[0]}


load = Lesson


def problem(script: Any) -> Any:
    """Return a problem with as many features and hidden units as the script's own weights have."""
    return {"sizes": (*script.shapes["W1"], 1)}


def train_step(script: Any, params: Any, x: Any, y: Any, lr: Any) -> Any:
    """Return the weights after one epoch; for a script of one record, after adding the mean of its steps over the records."""
    if script.is_loop:
        script.check_epochs(params, x, y, lr)
        return script.after_epoch(WEIGHTS, params, x, y, lr)
    steps = script.after_each(("step_W1", "step_W2"), params, x, y, lr)
    return {name: array + steps[f"step_{name}"].mean(axis=0).reshape(array.shape) for name, array in params.items()}


def trace(script: Any, params: Any, x: Any, y: Any) -> Any:
    """Return the script's variables after each record, at learning rate 0, so that what it computes again after the step is unchanged."""
    found = script.after_each(("a1", "output", "delta2", "delta1"), params, x, y, 0.0)
    units = {"a1": script.shapes["W1"][1], "delta1": script.shapes["W1"][1], "output": 1, "delta2": 1}
    return {name: rows for name, rows in found.items() if rows.dtype == float and rows.shape[1] == units[name]} or NotImplemented

"""scikit-learn's `MLPRegressor` on the lesson's records: full-batch gradient descent without momentum or penalty.

Its output unit is linear and its initial weights are its own, so that the weights are not compared; its network is slightly cheaper.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from benchmarks.work import Competitor
from compare.problem.problem import Problem


def scikit_learn(problem: Problem) -> Competitor:
    """Return `MLPRegressor.fit` with the problem's hidden layers and learning rate."""
    x, y = problem.batch(1)
    targets = y[:, 0].copy()

    def run(steps: int) -> object:
        network = MLPRegressor(
            hidden_layer_sizes=problem.sizes[1:-1],
            activation="logistic",
            solver="sgd",
            batch_size=len(x),
            learning_rate="constant",
            learning_rate_init=problem.lr,
            momentum=0,
            nesterovs_momentum=False,
            alpha=0,
            max_iter=steps,
            tol=0,
            n_iter_no_change=10**9,
            shuffle=False,
            random_state=problem.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(x, targets)
        if network.n_iter_ != steps:
            raise AssertionError(f"scikit-learn stopped after {network.n_iter_} of {steps} epochs")
        return network.loss_curve_

    return Competitor(run)

"""Files with a class NeuralNetwork(input_nodes, hidden_nodes, output_nodes, learning_rate), as in a well-known first project.

It has train(features, targets) and run(features), and weights weights_input_to_hidden and weights_hidden_to_output. A call of train takes
a batch, or in the older form one record.
"""

from pathlib import Path
from typing import Any

from . import recognised
from .recognised import *  # noqa: F403


def load(path: Path, options: Any = None) -> Any:
    """Return the network in the file's class; raises UnusableFileError where none is found."""
    return recognised.load(path, options, (recognised.CLASS,))

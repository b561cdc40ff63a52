"""Shapes of files that are recognised, those that have a name for `--adapter`, and what these share."""

from pathlib import Path

from ...support.suggest import did_you_mean

FOLDER = Path(__file__).parent
RECOGNISED = FOLDER / "recognised.py"      # the adapter of files in which a network is found
NAMES = ("lesson", "loss_and_grads", "network_class", "parameters_dict", "weight_lists")
PARTS = (
    "layer_pairs", "lone_backwards", "autograd_functions", "engine", "tensor_names", "layer_classes", "nodes", "derivatives", "training",
    "update_rules",
)      # fmt: skip


def adapter_at(name: str) -> Path:
    """Return the path of the adapter: a file of that name, or else the one that ships under it; raises FileNotFoundError."""
    if not Path(name).is_file() and name in NAMES:
        return FOLDER / f"{name}.py"
    if not Path(name).is_file():
        names, meant = ", ".join((*NAMES, *PARTS)), did_you_mean(name, (*NAMES, *PARTS))
        raise FileNotFoundError(f"{name} is no file; expected an adapter, or one of the names {names}{meant}")
    return Path(name)

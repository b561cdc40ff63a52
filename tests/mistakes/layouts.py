"""A text in another layout: what it takes and gives is turned around its own `train_step`, and its CONVENTIONS declare it."""

from typing import Any

_TURNED = '''
CONVENTIONS = {conventions!r}
_inside = train_step
for _name in ("trace", "forward", "gradients"):
    globals().pop(_name, None)


def _weight(w):
    return np.array(w).T.copy() if CONVENTIONS["weights"] == "in_out" else w


def train_step(params, x, y, lr):
    """One step in the layout that CONVENTIONS declares."""
    given = _read(params)
    if CONVENTIONS["records"] == "columns":
        x, y = x.T, y.T
    new = _inside(given, x, y, lr)
    return _written(given if new is None else new)


def _keys(params):
    kind, names = CONVENTIONS["params"], {names!r}
    if kind == "list":
        return dict(zip(names, range(len(names))))
    short = {{name: ("W" if "weight" in name else "b") + str(int(name.split(".")[0]) // 2 + 1) for name in names}}
    return {{name: name if kind == "state_dict" else short[name] for name in names}}


def _read(params):
    keys = _keys(params)
    return {{name: _weight(params[key]) if "weight" in name else np.array(params[key]).reshape(-1) for name, key in keys.items()}}


def _written(params):
    shape = {{"(k,)": (-1,), "(1, k)": (1, -1), "(k, 1)": (-1, 1)}}[CONVENTIONS["bias"]]
    new = {{key: _weight(params[name]) if "weight" in name else params[name].reshape(shape) for name, key in _keys(params).items()}}
    return list(new.values()) if CONVENTIONS["params"] == "list" else new
'''


def in_layout(
    text: str,
    names: Any,
    *,
    weights: str = "out_in",
    records: str = "rows",
    params: str = "state_dict",
    bias: str = "(k,)",
    declared: bool = True,
) -> str:
    """The text of an attempt, its parameters of these `names`, in that layout; `train_step` is all that it defines.

    With `declared` False, what it is called inside does not tell: its name is `_CONVENTIONS`.
    """
    turned = _TURNED.format(conventions={"weights": weights, "records": records, "params": params, "bias": bias}, names=list(names))
    return text + (turned if declared else turned.replace("CONVENTIONS", "_CONVENTIONS"))

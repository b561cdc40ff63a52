"""Stand-ins for the data that programs load through packages which are not installed: drawn numbers of the same shapes."""

from types import SimpleNamespace
from typing import Any

import numpy as np


def _drawn(n: int, d: int, classes: int, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return random.normal(size=(n, d)) + y[:, None] / classes, y


class _Bunch(dict[str, Any]):
    __getattr__ = dict.__getitem__


def _loader(n: int, d: int, classes: int) -> Any:
    def load(*_: Any, return_X_y: bool = False, **__: Any) -> Any:
        x, y = _drawn(n, d, classes)
        names = [f"class {each}" for each in range(classes)]
        return (x, y) if return_X_y else _Bunch(data=x, target=y, target_names=names, feature_names=[str(each) for each in range(d)])

    return load


def _points(n_samples: Any = 100, *_: Any, **named: Any) -> Any:
    n = sum(n_samples) if isinstance(n_samples, tuple) else int(n_samples)
    return _drawn(n, int(named.get("n_features", 2)), int(named.get("centers", named.get("n_classes", 2)) or 2))


def _regression(n_samples: int = 100, n_features: int = 100, *_: Any, **__: Any) -> Any:
    x, _y = _drawn(n_samples, n_features, 2)
    return x, x.sum(axis=1)


def _split(*arrays: Any, test_size: Any = 0.25, **_: Any) -> list[Any]:
    n = len(arrays[0])
    held = test_size if isinstance(test_size, int) else int(np.ceil(n * (0.25 if test_size is None else test_size)))
    return [part for each in arrays for part in (each[: n - held], each[n - held :])]


def _one_hot(y: Any) -> Any:
    labels = np.asarray(y).ravel()
    return (labels[:, None] == np.unique(labels)[None, :]).astype(float)


class _Fitted:
    """What is fitted to data and transforms them."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def fit(self, *_: Any) -> Any:
        return self

    def transform(self, x: Any) -> Any:
        return np.asarray(x, float)

    def fit_transform(self, x: Any, *_: Any) -> Any:
        return self.fit(x).transform(x)


class _Standard(_Fitted):
    def transform(self, x: Any) -> Any:
        return (x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1e-12)


class _Least(_Fitted):
    def transform(self, x: Any) -> Any:
        return (x - np.min(x, axis=0)) / (np.ptp(x, axis=0) + 1e-12)


class _OneHot(_Fitted):
    def transform(self, x: Any) -> Any:
        return _One(_one_hot(x))


class _One(np.ndarray):
    """One-hot rows, which some make of a sparse matrix."""

    def __new__(cls, values: Any) -> Any:
        return np.asarray(values).view(cls)

    def toarray(self) -> Any:
        return np.asarray(self)


class _Labels(_Fitted):
    def transform(self, x: Any) -> Any:
        return np.unique(np.asarray(x), return_inverse=True)[1]


class _Binary(_Fitted):
    def transform(self, x: Any) -> Any:
        found = _one_hot(x)
        return found[:, 1:] if found.shape[1] == 2 else found


def _images(*_: Any, **__: Any) -> Any:
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, size=(60, 28, 28), dtype=np.uint8), (np.arange(60) % 10).astype(np.uint8)
    return (x[:50], y[:50]), (x[50:], y[50:])


def _fetched(*_: Any, return_X_y: bool = False, **__: Any) -> Any:
    (x, y), _rest = _images()
    x, labels = x.reshape(len(x), -1).astype(float), y.astype(str)
    return (x, labels) if return_X_y else _Bunch(data=x, target=labels)


def _categorical(y: Any, num_classes: int | None = None, **_: Any) -> Any:
    y = np.asarray(y, int).ravel()
    return np.eye(num_classes or int(y.max()) + 1)[y]


_DATA = {
    "load_iris": _loader(150, 4, 3), "load_wine": _loader(178, 13, 3), "load_breast_cancer": _loader(569, 30, 2),
    "load_digits": _loader(180, 64, 10), "load_boston": _loader(506, 13, 50),
    "load_diabetes": _loader(442, 10, 200), "fetch_california_housing": _loader(400, 8, 100),
    **dict.fromkeys(("make_moons", "make_circles", "make_blobs", "make_classification"), _points),
    "make_regression": _regression, "fetch_openml": _fetched,
}
_PREPARED = {
    "StandardScaler": _Standard, "MinMaxScaler": _Least, "OneHotEncoder": _OneHot, "LabelBinarizer": _Binary, "LabelEncoder": _Labels,
    "scale": lambda x, *_, **__: _Standard().transform(x), "label_binarize": lambda y, *_, **__: _Binary().transform(y),
    "normalize": lambda x, *_, **__: x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-12),
}
_MNIST = SimpleNamespace(load_data=_images)
_KERAS = dict.fromkeys(("mnist", "fashion_mnist"), _MNIST)
MODULES: dict[str, dict[str, Any]] = {
    "sklearn": {"datasets": SimpleNamespace(**_DATA), "preprocessing": SimpleNamespace(**_PREPARED)},
    "sklearn.datasets": _DATA,
    "sklearn.model_selection": {"train_test_split": _split},
    "sklearn.preprocessing": _PREPARED,
    "sklearn.metrics": {"accuracy_score": lambda a, b, **_: float(np.mean(np.asarray(a) == np.asarray(b)))},
    "sklearn.utils": {"shuffle": lambda *arrays, **_: arrays[0] if len(arrays) == 1 else list(arrays)},
    **dict.fromkeys(("keras.datasets", "tensorflow.keras.datasets"), _KERAS),
    **{name: {"load_data": _images} for name in ("keras.datasets.mnist", "tensorflow.keras.datasets.mnist")},
    **{name: {"to_categorical": _categorical} for name in ("keras.utils", "tensorflow.keras.utils", "keras.utils.np_utils")},
}

"""Saved and loaded, on either side and across: what goes on training, what is refused, and that nothing in a file is ever run."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_tensors

import manual
import torch_ref
from compare.problem.pieces import NORMALIZATIONS, OPTIMIZERS
from tests.manual.test_optimizers import every_option

SIDES: dict[str, Any] = {"manual": manual, "torch_ref": torch_ref}
X = np.random.default_rng(0).normal(size=(6, 3))
Y = np.random.default_rng(1).random((6, 2))
EVERY_SIDE = pytest.mark.parametrize("side", SIDES)
EVERY_ROW = pytest.mark.parametrize("name", OPTIMIZERS)

Arrays = dict[str, Any]

SPOILT: dict[str, tuple[Callable[[Arrays, str], Any], str]] = {
    "missing": (lambda entries, key: entries.pop(key), "{} is missing"),
    "extra": (lambda entries, key: entries.update({f"{key}.more": np.zeros(7)}), "{}.more is unknown"),
    "renamed": (lambda entries, key: entries.update({f"{key}_": entries.pop(key)}), "{0} is missing.* {0}_"),
    "misshapen": (lambda entries, key: entries.update({key: entries[key][None].repeat(2, axis=0)}), "{} has shape"),
    "wrong dtype": (lambda entries, key: entries.update({key: entries[key].astype("float32")}), "{} is (torch.)?float32; expected"),
}

BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "a pickle": lambda whole: pickle.dumps({"0.weight": [1.0]}),
    "text": lambda whole: b"0.weight = [[1.0, 2.0, 3.0]] and so on",
    "one byte too long": lambda whole: whole + b"\0",
    **{f"cut at {part}": lambda whole, part=part: whole[: int(len(whole) * part)] for part in (0.001, 0.01, 0.2, 0.5, 0.9, 0.999)},
}


class Evil:
    """Whoever unpickles it makes a file at the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def pair(side: str, name: str = "adam", seed: int = 0, normalization: str | None = "batch_norm") -> tuple[Any, Any]:
    """A network with everything that has state, and an optimiser that keeps some."""
    backend = SIDES[side]
    network = backend.Network((3, 4, 2), "tanh", bias=True, normalization=normalization, seed=seed)
    return network, backend.OPTIMIZERS[name](0.1, **every_option(name))


def trained(side: str, name: str = "adam", seed: int = 0, **options: Any) -> tuple[Any, Any]:
    network, optimizer = pair(side, name, seed, **options)
    SIDES[side].train(network, X, Y, epochs=3, optimizer=optimizer)
    return network, optimizer


def state_of(network: Any, optimizer: Any) -> Arrays:
    """Copies of all that there is to save, by name, the optimiser's entries as in a file."""
    entries = {**network.state_dict(), **{f"optimizer.{key}": value for key, value in optimizer.state_dict().items()}}
    return {key: np.asarray(value).copy() for key, value in entries.items()}


def held_equal(actual: Arrays, expected: Arrays, rtol: float = 0.0) -> None:
    assert list(actual) == list(expected)
    for key, array in expected.items():
        assert (actual[key].shape, actual[key].dtype) == (array.shape, array.dtype)
        np.testing.assert_allclose(actual[key], array, rtol=rtol, atol=0.1 * rtol, err_msg=key)


@EVERY_ROW
@pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])
@pytest.mark.parametrize("loads", SIDES)
@pytest.mark.parametrize("saves", SIDES)
def test_what_one_side_saves_either_side_loads_and_trains_on(
    saves: str, loads: str, normalization: str | None, name: str, tmp_path: Path
) -> None:
    network, optimizer = trained(saves, name, normalization=normalization)
    SIDES[saves].save(tmp_path / "state", network, optimizer)
    other, its_optimizer = pair(loads, name, seed=1, normalization=normalization)
    SIDES[loads].load(tmp_path / "state", other, its_optimizer)
    held_equal(state_of(other, its_optimizer), state_of(network, optimizer))
    forgetful, afresh = pair(loads, name, normalization=normalization)
    forgetful.load_state_dict(other.state_dict())

    losses = SIDES[saves].train(network, X, Y, epochs=4, optimizer=optimizer)
    rtol = 0.0 if loads == saves else 1e-8
    np.testing.assert_allclose(SIDES[loads].train(other, X, Y, epochs=4, optimizer=its_optimizer), losses, rtol=rtol)
    held_equal(state_of(other, its_optimizer), state_of(network, optimizer), rtol)
    without = SIDES[loads].train(forgetful, X, Y, epochs=4, optimizer=afresh)
    assert not np.allclose(without, losses, rtol=1e-5)      # the control: what the optimiser kept matters


@EVERY_SIDE
def test_a_network_is_saved_alone_and_its_file_holds_its_state_dict_and_nothing_else(side: str, tmp_path: Path) -> None:
    network, optimizer = trained(side)
    SIDES[side].save(tmp_path / "state", network)
    expected = {key: value for key, value in state_of(network, optimizer).items() if not key.startswith("optimizer.")}
    held_equal({key: load_file(tmp_path / "state")[key] for key in expected}, expected)
    assert set(load_file(tmp_path / "state")) == set(expected)
    SIDES[side].load(tmp_path / "state", pair(side, seed=1)[0])


@EVERY_SIDE
def test_an_optimizers_state_without_an_optimizer_and_the_reverse_are_refused(side: str, tmp_path: Path) -> None:
    network, optimizer = trained(side)
    backend, (other, fresh) = SIDES[side], pair(side, seed=1)
    before = state_of(other, fresh)
    backend.save(tmp_path / "both", network, optimizer)
    with pytest.raises(ValueError, match=r"optimizer\..* is an optimiser's; expected an `optimizer`"):
        backend.load(tmp_path / "both", other)
    backend.save(tmp_path / "alone", network)
    with pytest.raises(ValueError, match="steps is missing"):
        backend.load(tmp_path / "alone", other, fresh)
    held_equal(state_of(other, fresh), before)


@EVERY_ROW
@EVERY_SIDE
@pytest.mark.parametrize("spoilt", SPOILT)
def test_an_entry_that_does_not_fit_is_a_value_error_that_names_it_and_changes_nothing(
    spoilt: str, side: str, name: str, tmp_path: Path
) -> None:
    spoil, complaint = SPOILT[spoilt]
    whole = state_of(*trained("torch_ref", name))
    network, optimizer = trained(side, name, seed=1)
    before = state_of(network, optimizer)
    for key in whole:
        entries = dict(whole)
        spoil(entries, key)
        save_file(entries, tmp_path / "state")
        with pytest.raises(ValueError, match=complaint.format(key.removeprefix("optimizer."))):
            SIDES[side].load(tmp_path / "state", network, optimizer)
        held_equal(state_of(network, optimizer), before)


@EVERY_SIDE
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64, torch.bool], ids=str)
def test_a_dtype_that_no_network_has_is_a_value_error_that_names_the_entry(side: str, dtype: torch.dtype, tmp_path: Path) -> None:
    network = SIDES[side].Network((3, 1))
    before = np.asarray(network.state_dict()["0.weight"]).copy()
    save_tensors({"0.weight": torch.zeros(1, 3, dtype=dtype)}, tmp_path / "state")
    with pytest.raises(ValueError, match=r"0\.weight"):
        SIDES[side].load(tmp_path / "state", network)
    np.testing.assert_array_equal(np.asarray(network.state_dict()["0.weight"]), before)


@EVERY_SIDE
@pytest.mark.parametrize("broken", BROKEN)
def test_a_file_that_is_none_of_safetensors_is_a_value_error_that_says_so(side: str, broken: str, tmp_path: Path) -> None:
    network, optimizer = trained(side)
    torch_ref.save(tmp_path / "whole", *trained("torch_ref"))
    before = state_of(network, optimizer)
    (tmp_path / "broken").write_bytes(BROKEN[broken]((tmp_path / "whole").read_bytes()))
    with pytest.raises(ValueError, match=r"broken' is not a safetensors file: .*; expected one that `save` wrote"):
        SIDES[side].load(tmp_path / "broken", network, optimizer)
    held_equal(state_of(network, optimizer), before)
    SIDES[side].load(tmp_path / "whole", network, optimizer)


@EVERY_SIDE
@pytest.mark.parametrize("what", ["missing", "directory"])
def test_what_is_no_file_is_an_error_that_names_it(side: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises((ValueError, OSError), match=what):
        SIDES[side].load(tmp_path / what, *pair(side))


@EVERY_SIDE
def test_no_pickle_is_run(side: str, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    (tmp_path / "plain").write_bytes(pickle.dumps({"0.weight": Evil(mark)}))
    torch.save({"0.weight": Evil(mark)}, tmp_path / "torch")
    for path in (tmp_path / "plain", tmp_path / "torch"):
        with pytest.raises(ValueError, match="is not a safetensors file"):
            SIDES[side].load(path, *pair(side))
        assert not mark.exists()
    pickle.loads((tmp_path / "plain").read_bytes())
    assert mark.exists()      # it would have


@EVERY_SIDE
@given(where=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_file_with_a_byte_changed_is_loaded_or_refused_as_any_other(
    side: str, where: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing but a ValueError comes of it, and then nothing is changed; of the header, where most can go wrong, every second draw."""
    path = tmp_path_factory.getbasetemp() / f"changed, {side}"
    torch_ref.save(path, *trained("torch_ref"))
    whole = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    whole[where % (header if where % 2 else len(whole))] = byte
    path.write_bytes(whole)
    network, optimizer = pair(side)
    before = state_of(network, optimizer)
    try:
        SIDES[side].load(path, network, optimizer)
    except ValueError:
        held_equal(state_of(network, optimizer), before)


@EVERY_SIDE
def test_a_file_that_cannot_be_written_is_an_error_that_names_it(side: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        SIDES[side].save(tmp_path / "no such directory" / "state", *trained(side))


@EVERY_SIDE
@pytest.mark.parametrize("steps", [-3, 2.5, float("nan")])
def test_steps_are_a_whole_number(side: str, steps: float) -> None:
    network, optimizer = trained(side)
    state = {**optimizer.state_dict(), "steps": np.array(steps)}
    with pytest.raises(ValueError, match="steps is"):
        optimizer.load_state_dict(state, network)

"""Any `nn.Module` as an `Implementation`, with its submodules as stages. Importing this module imports torch."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import keystr, tree_flatten, tree_flatten_with_path, tree_map

from ..problem.module_copy import as_array, copied_module, in_dtype
from ..problem.of_module import DTYPES, ModuleProblem
from ..problem.pieces import OPTIMIZERS
from ..support.arrays import Array
from ..support.errors import CompareError, ProblemError
from ..support.kinds import kind_of
from ..support.packages import beside
from .interface import PHASES, OfModule, StepRecord
from .submodules import Submodules, as_real, floats

if TYPE_CHECKING:
    import torch_ref
else:
    torch_ref = beside("torch_ref")

Key = tuple[str, str]      # (phase, tensor)
Numbers = dict[Key, Tensor]
_OPTIMIZERS = {name: getattr(torch.optim, row.torch.rpartition(".")[2]) for name, row in OPTIMIZERS.items()}


class ModuleSide(OfModule):
    """A module, trained with the problem's loss and optimiser. It is a copy, and starts from the problem's parameters.

    It shows every phase, in terms of the module: `activations` are the outputs of its submodules by path, `errors` the gradients at these.
    With `plain`, fused calls that hide many sums are run as the calls they stand for: attention, recurrent layers, updates of many
    parameters at once.
    """

    def __init__(
        self, problem: ModuleProblem, module: nn.Module | None = None, *, plain: bool = False, dtype: str | None = None,
        stages: bool = True, names: Mapping[str, str] | None = None,
    ) -> None:
        self.problem, self.plain, self.names = problem, plain, names or {}
        self.who = "the reference" if plain else "the module"
        self.dtype = DTYPES[dtype or problem.dtype]
        self.module = in_dtype(copied_module(problem.module if module is None else module, self.who), self.dtype)
        self.parameters = {self._ours(name): parameter for name, parameter in self.module.named_parameters()}
        self.device = next((each.device for each in (*self.parameters.values(), *self.buffers.values())), torch.device("cpu"))
        is_compiled = any(hasattr(each, "_orig_mod") for each in self.module.modules())      # whose submodules are no calls of their own
        self.submodules = Submodules(self.module if stages and not is_compiled else nn.Module(), self._ours)
        self.optimizer = self._fresh_optimizer()
        self.steps = 0
        self._plain_slots: set[str] = set()      # of the optimiser's state, those that are Python's numbers
        self._tensors: tuple[Any, Any] = None, None

    @property
    def buffers(self) -> dict[str, Tensor]:
        """The present buffers by name; a module may replace them."""
        return {self._ours(name): buffer for name, buffer in self.module.named_buffers()}

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters, and the buffers that the module has, and start a fresh optimiser and the problem's first step."""
        own = {**self.parameters, **self.buffers}
        with torch.no_grad():
            for name, array in params.items():
                if name in own:
                    _copy(torch.tensor(array), own[name])
        self.optimizer, self.steps = self._fresh_optimizer(), 0

    def step(self, *batch: Any) -> StepRecord:
        """Make one step of training on the batch's arguments and its target, if the loss takes one."""
        self.steps += 1
        numbers = self.numbers(self.steps, batch)
        fields: dict[str, Any] = {"activations": {}, "errors": {}, "grads": {}, "deltas": {}, "params": {}}
        for (phase, name), tensor in numbers.items():
            if phase in ("output", "loss"):
                fields[phase] = as_array(tensor)
            else:
                fields.setdefault(phase, {})[name] = as_array(tensor)
        return StepRecord(**fields)

    def predict(self, *inputs: Any) -> Array:
        """Return the output for these arguments in evaluation, with the present parameters."""
        was_training = self.module.training
        self.module.eval()
        try:
            with self._settings(0), torch.no_grad():
                out = self.module(*tree_map(self._tensor, inputs))
        finally:
            self.module.train(was_training)
        return as_array(next(iter(named_outputs(out).values())))

    def evaluation(self, batch: Any) -> Numbers:
        """Return the outputs of the batch's arguments in evaluation."""
        inputs, _ = self._arguments(batch)
        was_training = self.module.training
        self.module.eval()
        try:
            with self._settings(0), torch.no_grad():
                out = self._called(lambda: self.module(*inputs), "forward in evaluation")
        finally:
            self.module.train(was_training)
        numbers = {("prediction", name.replace("output", "prediction", 1)): each for name, each in named_outputs(out).items()}
        return numbers | {("prediction", f"{name} after it"): as_real(each.detach()).clone() for name, each in self.buffers.items()}

    def numbers(self, number: int, batch: Any, seed: int | None = None) -> Numbers:
        """Make the step of that number on that batch, and return everything that can be shown of it, in the order of comparison."""
        before = {name: each.detach().clone() for name, each in self.parameters.items() if each.requires_grad}
        with self._settings(self.problem.seed_of(number) if seed is None else seed):
            shown = self._pass(batch)
            self._update(number)
        shown = {("activations", name): each for name, each in self.submodules.unchanged().items()} | shown
        after = self.state()
        shown |= {("deltas", name): after["params", name] - each for name, each in before.items()}
        shown |= after
        return {key: shown[key] for phase in PHASES for key in shown if key[0] == phase}

    def state(self) -> Numbers:
        """Return copies of what the next step starts from: parameters, buffers and the optimiser's state, by (phase, name)."""
        state = {("params", name): each.detach().clone() for name, each in self.parameters.items()}
        state |= {("buffers", name): as_real(each.detach()).clone() for name, each in self.buffers.items()}
        named = {id(parameter): name for name, parameter in self.parameters.items()}
        for parameter, slots in self.optimizer.state.items() if self.optimizer is not None else ():
            for slot, value in slots.items():
                if isinstance(value, (Tensor, int, float)) and not isinstance(value, bool):
                    self._plain_slots |= set() if isinstance(value, Tensor) else {slot}
                    name = f"{named[id(parameter)]}.{slot}"
                    state["state", name] = value.detach().clone() if isinstance(value, Tensor) else torch.tensor(value)
        return state

    def load(self, state: Mapping[Key, Tensor]) -> None:
        """Copy such a state into the module and its optimiser."""
        slots: dict[str, dict[str, Tensor]] = {}
        buffers = self.buffers
        with torch.no_grad():
            for (phase, name), tensor in state.items():
                if phase == "state":
                    owner, slot = name.rsplit(".", 1)
                    slots.setdefault(owner, {})[slot] = tensor
                else:
                    _copy(tensor, (self.parameters if phase == "params" else buffers)[name])
        if self.optimizer is None:
            return
        self.optimizer.state.clear()
        for name, values in slots.items():
            parameter = self.parameters[name]
            for slot, tensor in values.items():
                is_single = slot == "step" or (tensor.dim() == 0 and parameter.dim() > 0)      # with a dtype and a device of its own
                is_own = is_single or not tensor.is_floating_point()
                device, dtype = tensor.device if is_single else parameter.device, tensor.dtype if is_own else parameter.dtype
                own: Any = tensor.to(device, dtype, copy=True)
                self.optimizer.state[parameter][slot] = tensor.item() if slot in self._plain_slots else own

    def train(self, number: int, batch: Any) -> None:
        """Make the step of that number, and show nothing of it."""
        with self._settings(self.problem.seed_of(number)):
            inputs, target = self._arguments(batch)
            self.module.zero_grad(set_to_none=True)
            self._loss(self.module(*inputs), target).backward()  # type: ignore[no-untyped-call]
            self._update(number)

    def _pass(self, batch: Any) -> Numbers:
        """Run forward and backward, and return outputs, loss and gradients; the gradients stay with the parameters."""
        inputs, target = self._arguments(batch)
        chosen = [i for i, each in enumerate(inputs) if isinstance(each, Tensor) and each.is_floating_point()]
        leaves = {f"input {i}": inputs[i].detach().requires_grad_() for i in chosen}
        inputs = [leaves[f"input {i}"].clone() if i in chosen else each for i, each in enumerate(inputs)]      # may be changed in place
        checked = [each for each in tree_flatten((inputs, target))[0] if isinstance(each, Tensor)]
        versions = [each._version for each in checked]
        with self.submodules.pass_from({name: inputs[int(name.split()[1])] for name in leaves}):
            out = self._called(lambda: self.module(*inputs), "forward")
        if any(each._version != version for each, version in zip(checked, versions, strict=True)):
            raise ProblemError(f"{self.who} changes its inputs in place; expected it to leave them as they are")
        ends = named_outputs(out)
        if not floats(out):
            raise ProblemError(f"{self.who} returns {kind_of(out)}; expected a tensor of floating point, or several")
        shown = {("activations", name): each.detach().clone() for name, each in ends.items() if name != "output"}
        shown["output", "output"] = next(each for each in ends.values() if each.is_floating_point()).detach().clone()
        loss = self._called(lambda: self._loss(out, target), "loss")
        shown["loss", "loss"] = loss.detach().clone()
        self.module.zero_grad(set_to_none=True)
        self._called(loss.backward, "backward pass")
        gradients = self.submodules.gradients
        for name, leaf in leaves.items():
            if leaf.grad is not None or self.problem.input_gradients:
                shown["errors", name] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        shown |= {("errors", name): gradients[name] for name in self.submodules.outputs if name in gradients}
        for name, each in self.parameters.items():
            if each.requires_grad:
                shown["grads", name] = torch.zeros_like(each) if each.grad is None else each.grad.detach().to_dense().clone()
        return shown

    def _update(self, number: int) -> None:
        if self.optimizer is None:
            return
        with torch.no_grad():
            if self.problem.clip_grad_norm is not None:
                nn.utils.clip_grad_norm_(self.parameters.values(), self.problem.clip_grad_norm, foreach=False)
            if self.problem.clip_grad_value is not None:
                nn.utils.clip_grad_value_(self.parameters.values(), self.problem.clip_grad_value, foreach=False)
            lr = self.problem.lr_at(number)
            for group in self.optimizer.param_groups if lr is not None else ():
                group["lr"] = lr
        self._called(self.optimizer.step, "optimizer")

    def _loss(self, out: Any, target: Any) -> Tensor:
        loss = self.problem.loss
        if isinstance(loss, str):
            value = torch_ref.LOSSES[loss](out, target, self.problem.reduction)
        else:
            value = loss(out, target) if self.problem.has_target else loss(out)
        if not (isinstance(value, Tensor) and value.numel() == 1 and value.is_floating_point()):
            found = f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else kind_of(value)
            raise ProblemError(f"the loss is {found}; expected a scalar tensor of floating point")
        if not value.requires_grad:
            raise ProblemError(f"the loss of {self.who} has no gradient; expected one that depends on a parameter or an input")
        return value.reshape(())

    def _called(self, function: Any, what: str) -> Any:
        """Call the user's code; raise ProblemError that says which part raised."""
        try:
            return function()
        except CompareError:
            raise
        except (Exception, SystemExit) as error:
            said = str(error).split("\n")[0]
            raise ProblemError(f"the {what} of {self.who} ({type(self.module).__name__}) raised {type(error).__name__}: {said}") from error

    def update(self, number: int, grads: Mapping[str, Array]) -> None:
        """Make the optimiser's part of the step of that number, with these gradients."""
        for name, grad in grads.items():
            own = self.parameters[name]
            own.grad = torch.tensor(grad).to(own)
        self._update(number)

    def _ours(self, name: str) -> str:
        """Return the problem's name for a name in the module, without the parts that `torch.compile` adds."""
        name = name.replace("_orig_mod.", "")
        return self.names.get(name, name)

    @contextmanager
    def _settings(self, seed: int) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(torch_ref.exact_settings(self.device, deterministic=False, tf32=self.problem.tf32))
            stack.enter_context(torch.random.fork_rng([self.device] if self.device.type == "cuda" else []))
            torch.manual_seed(seed)
            if self.plain:
                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
                backends: tuple[Any, ...] = torch.backends.mkldnn, torch.backends.cudnn      # whose recurrent layers are one call
                for backend in backends:
                    stack.callback(setattr, backend, "enabled", backend.enabled)
                    backend.enabled = False
                stack.enter_context(torch.backends.nnpack.flags(enabled=False))      # whose convolutions are no plain sums
            yield

    def _arguments(self, batch: Any) -> tuple[list[Any], Any]:
        """Return the module's arguments and the target as tensors; those of the last batch are used again."""
        if self._tensors[0] is not batch:
            self._tensors = batch, tree_map(self._tensor, batch)
        tensors = list(tree_map(lambda each: each, self._tensors[1]))      # containers that the module may change
        return (tensors[:-1], tensors[-1]) if self.problem.has_target else (tensors, None)

    def _tensor(self, entry: Any) -> Any:
        if not isinstance(entry, (np.ndarray, np.generic)):
            return entry
        return torch.tensor(entry, device=self.device, dtype=self.dtype if entry.dtype.kind == "f" else None)

    def _fresh_optimizer(self) -> torch.optim.Optimizer | None:
        problem, trained = self.problem, [each for each in self.parameters.values() if each.requires_grad]
        if not trained:
            return None
        optimizer: Any
        if isinstance(problem.optimizer, str):
            options = {name: value for name, value in problem.optimizer_options.items() if name != "decay"}
            groups: Any = trained
            if problem.optimizer_options["decay"] == "weights":
                others = [each for each in trained if each.dim() < 2]
                groups = [{"params": [each for each in trained if each.dim() > 1]}, {"params": others, "weight_decay": 0.0}]
            optimizer = _OPTIMIZERS[problem.optimizer](groups, lr=problem.lr_at(1), **options)
        else:
            optimizer = self._called(lambda: problem.optimizer(trained), "optimizer")
            if isinstance(optimizer, torch.optim.LBFGS):
                raise ProblemError("the optimizer is LBFGS, which needs a closure; expected one whose step takes no argument")
            if not isinstance(optimizer, torch.optim.Optimizer):
                raise ProblemError(f"optimizer returned {kind_of(optimizer)}; expected a torch.optim.Optimizer")
            own = {id(each) for each in trained}
            if not {id(each) for group in optimizer.param_groups for each in group["params"]} <= own:
                raise ProblemError("the optimizer has parameters that are not the module's; expected those that it is called with")
        for group in optimizer.param_groups if self.plain else ():
            group.update({name: False for name in ("foreach", "fused") if name in group})
        own_optimizer: torch.optim.Optimizer = optimizer
        return own_optimizer


def named_outputs(out: Any) -> dict[str, Tensor]:
    """Return the tensors of an output: "output" where it is one, else "output[0]", "output['mask']" …, in the order of their names."""
    if isinstance(out, Tensor):
        return {"output": as_real(out)}
    leaves = {keystr(path): leaf for path, leaf in tree_flatten_with_path(out)[0] if isinstance(leaf, Tensor)}
    return {f"output{path}": as_real(leaves[path]) for path in sorted(leaves)}


def _copy(tensor: Tensor, into: Tensor) -> None:
    into.copy_(torch.view_as_complex(tensor) if into.is_complex() and not tensor.is_complex() else tensor)

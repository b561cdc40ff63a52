"""Classes of layers that go forward and back: each gradient beside autograd of the class's own forward."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..binding import plain
from ..derivatives import check_derivatives
from ..file import PartsFile
from ..repeatable import repeatable
from ..result import Part
from ..static_pairs import static_pair
from .containers import container_part, holds_layers
from .fused import taken_together
from .gates import gate_part
from .layer import LR, MEAN, LayerClass
from .losses import check_losses
from .methods import files_beside, methods_in
from .objects import Objects, own_nodes
from .own_updates import own_updates
from .spellings import BACKWARDS, is_loss
from .weights import weights


def check_classes(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each class; where a loss and the activation before it share a derivative, they are compared together."""
    code = compile(repeatable(own_nodes(file)), str(file.path), "exec", dont_inherit=True)
    layers, losses, containers, parts = dict[str, Objects](), dict[str, Objects](), dict[str, Objects](), dict[str, Part]()
    for methods in methods_in(file.tree):
        objects = Objects(file, methods, code, seed)
        if methods.kind == "static":
            parts[methods.name] = static_pair(file, methods, seed)
        elif methods.kind == "gate":
            parts[methods.name] = gate_part(objects)
        elif methods.kind == "loss":
            losses[methods.name] = objects
        elif holds_layers(objects):
            containers[methods.name] = objects
        else:
            layers[methods.name] = objects
            parts[methods.name] = LayerClass(objects).part()
    parts |= check_losses(losses)
    parts |= _updates(layers, parts, has_loss=any(parts[name].mark == "agrees" for name in losses if name in parts))
    parts |= {name: container_part(objects, layers, losses, LR) for name, objects in containers.items()}
    primes = [*check_derivatives(file, seed)]
    together, of_losses = [*taken_together(parts, layers, losses)], {each.label for each in losses.values()}
    exact = [part for part in (*together, *primes) if part.mark == "agrees" and not part.caveat]
    yield from _with_means(together, layers, has_exact=any(part.name in of_losses or is_loss(part.name) for part in exact))
    yield from primes
    yield from _beside(file, seed)


def _with_means(parts: list[Part], layers: Mapping[str, Objects], *, has_exact: bool) -> Iterator[Part]:
    """Yield the parts; layers that take a mean over the records are right only where no loss has its own, and all do.

    Where a loss's gradient is exactly that of what it returns, they divide once more; where other layers take the sum, their rate is
    another.
    """
    of_layers = {objects.label: objects for objects in layers.values()}
    of_sum = [part.name for part in parts if part.name in of_layers and part.mark == "agrees" and MEAN not in part.caveat]
    others = [name for name in of_sum if _has_weights(of_layers[name])]
    reason = f"it {MEAN}, and {', '.join(others)} the whole gradient; is another rate meant?"
    for part in parts:
        if MEAN in part.caveat and has_exact:
            yield LayerClass(of_layers[part.name], takes_means=False).part()
        else:
            yield replace(part, mark="not compared", reason=reason, caveat="") if MEAN in part.caveat and others else part


def _has_weights(objects: Objects) -> bool:
    return any(weights(layer) for layer, _ in objects.all())


def _updates(layers: Mapping[str, Objects], parts: Mapping[str, Part], *, has_loss: bool) -> dict[str, Part]:
    """Return the parts of the updates of layers whose gradients agree; where some are compared, those that are not are said."""
    every = {name: own_updates(each) for name, each in layers.items() if parts[name].mark == "agrees" and each.methods.kind == "layer"}
    found = {update.name: update.part(has_loss=has_loss) for updates in every.values() for update in updates if update.shares}
    left = {name: updates for name, updates in every.items() if found and any(not update.shares for update in updates)}
    said = {name: " and ".join(filter(None, (parts[name].caveat, "has an update that is not compared"))) for name in left}
    return {name: replace(parts[name], caveat=each) for name, each in said.items()} | found


def _beside(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield the parts of the classes that the file imports from its folder, and one of its own functions that use them."""
    used = list[str]()
    for path, names in files_beside(file.tree, file.path.parent):
        other = PartsFile(path, seed)
        wanted = [each for each in check_classes(other, seed) if each.name.partition(".")[0] in names]
        yield from (replace(each, file=each.file or path.name) for each in wanted)
        used += [each.name.partition(".")[0] for each in wanted]
    if used:
        made = [node for node in file.tree.body if isinstance(node, ast.Assign) and _names(node.value) & {*used}]
        held = {target.id for node in made for target in node.targets if isinstance(target, ast.Name)}
        reason = f"it uses {', '.join(sorted(held))} in a way that is not compared; these are compared one by one"
        for node in file.tree.body:
            if isinstance(node, ast.FunctionDef) and _names(node) & held and _goes_back(node):
                yield Part(node.name, "not compared", lines=file.lines_of(node.name), reason=reason)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _goes_back(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Attribute) and plain(each.attr) in BACKWARDS for each in ast.walk(node))

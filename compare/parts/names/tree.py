"""The places of a script where tensors' gradients are made by hand under the tensors' names: dlogits for logits, dW1 for W1."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...userfile.shapes.languages import translated
from .kept import Keepers, keepers_in, kept_by

_LOSSES = ("loss", "cost", "total_loss", "nll", "J", "L", "损失", "потеря", "손실", "損失")
_TARGETS = ("y", "Y", "t", "T")      # whose names are taken for the prediction's gradient
_AFFIXES = re.compile(r"grad(?:ient)?_(?:of_)?(\w+)|(\w+)_grad(?:ient)?|d_?(\w+)")
_CALLED = ("print", "backward", "retain_grad", "zero_grad", "show", "plot")      # whose statements are not repeated

_IN_PLACE = "add sub mul div neg copy addmm addr index_add index_copy index_put masked_fill scatter scatter_add scatter_reduce"
_CHANGES = ("append", "insert", "at", *(f"{name}_" for name in _IN_PLACE.split()))      # methods that change a tensor, and np.add.at


@dataclass
class Cluster:
    """A list of statements with gradients by hand: `forward` are those before the first that lead to the loss, `last` the end.

    `names` has each gradient's name with the tensor's, an attribute of self as "self.W1", and the line that assigns it last. `reads` has
    the gradients that its statements read. `outer` are the loops around it, `scope` the function.
    """

    number: int
    body: list[ast.stmt]
    first: int
    last: int
    loss: str
    forward: list[ast.stmt]
    names: dict[str, str]
    lines: dict[str, int]
    reads: dict[str, set[str]]
    roots: set[str]
    scope: str
    outer: tuple[ast.stmt, ...] = ()
    fresh: dict[int, list[str]] = field(default_factory=dict)


def uses_torch(tree: ast.Module) -> bool:
    """Return whether a file imports PyTorch."""
    return any(alias.name.partition(".")[0] == "torch" for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)


def clusters_in(tree: ast.Module) -> list[Cluster]:
    """Return the places of a module, its functions and its methods where gradients are made by hand, after a loss."""
    found: list[Cluster] = []
    known, keepers = stored(tree.body), keepers_in(tree)
    for scope, body, parameters in _scopes(tree):
        names = stored(body) | parameters | known | _attributes(tree)
        for block, outer in _blocks(body, ()):
            cluster = _cluster(len(found), block, outer, names, scope, {} if scope in keepers else keepers)
            found += [] if cluster is None else [cluster]
    return found


def _scopes(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt], set[str]]]:
    yield "", tree.body, set()
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for each in inner:
            if isinstance(each, ast.FunctionDef):
                name = f"{node.name}.{each.name}" if isinstance(node, ast.ClassDef) else each.name
                yield name, each.body, {argument.arg for argument in each.args.args}


def _blocks(body: list[ast.stmt], outer: tuple[ast.stmt, ...]) -> Iterator[tuple[list[ast.stmt], tuple[ast.stmt, ...]]]:
    """Yield each list of statements, the innermost first, with the statements around it."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            continue
        for inner in (getattr(statement, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(inner, list):
                yield from _blocks(inner, (*outer, statement))
    yield body, outer


def _cluster(
    number: int, body: list[ast.stmt], outer: tuple[ast.stmt, ...], known: set[str], scope: str, keepers: Keepers
) -> Cluster | None:
    names: dict[str, str] = {}
    lines, reads, fresh = dict[str, int](), dict[str, set[str]](), dict[int, list[str]]()
    places = list[int]()
    for at, statement in enumerate(body):
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) or _has_own_loss(statement):
            continue
        kept = [] if hasattr(statement, "body") else [*kept_by(statement, keepers)]
        for name, owner in ((name, name.partition(".")[0]) for name in kept):
            if owner in known:
                places.append(at)
                names[name], lines[name] = owner, statement.lineno
                reads.setdefault(name, set()).update({f"{each}.{name.partition('.')[2]}" for each in _loads(statement)} - {*kept})
        for each in ast.walk(statement):
            for name in [] if isinstance(each, ast.For) else _targets(each):
                if (tensor := _tensor_of(name, known)) is None:
                    continue
                places.append(at)
                if each is statement and isinstance(each, ast.Assign) and name in names and name not in _loads(each):
                    fresh.setdefault(at, []).append(name)
                names[name], lines[name] = tensor, getattr(each, "lineno", 0)
                reads.setdefault(name, set()).update(_loads(each) - {name})
    before = body[: places[0]] if places else []
    alike = _in_loops(body) | _in_loops(before)
    names = {name: tensor for name, tensor in names.items() if name not in alike and tensor not in alike}
    loss = min((name for name in stored(before) if _is_loss(name)), key=lambda name: _LOSSES.index(translated(name)), default=None)
    if loss is None or not names:
        return None
    forward, roots = _leading_to(before, set(names.values()))
    return Cluster(number, body, places[0], places[-1], loss, forward, names, lines, reads, roots, scope, outer, fresh)


def _in_loops(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that are made anew in each round of a loop, and nowhere outside of loops."""
    inside, outside = set[str](), set[str]()

    def visit(statements: Sequence[ast.stmt], *, is_loop: bool) -> None:
        for statement in statements:
            if isinstance(statement, ast.Assign):
                whole = [part for target in statement.targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
                (inside if is_loop else outside).update(part.id for part in whole if isinstance(part, ast.Name))
            for name in ("body", "orelse"):
                if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                    visit(getattr(statement, name, []), is_loop=is_loop or isinstance(statement, (ast.For, ast.While)))

    visit(body, is_loop=False)
    return inside - outside


def _is_loss(name: str) -> bool:
    return translated(name) in _LOSSES


def _has_own_loss(statement: ast.stmt) -> bool:
    """Return whether a compound statement computes a loss of its own before gradients, so that it is a place by itself."""
    return hasattr(statement, "body") and any(map(_is_loss, stored([statement])))


def _tensor_of(name: str, known: set[str]) -> str | None:
    """Return the tensor whose gradient is meant by that name, which may have an ending as in dlogits_fast."""
    if (text := _without_affix(name)) is None or "_d" in text:      # as dz_dw, which is another derivative
        return None
    while text:
        for each in (text, f"self.{text}"):
            if each in known and text not in _TARGETS and not _is_loss(text):
                return each
        text = text.rpartition("_")[0]
    return None


def _without_affix(name: str) -> str | None:
    """Return a gradient's name without what says that it is one: h of dh, d_h, grad_h and h_grad."""
    if (found := _AFFIXES.fullmatch(name)) is None:
        return None
    return next(text for text in found.groups() if text)


def _leading_to(before: Sequence[ast.stmt], tensors: set[str]) -> tuple[list[ast.stmt], set[str]]:
    """Return the statements that depend on the tensors, with those that begin what they change, and the tensors that none of them makes."""
    touched, taken = set(tensors), set[int]()
    for at, statement in enumerate(before):
        if not _is_left_out(statement) and _loads(statement) & touched:
            taken.add(at)
            touched |= stored([statement])
    made = {name for at in taken for name in stored([before[at]])}
    for at in range(len(before) - 1, -1, -1):      # what is begun before, as a loss of 0 or an empty list
        begins = stored([before[at]]) & made
        if at not in taken and begins and not isinstance(before[at], (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            taken.add(at)
    return [before[at] for at in sorted(taken)], {each for each in tensors if each not in made}


def _is_left_out(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    assigned = [each for each in ast.walk(statement) if isinstance(each, (ast.Assign, ast.AugAssign))]
    targets = [target for each in assigned if isinstance(each, ast.Assign) for target in each.targets]
    attributes = [target.attr for target in targets if isinstance(target, ast.Attribute)]
    if assigned and len(attributes) == len(assigned) and {*attributes} <= {"requires_grad", "grad"}:
        return True
    calls = [each.func for each in ast.walk(statement) if isinstance(each, ast.Call)]
    called = {each.attr if isinstance(each, ast.Attribute) else each.id if isinstance(each, ast.Name) else "" for each in calls}
    return bool(called & {*_CALLED}) and not any(_targets(each) for each in ast.walk(statement))


def _targets(node: ast.AST) -> list[str]:
    """Return the names that a statement itself assigns to, whole or in part; self.W1 counts as such a name."""
    if isinstance(node, ast.Assign):
        parts: list[ast.expr] = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
        parts = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        parts = [node.func.value] if node.func.attr != "at" else list(node.args[:1])
    else:
        return []
    flat = [each for part in parts for each in (part.elts if isinstance(part, (ast.Tuple, ast.List)) else [part])]
    return [name for each in flat if (name := _name(each)) is not None]


def _name(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"self.{node.attr}" if node.value.id == "self" else node.value.id
    return node.id if isinstance(node, ast.Name) else None


def stored(body: Sequence[ast.AST]) -> set[str]:
    """Return the names that the statements assign to, without those in functions and classes."""
    found: set[str] = set()
    for statement in body:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found |= {name for each in ast.walk(statement) for name in _targets(each)}
    return found


def _attributes(tree: ast.Module) -> set[str]:
    return {name for each in ast.walk(tree) for name in _targets(each) if name.startswith("self.")}


def _loads(node: ast.AST) -> set[str]:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    names |= {each.target.id for each in ast.walk(node) if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)}
    own = (each for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name))
    return names | {f"self.{each.attr}" for each in own if isinstance(each.value, ast.Name) and each.value.id == "self"}

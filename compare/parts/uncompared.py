"""What of a file no part speaks of: forward passes that are their own reference, and functions and loops that no part reaches."""

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..userfile.computing import BESIDE, Function, functions_of, has_arithmetic
from .classes.methods import methods_in
from .pairs import derivatives_among, pairs_in
from .result import Part

_MOST = 3      # that are named
_OWN_FORWARD, _RAISES = "its own forward", "where it raises"      # words of a part
_KNOWN = ("nodes",)      # the shapes of which every method is compared, or what is not is said
_CHECKS = re.compile(r"numeric|check|test|demo", re.IGNORECASE)
_BACK = re.compile(r"backward|back_?prop|bprop|^d_|^grads?_|_grads?$", re.IGNORECASE)
_NO_BACK = re.compile(r"zero|clip|norm|clear|reset|update|apply|collect|descent|plot|print", re.IGNORECASE)
UNCOMPARED = "its name says that it goes back, and nothing that is compared uses it"
_FORWARDS = {"autograd_functions": (".forward", ".setup_context")}


@dataclass(frozen=True)
class Uncompared:
    """What is not compared: in words, by the names of functions and classes, and as parts what goes back by its name."""

    said: tuple[str, ...]
    names: tuple[str, ...]
    parts: tuple[Part, ...]


def uncompared(
    tree: ast.Module, shape: str, parts: Sequence[Part], *,
    is_whole: bool = False, known: Sequence[str] = (), ran: Collection[int] | None = None,
) -> Uncompared:
    """Return what is not compared.

    `is_whole` says that the file was run, and not its definitions alone; `known` are functions and classes that are compared elsewhere, and
    `ran` are the lines of the functions that ran, where that is known.
    """
    said = list[str]()
    agreed = [part for part in parts if part.mark == "agrees"]
    if own := [part.name for part in agreed if _OWN_FORWARD in part.beside]:
        who = f"{_listed(own)} {'is' if len(own) == 1 else 'are'}" if len(own) < len(agreed) else "they are"
        said.append(f"{who} held to the file's own forward pass, which is not compared")
    said += [f"{part.name} {part.caveat}" for part in agreed if part.caveat]
    if raising := [part.name for part in agreed if _RAISES in part.beside]:
        said.append(f"{_listed(raising)} {'raises' if len(raising) == 1 else 'raise'} an error on some of the drawn inputs")
    every = _unreached(tree, shape, parts, is_whole=is_whole) if ran is None else _unrun(tree, ran)
    left = {name: lines for name, lines in every if name.partition(".")[0] not in known}
    if left:
        named = [name if name.startswith("the loop") else f"{name} (line {lines[0]})" for name, lines in left.items()]
        said.append(f"{_listed(named)} {'is' if len(left) == 1 else 'are'} not compared")
    names = dict.fromkeys(name.partition(".")[0] for name in left if not name.startswith("the loop"))
    back = [Part(name, "not compared", lines=lines, reason=UNCOMPARED) for name, lines in left.items() if _goes_back(name)]
    return Uncompared(tuple(said), tuple(names), tuple(back))


def are_all(tree: ast.Module, names: Sequence[str]) -> bool:
    """Return whether the functions and classes of these names, and what they use, are all that computes in a file."""
    return not any(_unreached(tree, "", [Part(name, "agrees") for name in names], is_whole=False))


def _goes_back(name: str) -> bool:
    own = name.rpartition(".")[2].strip("_")
    return _BACK.search(own) is not None and _NO_BACK.search(own) is None


def _listed(names: Sequence[str]) -> str:
    *first, last = [*names[:_MOST], *([f"{len(names) - _MOST} more"] if len(names) > _MOST else [])]
    return f"{', '.join(first)} and {last}" if first else last


def _unreached(tree: ast.Module, shape: str, parts: Sequence[Part], *, is_whole: bool) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the functions, methods and loops at top level that compute, or use what does, and are no part, nor used by one; and lines."""
    if shape in _KNOWN:
        return
    definitions, reached = [*_definitions(tree)], _reached(tree, shape, parts, is_whole=is_whole)
    own = {key for key, _ in definitions}
    for name, function in functions_of(tree):
        outer, dot, method = name.rpartition(".")
        if (dot + method in reached and (not outer or outer in reached)) or method.startswith("__"):
            continue
        if BESIDE.search(name) or _CHECKS.search(name):
            continue
        if has_arithmetic(function.body) or _names(function) & (own - {dot + method}):
            yield name, _lines(function)
    for loop in (each for part in tree.body for each in (part.body if isinstance(part, ast.If) else [part])):
        if not is_whole and isinstance(loop, (ast.For, ast.While)) and _names(loop) & own:
            yield f"the loop in line {loop.lineno}", _lines(loop)


def _unrun(tree: ast.Module, ran: Collection[int]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the functions and methods that compute and did not run, with their lines."""
    for name, function in functions_of(tree):
        is_beside = BESIDE.search(name) or _CHECKS.search(name) or name.rpartition(".")[2].startswith("__")
        if function.lineno not in ran and not is_beside and has_arithmetic(function.body):
            yield name, _lines(function)


def _lines(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _reached(tree: ast.Module, shape: str, parts: Sequence[Part], *, is_whole: bool) -> set[str]:
    """Return the functions, classes, and methods with a dot before them, that are parts, and all that these use."""
    definitions = [*_definitions(tree)]
    reached = {each for part in parts for each in re.findall(r"\.?\w+", part.name)}
    reached |= {pair.forward for pair in pairs_in([key for key, _ in definitions], has_bare=True) if {*pair.backwards} & reached}
    reached |= {base for name, base in derivatives_among([key for key, _ in definitions]) if name in reached}
    reached |= {f".{each.forward}" for each in methods_in(tree)} if shape == "layer_classes" else {*_FORWARDS.get(shape, ())}
    if is_whole:      # then what its statements use, and functions in which a tensor of a part is made
        lines = {part.line for part in parts}
        reached |= {key for key, node in definitions if lines & {*range(node.lineno, (node.end_lineno or 0) + 1)}}
        reached = reached.union(*(_names(each) for each in tree.body if not isinstance(each, (Function, ast.ClassDef))))
    done: set[str] = set()
    while left := [(key, node) for key, node in definitions if key in reached - done]:
        done |= {key for key, _ in left}
        for _, node in left:
            uses = [node] if isinstance(node, Function) else [each for each in node.body if getattr(each, "name", "").startswith("__")]
            reached = reached.union(*map(_names, uses))
    return reached


def _definitions(tree: ast.Module) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Yield the functions, classes, and methods with a dot before them, as `_names` has them."""
    yield from ((each.name, each) for each in tree.body if isinstance(each, ast.ClassDef))
    yield from ((name[name.rfind(".") :] if "." in name else name, function) for name, function in functions_of(tree))


def _names(node: ast.AST) -> set[str]:
    """Return the names in the node, and the attributes with a dot before them."""
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found | {f".{each.attr}" for each in ast.walk(node) if isinstance(each, ast.Attribute)}

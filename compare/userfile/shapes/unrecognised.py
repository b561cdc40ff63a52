"""What is said of a file in which no network is found: what the file has, and what to do next."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from .spellings import BACK, FORWARD, STEP, UPDATE, is_bias, ranked

_MOST = 6      # names of a kind
_DOCS = "an adapter; docs/bring-your-own.md says what is recognised"
_MODULES = "docs/any-module.md compares it with a reference"
_WEIGHT = re.compile(r"(w|weights?|theta|coefs?|syn|kernel|parameters|params?)[\w]*|\w+_(w|weights?)|w[a-z]{1,2}", re.IGNORECASE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def said_of(name: str, tree: ast.Module, options: Mapping[str, str]) -> str:
    """Return the sentence about the file of that name, with a line of options that would fit what it has."""
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    functions = [each for each in tree.body if isinstance(each, _Function)]
    said = f" by {' '.join(f'--{option} {value}' for option, value in options.items())}" if options else ""
    if not options and _goes_back_by_autograd(tree):
        return f"{name} goes back by PyTorch's own .backward(), and has no way back by hand; expected one, or a module of yours: {_MODULES}"
    if not options and (alone := _backwards_of_a_cache(functions)):
        forwards = ", ".join(each.replace("backward", "forward") for each in alone)
        expected = f"expected {forwards} beside it, which returns the output and the cache"
        return f"{name} has {', '.join(alone)} and no forward function that makes its cache; {expected}: docs/other-files.md"
    expected = f"expected {' '.join(_options(tree, classes, functions, options))}, or {_DOCS}"
    return f"{name} is a file in which no network is recognised{said}; it has {_seen(classes, functions)}; {expected}"


def _goes_back_by_autograd(tree: ast.Module) -> bool:
    """Return whether a file that imports PyTorch calls `backward()` of a value, and defines nothing that goes back."""
    nodes = list(ast.walk(tree))
    imported = {alias.name for each in nodes if isinstance(each, ast.Import) for alias in each.names}
    imported |= {each.module or "" for each in nodes if isinstance(each, ast.ImportFrom)}
    calls = [each.func for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and not each.args]
    defined = [each.name for each in nodes if isinstance(each, _Function)]
    is_torch = any(each.partition(".")[0] == "torch" for each in imported)
    return is_torch and any(each.attr == "backward" for each in calls) and not ranked(defined, BACK)


def _backwards_of_a_cache(functions: Sequence[_Function]) -> list[str]:
    """Return the names of functions that go back from a cache, where no function goes forward."""
    if any("forward" in each.name for each in functions):
        return []
    takes = {each.name: [argument.arg for argument in each.args.args] for each in functions if "backward" in each.name}
    return [name for name, arguments in takes.items() if "cache" in arguments]


def _seen(classes: Mapping[str, ast.ClassDef], functions: Sequence[_Function]) -> str:
    """Say which classes, with their methods, and functions the file has."""
    found = [f"class {name} ({_some(_methods(each)) or 'without methods'})" for name, each in classes.items()]
    if functions:
        found.append("the functions " + _some([each.name for each in functions]))
    return " and ".join([_some(found[:-1]), found[-1]] if len(found) > 1 else found) or "no class and no function"


def _options(
    tree: ast.Module, classes: Mapping[str, ast.ClassDef], functions: Sequence[_Function], options: Mapping[str, str]
) -> Iterator[str]:
    """Yield the words of options that would say where the network is, as far as the names of the file tell."""
    chosen = options.get("class") if options.get("class") in classes else _likeliest(classes)
    within = tree if chosen is None else classes[chosen]
    names = [each.name for each in functions] if chosen is None else _methods(classes[chosen])
    forward = next(iter(ranked(names, FORWARD)), None)
    steps = [each for each in ranked(names, STEP) if each != forward]
    if chosen is None:      # a function that goes back, and one that updates
        backs, updates = ([each for each in ranked(names, spellings) if each != forward] for spellings in (BACK, UPDATE))
        steps = [*backs[:1], *(each for each in updates[:1] if each not in backs[:1])] or steps
    weights = [each for each in _assigned(within, is_class=chosen is not None) if _WEIGHT.fullmatch(each) and not is_bias(each)]
    yield from () if chosen is None else ("--class", chosen)
    yield from ("--weights", ",".join(weights[:_MOST]) or "NAME,NAME")
    yield from ("--step", ",".join(steps[: 1 if chosen else 2]) or "NAME")
    yield from ("--forward", forward or "NAME")


def _likeliest(classes: Mapping[str, ast.ClassDef]) -> str | None:
    """Return the class with most methods that are named as those of a network, None without a class that has one."""
    counts = {name: bool(ranked(_methods(each), FORWARD)) + bool(ranked(_methods(each), STEP)) for name, each in classes.items()}
    best = max(counts, key=counts.__getitem__, default=None)
    return best if best is not None and counts[best] else next((name for name, each in classes.items() if _methods(each)), None)


def _methods(node: ast.ClassDef) -> list[str]:
    return [each.name for each in node.body if isinstance(each, _Function) and not each.name.startswith("__")]


def _assigned(node: ast.AST, *, is_class: bool) -> list[str]:
    """Return the names that are assigned in it: of a class its attributes, else variables."""
    targets = [target for each in ast.walk(node) if isinstance(each, ast.Assign) for target in each.targets]
    targets = [part for each in targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
    if is_class:
        return list(dict.fromkeys(each.attr for each in targets if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "self"))
    return list(dict.fromkeys(each.id for each in targets if isinstance(each, ast.Name)))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more

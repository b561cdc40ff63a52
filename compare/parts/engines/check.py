"""An engine of scalars or arrays, as micrograd: each operator, drawn expressions and networks made of it, beside PyTorch's autograd."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from ...userfile.file import AttemptError
from ..file import PartsFile
from ..result import Part
from ..small_numbers import but_for_small_numbers, has_small_numbers
from .expressions import part_of_expressions
from .kind import Engine, EngineError, engine_of, engines_in
from .network import network_parts
from .numbers import BESIDE
from .operators import ARRAY, SCALAR
from .own import own_operators
from .uses import AMONG, part_of_operator


def check_engine(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each operator, for drawn expressions, and for a network made of the engine's objects.

    What agrees without the small numbers of its formulas, as in log(x + 1e-15), agrees.
    """
    parts = list(_parts(file, seed))
    if any(part.mark == "wrong" for part in parts) and has_small_numbers(file.tree):
        parts = but_for_small_numbers(parts, _parts(PartsFile(file.path, seed, has_small_numbers=False), seed))
    yield from parts


def _parts(file: PartsFile, seed: int) -> Iterator[Part]:
    wrong: str | None = None
    for name in engines_in(file.tree):
        try:
            engine = engine_of(file, name)
        except (AttemptError, EngineError) as error:
            yield Part(name, "could not run", BESIDE, lines=file.lines_of(name), reason=str(error))
            continue
        parts = list(_engine_parts(file, name, engine, seed))
        wrong = wrong or next((part.name for part in parts if part.mark == "wrong"), None)
        yield from parts
    for part in network_parts(file, seed):
        yield _behind(part, wrong)


def _engine_parts(file: PartsFile, name: str, engine: Engine, seed: int) -> Iterator[Part]:
    """Yield the operators that have a backward pass of their own, those made of others, and the expressions.

    Where every operator agrees alone, and none among others, the order in which the engine goes back is wrong, and not each of them.
    """
    there = [each for each in (ARRAY if engine.is_array else SCALAR) if hasattr(engine.kind, each.method)]
    composed = {each: _is_made_of_others(file.node_of(f"{name}.{each.method}")) for each in there}
    made = {each: part_of_operator(file, name, engine, each, seed) for each in sorted(there, key=lambda each: composed[each])}
    parts = {each: part for each, part in made.items() if part}
    own = [part for each, part in parts.items() if not composed[each]]
    if len(own) > 1 and all(part.mark == "wrong" and part.on.startswith(AMONG) for part in own):
        whole = part_of_expressions(file, name, engine, list(parts), seed)
        if whole.mark == "wrong":
            yield whole
            for part in parts.values():
                yield replace(part, mark="unclear", reason=f"alone it agrees, and {whole.name} is wrong")
            return
    wrong: str | None = None
    for each, part in parts.items():
        yield _behind(part, wrong) if composed[each] else part
        wrong = wrong or (part.name if part.mark == "wrong" else None)
    others = own_operators(file, name, engine, {each.method for each in parts})
    found = (part_of_operator(file, name, engine, each, seed) for each in others)
    yield from (_behind(part, wrong) for part in found if part)
    yield part_of_expressions(file, name, engine, [each for each, part in parts.items() if part.mark == "agrees"], seed)


def _behind(part: Part, wrong: str | None) -> Part:
    """Return a part that differs as one that follows from what is wrong before it."""
    if wrong is None or part.mark != "wrong":
        return part
    return replace(part, mark="unclear", reason=f"it is made of others, of which {wrong} is wrong")


def _is_made_of_others(node: ast.AST | None) -> bool:
    """Return whether a method has no backward pass of its own inside."""
    return node is not None and not any(isinstance(each, (ast.FunctionDef, ast.Lambda)) for each in ast.walk(node) if each is not node)

"""A file's code with calls that say when a round of a loop or a function begins and ends, and which two values meet."""

import ast
import math
import re
from collections.abc import Iterator
from typing import Any

from .lone_step import is_same, lone_step
from .watch import is_loss

WATCH = "__watch__"      # the name under which the code finds what watches it
_COMPILES = re.compile(r"^(numba|nb)\.|^(n?jit|vectorize|guvectorize|prange)\b")      # decorators of code that would not see what watches
_SINGLE = ("float32", "float16", "single", "half")      # whose rounding hides what differences tell
_NEARLY = 1e-3      # how far off a number that stands for e may be: else no derivative by e's rule would be right
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def instrumented(tree: ast.Module) -> ast.Module:
    """Return the code, changed in place: it calls the methods of what is to be found as WATCH, those of `watch.Hooks`."""
    step = lone_step(tree.body)
    _Watched().visit(tree)
    if step is not None:
        first, last = step
        body = tree.body[first:last]
        tree.body[first:last] = _region(ast.Pass(lineno=0, col_offset=0), body, set(), is_call=False)
    return ast.fix_missing_locations(tree)


class _Less(ast.Sub):
    """A subtraction by which a variable becomes less, and nothing is compared."""


def _assigned(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return what is assigned to what, one by one where both are tuples."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


class _Watched(ast.NodeTransformer):
    def __init__(self) -> None:
        self.locals: list[set[str]] = []      # of the functions around

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Make a region of each call."""
        own = _own_names(node)
        self.locals.append(own)
        self.generic_visit(node)
        self.locals.pop()
        node.decorator_list = [each for each in node.decorator_list if not _COMPILES.search(ast.unparse(each))]
        if not any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in _of_scope(node)):
            node.body = _region(node, node.body, own, is_call=True)
        return node

    def visit_For(self, node: Any) -> Any:
        """Make a region of each round."""
        self.generic_visit(node)
        node.body = _region(node, node.body, self.locals[-1] if self.locals else set(), is_call=False)
        return node

    visit_While = visit_For

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Let a subtraction or a division be seen, and what is squared."""
        if isinstance(node.op, _Less):
            node.op = ast.Sub()
            return node
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 2:
            node.left = _at(node, _call("squared", node.left))
        name = {ast.Sub: "minus", ast.Div: "over"}.get(type(node.op))
        if name is None or isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant):
            return node
        return _at(node, _call(name, ast.Constant(node.lineno), ast.Constant(node.col_offset), node.left, node.right))

    def visit_Call(self, node: ast.Call) -> Any:
        """Let NumPy's subtraction be seen, and of what squares and logarithms are taken."""
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if any(isinstance(each, ast.Starred) for each in node.args) or node.keywords:
            return node
        if name in ("square", "log") and len(node.args) == 1:
            node.args = [_at(node, _call("squared" if name == "square" else "logged", *node.args))]
        if name != "subtract" or len(node.args) != 2:
            return node
        return _at(node, _call("minus", ast.Constant(node.lineno), ast.Constant(node.col_offset), *(_array(each) for each in node.args)))

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        """Compute in float64."""
        self.generic_visit(node)
        if node.attr in _SINGLE and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            node.attr = "float64"
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        """Compute in float64 where a type is given by its name, and with e where a number is e to some digits."""
        if isinstance(node.value, float) and node.value != math.e and abs(node.value - math.e) < _NEARLY:
            return _at(node, ast.Constant(math.e))
        return _at(node, ast.Constant("float64")) if node.value in _SINGLE and isinstance(node.value, str) else node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Let be seen what is given the name of a loss; that a variable becomes less is no difference of an output and a target."""
        if len(node.targets) == 1:
            for target, value in _assigned(node.targets[0], node.value):
                if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub) and is_same(value.left, target):
                    value.right, value.op = self.visit(value.right), _Less()
        self.generic_visit(node)
        if len(node.targets) == 1 and (name := _loss_of(node.targets[0])):
            node.value = _at(node, _call("named", ast.Constant(name), node.value))
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Let be seen where 1 is subtracted from some entries: the way back through softmax of classes by their numbers; and losses."""
        self.generic_visit(node)
        if name := _loss_of(node.target):
            whole = ast.parse(ast.unparse(node.target), mode="eval").body
            return [node, _at(node, ast.Expr(_call("named", ast.Constant(name), whole)))]
        is_one = isinstance(node.value, ast.Constant) and node.value.value == 1
        if not (isinstance(node.op, ast.Sub) and isinstance(node.target, ast.Subscript) and is_one):
            return node
        if any(isinstance(each, (ast.Slice, ast.NamedExpr)) for each in ast.walk(node.target.slice)):
            return node
        whole, index = (ast.parse(ast.unparse(each), mode="eval").body for each in (node.target.value, node.target.slice))
        return [_at(node, ast.Expr(_call("entry", ast.Constant(node.lineno), whole, index))), node]


def _region(node: Any, body: list[ast.stmt], names: set[str], *, is_call: bool) -> list[ast.stmt]:
    """Return the body as a region, at whose beginning local names may be given other values."""
    where = [ast.Constant(node.lineno), ast.Constant(is_call), ast.Call(ast.Name("locals", ast.Load()), [], [])]
    takes = [
        ast.If(_call("has", ast.Constant(name)), [ast.Assign([ast.Name(name, ast.Store())], _call("take", ast.Constant(name)))], [])
        for name in sorted(names)
    ]
    start, declared = [], list(body)
    while declared and (isinstance(declared[0], (ast.Global, ast.Nonlocal)) or _is_docstring(declared[0])):
        start.append(declared.pop(0))
    inner: list[ast.stmt] = [_at(node, each) for each in (ast.Expr(_call("begins", *where)), *takes)]
    end = _at(node, ast.Expr(_call("ends", *where)))
    return [*start, _at(node, ast.Try([*inner, *declared], [], [], [end]))]


def _loss_of(target: ast.expr) -> str:
    """Return the name of a variable or attribute, if it is that of a loss."""
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name if is_loss(name) else ""


def _array(node: ast.expr) -> Any:
    return _at(node, _call("array", node))


def _own_names(node: ast.FunctionDef) -> set[str]:
    """Return the names of a function's own variables."""
    found = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    others: set[str] = set()
    for each in _of_scope(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, (ast.Global, ast.Nonlocal)):
            others |= set(each.names)
    return found - others


def _of_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of functions inside of it, and without comprehensions' variables."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*_SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            yield from _of_scope(child)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(WATCH, ast.Load()), name, ast.Load()), list(arguments), [])


def _at(node: Any, new: Any) -> Any:
    """Return the new node at the place of the other."""
    return ast.copy_location(new, node)

"""A step that a module makes outside of any loop: from which of its statements to which it goes."""

import ast


def lone_step(body: list[ast.stmt]) -> tuple[int, int] | None:
    """Return from where to where a module makes a step outside of any loop: from the last statement that gives it what it updates.

    It ends where what it has computed before its first update is computed anew, as for a second step.
    """
    updated = {number: name for number, each in enumerate(body) if (name := _updated(each))}
    if not updated:
        return None
    given = [number for number, each in enumerate(body) if number < min(updated) and _stored(each) & {*updated.values()}]
    if not given:
        return None
    first, begin = min(updated), max(given) + 1
    computed = set[str]().union(*(_stored(each) for each in body[begin:first])) - {*updated.values()}
    anew = next((number for number, each in enumerate(body) if number > first and _stored(each) & computed), len(body))
    return begin, max(number for number in updated if number < anew) + 1


def _updated(node: ast.stmt) -> str:
    """Return the name of the variable that a statement makes less or more."""
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    value = node.value if isinstance(node, ast.Assign) else None
    if target is None or (value is not None and not (isinstance(value, ast.BinOp) and is_same(value.left, target))):
        return ""
    return next(iter(_stored(node)), "")


def _stored(node: ast.stmt) -> set[str]:
    """Return the names of the variables that a statement gives a value, or an entry or attribute of theirs."""
    targets = [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else node.targets if isinstance(node, ast.Assign) else []
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def is_same(one: ast.expr, other: ast.expr) -> bool:
    """Return whether two expressions read the same."""
    return ast.unparse(one) == ast.unparse(other)

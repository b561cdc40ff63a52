"""A script that trains when it is run, run anew with other values for some of its names: for adapters of scripts."""

import ast
import re
import sys
from copy import deepcopy
from types import ModuleType

from definitions import needed_for, parsed

OTHER = "given_instead"
EPOCHS = re.compile(r"range\([\d, ]+\)|epoch|iterations|n_iter")


class Script:
    """The script at `path`: its statements, those under its main guard among them, and all the names in it."""

    def __init__(self, path):
        self.path, self.tree = str(path), parsed(path)
        self.body = [each for part in self.tree.body for each in (part.body if _is_main_guard(part) else [part])]
        self.names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    def run(self, wanted, given, epochs):
        """All that there is by name once the wanted names have their last values; only what they need is run.

        The `given` values take the place of those that their names are first given at top level, or are imported with. The loop over
        epochs ends after that many. Lines keep their numbers.
        """
        body = _with_epochs(_without_first(deepcopy(self.body), given), epochs)
        code = compile(ast.Module(needed_for(body, wanted), []), self.path, "exec").replace(co_name="script")
        space = {"__name__": "__main__", "__file__": self.path, **given}
        modules = {name: ModuleType(name) for name in ("data_prep", *_sources(self.tree, given))}
        for module in modules.values():
            vars(module).update(given)
        before = {name: sys.modules.get(name) for name in modules}
        sys.modules.update(modules)
        try:
            exec(code, space)
        finally:
            for name, module in before.items():
                sys.modules.pop(name)
                if module is not None:
                    sys.modules[name] = module
        return space


def _is_main_guard(statement):
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _sources(tree, given):
    """The modules that any of the given names is imported from."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    return {node.module for node in imports if any(alias.name in given for alias in node.names)}


def _without_first(body, given):
    """The statements, with another name in place of each given one where it is first assigned."""
    left = set(given)
    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            stored = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
            found = [node for node in stored if node.id in left]
            left -= {node.id for node in found}
            for node in found:
                node.id = OTHER
    return body


def _with_epochs(body, epochs):
    """The statements, with only so many passes through a loop over a fixed range, or over something named after epochs."""
    for statement in body:
        if isinstance(statement, ast.For) and EPOCHS.search(ast.unparse(statement.iter)):
            first = ast.parse(f"list()[:{epochs}]", mode="eval").body
            first.value.args = [statement.iter]
            statement.iter = ast.copy_location(first, statement.iter)
    return [ast.fix_missing_locations(statement) for statement in body]

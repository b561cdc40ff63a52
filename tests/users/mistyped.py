"""A user's file with a mistake on each marked line, which mypy finds."""

from backprop_compare.data import load_table

import backprop_compare
from backprop_compare import Problem, check, lesson_problem

print(backprop_compare.asert_equivalent)  # wrong: attr-defined
check("x", steps="many")  # wrong: arg-type
Problem.draw("3, 2")  # wrong: arg-type
lesson_problem(hidden=3)  # wrong: arg-type
load_table("x", "y", kind="labels")  # wrong: arg-type

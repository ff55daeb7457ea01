"""Calculations written in prose, done again without running anything.

An expression is parsed to a syntax tree of which numbers, names, + - * / // % **, and a few
functions are understood; anything else is no expression.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

LONGEST = 300
_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNDERSTOOD = (
    ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp, ast.Call, ast.Pow, ast.USub, ast.UAdd,
    ast.Load, *_OPERATORS,
)  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "abs": abs, "atan2": math.atan2, "arctan2": math.atan2,
    "degrees": math.degrees, "radians": math.radians, "min": min, "max": max,
    "atan": math.atan, "arctan": math.atan, "round": round, "hypot": math.hypot,
}  # fmt: skip
_SUBSCRIPT = re.compile(r"([A-Za-z_]\w*)\[(\d)\]")


def value(text: str, names: Mapping[str, float] | None = None) -> float | None:
    """The value of an expression; None for what is none. `names` are earlier results."""
    tree = parsed(text)
    return None if tree is None else _value(tree, names or {})


def parsed(text: str) -> ast.expr | None:
    """The syntax tree of an expression, None for what is none."""
    text = text.strip().replace("^", "**").replace("×", "*").replace("√", "sqrt")
    text = text.replace("²", "**2").replace("math.", "").replace("np.", "")
    if not text or len(text) > LONGEST:
        return None
    try:
        tree = ast.parse(_SUBSCRIPT.sub(r"\1_\2", text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if all(isinstance(n, _UNDERSTOOD) for n in ast.walk(tree)) else None


def is_calculation(tree: ast.expr) -> bool:
    """Whether a tree calculates anything, and is not just a number or a name."""
    return any(isinstance(n, (ast.BinOp, ast.Call)) for n in ast.walk(tree))


def names_in(tree: ast.expr) -> list[str]:
    """The names of earlier results in a tree."""
    found = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
    return [n for n in dict.fromkeys(found) if n not in _FUNCTIONS]


def spans(tree: ast.expr, names: Mapping[str, tuple[float, float]]) -> tuple[float, float] | None:
    """The least and greatest value of a tree whose names stand for rounded numbers: (value, half
    of their last digit). None where it cannot be calculated."""
    used = names_in(tree)
    if any(n not in names for n in used) or len(used) > 4:
        return None
    found = []
    for signs in product((-1, 0, 1), repeat=len(used)):
        at = {n: names[n][0] + s * names[n][1] for n, s in zip(used, signs)}
        one = _value(tree, at)
        if one is None:
            return None
        found.append(one)
    return min(found), max(found)


def _value(tree: ast.AST, names: Mapping[str, float]) -> float | None:
    try:
        result = _walk(tree, names, 0)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError, KeyError):
        return None
    return result if math.isfinite(result) else None


def _walk(tree: ast.AST, names: Mapping[str, float], depth: int) -> float:
    if depth > 40:
        raise ValueError
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
        return float(tree.value)
    if isinstance(tree, ast.Name):
        return names[tree.id]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        inner = _walk(tree.operand, names, depth + 1)
        return -inner if isinstance(tree.op, ast.USub) else inner
    if isinstance(tree, ast.BinOp):
        left, right = (_walk(t, names, depth + 1) for t in (tree.left, tree.right))
        if isinstance(tree.op, ast.Pow):
            if abs(right) > 4:
                raise ValueError
            return math.pow(left, right)
        return _OPERATORS[type(tree.op)](left, right)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
        args = [_walk(a, names, depth + 1) for a in tree.args]
        return float(_FUNCTIONS[tree.func.id](*args))
    raise ValueError


def half_digit(text: str) -> float:
    """Half of the last digit that a number is written with: 0.005 for "2.75"."""
    places = len(text.partition(".")[2]) if "." in text else 0
    return 0.5 * 10.0**-places

"""Statements of free prose, each calculated again from what the text itself quotes.

What is understood: quoted boxes and centres, `Z_A = 2.75`, `vector_AB = (dx, dz)`, any equation of
numbers, earlier results and functions (`atan2(..) = 0.545`), comparisons of numbers, and claims
of a length ("the height of A is 0.91 meters", "the distance between A and B is 2.3 m").
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence

import numpy as np

from n3d.evaluate.chains import arithmetic, quotes
from n3d.evaluate.chains.quotes import Quoted
from n3d.evaluate.chains.steps import Step
from n3d.evaluate.replies import verdicts
from n3d.language import numerals
from n3d.scene import Object3D

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_EQUALS = re.compile(r"(?<![<>=!:])=(?!=)|≈")
_PAIR = re.compile(rf"\s*[\[(]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*[\])]")
_RESULT = re.compile(rf"\s*({_NUMBER})(?!\s*[*/+^]|[(\[]|\s*-\s*[\d(]|\d|\.\d)")
_LEFT = re.compile(r"(?:[\w.\[\]]|[-+*/%^(),√²]|\s)+$")
_NAME = re.compile(r"([A-Za-z_]\w*)\s*$")
_ALONE = re.compile(r"(?:^|[,;:.><=?!)]\s*|[a-z]\s+)([A-Za-z_]\w*)\s*$")
_COMPARED = re.compile(
    rf"(?<![\w.])({_NUMBER})(?:\s*(?:m|meters)\b)?\s*([<>])\s*(?:[A-Za-z_]\w*\s*=\s*)?({_NUMBER})(?![\w.])"
)
_SIZES = {"width": 3, "height": 4, "depth": 5, "length": 5}
_SIZE_CLAIM = re.compile(
    r"\b(?P<what>width|height|length) of (?P<name>[^.,\[\]]{1,80}?) is (?:about |approximately )?"
    rf"(?P<value>{_NUMBER})\s*(?P<unit>m\b|meters?|metres?|cm\b|centimeters?)?",
    re.IGNORECASE,
)
_DISTANCE_CLAIM = re.compile(
    rf"\bdistance (?:between|from) (?P<a>[^.,\[\]]{{1,60}}?) (?:and|to) (?P<b>[^.,\[\]=]{{1,60}}?)"
    rf"\s*(?:is|=|:)(?: about| approximately)?\s*(?P<value>{_NUMBER})",
    re.IGNORECASE,
)


def steps(text: str, objects: Sequence[Object3D], placed: bool) -> tuple[Quoted, list[Step]]:
    """All statements of a text that can be calculated again, those of one form together.

    `objects` are the model's own boxes; `placed` tells whether their x and y are known.
    """
    text = numerals.plain(" ".join(text.split()))
    quoted, found = quotes.read(text, objects, placed)
    known = truth(quoted)
    written: dict[str, tuple[float, float]] = {}
    for match in _EQUALS.finditer(text):
        step = _equation(text, match, known, written)
        if step is not None:
            found.append(step)
    found += [_comparison(m) for m in _COMPARED.finditer(text)]
    found += [s for m in _SIZE_CLAIM.finditer(text) if (s := _size(m, quoted, objects))]
    found += [s for m in _DISTANCE_CLAIM.finditer(text) if (s := _distance(m, quoted))]
    return quoted, found


def truth(quoted: Quoted) -> dict[str, float]:
    """What the quoted boxes give for the names that such texts use."""
    out: dict[str, float] = {}
    for i, letter in enumerate("ABCDEFGH"):
        center = quoted.center(i)
        if center is not None:
            out |= {f"{axis}_{letter}": v for axis, v in zip("XYZ", center)}
    two = quotes.centers(quoted)
    if two is not None:
        left, forward = two[1, 0] - two[0, 0], two[1, 2] - two[0, 2]
        rad = math.atan2(left, forward)
        turn = (math.degrees(rad) + 360) % 360
        hour = 12 - turn // 30
        out |= {
            "vector_AB_0": left, "vector_AB_1": forward, "angle_rad": rad,
            "angle_deg": math.degrees(rad), "normalized_angle": turn,
            "clock_position": hour if hour > 0 else hour + 12,
        }  # fmt: skip
    return out


def _equation(text: str, equals: re.Match[str], truth, written) -> Step | None:
    """One equals sign: a name or an expression on its left, a number or a pair on its right."""
    pair = _PAIR.match(text, equals.end())
    left = _LEFT.search(text[max(0, equals.start() - 200) : equals.start()])
    name = _chain_name(text, equals.start())
    if pair is not None:
        return _vector(f"{name} ={pair.group()}", pair, name, truth, written)
    result = _RESULT.match(text, equals.end())
    if result is None:
        return None
    printed, half = float(result[1]), arithmetic.half_digit(result[1])
    tree, said = _expression(left.group() if left else "")
    shown = f"{said.strip()} = {result[1]}"
    found = None
    if tree is not None and arithmetic.is_calculation(tree):
        span = arithmetic.spans(tree, written)
        if span is not None:
            follows = span[0] - half * 1.02 <= printed <= span[1] + half * 1.02
            computed = round((span[0] + span[1]) / 2, 6)
            true = _agrees(printed, truth.get(name or ""), half)
            note = "" if follows else _note(printed, computed)
            if follows and true is False:
                note = f"carries on; the boxes give {truth[name or '']:.6g}"
            found = Step("calculation", shown, printed, computed, follows, true, note)
    elif name in truth and name == _name_before(text, equals.start()):
        wanted = truth[name]
        follows = abs(printed - wanted) <= half * 1.02 + 1e-9
        found = Step("value", f"{name} = {result[1]}", printed, round(wanted, 6), follows, follows)
    if name is not None:
        written[name] = (printed, half)
    return found


def _vector(shown: str, pair: re.Match[str], name, truth, written) -> Step | None:
    if name is None or f"{name}_0" not in truth:
        return None
    printed = [float(pair[1]), float(pair[2])]
    halves = [arithmetic.half_digit(pair[i]) for i in (1, 2)]
    wanted = [float(truth[f"{name}_{i}"]) for i in (0, 1)]
    for i in (0, 1):
        written[f"{name}_{i}"] = (printed[i], 0.0)
    sound = all(abs(p - w) <= h * 1.02 + 1e-9 for p, w, h in zip(printed, wanted, halves))
    turned = all(abs(p + w) <= h * 1.02 + 1e-9 for p, w, h in zip(printed, wanted, halves))
    note = "" if sound else ("the sign is wrong" if turned else "is not the difference")
    return Step("vector", shown.strip(), printed, [round(w, 6) for w in wanted], sound, sound, note)


def _name_before(text: str, at: int) -> str | None:
    match = _NAME.search(text[max(0, at - 60) : at])
    return match[1] if match else None


def _chain_name(text: str, at: int) -> str | None:
    """The name at the left end of a chain of equals signs ("angle_rad = atan2(..) = 0.5")."""
    alone = _ALONE.search(text[max(0, at - 60) : at])
    if alone:
        return alone[1]
    part = text[max(0, at - 300) : at]
    sentence = re.split(r":\s|\.\s|;\s", part)[-1]
    match = re.match(r"\s*([A-Za-z_]\w*)\s*$", _EQUALS.split(sentence)[0].split(",")[-1])
    last = _EQUALS.split(sentence)[0].strip().split(" ")[-1]
    return match[1] if match else (last if re.fullmatch(r"[A-Za-z_]\w*", last) else None)


def _expression(left: str) -> tuple[ast.expr | None, str]:
    """The longest end of a text that is an expression, and its text."""
    words = re.split(r"(?<=\s)", left)
    for i in range(len(words)):
        said = "".join(words[i:])
        tree = arithmetic.parsed(said)
        if tree is not None:
            return tree, said
    return None, ""


def _agrees(printed: float, wanted: float | None, half: float) -> bool | None:
    """Whether a result is the true one, to its digits and two of the quoted numbers'."""
    return None if wanted is None else abs(printed - wanted) <= half * 1.02 + 1e-9


def _note(printed: float, computed: float) -> str:
    if abs(printed + computed) < 1e-6 * max(1.0, abs(printed)):
        return "the sign is wrong"
    return f"it is {computed:.6g}"


def _comparison(match: re.Match[str]) -> Step:
    a, b = float(match[1]), float(match[3])
    holds = a < b if match[2] == "<" else a > b
    return Step("comparison", match.group(), match[2], "<" if a < b else ">" if a > b else "=",
                holds, None, "" if holds else "the comparison does not hold")  # fmt: skip


def _size(match: re.Match[str], quoted: Quoted, objects) -> Step | None:
    numbers = _of(match["name"], quoted)
    axis = _SIZES[match["what"].lower()]
    if numbers is None or len(numbers) < 6:
        return None
    scale = 0.01 if (match["unit"] or "").lower().startswith("c") else 1.0
    printed, half = float(match["value"]), arithmetic.half_digit(match["value"])
    wanted = numbers[axis] / scale
    sound = abs(printed - wanted) <= half * 1.02 + 1e-9
    note = "" if sound else f"the box says {wanted:g}"
    return Step("claim", match.group(), printed, wanted, sound, sound, note)


def _distance(match: re.Match[str], quoted: Quoted) -> Step | None:
    a, b = _of(match["a"], quoted), _of(match["b"], quoted)
    if a is None or b is None:
        return None
    printed, half = float(match["value"]), arithmetic.half_digit(match["value"])
    wanted = float(np.linalg.norm(np.subtract(a[:3], b[:3])))
    sound = abs(printed - wanted) <= half * 1.02 + 1e-9
    return Step("claim", match.group(), printed, round(wanted, 6), sound, sound,
                "" if sound else f"the centres are {wanted:.6g} apart")  # fmt: skip


def _of(name: str, quoted: Quoted) -> list[float] | None:
    for known, numbers in quoted.numbers.items():
        if verdicts.pattern(known).fullmatch(verdicts.bare(name)):
            return numbers
    return None

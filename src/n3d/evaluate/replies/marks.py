"""Whether a reply says what the reference says: 1, 0, or None where it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from n3d.errors import InputError
from n3d.evaluate import values
from n3d.evaluate.replies import hours, kinds, lengths, letters, namings, verdicts
from n3d.evaluate.replies.kinds import Item, Kind
from n3d.evaluate.replies.said import Said, nothing, refusal
from n3d.language import conclusions
from n3d.language.conclusions import Conclusion

SHORT = 4
"""A reply of so many words is taken for a name."""
EPS = 1e-4
"""SpatialRGPT-Bench's scorer divides by the true length plus this."""


@dataclass(frozen=True)
class Mark:
    """`mark` is 1 or 0 (a share for the mean relative accuracy), None for a reply that cannot be
    read; `read_as` what was read, or why nothing was; `how` how. `numbers` are the errors of
    lengths and hours."""

    id: str
    category: str
    kind: Kind
    mark: float | None
    read_as: str
    how: str
    reference: str
    refused: bool = False
    image: str | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What differs between protocols: the kind of all items but letters (None: by item), whether
    an hour within one of the true one is right, and whether a number gets its mean relative
    accuracy in place of 1 for being within 25 %."""

    kind: Kind | None = None
    hour_within_1: bool = False
    mean_relative_accuracy: bool = False


def mark(item: Item, rules: Rules = Rules()) -> Mark:
    """Read reference and reply, and compare them. InputError for a reference that has no answer
    of its kind: the item cannot be marked."""
    kind = kinds.kind_of(item)
    kind = kind if rules.kind is None or kind == "letter" else rules.kind
    truth = conclusions.find(item.reference)
    true = _read(kind, truth.text, item)
    if not true.read:
        raise InputError(
            f"the reference {item.reference[:60]!r} is no {kind}: {true.how}",
            code="reference-unreadable", field="reference",
        )  # fmt: skip
    said, refused = _reply(kind, item)
    numbers = _numbers(kind, said.value, true.value) if said.read else {}
    return Mark(
        item.id,
        item.category,
        kind,
        _mark(kind, said, true, numbers, rules),
        _show(kind, said.value, item) if said.read else ("refusal" if refused else "nothing"),
        said.how,
        _show(kind, true.value, item),
        refused and not said.read,
        item.image,
        numbers,
    )


def _reply(kind: Kind, item: Item) -> tuple[Said, bool]:
    """What a reply says: its conclusion, else all of it, without what it cannot say."""
    if not item.response or not item.response.strip():
        return nothing("the reply is empty"), False
    found = conclusions.find(item.response)
    if found.cut:
        return nothing("the reply ends inside a thought"), False
    refused, said = False, nothing("the reply is empty")
    for text in _texts(found):
        says_no, left = refusal(text)
        refused = refused or says_no
        text = left if says_no else text
        if text:
            said = _read(kind, text, item)
            if said.read:
                return said, refused
    return (nothing("it says that it cannot tell") if refused else said), refused


def _texts(found: Conclusion) -> list[str]:
    return [found.text] if found.text == found.whole else [found.text, found.whole]


def _read(kind: Kind, text: str, item: Item) -> Said:
    if kind == "verdict":
        return verdicts.read(text, kinds.asked(item))
    if kind == "hour":
        return hours.read(text)
    if kind == "letter":
        return letters.read(text, item.choices)
    if kind == "measure":
        unit = lengths.asked_unit(item.question) or _unit_of_reference(item)
        return lengths.read(text, unit=unit, quantity=kinds.quantity_of(item))
    if kind == "number":
        return _number(text, item)
    return _named(kind, text, item)


def _unit_of_reference(item: Item) -> str | None:
    said = lengths.read(conclusions.find(item.reference).text)
    return said.value.unit if said.read and not said.value.assumed else None


def _number(text: str, item: Item) -> Said:
    """A number with or without a unit, as it stands."""
    said = lengths.read(text, unit=_unit_of_reference(item) or "1")
    if not said.read or said.value.assumed:
        return said
    unit = _unit_of_reference(item)
    return said if unit or said.value.of != "m" else Said(said.value, said.how)


def _named(kind: Kind, text: str, item: Item) -> Said:
    if kind == "order":
        mark = next((c for c in item.reference if c in "<>"), None)
        names = sorted(namings.parts(item.reference))
        return namings.order(text, names, item.question, mark)
    names = kinds.candidates(item)
    if len(names) > 1 and namings.choice(item.reference, names).read:
        return namings.choice(text, names, kinds.asked(item).relation)
    # Nothing to choose from is known: the reference's own words must be there.
    said = namings.choice(text, [_core(conclusions.find(item.reference).text)])
    if said.read or not (re.search(r"\d_\w", text) or len(text.split()) <= SHORT):
        return said
    return Said(namings.ALIKE, "another name")


def _core(reference: str) -> str:
    """The name in a reference like "3_goose is the furthest" or "The lamp is taller."."""
    numbered = re.search(r"\b\d+_[\w/]+", reference)
    if numbered:
        return numbered.group()
    subject = re.match(r"(.{1,80}?) (?:is|are|has|appears|looks|stands|seems)\b", reference)
    return verdicts.bare(subject[1] if subject else reference)


def _numbers(kind: Kind, said: Any, true: Any) -> dict[str, Any]:
    if kind == "hour":
        off = hours.off(said, true)
        return {"hours_off": round(off, 6), "exact": off < 1e-6, "within_1": off <= 1 + 1e-6}
    if kind not in ("measure", "number"):
        return {}
    p, t = said.value, true.value
    if said.of != true.of:
        return {}
    return {
        "value": p,
        "true": t,
        "unit": true.of,
        "mra": values.mean_relative_accuracy(p, t),
        "mra_strict": values.mean_relative_accuracy(p, t, strict=True),
        "within_25": values.within(p, t, values.WITHIN),
        "within_10": values.within(p, t, values.WITHIN_STRICT),
        "relative_error": abs(p - t) / abs(t) if t else None,
        "relative_error_eps": abs(p - t) / (t + EPS) if t > -EPS else None,
        "delta_1": max(p / t, t / p) < 1.25 if p > 0 and t > 0 else None,
    }


def _mark(kind: Kind, said: Said, true: Said, numbers: Mapping[str, Any], rules: Rules):
    if not said.read:
        return None
    if kind == "hour":
        return int(numbers["within_1" if rules.hour_within_1 else "exact"])
    if kind in ("measure", "number"):
        if rules.mean_relative_accuracy:
            return numbers.get("mra", 0.0)
        return int(numbers.get("within_25", False))
    return int(said.value == true.value)


def _show(kind: Kind, value: Any, item: Item) -> str:
    if kind == "verdict":
        return "yes" if value else "no"
    if kind == "hour":
        return hours.show(value)
    if kind == "choice":
        names = kinds.candidates(item)
        if value == namings.ALIKE:
            return "another name" if len(names) < 2 else "all alike"
        return names[value] if value < len(names) else item.reference
    if kind == "order":
        names = sorted(namings.parts(item.reference))
        return " < ".join(names[i] for i in value)
    return str(value)

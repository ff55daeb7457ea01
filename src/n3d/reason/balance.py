"""How evenly questions are spread over kinds, answers, classes, distances, numbers of objects."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from n3d.reason.finding import GROUP, LOCATE_KINDS
from n3d.reason.kinds import KINDS
from n3d.reason.labels import normal
from n3d.scene import QA, Quantity, Ref, Scene

DISTANCES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Bounds of the classes of distance, metres of depth."""
MOST_LABELS = 50


def noted(qa: QA, scene: Scene) -> QA:
    """The question with notes to count by: labels and depths of its objects, the point of view."""
    things = [scene.objects[i] for i in qa.objects]
    notes: dict[str, Any] = {
        "labels": [o.label for o in things],
        "depths": [round(float(o.box.center[2]), 2) for o in things],
    }
    options = {} if qa.query is None else qa.query.options
    if options.get("view") == "opposite":
        notes["view"] = "opposite"
    elif options.get("viewer"):
        notes["view"] = "object"
    return replace(qa, attributes={**qa.attributes, **notes})


def group_of(kind: str) -> str:
    """The group of a kind of question."""
    if kind in LOCATE_KINDS:
        return GROUP
    return KINDS[kind].group if kind in KINDS else "other"


def outcome(qa: QA) -> str | None:
    """What an answer comes down to: yes or no, a word, the place of the chosen object among those
    named, or the octave of a number; None where the kind leaves nothing to compare."""
    value = qa.answer.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Ref) and qa.query is not None and len(qa.query.names) > 1:
        place = qa.objects.index(value.index) if value.index in qa.objects else -1
        return f"choice {place + 1} of {len(qa.objects)}"
    if isinstance(value, Quantity):
        if value.unit in ("h", "1") and float(value.value).is_integer():
            return f"{value.value:.0f}{' h' if value.unit == 'h' else ''}"
        return "number"
    return None


@dataclass
class Tally:
    """Counts of questions; `add` each, then `to_json` gives the report."""

    kinds: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    distances: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    wordings: Counter[str] = field(default_factory=Counter)

    def add(self, qa: QA) -> None:
        """Count one question."""
        self.kinds[qa.kind] += 1
        self.groups[group_of(qa.kind)] += 1
        told = outcome(qa)
        if told is not None:
            self.answers.setdefault(qa.kind, Counter())[told] += 1
        self.labels.update({normal(label) for label in qa.attributes.get("labels", ())})
        self.distances.update(band(z) for z in qa.attributes.get("depths", ()))
        count = len(qa.objects)
        self.objects[str(count) if count < 4 else "4 and more"] += 1
        self.views[qa.attributes.get("view", "camera")] += 1
        kept = qa.attributes.get("kept")
        told = "rephrased" if "template" in qa.attributes else "template"
        self.wordings[told if kept is None else f"template: {kept}"] += 1
        if qa.answer.unit is not None:
            self.units[qa.answer.unit] += 1

    @property
    def lopsided(self) -> dict[str, float]:
        """The share of the most common outcome, of kinds that are yes or no and were asked at
        least 20 times: 0.5 is even."""
        found = {}
        for kind, counts in self.answers.items():
            total = counts.total()
            if set(counts) <= {"yes", "no"} and total >= 20:
                found[kind] = round(max(counts.values()) / total, 3)
        return dict(sorted(found.items(), key=lambda kv: -kv[1]))

    def to_json(self) -> dict[str, Any]:
        """The report: counts, most frequent first."""
        return {
            "by_kind": _ordered(self.kinds),
            "by_group": _ordered(self.groups),
            "by_objects": dict(sorted(self.objects.items())),
            "by_view": _ordered(self.views),
            "by_distance": {k: self.distances[k] for k in _bands() if self.distances[k]},
            "by_unit": _ordered(self.units),
            "by_wording": _ordered(self.wordings),
            "by_label": _ordered(self.labels, MOST_LABELS),
            "classes": len(self.labels),
            "answers": {k: _ordered(c) for k, c in sorted(self.answers.items())},
            "most_common_yes_or_no": self.lopsided,
        }


def _bands() -> list[str]:
    return [band(z * 0.9) for z in DISTANCES] + [band(DISTANCES[-1])]


def band(z: float) -> str:
    """The class of distance of a depth in metres."""
    low = 0.0
    for high in DISTANCES:
        if z < high:
            return f"{low:g} to {high:g} m"
        low = high
    return f"{low:g} m and more"


def _ordered(counts: Counter[str], most: int | None = None) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:most])

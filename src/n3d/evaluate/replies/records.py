"""Files of questions, references and replies: one JSON object a line.

Keys: `id`, `question` (may be null), `reference`, `response` (null: no reply), `category`; also
`image` and `choices`. The keys that benchmarks and their scorers use for the same are understood
(`gt`, `answer`, `pred`, `qa_info.category`, ...). A line that cannot be used is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.evaluate.replies import letters
from n3d.evaluate.replies.kinds import Item
from n3d.scene import Drop, strict_json
from n3d.sources import files

LONGEST = 20_000
KEYS = {
    "id": ("id", "question_id", "idx", "index", "qid"),
    "question": ("question", "text_q", "prompt"),
    "reference": ("reference", "gt", "ground_truth", "answer", "reference_answer", "label"),
    "response": ("response", "pred", "prediction", "output", "reply"),
    "category": ("category", "task", "question_type", "type", "kind"),
    "image": ("image", "image_id", "filename", "scene", "scene_name"),
    "choices": ("choices", "options"),
}
"""For each member of an item the keys that it may have, the first one there counting."""


def read(path: Any, truth: Any = None) -> Iterator[tuple[Any, Item] | Drop]:
    """(id as written, item) of each line, in order. A line that is no JSON, has no reference, or
    repeats an id is a Drop with its line. Raises InputError for a file that cannot be read.

    With `truth`, a file of questions, the lines need an id and a response alone; a question
    without a line has no reply, so that all are counted.
    """
    if truth is not None:
        yield from _joined(path, truth)
        return
    seen: set[str] = set()
    with files.open_regular(path, max_bytes=None) as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            name = f"line {number}"
            try:
                raw = strict_json.loads(line)
                identity, item = parse(raw, f"{number}")
                if item.id in seen:
                    raise InputError(f"the id {item.id[:60]!r} is there twice", code="id-duplicate")
            except N3DError as e:
                yield Drop(name, e.code, str(e.at(file=path)))
                continue
            seen.add(item.id)
            yield identity, item


def _joined(path: Any, truth: Any) -> Iterator[tuple[Any, Item] | Drop]:
    replies: dict[str, str | None] = {}
    for number, raw in _objects(path):
        if isinstance(raw, Drop):
            yield raw
            continue
        identity = _first(raw, KEYS["id"])
        try:
            replies[str(identity)] = _text(_first(raw, KEYS["response"]), "response")
        except InputError as e:
            yield Drop(f"line {number}", e.code, str(e.at(file=path)))
    known: set[str] = set()
    for record in read(truth):
        if isinstance(record, Drop):
            yield record
            continue
        identity, item = record
        known.add(item.id)
        yield identity, replace(item, response=replies.get(item.id))
    for name in sorted(set(replies) - known):
        yield Drop(f"id {name[:60]}", "id-unknown", f"{path}: no question has the id {name[:60]!r}")


def _objects(path: Any) -> Iterator[tuple[int, Any]]:
    with files.open_regular(path, max_bytes=None) as f:
        for number, line in enumerate(f, 1):
            if line.strip():
                try:
                    raw = strict_json.loads(line)
                    if not isinstance(raw, Mapping):
                        raise InputError("must be an object", code="record-type")
                    yield number, raw
                except N3DError as e:
                    yield number, Drop(f"line {number}", e.code, str(e.at(file=path)))


def parse(raw: Any, default_id: str = "1") -> tuple[Any, Item]:
    """One record: (its id as written, the item). InputError for one without a reference."""
    if not isinstance(raw, Mapping):
        raise InputError("must be an object", code="record-type")
    raw = {**(raw["qa_info"] if isinstance(raw.get("qa_info"), Mapping) else {}), **raw}
    found = {name: _first(raw, keys) for name, keys in KEYS.items()}
    reference = _text(found["reference"], "reference")
    if reference is None or not reference.strip():
        raise InputError("is missing", code="reference-missing", field="reference")
    identity = default_id if found["id"] is None else found["id"]
    question = _text(found["question"], "question")
    image = found["image"]
    return identity, Item(
        str(identity),
        reference,
        _text(found["response"], "response"),
        _text(found["category"], "category") or "",
        question,
        None if not isinstance(image, (str, int)) else str(image),
        _choices(found["choices"], question),
    )


def _first(raw: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((raw[k] for k in keys if raw.get(k) is not None), None)


def _text(value: Any, field: str) -> str | None:
    """A text, or a number as text; None where there is none."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        raise InputError(f"must be a text, got {type(value).__name__}", code="record-type",
                         field=field)  # fmt: skip
    if len(value) > LONGEST:
        raise InputError(f"has {len(value)} characters", code="text-long", field=field,
                         limit=f"{LONGEST}")  # fmt: skip
    return value


def _choices(value: Any, question: str | None) -> dict[str, str]:
    """Options by their letters: a list, an object, or those that the question lists."""
    if isinstance(value, Mapping):
        return {str(k).strip("() .").upper(): str(v) for k, v in value.items()}
    if isinstance(value, list):
        return {letters.LETTERS[i]: str(v) for i, v in enumerate(value[: len(letters.LETTERS)])}
    return letters.options(question)

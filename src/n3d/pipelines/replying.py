"""Replies in words to the questions of a benchmark: of a model behind a server, or of files.

They have no boxes and no trace, so that they are marked by the rules for replies; those of n3d's
own models are marked so beside their own measures.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError
from n3d.evaluate.items import Item, Predictor, Sitting
from n3d.evaluate.replies import kinds, protocols
from n3d.evaluate.replies import records as replies
from n3d.evaluate.replies.protocols import Protocol
from n3d.experts.chatting import Chat
from n3d.pipelines import own_sets
from n3d.pipelines.parts import Parts
from n3d.pipelines.rephrasing import MOST_FAILURES, TRANSIENT
from n3d.pipelines.vlm_grounding import VLMGrounder
from n3d.scene import Drop, Prediction, strict_json

SYSTEM = (
    "You answer questions about the objects in a picture. Answer in one short sentence. Give "
    "lengths with their unit, and directions as hours of a clock."
)


def of_chat(chat: Chat) -> Predictor:
    """A model behind a server: its replies to questions, its boxes (`VLMGrounder`) to the rest.

    A request that fails gives a fault, which is counted. ConfigError where the server is lost.
    """
    failures: list[str] = []

    def reply(item: Item, sitting: Sitting) -> Prediction:
        try:
            if item.request == "ask":
                told = chat.reply(SYSTEM, item.question, [sitting.view.image])
                found = Prediction(item.text, text=told)
            else:
                boxes = Parts(VLMGrounder(chat, vocabulary=_labels(sitting)))
                view = sitting.view
                objects = (
                    boxes.detect(view)
                    if item.request == "detect"
                    else boxes.ground(view, item.phrases)
                )
                found = Prediction(item.text, objects=tuple(objects))
        except InputError as e:
            failures.append(e.code)
            if e.code not in TRANSIENT or len(failures) >= MOST_FAILURES:
                raise ConfigError(e.message, code="endpoint-lost", field="endpoint",
                                  hint=e.hint) from None  # fmt: skip
            return Prediction(item.text, fault=f"{e.code}: {e.message}")
        failures.clear()
        return found

    return lambda sitting: [reply(item, sitting) for item in sitting.items]


def _labels(sitting: Sitting) -> list[str]:
    """The classes in a view: to detect all, a model is told what there may be (target-aware)."""
    return list(dict.fromkeys(o.label for o in sitting.objects))


def is_answers(path: Path) -> bool:
    """Whether a name is that of answers: a file of JSON lines, or a folder of texts or of
    predictions."""
    if path.is_file():
        return path.suffix == ".jsonl"
    return path.is_dir() and bool(_files(path)) and not (path / "config.json").exists()


def of_files(path: Path) -> tuple[Predictor, str]:
    """Answers that are there, by the ids of the questions, and the hash of them all.

    A file of JSON lines (id, response) or of `n3d answer`, or a folder of such a file or of a text
    each, ID.txt. A question without one has no reply. InputError for a file that is none.
    """
    told, digest = _told(path)

    def predict(sitting: Sitting) -> list[Prediction]:
        return [
            Prediction(i.text, text=told[i.id])
            if told.get(i.id)
            else Prediction(i.text, fault="missing: the file has no reply to this question")
            for i in sitting.items
        ]

    return predict, digest


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    lines = sorted(path.glob("*.jsonl"))
    return lines[:1] if lines else sorted(path.glob("*.txt"))


def _told(path: Path) -> tuple[dict[str, str], str]:
    digest, told = hashlib.sha256(), {}
    for file in _files(path):
        data = file.read_bytes()
        digest.update(file.name.encode() + b"\0" + data)
        if file.suffix == ".txt":
            told[file.stem] = data.decode("utf-8", "replace")
            continue
        for number, line in enumerate(data.splitlines(), 1):
            if line.strip():
                id, text = _line(line, file, number)
                told[id] = text
    return told, digest.hexdigest()


def _line(line: bytes, file: Path, number: int) -> tuple[str, str]:
    try:
        raw = strict_json.loads(line)
    except InputError as e:
        raise e.at(file=file) from None
    if not isinstance(raw, dict):
        raise InputError(f"line {number} is no object", code="record-type", file=file)
    keys = replies.KEYS
    id = next((raw[k] for k in keys["id"] if raw.get(k) is not None), None)
    text = next((raw[k] for k in (*keys["response"], "answer") if raw.get(k) is not None), "")
    if isinstance(text, dict):  # a prediction of `n3d answer`
        answer = text.get("answer") or {}
        text = answer.get("text", "") if isinstance(answer, dict) else answer
    if id is None:
        raise InputError(f"line {number} has no id", code="record-key", file=file, field="id")
    return str(id), text if isinstance(text, str) else str(text)


# -- marks -----------------------------------------------------------------------------------

RULES = Protocol("n3d-bench", protocols.PROTOCOLS["n3d-bench"].rules)


def reply_of(prediction: Prediction) -> str | None:
    """The answer in words; None where there is none."""
    if prediction.answer is not None:
        return prediction.answer.text
    return prediction.text or None if prediction.fault is None else None


def record(item: Item, view: str, prediction: Prediction) -> kinds.Item | None:
    """A question and its reply as the protocols mark them, in the group of the benchmark; None
    for a request that has no answer in words."""
    if item.qa is None:
        return None
    group = own_sets.HOME.get(item.kind, item.kind)
    return kinds.Item(
        item.id, item.qa.answer.text, reply_of(prediction), group, item.question, view
    )


def mark(
    found: Iterable[tuple[Any, kinds.Item] | Drop], seed: int = 0
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The totals of the protocol "n3d-bench", and how each reply was read."""
    totals, marks, drops = protocols.run(RULES, found, seed=seed)
    reasons = dict(sorted(Counter(d.reason for d in drops).items()))
    told = {**totals, "dropped": {"count": len(drops), "by_reason": reasons}}
    return told, [protocols.to_json(identity, m) for identity, m in marks]

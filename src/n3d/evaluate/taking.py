"""Asking a model everything of a benchmark, and the file of its predictions.

The file is JSON lines. The first is {"header": {...}}: what the predictions are of. Each other
is {"id", "prediction", "seconds"}, the prediction as `n3d.scene.records` writes it. Lines are
only ever added, those of one view together, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.evaluate.items import Answerer, Item, Predictor, Sitting
from n3d.scene import Prediction, files, records
from n3d.scene.journals import Journal


@dataclass(frozen=True)
class Taken:
    """A prediction and the seconds that it took."""

    prediction: Prediction
    seconds: float | None = None


def of_model(model: Answerer, *, computed: bool = True, **options: Any) -> Predictor:
    """A model as a predictor: a view is read once where the model can `look`, and all questions
    about it are given at once. `computed` is that of `answer`, `options` go to every call.

    A user's mistake (N3DError) is told by the prediction's fault; other errors are raised.
    """

    told = {"computed": computed, **options}

    def predict(sitting: Sitting) -> list[Prediction]:
        # Released weights have a protocol of their own, which reads views itself.
        upstream = getattr(model, "layout", None) == "upstream"
        look = None if upstream else getattr(model, "look", None)
        view = sitting.view if look is None else look(sitting.view)
        asked = [i for i in sitting.items if i.request == "ask"]
        answers = iter(_answers(model, view, [i.question for i in asked], told))
        return [
            next(answers) if item.request == "ask" else _boxes(model, view, item, options)
            for item in sitting.items
        ]

    return predict


def _boxes(model: Answerer, view: Any, item: Item, options: dict[str, Any]) -> Prediction:
    try:
        if item.request == "detect":
            return Prediction(item.text, objects=tuple(model.detect(view, **options)))
        return Prediction(item.text, objects=tuple(model.ground(view, item.phrases, **options)))
    except N3DError as e:
        return Prediction(item.text, fault=f"{e.code}: {e.message}")


def _answers(model: Answerer, view: Any, questions: list[str], options: dict[str, Any]):
    if not questions:
        return []
    try:
        return list(model.answer(view, questions, **options))
    except N3DError as e:
        if len(questions) == 1:
            return [Prediction(questions[0], fault=f"{e.code}: {e.message}")]
    # One of them cannot be asked: find out which.
    return [p for q in questions for p in _answers(model, view, [q], options)]


# -- the file -------------------------------------------------------------------------------


@dataclass(eq=False)
class Answers:
    """The predictions of a run: in a journal, or in memory without one."""

    journal: Journal | None = None
    header: dict[str, Any] = field(default_factory=dict)
    _memory: dict[str, Taken] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path | None, header: Mapping[str, Any]) -> Answers:
        """A new file, or the one there is with what it holds.

        Raises ConfigError where it holds predictions of something else than `header` says; how
        many scenes there are may differ.
        """
        if path is None:
            return cls(None, dict(header))
        path = Path(path)
        if not path.exists() or not path.stat().st_size:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as e:
                raise files.unwritable(e, path.parent) from None
            journal = Journal.read(path)
            journal.begin(header)
            return cls(journal, dict(header))
        found = cls.read(path)
        old, new = ({"depth": "true", **h} for h in (found.header, header))
        for key in (old.keys() | new.keys()) - {"scenes", "commit"}:
            if old.get(key) != new.get(key):
                raise ConfigError(
                    f"holds predictions with {key} {old.get(key)!r}, not {new.get(key)!r}",
                    code="predictions-other",
                    file=path,
                    hint="Name another file",
                )
        return found

    @classmethod
    def read(cls, path: str | Path) -> Answers:
        """The file of a run, also of one that was cut off while a line was written.

        Raises InputError naming the line that is wrong, or a file that is not there.
        """
        journal = Journal.read(path)
        if not journal.header:
            missing = not Path(path).exists()
            raise InputError(
                "does not exist" if missing else "has no header",
                code="file-missing" if missing else "predictions-header",
                file=path,
            )
        return cls(journal, journal.header)

    def __contains__(self, id: str) -> bool:
        return id in self._memory or (self.journal is not None and id in self.journal)

    def __len__(self) -> int:
        return len(self._memory) + (0 if self.journal is None else len(self.journal))

    def __getitem__(self, id: str) -> Taken:
        """The prediction of an item; InputError for a record that is none."""
        if id in self._memory:
            return self._memory[id]
        assert self.journal is not None
        record = self.journal[id]
        try:
            prediction = records.from_json(Prediction, record["prediction"])
        except N3DError as e:
            raise e.at(file=self.journal.path, field=id) from None
        return Taken(prediction, record.get("seconds"))

    def get(self, id: str, default: Taken) -> Taken:
        """The prediction of an item, or `default` where there is none."""
        if id in self:
            return self[id]
        return default

    def add(self, taken: Mapping[str, Taken]) -> None:
        """Keep the predictions of one view."""
        if self.journal is None:
            self._memory.update(taken)
        else:
            self.journal.add([_record(id, t) for id, t in taken.items()])


def _record(id: str, taken: Taken) -> dict[str, Any]:
    p = taken.prediction
    # Masks are large, and nothing here looks at them.
    p = replace(p, objects=tuple(replace(o, region=None) for o in p.objects))
    try:
        data = records.to_json(p)
    except N3DError as e:
        data = records.to_json(Prediction(p.question[:2000], fault=f"{e.code}: {e.message}"))
    return {"id": id, "prediction": data, "seconds": taken.seconds}


# -- running --------------------------------------------------------------------------------


def take(
    predictor: Predictor,
    sittings: Iterable[Sitting],
    answers: Answers,
    watch: Callable[[int], None] | None = None,
) -> Iterator[tuple[Sitting, Item, Taken]]:
    """Ask what is not in `answers` yet, keep it there, and give every item with its prediction.

    `watch` is told how many views are done. The seconds of a view are shared by its items.
    """
    for done, sitting in enumerate(sittings, 1):
        new = [i for i in sitting.items if i.id not in answers]
        if new:
            begin = time.perf_counter()
            found = predictor(replace(sitting, items=tuple(new)))
            seconds = round((time.perf_counter() - begin) / len(new), 4)
            answers.add({i.id: Taken(p, seconds) for i, p in zip(new, found, strict=True)})
        for item in sitting.items:
            yield sitting, item, answers[item.id]
        if watch is not None:
            watch(done)

"""Questions about scenes as training files that other projects read.

llama-factory   questions.jsonl (ShareGPT messages) and dataset_info.json
llava           questions.json, one array of id, image, conversations
openai          questions.jsonl of messages whose content is a list of parts
webdataset      shards of tar files: NNNNNNNNN.jpg, .json, and .depth.png where there is depth
parquet         shards of a picture each row, with its boxes and questions
lmms-eval       a task: its YAML, questions.jsonl with references; what asks to locate is left out

Every file is written whole or not at all, export.json last: a folder without it is not finished.
Names of pictures are relative to the folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d import __version__, sources
from n3d.engine import folders
from n3d.errors import ConfigError, N3DError
from n3d.pipelines import chats, harnesses, packing
from n3d.pipelines.chats import Chat
from n3d.scene import QA, Drop, Scene, asked, fields, files, journals, manifests, strict_json

DONE, DROPS, LOCK = "export.json", "drops.jsonl", "run.log"
IMAGES, MARKED = "images", "marked"


@dataclass(frozen=True)
class Order:
    """What is exported: `questions` about `scenes` whose pictures are in `images` and `depth`."""

    questions: Path
    scenes: Path
    images: Path
    depth: Path | None = None
    style: str = "prose"


@dataclass
class Export:
    """An export in progress: where it goes, and what it kept and dropped."""

    order: Order
    out: Path
    drops: manifests.DropFile
    chats: int = 0
    pictures: int = 0

    def scenes(self) -> Iterator[tuple[Scene, tuple[QA, ...], Path]]:
        """Every scene with its questions and the file of its picture, where that is there."""
        for scene, questions in asked.together(self.order.questions, self.order.scenes):
            try:
                yield scene, questions, sources.reopening.image_file(scene, self.order.images)
                self.pictures += 1
            except N3DError as e:
                self.drops.append(Drop(scene.id, e.code, str(e)))

    def talks(self) -> Iterator[tuple[Chat, str]]:
        """Every conversation with the name of its picture below the output folder."""
        for scene, questions, path in self.scenes():
            plain = f"{IMAGES}/{scene.image}"
            for qa in questions:
                told = self.told(qa, scene)
                if told is None:
                    continue
                if told.place is None:
                    _copy(path, self.out / plain)
                    yield told, plain
                else:
                    yield told, self._marked(told, scene, path)

    def told(self, qa: QA, scene: Scene) -> Chat | None:
        """A question as a conversation; one that cannot be written is dropped."""
        try:
            made = chats.chat(qa, scene, self.order.style)
        except ConfigError:
            raise
        except N3DError as e:
            self.drops.append(Drop(qa.id, e.code, str(e)))
            return None
        self.chats += 1
        return made

    def _marked(self, told: Chat, scene: Scene, path: Path) -> str:
        """The picture with the rectangle drawn on it, under a name of its own."""
        from n3d.view import marks

        assert told.place is not None
        name = f"{MARKED}/{packing.plain_name(told.id)}.png"
        view = sources.reopening.reopen(scene, self.order.images).rgbd
        assert view is not None
        target = self.out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(target, marks.png(view.image, told.place))
        return name


def _copy(path: Path, target: Path) -> None:
    """The file under another name, unless it is there already."""
    if target.is_file() and target.stat().st_size == path.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "rb") as source, files.replacing(target) as f:
        shutil.copyfileobj(source, f)  # pyright: ignore[reportArgumentType]


# -- targets ---------------------------------------------------------------------------------


def _line(value: Any) -> bytes:
    return (fields.dumps(value) + "\n").encode()


def _llama_factory(export: Export) -> None:
    with files.replacing(export.out / "questions.jsonl") as f:
        for told, image in export.talks():
            messages = [
                {"role": "user", "content": told.user},
                {"role": "assistant", "content": told.assistant},
            ]
            f.write(_line({"id": told.id, "messages": messages, "images": [image]}))
    tags = {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
    }
    info = {
        "file_name": "questions.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": tags,
    }
    files.write_json(export.out / "dataset_info.json", {"n3d": info})


def _llava(export: Export) -> None:
    with files.replacing(export.out / "questions.json") as f:
        f.write(b"[")
        for number, (told, image) in enumerate(export.talks()):
            turns = [
                {"from": "human", "value": told.user},
                {"from": "gpt", "value": told.assistant},
            ]
            record = {"id": told.id, "image": image, "conversations": turns}
            f.write(b"\n" if number == 0 else b",\n")
            f.write(fields.dumps(record).encode())
        f.write(b"\n]\n")


def _openai(export: Export) -> None:
    with files.replacing(export.out / "questions.jsonl") as f:
        for told, image in export.talks():
            text = told.user.removeprefix(chats.dialogues.IMAGE).lstrip("\n")
            content = [{"type": "image", "image": image}, {"type": "text", "text": text}]
            messages = [
                {"role": "user", "content": content},
                {"role": "assistant", "content": told.assistant},
            ]
            f.write(_line({"messages": messages}))


def _lmms_eval(export: Export) -> None:
    with files.replacing(export.out / harnesses.QUESTIONS) as f:
        for scene, questions, path in export.scenes():
            for qa in questions:
                if qa.trace is None:  # boxes are not marked there
                    export.drops.append(Drop(qa.id, "question-locates", "asks for boxes"))
                    continue
                name = f"{IMAGES}/{scene.image}"
                _copy(path, export.out / name)
                record = {
                    "id": qa.id, "image": name, "question": qa.question,
                    "reference": qa.answer.text, "category": qa.kind,
                }  # fmt: skip
                f.write(_line(record))
                export.chats += 1
    place = fields.dumps(str((export.out / harnesses.QUESTIONS).absolute()))
    yaml = harnesses.YAML.format(questions=place)
    files.write_bytes(export.out / f"{harnesses.NAME}.yaml", yaml.encode())
    files.write_bytes(
        export.out / "utils.py", harnesses.UTILS.format(protocol="n3d-bench").encode()
    )


TARGETS: dict[str, Callable[[Export], None]] = {
    "llama-factory": _llama_factory,
    "llava": _llava,
    "openai": _openai,
    "webdataset": lambda export: packing.webdataset(export),
    "parquet": lambda export: packing.parquet(export),
    "lmms-eval": _lmms_eval,
}
"""How questions are exported, by the name of the form."""


# -- the folder ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """What an export holds: conversations `kept`, and what was `dropped`, by reason."""

    out: Path
    kept: int
    dropped: int
    by_reason: dict[str, int]


def export(order: Order, out: Path, target: str) -> Report:
    """Write the questions in the form `target`. A folder that is finished stays as it is.

    Raises ConfigError for a form that does not exist and a folder that holds something else, and
    InputError where the questions are not about the scenes.
    """
    if target not in TARGETS:
        raise ConfigError(
            f"is {target[:40]!r}", code="export-target", field="to", limit=", ".join(TARGETS)
        )
    chats.check_style(order.style)
    mine = _identity(order, target)
    if (found := _finished(out, mine)) is not None:
        return found
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, out) from None
    with journals.alone(out / LOCK):
        files.remove_parts(out)
        with files.replacing(out / DROPS) as f:
            work = Export(order, out, manifests.DropFile(f))
            TARGETS[target](work)
        reasons = work.drops.by_reason
        told = {"kept": work.chats, "pictures": work.pictures, "by_reason": reasons}
        files.write_json(out / DONE, mine | told)
    return Report(out, work.chats, sum(reasons.values()), reasons)


def _identity(order: Order, target: str) -> dict[str, Any]:
    """What makes two exports the same."""
    hashes = {
        name: [s.sha256 for s in manifests.read(folder).shards]
        for name, folder in (("questions", order.questions), ("scenes", order.scenes))
    }
    return {
        "version": __version__,
        "target": target,
        "style": order.style,
        "depth": order.depth is not None,
        **hashes,
    }


def _finished(out: Path, mine: dict[str, Any]) -> Report | None:
    """The report of a finished export of the same; ConfigError for another or a foreign folder."""
    if (out / DONE).is_file():
        found = strict_json.load(out / DONE)
        same = {k: found.get(k) for k in mine}
        if same != mine:
            raise ConfigError(
                f"holds another export; different: {', '.join(folders.differing(same, mine))}",
                code="output-config",
                file=out,
                field="out",
                hint="Choose another folder, or delete this one",
            )
        reasons = found["by_reason"]
        return Report(out, found["kept"], sum(reasons.values()), reasons)
    if out.is_dir():
        begun = (out / LOCK).exists()
        others = sorted(p.name for p in out.iterdir())
        if others and not begun:
            raise ConfigError(
                f"is not empty and holds no export: {', '.join(others[:3])}",
                code="output-foreign",
                file=out,
                field="out",
                hint="Choose an empty or new folder",
            )
    return None

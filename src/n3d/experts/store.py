"""Where weights are: in a directory of one's own, or in the cache of the Hugging Face hub."""

from __future__ import annotations

import contextlib
import difflib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from n3d.errors import InputError
from n3d.experts import checking, hub
from n3d.experts.catalogue import CATALOGUE, Weights, find

_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_HUB_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
# What config.json calls the models that n3d reads, whoever trained them, by their task.
_TASKS = {
    "depth_anything": "depth",
    "zoedepth": "depth",
    "depth_pro": "depth",
    "owlv2": "detect",
    "grounding-dino": "detect",
    "mm-grounding-dino": "detect",
    "sam": "mask",
    "sam2": "mask",
    "sam2_video": "mask",
    "qwen2_5_vl": "model",
    "qwen3_vl": "model",
    "n3d_qwen2_5_vl": "model",
    "n3d_qwen3_vl": "model",
}


@dataclass(frozen=True)
class Stored:
    """Weights in the cache: `name` is that of the catalogue or None; `size` in bytes on disk.

    `folder` is None where a download was broken off before it held a snapshot.
    """

    repo: str
    name: str | None
    task: str
    size: int
    folder: Path | None


def folder(name_or_path: str | Path) -> Path:
    """The directory of weights: an existing one, or that of a known or hub name in the cache.

    Never reaches the network. Raises InputError that says how to fetch what is missing.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    if path.is_file():
        raise InputError(
            "is a file, not a directory with config.json and safetensors",
            code="weights-file",
            file=path,
        )
    repo = _repo(name_or_path)
    try:
        return hub.download(repo, _patterns(repo), local=True)
    except InputError as e:
        if e.code not in ("weights-missing", "weights-offline"):
            raise
        known = find(repo)
        name = known.name if known else repo
        offline = " after unsetting HF_HUB_OFFLINE" if hub.is_offline() else ""
        raise InputError(
            "its weights are not on this machine",
            code="weights-missing",
            file=name,
            hint=f"Fetch them with `n3d models fetch {name}`{offline}",
        ) from None


def fetch(name: str, say: Callable[[str], None] = lambda line: None) -> Path:
    """Download weights into the cache of the hub, check them, and return their directory.

    `say` is told, line by line, what is fetched, how large it is and under which licence.
    Files that are there already are not fetched again. Raises InputError.
    """
    repo = _repo(name)
    hub.library()  # before anything is promised
    known = find(repo)
    if known:
        say(f"{known.name}: {repo}, about {known.size_mb} MB, licence {known.licence}")
        if not known.commercial:
            say("Its licence does not allow commercial use")
    else:
        say(f"{repo} is not in the catalogue: read its licence on the hub")
    offline = hub.is_offline()
    try:
        found = hub.download(repo, _patterns(repo), local=offline)
    except InputError as e:
        if not offline or e.code != "weights-missing":
            raise
        raise InputError(
            "is not here, and HF_HUB_OFFLINE forbids to fetch it",
            code="weights-offline",
            file=repo,
            hint="Unset HF_HUB_OFFLINE, or copy the files here and name their directory",
        ) from None
    for problem in _problems(found):
        raise problem
    say(f"Ready in {found}")
    return found


def check(name_or_path: str | Path) -> list[str]:
    """What is wrong with weights, a sentence each; empty where they can be loaded.

    Files are there, headers of safetensors whole and of the right size, no code is named in a
    config, and no other weight file lies beside them. Raises InputError where there are none.
    """
    found = folder(name_or_path)
    problems = [str(p) for p in _problems(found)]
    if not problems and not _is_packed(found):
        problems = [
            f"{found / n}: can run code when it is opened; it is not used"
            for n in checking.leftovers(found)
        ]
    return problems


def remove(name: str) -> int:
    """Delete fetched weights from the cache and return the bytes that this freed.

    Directories outside the cache are never deleted. Raises InputError where nothing is there.
    """
    repo = _repo(name)
    place = hub.place(repo)
    if not place.is_dir():
        raise InputError("is not in the cache", code="weights-missing", file=repo)
    size = hub.size_of(place)
    try:
        shutil.rmtree(place)
    except OSError as e:
        raise InputError(
            f"cannot be deleted: {e.strerror}", code="weights-read-only", file=place
        ) from None
    with contextlib.suppress(OSError):  # locks are of no use without what they guard
        shutil.rmtree(hub.cache() / ".locks" / place.name)
    return size


def listed() -> list[Stored]:
    """The weights in the cache that n3d can use, by repository: of the catalogue or like them."""
    found = []
    for place in sorted(hub.cache().glob("models--*--*")):
        repo = place.name.removeprefix("models--").replace("--", "/", 1)
        known = next((w for w in CATALOGUE if w.repo == repo), None)
        snapshot = _snapshot(place)
        task = known.task if known else _task(snapshot)
        if task:
            name = known.name if known else None
            found.append(Stored(repo, name, task, hub.size_of(place), snapshot))
    return found


def _repo(name: str | Path) -> str:
    """OWNER/NAME of a name; InputError, with the nearest names, for what can be neither."""
    known = find(str(name))
    if known:
        return known.repo
    if _HUB_NAME.fullmatch(str(name)):
        return str(name)
    near = difflib.get_close_matches(str(name).lower(), [w.name for w in CATALOGUE], n=3)
    raise InputError(
        "is neither a directory nor a name of weights",
        code="weights-unknown",
        file=name,
        hint=f"Did you mean {' or '.join(near)}?" if near else "See `n3d models list`",
    )


def _patterns(repo: str) -> tuple[str, ...]:
    known: Weights | None = find(repo)
    return (checking.PACKED,) if known and known.package else _FILES


def _is_packed(found: Path) -> bool:
    """Whether a directory holds MoGe-2's one file, which only its own package reads."""
    return (found / checking.PACKED).is_file() and not (found / "config.json").is_file()


def _problems(found: Path) -> list[InputError]:
    return [] if _is_packed(found) else checking.problems(found)


def _snapshot(place: Path) -> Path | None:
    """The directory of the main revision, or of the only one."""
    main = place / "refs" / "main"
    names = [main.read_text().strip()] if main.is_file() else []
    names += sorted(p.name for p in (place / "snapshots").glob("*"))
    return next(
        (place / "snapshots" / n for n in names if (place / "snapshots" / n).is_dir()), None
    )


def _task(snapshot: Path | None) -> str | None:
    if snapshot is None:
        return None
    try:
        kind = checking.read_config(snapshot).get("model_type")
    except InputError:
        return None
    return _TASKS.get(kind) if isinstance(kind, str) else None

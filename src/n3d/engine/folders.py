"""The output folder of a run: whose it is, what is finished, and that nobody else writes there."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from n3d import __version__
from n3d.engine.inputs import Source
from n3d.errors import ConfigError, N3DError
from n3d.scene import fields, files, manifests, strict_json

FORMAT = 1
RUN = "run.json"
LOG = "run.log"
PARTS = ("shards", "drops", "done")


def identity(stage: Any, source: Source, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """What makes two runs the same: the same records, stage and configuration, by content."""
    return {
        "format": FORMAT,
        "version": __version__,
        "kind": kind,
        "stage": _stage_name(stage),
        "source": source.identity,
        "config": config,
    }


def digest(run: dict[str, Any]) -> str:
    """The sha256 of a run's identity."""
    return hashlib.sha256(fields.dumps(run).encode("utf-8")).hexdigest()


def _stage_name(stage: Any) -> str:
    while isinstance(stage, functools.partial):
        stage = stage.func
    inner = getattr(stage, "function", None)
    if inner is not None:
        return _stage_name(inner)
    named = stage if hasattr(stage, "__qualname__") else type(stage)
    return f"{named.__module__}.{named.__qualname__}"


def prepare(out: Path, source: Source, run: dict[str, Any]) -> None:
    """Make the folder this run's own, or find that it is already.

    Raises ConfigError where it is an input, holds something else or another configuration,
    or cannot be written.
    """
    _check_apart(out, source.paths)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _check_own(out, run)
        for name in PARTS:
            (out / name).mkdir(exist_ok=True)
        if not (out / RUN).exists():
            files.write_json(out / RUN, run)
    except OSError as e:
        raise files.unwritable(e, out) from None


def _check_apart(out: Path, paths: tuple[Path, ...]) -> None:
    for path in paths:
        path, target = path.resolve(), out.resolve()
        if target == path or (path in target.parents and (path / manifests.FILE).exists()):
            raise ConfigError(
                "is the input of the run",
                code="output-is-input",
                file=out,
                field="out",
                hint="Choose another folder",
            )


def _check_own(out: Path, run: dict[str, Any]) -> None:
    if not (out / RUN).exists():
        others = [p.name for p in out.iterdir() if p.suffix not in (".log", files.PART)]
        if set(others) - set(PARTS):
            raise ConfigError(
                f"is not empty and holds no run of n3d: {', '.join(sorted(others)[:3])}",
                code="output-foreign",
                file=out,
                field="out",
                hint="Choose an empty or new folder",
            )
        return
    try:
        found = strict_json.load(out / RUN)
    except N3DError as e:
        found = {RUN: e.message}
    if found != run:
        raise ConfigError(
            f"holds a run of another configuration; different: {', '.join(differing(found, run))}",
            code="output-config",
            file=out,
            field="out",
            hint="Choose another folder, delete this one, or run with the configuration in "
            f"its {RUN}",
        )


def differing(a: Any, b: Any, at: str = "") -> list[str]:
    """The paths of the members in which two JSON objects differ."""
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return [at or RUN] if a != b else []
    absent = object()
    found = []
    for key in sorted({*a, *b}):
        below = f"{at}.{key}" if at else key
        found += differing(a.get(key, absent), b.get(key, absent), below)
    return found


@contextlib.contextmanager
def locked(out: Path) -> Iterator[Log]:
    """Hold the folder for one run; ConfigError where another process is running there."""
    import fcntl

    with contextlib.ExitStack() as stack:
        try:
            log = stack.enter_context(open(out / LOG, "a", encoding="utf-8"))
        except OSError as e:
            raise files.unwritable(e, out) from None
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                "another process is writing there",
                code="output-locked",
                file=out,
                field="out",
                hint="Wait for it, or stop it",
            ) from None
        _clean(out)
        try:
            yield Log(log)
        except N3DError as e:
            if e.code != "output-full":
                _clean(out)
                _undo(out)
            raise
        finally:
            _clean(out)


def _clean(out: Path) -> None:
    for folder in (out, *(out / name for name in PARTS)):
        files.remove_parts(folder)


def _undo(out: Path) -> None:
    """Take back a folder in which nothing was finished, so that a mended input can use it."""
    if any((out / "done").glob("*.json")) or (out / manifests.FILE).exists():
        return
    for name in (RUN, LOG):
        (out / name).unlink(missing_ok=True)
    for folder in (*(out / name for name in PARTS), out):
        with contextlib.suppress(OSError):
            folder.rmdir()


class Log:
    """The run's diary: the only file that knows the time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def say(self, text: str) -> None:
        """Add one line; a log that cannot be written stops nobody."""
        with contextlib.suppress(OSError):
            self._file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
            self._file.flush()


def stale(out: Path, names: set[str]) -> list[str]:
    """Finished shards that the run no longer has."""
    return sorted(p.stem for p in (out / "done").glob("*.json") if p.stem not in names)


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, finished or not."""
    return os.path.isfile(folder / RUN)

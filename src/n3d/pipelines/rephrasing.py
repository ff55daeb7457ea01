"""Rephrase questions by a language model; where the meaning does not survive, not."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from n3d import engine
from n3d.errors import ConfigError, InputError
from n3d.experts import rephrasing
from n3d.experts.chatting import Chat
from n3d.experts.endpoints import Endpoint
from n3d.reason import surviving
from n3d.scene import QA, fields
from n3d.scene.journals import Journal, alone

TRANSIENT = ("endpoint-timeout", "endpoint-broken", "endpoint-http", "endpoint-json",
             "endpoint-choices", "endpoint-empty", "endpoint-large")  # fmt: skip
"""Failures of one request; any other is of the server, and ends the run."""
MOST_FAILURES = 20
"""So many failures without a success between them end the run."""
MOST_AT_ONCE = 256


class Cache:
    """Replies by what was asked, in a file that only grows; without a path, in memory."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._journal = None if path is None else Journal.read(path)
        self._held: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """The reply to a key, if it was given before."""
        with self._lock:
            if self._journal is None:
                return self._held.get(key)
            return self._journal[key]["reply"] if key in self._journal else None

    def put(self, key: str, reply: str) -> None:
        """Keep a reply; ConfigError where the file cannot be written."""
        with self._lock:
            if self._journal is None:
                self._held[key] = reply
            else:
                self._journal.add([{"id": key, "reply": reply}])


class Patience:
    """How often a server may fail before it counts as lost."""

    def __init__(self) -> None:
        self._failures: deque[str] = deque(maxlen=MOST_FAILURES)

    def answered(self) -> None:
        """The server lives."""
        self._failures.clear()

    def failed(self, error: InputError) -> None:
        """ConfigError where the server is lost."""
        self._failures.append(error.code)
        if error.code in TRANSIENT and len(self._failures) < MOST_FAILURES:
            return
        many = f" {MOST_FAILURES} times in a row" if error.code in TRANSIENT else ""
        raise ConfigError(
            f"{error.message}{many}",
            code="endpoint-lost",
            file=error.file,
            hint="Run the same command again when the server answers: what was done, and "
            "replies in the cache, are kept",
        )


@dataclass(frozen=True, eq=False)
class Rephrase:
    """The stage QA -> QA: the same questions in the same order, each in other words where these
    mean the same.

    A rephrased question keeps its template as `attributes["template"]`; one that is not says why
    as `attributes["kept"]`: a code of `surviving.lost`, "same", or that of a failed request.
    `at_once` requests are open at a time.
    """

    chat: Chat
    model: str
    cache: Cache
    temperature: float = 0.7
    seed: int = 0
    at_once: int = 8
    _patience: Patience = field(default_factory=lambda: Patience())

    def __call__(self, questions: Iterable[QA]) -> Iterator[QA]:
        with ThreadPoolExecutor(self.at_once) as pool:
            waiting: deque[Future[QA]] = deque()
            try:
                for qa in questions:
                    waiting.append(pool.submit(self._one, qa))
                    if len(waiting) >= 2 * self.at_once:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _one(self, qa: QA) -> QA:
        names = () if qa.query is None else qa.query.names
        try:
            text = self._reply(rephrasing.prompt(qa.question, names), qa)
        except InputError as e:
            self._patience.failed(e)
            return _noted(qa, kept=e.code)
        if text == qa.question:
            return _noted(qa, kept="same")
        why = surviving.lost(qa, text)
        if why is not None:
            return _noted(qa, kept=why)
        return replace(_noted(qa, template=qa.question), question=text)

    def _reply(self, asked: str, qa: QA) -> str:
        seed = zlib.crc32(qa.id.encode("utf-8", "replace"), self.seed)
        about = [self.model, rephrasing.SYSTEM, asked, self.temperature, seed]
        key = hashlib.sha256(fields.dumps(about).encode()).hexdigest()
        text = self.cache.get(key)
        if text is None:
            text = rephrasing.rephrase(self.chat, asked, temperature=self.temperature, seed=seed)
            self.cache.put(key, text)
        self._patience.answered()
        return text


def _noted(qa: QA, **notes: str) -> QA:
    rest = {k: v for k, v in qa.attributes.items() if k not in ("kept", "template")}
    return replace(qa, attributes=rest | notes)


def rephrase(
    questions: Path,
    out: Path,
    *,
    endpoint: str,
    model: str,
    cache: Path | None = None,
    temperature: float = 0.7,
    seed: int = 0,
    at_once: int = 8,
    timeout: float = 60.0,
    progress: bool = True,
) -> engine.Report:
    """Write a data-set folder of the questions in other words; running it again resumes it.

    Replies are kept in `cache`, by default a file beside `out`, so that nothing is asked twice.
    Raises ConfigError for options that cannot work and where the server is lost.
    """
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise ConfigError(
            f"is {at_once}", code="config-range", field="at_once", limit=f"1 to {MOST_AT_ONCE}"
        )
    chat = Endpoint(endpoint, model, timeout=timeout)
    config: dict[str, Any] = {
        "stage": "rephrase",
        "model": model,
        "temperature": temperature,
        "seed": seed,
    }
    cache = cache or out.with_name(f"{out.name}.replies.jsonl")
    source = engine.Folder(questions, "qa")
    # The manifest is read before a file is made beside it.
    config |= {k: v for k, v in source.manifest.config.items() if k == "reviews"}
    with alone(cache):
        stage = Rephrase(chat, model, Cache(cache), temperature, seed, at_once)
        return engine.run(stage, source, out, kind="qa", config=config, progress=progress)

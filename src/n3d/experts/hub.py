"""The Hugging Face hub and its cache, with each of their failures told in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from n3d.errors import InputError, short

_FULL = {errno.ENOSPC, errno.EDQUOT}
_SHUT = {errno.EROFS, errno.EACCES, errno.EPERM}


def library() -> ModuleType:
    """The package huggingface_hub; InputError where it is not installed."""
    try:
        import huggingface_hub
    except ImportError:
        raise InputError(
            "huggingface_hub is not installed, so no weights can be found or fetched",
            code="package-missing",
            hint="Install it with `pip install 'n3d[model]'`",
        ) from None
    return huggingface_hub


def cache() -> Path:
    """The folder in which the hub's client keeps what it fetched, existing or not."""
    return Path(_constants().HF_HUB_CACHE).expanduser()


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids to reach the network."""
    return bool(_constants().HF_HUB_OFFLINE)


def _constants() -> Any:
    library()
    from huggingface_hub import constants

    return constants


def place(repo: str) -> Path:
    """The folder of a repository OWNER/NAME in the cache, existing or not."""
    return cache() / f"models--{repo.replace('/', '--')}"


def download(repo: str, patterns: tuple[str, ...], *, local: bool) -> Path:
    """The snapshot of a repository, from the cache alone where `local`.

    Raises InputError for what is not there, not reachable, not allowed or not writable.
    """
    snapshot_download = library().snapshot_download
    try:
        return Path(snapshot_download(repo, allow_patterns=list(patterns), local_files_only=local))
    except Exception as e:  # the hub, its transport and the disk raise kinds without a common base
        raise _told(e, repo, local=local) from None


def _told(error: BaseException, repo: str, *, local: bool) -> InputError:
    """The error of the hub's client as a sentence; `local` where it could not use the network."""
    disk = _told_of_disk(error)
    if disk is not None:
        return disk
    # By name: the classes have moved between versions, and some have others as their base.
    kinds = [kind.__name__ for e in _chain(error) for kind in type(e).__mro__]
    for name, code, message, hint in _ANSWERS:
        if name in kinds:
            return InputError(message, code=code, file=repo, hint=hint.format(repo=repo))
    if local and "LocalEntryNotFoundError" in kinds:
        return InputError(
            "its weights are not on this machine",
            code="weights-missing",
            file=repo,
            hint=f"Fetch them with `n3d models fetch {repo}`",
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return InputError(
            f"the hub answered with status {status}",
            code="weights-hub",
            file=repo,
            hint="Try again later",
        )
    return InputError(
        f"the hub cannot be reached: {short([*_chain(error)][-1])}",
        code="weights-unreachable",
        file=repo,
        hint="Check the network and the proxy, or copy the files here and name their directory",
    )


def _told_of_disk(error: BaseException) -> InputError | None:
    for e in _chain(error):
        number = getattr(e, "errno", None)
        if number in _FULL:
            return InputError(
                "there is no room left on the disk for the weights",
                code="weights-disk-full",
                file=cache(),
                hint="Free some space, or set HF_HOME to a folder on a larger disk",
            )
        if number in _SHUT:
            return InputError(
                "cannot be written",
                code="weights-read-only",
                file=cache(),
                hint="Set HF_HOME to a folder that can be",
            )
    return None


# Class name, code, message and hint, the more particular first.
_ANSWERS = (
    (
        "OfflineModeIsEnabled",
        "weights-offline",
        "is not here, and HF_HUB_OFFLINE forbids to fetch it",
        "Unset HF_HUB_OFFLINE, or copy the files here and name their directory",
    ),
    (
        "GatedRepoError",
        "weights-gated",
        "is open only to those who accepted its terms",
        "Accept them at https://huggingface.co/{repo} and log in with `hf auth login`",
    ),
    (
        "RepositoryNotFoundError",
        "weights-unknown",
        "no such repository is on the hub, or it is private",
        "Check the name; for a private one log in with `hf auth login`",
    ),
    (
        "RevisionNotFoundError",
        "weights-unknown",
        "has no main revision on the hub",
        "Check the name",
    ),
    (
        "HFValidationError",
        "weights-unknown",
        "is no name that the hub could know",
        "Write OWNER/NAME, or a short name of `n3d models list`",
    ),
    (
        "IncompleteSnapshotError",
        "weights-incomplete",
        "was fetched only in part",
        "Fetch the rest with `n3d models fetch {repo}`",
    ),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, the outermost first."""
    seen: list[BaseException] = []
    e: BaseException | None = error
    while e is not None and e not in seen:
        seen.append(e)
        yield e
        e = e.__cause__ or e.__context__


def size_of(folder: Path) -> int:
    """Bytes that the files below a folder take, each file once however often it is linked."""
    sizes = {}
    for root, _, names in os.walk(folder):
        for name in names:
            state = Path(root, name).stat(follow_symlinks=False)
            if not os.path.islink(Path(root, name)):
                sizes[(state.st_dev, state.st_ino)] = state.st_size
    return sum(sizes.values())

"""Where weights are: directories, a made-up cache of the hub, and each failure of the hub."""

from __future__ import annotations

import errno
import json
import struct
import subprocess
import sys

import pytest

from n3d.errors import InputError
from n3d.experts import catalogue, hub, store
from n3d.experts.catalogue import CATALOGUE, find

REPO = "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"
NAME = "depth-anything-indoor-small"


def safetensors(values: int = 4) -> bytes:
    header = {"a": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4 * values)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    constants = pytest.importorskip(
        "huggingface_hub.constants", reason="needs the model extra: huggingface_hub"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


@pytest.fixture
def offline(cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def cached(cache, repo=REPO, files=None, revision="0" * 40):
    """A repository as the hub's client lays it out: blobs, and a snapshot of links to them."""
    place = cache / f"models--{repo.replace('/', '--')}"
    snapshot = place / "snapshots" / revision
    for folder in (snapshot, place / "refs", place / "blobs"):
        folder.mkdir(parents=True)
    (place / "refs" / "main").write_text(revision)
    default = {
        "config.json": b'{"model_type": "depth_anything"}', "model.safetensors": safetensors(),
    }  # fmt: skip
    for i, (name, data) in enumerate((default if files is None else files).items()):
        (place / "blobs" / str(i)).write_bytes(data)
        (snapshot / name).symlink_to(place / "blobs" / str(i))
    return snapshot


@pytest.fixture
def hub_raises(cache, monkeypatch):
    """Let the hub's client raise an error, or do what a function does."""

    def arrange(error):
        def snapshot_download(*_, **__):
            raise error

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)

    return arrange


def told(call, *arguments) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return caught.value


def http_error(name: str, status: int = 404):
    """An error of huggingface_hub with the response that its versions want."""
    from types import SimpleNamespace

    import huggingface_hub.errors as errors

    kind = getattr(errors, name)
    error = kind.__new__(kind, "Client Error")
    error.response = SimpleNamespace(status_code=status)
    return error


def test_catalogue_names_are_short_and_different():
    names = [w.name for w in CATALOGUE]
    assert len({*names, *(w.repo for w in CATALOGUE)}) == 2 * len(CATALOGUE)
    for w in CATALOGUE:
        assert w.task in ("depth", "detect", "mask", "model")
        assert (w.metric is not None) == (w.task == "depth")
        assert w.size_mb > 0
        assert store._HUB_NAME.fullmatch(w.repo)
        assert find(w.name) is find(w.repo) is find(w.name.upper()) is w
        if "NC" in w.licence or "research" in w.licence or "amlr" in w.licence:
            assert not w.commercial
    assert find("nothing") is None
    assert catalogue.find(REPO).name == NAME


def test_an_existing_directory_is_taken_as_it_is(tmp_path):
    assert store.folder(tmp_path) == tmp_path
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert told(store.folder, tmp_path / "model.safetensors").code == "weights-file"


def test_cached_weights_are_found_by_both_names(cache):
    snapshot = cached(cache)
    assert store.folder(NAME) == store.folder(REPO) == snapshot
    assert store.check(NAME) == []


def test_missing_weights_name_the_command(cache, monkeypatch):
    error = told(store.folder, NAME)
    assert error.code == "weights-missing"
    assert error.hint == f"Fetch them with `n3d models fetch {NAME}`"
    assert "n3d models fetch someone/else" in told(store.folder, "someone/else").hint
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    error = told(store.folder, NAME)
    assert error.code == "weights-missing"
    assert error.hint.endswith("after unsetting HF_HUB_OFFLINE")


def test_names_that_mean_nothing(cache):
    error = told(store.folder, "depth-anything-indoor-smal")
    assert error.code == "weights-unknown"
    assert NAME in error.hint
    for bad in ("xyzzyxyzzy", "a/b/c", "../../etc", "", "https://huggingface.co/a/b"):
        assert told(store._repo, bad).code == "weights-unknown"


def test_fetching_offline_takes_what_is_there_or_says_why_not(cache, offline):
    lines = []
    assert told(store.fetch, NAME, lines.append).code == "weights-offline"
    snapshot = cached(cache)
    assert store.fetch(NAME, lines.append) == snapshot
    assert REPO in lines[0]
    assert "99 MB" in lines[0]
    assert "Apache-2.0" in lines[0]


def test_licences_against_commercial_use_are_told(cache):
    cached(cache, "apple/DepthPro-hf")
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        store.fetch("depth-pro", lines.append)
    assert "does not allow commercial use" in lines[1]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("RepositoryNotFoundError", 404, "weights-unknown"),
        ("RevisionNotFoundError", 404, "weights-unknown"),
        ("GatedRepoError", 403, "weights-gated"),
        ("HfHubHTTPError", 503, "weights-hub"),
    ],
)
def test_refusals_of_the_hub(hub_raises, name, status, code):
    hub_raises(http_error(name, status))
    error = told(store.fetch, NAME)
    assert error.code == code
    assert error.hint


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "weights-disk-full"),
        (OSError(errno.EROFS, "Read-only file system"), "weights-read-only"),
        (PermissionError(errno.EACCES, "Permission denied"), "weights-read-only"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "weights-unreachable"),
        (TimeoutError("timed out"), "weights-unreachable"),
    ],
)
def test_failures_of_the_machine(hub_raises, error, code):
    hub_raises(error)
    assert told(store.fetch, NAME).code == code
    # The client wraps most of them in one of its own.
    from huggingface_hub.errors import LocalEntryNotFoundError

    outer = LocalEntryNotFoundError("Got: x\nAn error happened")
    outer.__cause__ = error
    hub_raises(outer)
    assert told(store.fetch, NAME).code == code


def test_a_port_that_nobody_answers(cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    assert told(store.fetch, NAME).code == "weights-unreachable"


def test_a_download_that_was_broken_off(cache):
    cached(cache, files={"config.json": b"{}"})
    problems = store.check(NAME)
    assert any("model.safetensors" in p for p in problems)
    # The client remembers what the repository holds, where it listed it.
    place = cache / f"models--{REPO.replace('/', '--')}" / "trees"
    if hasattr(pytest.importorskip("huggingface_hub.errors"), "IncompleteSnapshotError"):
        from huggingface_hub._tree_cache import TreeCacheEntry, write_tree_cache

        entry = TreeCacheEntry(size=9, blob_id="1", lfs_sha256=None, lfs_size=None, xet_hash=None)
        write_tree_cache(str(place.parent), "0" * 40, {"model.safetensors": entry})
        assert told(store.folder, NAME).code == "weights-incomplete"


def test_check_tells_all_that_is_wrong(cache):
    good = safetensors()
    files = {
        "config.json": b'{"auto_map": {"AutoModel": "x.Y"}}',
        "model.safetensors": good[:-1],
    }
    cached(cache, files=files)
    problems = store.check(NAME)
    assert len(problems) == 2
    assert "auto_map" in problems[0]
    assert "cut" in problems[1] or "states" in problems[1]


def test_check_tells_of_pickles_beside_sound_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    assert len(store.check(tmp_path)) == 1
    assert "pytorch_model.bin" in store.check(tmp_path)[0]


def test_moge_is_one_file_for_its_own_package(cache):
    snapshot = cached(cache, "Ruicheng/moge-2-vitl-normal", {"model.pt": b"PK"})
    assert store.folder("moge-2") == snapshot
    assert store.check("moge-2") == []


def test_headers_that_lie(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    for entry in (
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]},
        {"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": ["0", "16"]},
        {"dtype": "F32", "shape": [4], "data_offsets": [4, 20]},
        {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]},
        3,
    ):
        text = json.dumps({"a": entry}).encode()
        data = struct.pack("<Q", len(text)) + text + bytes(16)
        (tmp_path / "model.safetensors").write_bytes(data)
        assert len(store.check(tmp_path)) == 1, entry


def test_removing_frees_what_was_fetched_and_nothing_else(cache, tmp_path):
    cached(cache)
    cached(cache, "google/owlv2-base-patch16-ensemble")
    freed = store.remove(NAME)
    assert freed >= len(safetensors())
    assert [s.name for s in store.listed()] == ["owlv2"]
    assert told(store.remove, NAME).code == "weights-missing"
    (tmp_path / "mine").mkdir()
    assert told(store.remove, str(tmp_path / "mine")).code == "weights-unknown"
    assert (tmp_path / "mine").is_dir()


def test_listed_are_known_weights_and_others_of_their_kind(cache):
    assert store.listed() == []
    snapshot = cached(cache)
    cached(cache, "someone/my-owl", {"config.json": b'{"model_type": "owlv2"}'})
    cached(cache, "someone/chat", {"config.json": b'{"model_type": "llama"}'})
    cached(cache, "someone/data", {})
    (cache / "models--facebook--sam-vit-base").mkdir()
    found = {s.repo: s for s in store.listed()}
    assert set(found) == {REPO, "someone/my-owl", "facebook/sam-vit-base"}
    assert found[REPO].name == NAME
    assert found[REPO].folder == snapshot
    size = len(safetensors()) + len(b'{"model_type": "depth_anything"}') + 40
    assert found[REPO].size == size
    assert (found["someone/my-owl"].name, found["someone/my-owl"].task) == (None, "detect")
    assert (found["facebook/sam-vit-base"].folder, found["facebook/sam-vit-base"].size) == (None, 0)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (store.folder, store.fetch, store.remove):
        error = told(call, NAME)
        assert error.code == "package-missing"
        assert "n3d[model]" in error.hint
    assert told(hub.library).code == "package-missing"


def test_the_room_and_its_lists_are_light():
    code = (
        "import sys; import n3d.experts, n3d.experts.store, n3d.experts.catalogue\n"
        "print([n for n in ('torch', 'transformers', 'huggingface_hub') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr

"""The promises of a run: resumable, independent of workers, poison-proof, clean when it stops."""

from __future__ import annotations

import errno
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import engine_stages as stages
import pytest
from engine_stages import Maker, Reader

from n3d import engine
from n3d.engine import making
from n3d.errors import ConfigError, InputError
from n3d.scene import files, manifests, shards

HERE = Path(__file__).parent


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but logs, with its bytes."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix != ".log"
    }


def run(out, maker=Maker(), n=20, per_shard=6, stage=None, **options):  # noqa: B008
    source = engine.Items(range(n), per_shard)
    options = {"kind": "scene", "progress": False, **options}
    return engine.run(stage or engine.each(maker), source, out, **options)


@pytest.fixture
def clean(tmp_path):
    run(tmp_path / "clean")
    return tree(tmp_path / "clean")


# -- what is written ----------------------------------------------------------------------


def test_a_run_writes_a_data_set(tmp_path):
    report = run(tmp_path / "out", config={"seed": 7})
    assert (report.kept, report.dropped, report.shards, report.made) == (20, 0, 4, 4)
    assert [s.id for s in shards.read(tmp_path / "out")] == [f"s{i}" for i in range(20)]
    assert shards.verify(tmp_path / "out").config == {"seed": 7}
    assert sum(report.labels.values()) == sum(1 + i % 3 for i in range(20))
    names = set(tree(tmp_path / "out"))
    assert {"manifest.json", "run.json", "shards/00003.parquet", "done/00003.json"} <= names
    assert not [n for n in names if n.endswith(".part")]


def test_only_the_log_knows_the_time(tmp_path, clean):
    time.sleep(0.01)
    run(tmp_path / "elsewhere" / "out")
    assert tree(tmp_path / "elsewhere" / "out") == clean
    everything = b"".join(clean.values())
    for secret in (os.uname().nodename, str(tmp_path), str(os.getpid()) + "."):
        assert secret.encode() not in everything


def test_a_finished_run_is_not_done_again(tmp_path, clean):
    report = run(tmp_path / "clean", Maker(raises=frozenset(range(20))))
    assert (report.made, report.skipped, report.kept) == (0, 4, 20)
    assert tree(tmp_path / "clean") == clean


def test_a_data_set_feeds_a_second_run(tmp_path, clean):
    source = engine.Folder(tmp_path / "clean")
    options = {"kind": "scene", "progress": False}
    report = engine.run(engine.each(stages.renamed), source, tmp_path / "two", **options)
    assert (report.kept, report.shards) == (40, 4)
    assert [s.id for s in shards.read(tmp_path / "two")][:4] == ["s0a", "s0b", "s1a", "s1b"]


def test_no_records_make_an_empty_data_set(tmp_path):
    assert run(tmp_path / "out", n=0).kept == 0
    assert list(shards.read(tmp_path / "out")) == []
    report = run(tmp_path / "all", Maker(drops=frozenset(range(20))))
    assert (report.kept, report.by_reason) == (0, {"seed-dropped": 20})
    assert list(shards.read(tmp_path / "all")) == []


# -- workers ------------------------------------------------------------------------------


def test_workers_do_not_change_a_byte(tmp_path):
    maker = Maker(raises=frozenset([3, 11]), nonsense=frozenset([5]), drops=frozenset([19]))
    for name, options in {"one": {}, "two": {"workers": 2}, "own": {"isolate": True}}.items():
        report = run(tmp_path / name, maker, **options)
        assert report.kept == 16
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "own")


def test_a_worker_that_dies_is_isolated(tmp_path):
    maker = Maker(kills=frozenset([4, 13]))
    report = run(tmp_path / "out", maker, workers=2)
    assert (report.kept, report.by_reason) == (18, {"worker-died": 2})
    drops = list(manifests.read_drops(tmp_path / "out"))
    assert [d.id for d in drops] == ["4", "13"]
    assert all("SIGKILL" in d.detail for d in drops)
    shards.verify(tmp_path / "out")


def test_a_stage_over_many_records_that_dies_is_isolated(tmp_path):
    stage = Reader(Maker(kills=frozenset([4])))
    report = run(tmp_path / "out", stage=stage, isolate=True, n=8)
    assert (report.kept, report.by_reason) == (7, {"worker-died": 1})
    assert next(manifests.read_drops(tmp_path / "out")).id == "4"


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    run(tmp_path / "clean", Maker(once=str(tmp_path / "mark")), isolate=True)
    report = run(tmp_path / "again", Maker(once=str(tmp_path / "mark")))
    assert (report.kept, report.dropped) == (20, 0)
    assert tree(tmp_path / "clean") == tree(tmp_path / "again")


def test_what_cannot_be_sent_to_workers_is_refused(tmp_path):
    with pytest.raises(ConfigError) as e:
        run(tmp_path / "out", stage=lambda seeds: (stages.scene_of(s) for s in seeds), workers=2)
    assert e.value.code == "stage-unsendable"
    assert run(tmp_path / "one", stage=lambda seeds: (stages.scene_of(s) for s in seeds)).kept == 20


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "import engine_stages as stages\nfrom n3d import engine\n"
        "engine.run(engine.each(stages.scene_of), engine.Items(range(4)), 'out', kind='scene',"
        " workers=2)\n"
    )
    result = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert result.returncode != 0
    assert "__name__ == '__main__'" in result.stderr.splitlines()[-1]


# -- poison -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [engine.each, Reader])
def test_poison_is_dropped_listed_and_counted(tmp_path, form):
    maker = Maker(
        raises=frozenset([2]),
        refuses=frozenset([7, 8]),
        drops=frozenset([9]),
        nonsense=frozenset([10]),
        exits=frozenset([11]),
    )
    report = run(tmp_path / "out", stage=form(maker))
    assert report.kept == 14
    assert report.by_reason == {
        "seed-refused": 2,
        "error-SystemExit": 1,
        "error-ZeroDivisionError": 1,
        "record-not-finite": 1,
        "seed-dropped": 1,
    }
    drops = {d.id: d for d in manifests.read_drops(tmp_path / "out")}
    assert set(drops) == {"2", "7", "8", "s9", "s10", "11"}
    assert drops["2"].detail == "seed 2 at 0x..."
    assert drops["7"].detail == "seed: is not to be used"
    assert "objects[0].score" in drops["s10"].detail
    assert shards.verify(tmp_path / "out").by_reason == report.by_reason


def test_record_by_record_gives_the_bytes_of_all_at_once(tmp_path):
    shard = next(stream(per_shard=12).shards())
    stage = Reader(Maker(drops=frozenset([0, 3, 6]), nonsense=frozenset([1])))
    for name, careful in (("together", False), ("alone", True)):
        for part in ("shards", "drops", "done"):
            (tmp_path / name / part).mkdir(parents=True)
        job = making.Job(stage, tmp_path / name, "scene")
        making.make(job, making.Task("00000", shard, careful=careful))
    assert tree(tmp_path / "together") == tree(tmp_path / "alone")


def test_what_is_no_record_is_dropped(tmp_path):
    report = run(tmp_path / "out", stage=engine.each(lambda seed: [seed] if seed == 3 else None))
    assert report.by_reason == {"record-kind": 20}


# -- streams and inputs -------------------------------------------------------------------


def stream(n=20, broken_at=-1, per_shard=6):
    read = functools.partial(stages.count_up, n, broken_at)
    return engine.Stream(read, per_shard)


def test_inputs_are_told_apart_by_their_contents(tmp_path, clean):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("[2]")
    made = [
        engine.Items(range(4)),
        engine.Items(range(1, 5)),
        engine.Items([0, 1, 2, 3]),
        engine.Items([0, 1, 2, 4]),
        engine.Items([stages.scene_of(0)]),
        engine.Stream(list, files=(tmp_path / "a.json",)),
        engine.Stream(list, files=(tmp_path / "b.json",)),
        engine.Stream(list, folders=(tmp_path / "a",)),
        engine.Folder(tmp_path / "clean"),
    ]
    texts = [json.dumps(source.identity) for source in made]
    assert len(set(texts)) == len(made)
    assert str(tmp_path) not in "".join(texts)
    (tmp_path / "clean").rename(tmp_path / "moved")
    assert json.dumps(engine.Folder(tmp_path / "moved").identity) == texts[-1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stream_is_cut_into_shards(tmp_path, workers):
    options = {"kind": "scene", "progress": False, "workers": workers}
    report = engine.run(engine.each(stages.scene_of), stream(), tmp_path / "out", **options)
    assert (report.kept, report.by_reason, report.shards) == (20, {"input-broken": 2}, 4)
    assert [s.id for s in shards.read(tmp_path / "out")] == [f"s{i}" for i in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stream_that_breaks_keeps_what_is_finished(tmp_path, workers):
    options = {"kind": "scene", "progress": False, "workers": workers}
    stage = engine.each(stages.scene_of)
    with pytest.raises(InputError, match="line 7"):
        engine.run(stage, stream(broken_at=15), tmp_path / "out", **options)
    assert engine.inspect(tmp_path / "out")["kept"] == 11
    report = engine.run(stage, stream(), tmp_path / "out", **options)
    assert (report.kept, report.skipped) == (20, 2)


def test_a_damaged_input_shard_fails_alone(tmp_path, clean):
    broken = tmp_path / "clean" / "shards" / "00001.parquet"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-40])
    source = engine.Folder(tmp_path / "clean")
    for stage in (engine.each(stages.renamed), Renamer()):
        out = tmp_path / type(stage).__name__
        with pytest.raises(InputError) as e:
            engine.run(stage, source, out, kind="scene", progress=False)
        assert e.value.code == "shards-failed"
        assert str(broken) in str(e.value)
        assert engine.inspect(out)["kept"] == 28
        assert not engine.inspect(out)["complete"]
    broken.write_bytes(whole)
    report = engine.run(stage, source, out, kind="scene", progress=False)
    assert (report.kept, report.made) == (40, 1)


class Renamer:
    """A stage over many that swallows what its input raises."""

    def __call__(self, scenes):
        try:
            for scene in scenes:
                yield from stages.renamed(scene)
        except InputError:
            return


# -- outputs that cannot serve ------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": {"seed": 8}}, "config.seed"),
        ({"n": 21}, "source.items"),
        ({"per_shard": 5}, "source.per_shard"),
        ({"stage": engine.each(stages.scene_of)}, "stage"),
    ],
)
def test_another_configuration_is_refused(tmp_path, change, named):
    run(tmp_path / "out", config={"seed": 7})
    before = tree(tmp_path / "out")
    with pytest.raises(ConfigError) as e:
        run(tmp_path / "out", **{"config": {"seed": 7}, **change})
    assert e.value.code == "output-config"
    assert named in e.value.message
    assert tree(tmp_path / "out") == before


def test_an_output_that_is_the_input_is_refused(tmp_path, clean):
    source = engine.Folder(tmp_path / "clean")
    for out in (tmp_path / "clean", tmp_path / "x" / ".." / "clean", tmp_path / "clean" / "sub"):
        with pytest.raises(ConfigError) as e:
            engine.run(engine.each(stages.renamed), source, out, kind="scene")
        assert e.value.code == "output-is-input"
    assert tree(tmp_path / "clean") == clean


def test_a_folder_of_others_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(ConfigError, match=r"thesis\.tex") as e:
        run(tmp_path)
    assert e.value.code == "output-foreign"
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/n3d/out")):
        with pytest.raises(ConfigError) as e:
            run(out)
        assert e.value.code == "output-unwritable"


def test_two_runs_at_once_are_refused(tmp_path):
    import fcntl

    run(tmp_path / "out")
    with open(tmp_path / "out" / "run.log") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        with pytest.raises(ConfigError) as e:
            run(tmp_path / "out")
    assert e.value.code == "output-locked"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": -1}, "workers"),
        ({"workers": "2"}, "workers"),
        ({"per_shard": 0}, "per_shard"),
        ({"kind": "boxes"}, "kind"),
        ({"config": {"a": object()}}, "config.a"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, field):
    with pytest.raises((ConfigError, InputError)) as e:
        run(tmp_path / "out", **options)
    assert e.value.field == field
    assert not (tmp_path / "out").exists()


# -- full disks ---------------------------------------------------------------------------


def check_no_half_shard(out):
    for name in tree(out):
        assert not name.endswith(".part")
    done = {p.stem for p in (out / "done").iterdir()}
    for name in done:
        entry = manifests.read_marker(out, name)
        assert files.sha256(manifests.data_file(out, name)) == entry.sha256
    return done


@pytest.mark.parametrize("fails", range(1, 10))
def test_a_disk_that_fills_up_leaves_no_half_shard(tmp_path, clean, monkeypatch, fails):
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) >= fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ConfigError, match="No space left") as e:
            run(tmp_path / "out")
    assert e.value.code == "output-full"
    if fails > 1:
        check_no_half_shard(tmp_path / "out")
    run(tmp_path / "out")
    assert tree(tmp_path / "out") == clean


def test_a_stage_that_finds_the_disk_full_stops_the_run(tmp_path):
    for stage in (engine.each(stages.full_disk), FullDisk()):
        with pytest.raises(ConfigError) as e:
            run(tmp_path / "out" / type(stage).__name__, stage=stage)
        assert e.value.code == "output-full"


class FullDisk:
    def __call__(self, seeds):
        for seed in seeds:
            yield stages.full_disk(seed)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_real_limit_on_file_size_leaves_no_half_shard(tmp_path, clean, workers):
    limit = 2000  # bytes: run.json and markers fit, Parquet files do not
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "import test_engine_running as t\n"
        f"if __name__ == '__main__': t.run({str(tmp_path / 'out')!r}, workers={workers})\n"
    )
    (tmp_path / "main.py").write_text(code)

    def shrink():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, preexec_fn=shrink,
    )  # fmt: skip
    assert "File too large" in result.stderr.splitlines()[-1], result.stderr
    assert check_no_half_shard(tmp_path / "out") == set()
    run(tmp_path / "out")
    assert tree(tmp_path / "out") == clean


# -- kills --------------------------------------------------------------------------------

MAIN = """
import sys; sys.path.insert(0, {here!r})
import engine_stages as stages
from n3d import engine
if __name__ == "__main__":
    maker = stages.Maker(seconds={seconds}, raises=frozenset([3]), pids={pids!r})
    report = engine.run(engine.each(maker), engine.Items(range(24), 4), {out!r}, kind="scene",
                        workers={workers}, progress=False)
    print(report.kept)
"""


def start(folder, seconds, workers):
    (folder / "pids").mkdir(exist_ok=True)
    out = str(folder / "out")
    (folder / "main.py").write_text(
        MAIN.format(
            here=str(HERE), seconds=seconds, pids=str(folder / "pids"), out=out, workers=workers
        )
    )
    return subprocess.Popen(
        [sys.executable, "main.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_point_and_run_again_gives_the_same_bytes(tmp_path, workers):
    folders = {}
    for name in ("clean", "killed"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
    done = folders["killed"] / "out" / "done"
    for delay in (0.0, 0.013, 0.037)[: 4 - workers]:
        before = len(list(done.glob("*.json")))
        process = start(folders["killed"], 0.01, workers)
        wait_for(lambda: len(list(done.glob("*.json"))) > before)  # noqa: B023
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Its workers end with it; a rerun must not meet them.
        pids = [int(p) for p in os.listdir(folders["killed"] / "pids")]
        wait_for(lambda: not any(map(alive, pids)), 10)  # noqa: B023
    assert not (folders["killed"] / "out" / "manifest.json").exists()
    for folder in folders.values():
        process = start(folder, 0.0, workers)
        output, errors = process.communicate(timeout=60)
        assert output.strip() == b"23", errors
    # The identity of the stage is its name and the configuration, not its pace.
    assert tree(folders["killed"] / "out") == tree(folders["clean"] / "out")


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path, workers):
    process = start(tmp_path, 0.02, workers)
    done = tmp_path / "out" / "done"
    wait_for(lambda: any(done.glob("*.json")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, errors = process.communicate(timeout=30)
    assert b"in _made" not in errors
    assert process.returncode != 0
    assert b"of 6 shards" in errors
    assert b"run the same command again to resume" in errors
    finished = check_no_half_shard(tmp_path / "out")
    assert 1 <= len(finished) < 6
    output, _ = start(tmp_path, 0.0, workers).communicate(timeout=60)
    assert output.strip() == b"23"


def test_workers_end_with_a_killed_run_also_inside_a_record(tmp_path):
    process = start(tmp_path, 60, 2)
    wait_for(lambda: len(os.listdir(tmp_path / "pids")) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()  # its pipes stay open as long as a worker lives
    pids = [int(p) for p in os.listdir(tmp_path / "pids")]
    wait_for(lambda: not any(map(alive, pids)), 10)


def test_a_marker_without_its_data_is_done_again(tmp_path, clean):
    out = tmp_path / "clean"
    (out / "shards" / "00000.parquet").unlink()
    (out / "shards" / "00001.parquet").write_bytes(b"short")
    (out / "drops" / "00002.jsonl").unlink()
    (out / "done" / "00003.json").write_text("{")
    (out / "shards" / ".00003.parquet.1.part").write_bytes(b"left over")
    assert run(out).made == 4
    assert tree(out) == clean


# -- inspection ---------------------------------------------------------------------------


def test_inspection_counts(tmp_path):
    run(tmp_path / "out", Maker(raises=frozenset([1]), drops=frozenset([2, 3])), config={"a": 1})
    facts = engine.inspect(tmp_path / "out")
    assert (facts["kept"], facts["dropped"], facts["complete"]) == (17, 3, True)
    assert facts["by_reason"] == {"seed-dropped": 2, "error-ZeroDivisionError": 1}
    assert set(facts["labels"]) == set(stages.LABELS)
    assert json.loads(json.dumps(facts)) == facts
    (tmp_path / "out" / "manifest.json").unlink()
    assert engine.inspect(tmp_path / "out") == {**facts, "complete": False}
    with pytest.raises(InputError, match="no data set"):
        engine.inspect(tmp_path)

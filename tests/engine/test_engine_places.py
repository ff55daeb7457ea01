"""Where a run takes place changes nothing; chains, forecasts, and memory that stays bounded."""

from __future__ import annotations

import gc
import importlib.util
import os
import random
import signal
import subprocess
import tracemalloc

import engine_stages as stages
import pytest
from engine_stages import Maker
from test_engine_running import alive, run, start, tree, wait_for

from n3d import engine
from n3d.errors import ConfigError
from n3d.scene import Scene, manifests

RAY = importlib.util.find_spec("ray") is not None
FAULTY = Maker(raises=frozenset([3]), drops=frozenset([5]), nonsense=frozenset([11]))


def chained(maker=FAULTY, batch=1):
    """Three stages, of which each sets something aside; the second is kept in actors."""
    second = engine.Link(engine.each(stages.renamed), batch=batch, kept=True)
    return engine.chain(engine.each(maker), second, engine.each(stages.marked))


# -- chains -------------------------------------------------------------------------------------


def test_a_chain_is_its_stages_one_after_another(tmp_path):
    report = run(tmp_path / "out", stage=chained(), n=9, per_shard=4)
    reasons = {"error-ZeroDivisionError": 2, "seed-dropped": 1}
    assert (report.kept, report.by_reason) == (13, reasons)
    drops = [d.id for d in manifests.read_drops(tmp_path / "out")]
    assert sorted(drops) == ["3", "s5", "s7b"]


def test_batches_change_no_byte(tmp_path):
    for batch in (1, 3):
        run(tmp_path / str(batch), stage=chained(batch=batch))
    assert tree(tmp_path / "1") == tree(tmp_path / "3")


def test_links_that_hold_something_stand_alone():
    from n3d.engine import chaining

    plain, dear = engine.Link(list), engine.Link(list, gpus=1.0)
    found = chaining.parts(engine.chain(plain, plain, dear, plain))
    assert found == [(plain, plain), (dear,), (plain,)]
    assert chaining.parts(stages.marked) == [(engine.Link(stages.marked),)]
    with pytest.raises(ConfigError, match="batch 0"):
        engine.Link(list, batch=0)


# -- places -------------------------------------------------------------------------------------


def test_processes_change_no_byte_of_a_chain(tmp_path):
    for name, options in {"a": {}, "b": {"where": "processes", "workers": 2}}.items():
        run(tmp_path / name, stage=chained(), **options)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": "moon"}, "here, processes, ray"),
        ({"where": "here", "workers": 2}, "processes of their own"),
        ({"where": "here", "isolate": True}, "processes of their own"),
    ],
)
def test_places_that_cannot_be_are_refused(tmp_path, options, said):
    with pytest.raises(ConfigError, match=said):
        run(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(RAY, reason="ray is installed here")
def test_without_ray_the_extra_is_named(tmp_path):
    with pytest.raises(ConfigError, match="ray"):
        run(tmp_path / "out", where="ray")


@pytest.mark.slow
@pytest.mark.skipif(not RAY, reason="needs the extra: pip install 'n3d[ray]'")
def test_a_ray_cluster_changes_no_byte(tmp_path):
    maker = Maker(raises=frozenset([3]), drops=frozenset([5]), kills=frozenset([9]))
    for name, stage in (("plain", engine.each(maker)), ("chain", chained(maker))):
        for where in ("processes", "ray"):
            report = run(tmp_path / name / where, stage=stage, where=where, workers=2)
            assert report.by_reason["worker-died"] == 1
        assert tree(tmp_path / name / "processes") == tree(tmp_path / name / "ray")


# -- kills --------------------------------------------------------------------------------------


def killed_and_resumed(tmp_path, kills, seed, workers, pace):
    """A run that is killed at random moments, then finished; and one that is not killed."""
    rng = random.Random(seed)
    folders = {}
    for name in ("clean", "killed"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
    pids, inside = folders["killed"] / "pids", 0
    for _ in range(kills):
        process = start(folders["killed"], pace, workers)
        if rng.random() < 0.9:  # else while it starts
            wait_for(lambda: process.poll() is not None or any(pids.iterdir()))  # noqa: B023
        try:
            process.wait(rng.uniform(0, 6 * pace))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            inside += any(pids.iterdir())
        process.communicate()
        ids = [int(p) for p in os.listdir(pids)]
        wait_for(lambda: not any(map(alive, ids)), 10)  # noqa: B023
        for path in pids.iterdir():
            path.unlink()
    assert inside >= kills / 2
    for folder in folders.values():
        output, errors = start(folder, 0.0, workers).communicate(timeout=120)
        assert output.strip() == b"23", errors
    assert tree(folders["killed"] / "out") == tree(folders["clean"] / "out")


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "workers"), [(1, 1), (2, 2)])
def test_twenty_kills_at_random_change_no_byte(tmp_path, seed, workers):
    killed_and_resumed(tmp_path, 20, seed, workers, 0.05)


def test_a_few_kills_at_random_change_no_byte(tmp_path):
    killed_and_resumed(tmp_path, 4, 3, 1, 0.02)


# -- forecasts ----------------------------------------------------------------------------------


def test_a_forecast_does_a_sample_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    maker = Maker(seconds=0.002, pids="", raises=frozenset([4]))
    source = engine.Items(range(500), 64)
    found = engine.forecast(engine.each(maker), source, kind="scene", sample=40, price=3.6,
                            workers=2)  # fmt: skip
    assert (found.records, found.sampled) == (500, 40)
    assert found.kept + found.dropped == pytest.approx(500, abs=2)
    assert found.dropped == pytest.approx(500 / 42, abs=1)
    assert found.seconds_each > 0.002
    assert found.seconds == pytest.approx(found.seconds_each * 250)
    assert found.cost == pytest.approx(found.seconds * 2 / 1000)
    report = run(tmp_path / "out", maker, n=500, per_shard=64)
    size = sum(e.size for e in manifests.read(report.out).shards)
    assert 0.3 < found.bytes / size < 4
    assert os.listdir(tmp_path) == ["out"]


def test_a_forecast_of_few_records_is_of_those(tmp_path):
    for n in (0, 1, 2, 3):
        found = engine.forecast(engine.each(Maker()), engine.Items(range(n)), kind="scene")
        assert (found.records, found.kept, found.cost) == (n, n, None)
    for wrong in ({"sample": 0}, {"price": -1.0}):
        with pytest.raises(ConfigError):
            engine.forecast(engine.each(Maker()), engine.Items(range(3)), kind="scene", **wrong)


# -- memory and progress ------------------------------------------------------------------------


def heavy(seed: int) -> Scene:
    scene = stages.scene_of(seed)
    text = f"{seed:06d}" * 20_000
    return Scene(scene.id, scene.picture_id, scene.objects, licence=text)


def test_memory_does_not_grow_with_the_input(tmp_path):
    """The peak of a run over five times as many shards is about that of the short one."""
    peaks = []
    for n in (20, 60, 300):  # the first pays for what is loaded once
        gc.collect()
        tracemalloc.start()
        stage = engine.each(heavy)
        stream = engine.Stream(lambda: iter(range(n)), per_shard=20)  # noqa: B023
        engine.run(stage, stream, tmp_path / str(n), kind="scene", progress=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_the_log_tells_pace_and_what_is_left(tmp_path):
    run(tmp_path / "out", Maker(seconds=0.001))
    lines = (tmp_path / "out/run.log").read_text().splitlines()
    assert "records/s" in lines[0]
    assert "s to go" in lines[0]

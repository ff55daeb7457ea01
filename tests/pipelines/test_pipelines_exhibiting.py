from __future__ import annotations

from n3d.evaluate.oracles import Oracle
from n3d.pipelines import demonstrating, exhibiting
from n3d.scene import Prediction


def test_an_oracle_is_right_about_everything_and_every_kind_hangs_once():
    found = exhibiting.exhibit(Oracle(), scenes=2)
    detected, located, asked = (s.figures for s in found.sections)
    assert len(detected) == 4  # two rooms, each found and true
    kinds = [f.caption.split("(")[-1].rstrip(").") for f in located]
    assert len(kinds) == len(set(kinds)) >= 3
    assert found.asked == len(asked) == len({f.caption.split(".")[0] for f in asked}) > 8
    assert found.right == found.asked
    assert all(f.good for f in (*detected[::2], *located, *asked))
    assert not any(f.verdict for f in detected[1::2])


def test_what_is_wrong_is_called_wrong():
    def blind(sitting):
        return [Prediction(i.text, fault="object-absent: nothing") for i in sitting.items]

    found = exhibiting.exhibit(blind, scenes=1)
    detected, located, asked = (s.figures for s in found.sections)
    assert detected[0].good is False
    for figure in (*located, *asked):
        absent = "absent" in figure.caption
        assert figure.good is absent
    assert any(f.verdict == "wrong: grounding" for f in asked)


def test_a_demonstration_writes_one_page_of_it_all(tmp_path):
    told = list(demonstrating.run(tmp_path, seed=7, model="oracle", scenes=1))
    assert sum(isinstance(t, Prediction) for t in told) == demonstrating.QUESTIONS
    page = (tmp_path / "index.html").read_text()
    for heading in ("Detect all", "Find what words name", "step by step", "Without a model"):
        assert heading in page
    bare = list(demonstrating.run(tmp_path / "bare", seed=7, model="none"))
    texts = [[t.text for t in steps if isinstance(t, Prediction)] for steps in (told, bare)]
    assert texts[0] == texts[1]
    assert "Detect all" not in (tmp_path / "bare" / "index.html").read_text()

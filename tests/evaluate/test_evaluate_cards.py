"""The cards of protocols: each has one, and its published numbers are the published ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from n3d.errors import ConfigError
from n3d.evaluate import cards
from n3d.evaluate.boxes import protocols as boxes
from n3d.evaluate.replies import protocols as replies


def test_every_protocol_has_a_card_and_every_card_a_protocol():
    assert set(cards.cards()) == {*replies.PROTOCOLS, *boxes.PROTOCOLS}
    for name, card in cards.cards().items():
        assert card.marks == ("reasoning" if name in replies.PROTOCOLS else "grounding")
        assert card.definition
        assert card.traps
        assert card.not_comparable
        assert bool(card.comparable) == bool(card.source)
        text = cards.text(card)
        assert all(part in text for part in (*card.definition, *card.traps, card.data))
    with pytest.raises(ConfigError, match="omni3d"):
        cards.find("another")


def test_numbers_are_those_of_the_paper(shared):
    tables = json.loads((shared / "golden/n3d_published_tables.json").read_text())
    for method, row in tables["table2"].items():
        assert cards.find("n3d-bench").comparable[method] == row[:2]
        assert cards.find("spatialrgpt-bench").comparable[method] == row[2:4]
        assert cards.find("cv-bench-3d").comparable[method] == row[4:]
    assert cards.find("n3d-paper").comparable == tables["table3"]


def test_what_the_cards_say_of_the_tables_is_so(shared):
    tables = json.loads((shared / "golden/n3d_published_tables.json").read_text())
    said = " ".join(cards.find("n3d-bench").traps)
    assert np.mean(tables["table7"]["N3D-VLM-7B"][-4:]) == 89.75
    assert "89.75 against 92.1 for the 7B" in said
    above = [m for m, row in tables["table2"].items() if row[1] > max(tables["table7"][m][-4:])]
    assert len(above) == 5
    assert "for five methods" in said
    counts = json.loads((shared / "golden/n3d_table_consistency.json").read_text())
    row = counts["spatialrgpt_bench"]["N3D-VLM-7B"]
    assert round(row["micro_num_full_denoms"], 1) == 75.7
    assert row["infeasible_with_full_denominator"]["width"]["largest_n_that_fits"] == [65, 120]
    assert "at most 75.7" in " ".join(cards.find("spatialrgpt-bench").not_comparable.values())

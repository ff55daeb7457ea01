"""What was read is kept: going on from it equals reading everything at once."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from model_samples import make_view, tiny_model  # noqa: E402
from transformers.cache_utils import DynamicLayer  # noqa: E402

from n3d.model import chat, prefixes  # noqa: E402

SIZES = [(70, 50), (56, 112), (130, 90)]
CLOSE = 1e-4


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def loaded(request):
    return tiny_model(request.param, own=False)


def opening(images: int = 1, text: str = "look") -> str:
    return chat.write([("user", chat.IMAGE * images + text)])


def look(loaded, sizes, texts=None, images=1):
    """The prefix of one prompt for each size, which has that picture `images` times."""
    seen = [[loaded.see(make_view(*s, seed=i))] * images for i, s in enumerate(sizes)]
    prompts = [opening(images, t) for t in texts or ["look"] * len(sizes)]
    return prefixes.read(loaded.network, loaded.batch(prompts, seen))


@torch.no_grad()
def logits(loaded, prefix):
    return loaded.network.lm_head(prefix.hidden)


@torch.no_grad()
def full(loaded, views, texts, more):
    """The last logits of one pass over a whole row."""
    made = loaded.batch([opening(len(views), texts)], [[loaded.see(v) for v in views]])
    ids = torch.cat([made["input_ids"], torch.tensor([more], dtype=torch.long)], dim=1)
    made["input_ids"], made["attention_mask"] = ids, torch.ones_like(ids)
    del made["mm_token_type_ids"]
    return loaded.network(**made).logits[0, -1]


def test_going_on_equals_a_full_pass(loaded):
    """In three steps; rows differ in pictures, padding and in how many tokens they get, if any."""
    texts = ["a", "a longer question?", "b"]
    prefix = look(loaded, SIZES, texts)
    assert (prefix.mask[:, 0] == 0).any()
    said = [[], [], []]
    rng = torch.Generator().manual_seed(0)
    expected = None
    for counts in ((0, 0, 0), (3, 1, 0), (0, 4, 2), (5, 0, 1), (1, 1, 1), (0, 0, 3)):
        new = [torch.randint(0, 300, (n,), generator=rng).tolist() for n in counts]
        prefixes.extend(loaded.network, prefix, new)
        said = [a + b for a, b in zip(said, new)]
        expected = torch.stack(
            [full(loaded, [make_view(*s, seed=i)], texts[i], said[i]) for i, s in enumerate(SIZES)]
        )
        assert torch.allclose(logits(loaded, prefix), expected, atol=CLOSE)
    assert expected.std() > 100 * CLOSE
    assert (prefix.mask[:, -10:] == 0).any()  # there were holes


def test_rows_of_a_batch_equal_single_runs(loaded):
    texts = ["a", "a longer question?", "b"]
    together = look(loaded, SIZES, texts)
    new = [[5, 6, 7], [], [8]]
    prefixes.extend(loaded.network, together, new)
    for i, size in enumerate(SIZES):
        seen = [[loaded.see(make_view(*size, seed=i))]]
        alone = prefixes.read(loaded.network, loaded.batch([opening(1, texts[i])], seen))
        prefixes.extend(loaded.network, alone, [new[i]])
        assert torch.allclose(logits(loaded, alone), logits(loaded, together)[i], atol=CLOSE)
        assert alone.position[0] == together.position[i]
        one = together.select([i])
        prefixes.extend(loaded.network, alone, [[9, 10]])
        prefixes.extend(loaded.network, one, [[9, 10]])
        assert torch.allclose(logits(loaded, alone), logits(loaded, one), atol=CLOSE)


def test_several_pictures_in_one_prompt(loaded):
    views = [make_view(*s, seed=i) for i, s in enumerate(SIZES[:2])]
    seen = [[loaded.see(v) for v in views]]
    prefix = prefixes.read(loaded.network, loaded.batch([opening(2, "compare")], seen))
    prefixes.extend(loaded.network, prefix, [[1, 2]])
    prefixes.extend(loaded.network, prefix, [[3]])
    expected = full(loaded, views, "compare", [1, 2, 3])
    assert torch.allclose(logits(loaded, prefix)[0], expected, atol=CLOSE)
    swapped = full(loaded, views[::-1], "compare", [1, 2, 3])
    assert not torch.allclose(swapped, expected, atol=CLOSE)


def test_joined_prefixes_go_on_as_each_alone(loaded):
    parts = [look(loaded, [s], [t]) for s, t in zip(SIZES, ("a", "longer than a", "b"))]
    prefixes.extend(loaded.network, parts[1], [[4, 4, 4, 4]])
    before = [p.mask.clone() for p in parts]
    joined = prefixes.join(parts, loaded.network)
    assert len(joined) == 3
    assert torch.equal(joined.hidden, torch.cat([p.hidden for p in parts]))
    prefixes.extend(loaded.network, joined, [[1, 2], [3], []])
    for i, (part, tokens) in enumerate(zip(parts, ([1, 2], [3], []))):
        assert torch.equal(part.mask, before[i])
        prefixes.extend(loaded.network, part, [tokens])
        assert torch.allclose(logits(loaded, part)[0], logits(loaded, joined)[i], atol=CLOSE)


def test_rows_are_chosen_in_any_order_and_often(loaded):
    prefix = look(loaded, SIZES[:2])
    chosen = prefix.select([1, 0, 1])
    prefixes.extend(loaded.network, chosen, [[1], [1], [2]])
    prefixes.extend(loaded.network, prefix, [[1], [1]])
    a, b = logits(loaded, chosen), logits(loaded, prefix)
    assert torch.allclose(a[0], b[1], atol=CLOSE)
    assert torch.allclose(a[1], b[0], atol=CLOSE)
    assert not torch.allclose(a[2], b[1], atol=CLOSE)


def test_the_original_stays_as_it_is(loaded):
    prefix = look(loaded, SIZES[:2])
    kept = [x.clone() for x in (prefix.mask, prefix.position, prefix.hidden)]
    memory = [(la.keys.clone(), la.values.clone()) for la in prefix.cache.layers]
    for other in (prefix.select([0, 1]), prefixes.join([prefix], loaded.network)):
        prefixes.extend(loaded.network, other, [[1, 2], [3]])
        other.mask += 1
        for layer in other.cache.layers:
            layer.keys += 1
            layer.values += 1
        for before, now in zip(kept, (prefix.mask, prefix.position, prefix.hidden)):
            assert torch.equal(before, now)
        for (keys, values), layer in zip(memory, prefix.cache.layers, strict=True):
            assert torch.equal(keys, layer.keys)
            assert torch.equal(values, layer.values)


def test_a_step_without_tokens_costs_nothing(loaded):
    prefix = look(loaded, SIZES[:1])
    before, length = prefix.hidden, prefix.mask.shape[1]
    prefixes.extend(loaded.network, prefix, [[]])
    assert prefix.hidden is before
    assert prefix.mask.shape[1] == length == prefix.cache.get_seq_length()


def test_room_to_grow_changes_nothing_and_is_shared_by_nobody():
    torch.manual_seed(0)
    plain, growing = DynamicLayer(), prefixes.Growing()

    def both(rows: int, length: int) -> None:
        k, v = torch.randn(rows, 2, length, 4), torch.randn(rows, 2, length, 4)
        for expected, found in zip(plain.update(k, v), growing.update(k, v)):
            assert torch.equal(expected, found)

    for length in (5, 1, 1, 90, 3):
        both(3, length)
    other = copy.copy(growing)
    other.batch_select_indices(torch.tensor([2, 0]))
    other.update(torch.zeros(2, 2, 1, 4), torch.zeros(2, 2, 1, 4))
    for layer in (plain, growing):
        layer.batch_select_indices(torch.tensor([0, 2]))
    assert torch.equal(other.keys[[1, 0], :, :-1], growing.keys)
    both(2, 200)
    both(2, 1)
    assert growing.get_seq_length() == plain.get_seq_length() == 301

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from seminar_rag.index.late import fuse, standardise
from seminar_rag.index.retrieve import Retriever
from seminar_rag.index.store import Store
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Document, Passage, Scope, Sentence
from seminar_rag.types.catalogue import ListedReading, ListedSession, Record


def put(
    store: Store,
    title: str,
    texts: Sequence[str],
    heading: str = "",
    *,
    session: int = 1,
) -> None:
    """A document of one reading; each text a passage, indexed with title and heading in front."""
    id_ = re.sub(r"\W+", "-", title.lower())
    document = Document(id_, "paper", id_, title, sessions=(session,))
    passages = [
        Passage(f"{id_}/{i}", id_, i, text, heading, 0, len(text), None, (Sentence(0, len(text)),))
        for i, text in enumerate(texts)
    ]
    vectors = HashEmbedder().embed([f"{title} {heading} {text}" for text in texts])
    with store.writer():
        store.put_source(
            f"source-{id_}",
            "files",
            None,
            [ListedSession(session, "S", (), None, (ListedReading(id_, title),))],
        )
        store.replace(Record(document, f"source-{id_}", "hash"), passages, vectors)


def found(store: Store, query: str, k: int = 5, scope: Scope | None = None) -> list[str]:
    return [hit.passage.id for hit in Retriever(store, HashEmbedder()).search(query, k, scope)]


@pytest.fixture
def filled(store: Store) -> Store:
    put(store, "Caches", ["A rolling cache keeps the latest keys.", "Old keys are overwritten."])
    put(store, "Routers", ["A router sends every token to two experts."], session=2)
    put(store, "Kitchens", ["The tap drips at night.", "A plumber mends the tap."], session=3)
    return store


def test_the_passage_that_fits_comes_first(filled: Store) -> None:
    assert found(filled, "What does a router do with a token?")[0] == "routers/0"


def test_an_empty_course_finds_nothing(store: Store) -> None:
    assert found(store, "anything") == []


def test_no_more_than_k(filled: Store) -> None:
    assert len(found(filled, "the tap and the cache", k=2)) == 2


def test_a_scope_restricts_both_sides(filled: Store) -> None:
    ids = found(filled, "router token experts tap", scope=Scope(sessions=frozenset({3})))
    assert ids
    assert all(id_.startswith("kitchens/") for id_ in ids)
    assert found(filled, "router", scope=Scope(sessions=frozenset({9}))) == []


def test_embeddings_of_a_wrong_length_leave_the_words_to_find_passages(filled: Store) -> None:
    with filled.changing() as db:
        for id_, one in db.execute("SELECT id, vector FROM passage").fetchall():
            db.execute("UPDATE passage SET vector = ? WHERE id = ?", (one + one, id_))
    filled.vectors.delete(sorted(filled.vectors.ids()))
    assert found(filled, "What does a router do with a token?")[0] == "routers/0"


def test_the_same_text_comes_once(filled: Store) -> None:
    put(filled, "Copies", ["A router sends  every token to two experts."])
    ids = found(filled, "What does a router do with a token?", k=6)
    assert len({"routers/0", "copies/0"} & set(ids)) == 1


def test_what_stands_behind_many_of_the_same_text_is_found(store: Store) -> None:
    for copy in range(9):
        put(store, f"Copy {copy}", ["A router sends every token to two experts."])
    put(store, "Other", ["A router may drop a token."])
    ids = found(store, "What does a router do with a token?", k=2)
    assert len(ids) == 2
    assert "other/0" in ids


def test_every_hit_tells_its_cosine(filled: Store) -> None:
    hits = Retriever(filled, HashEmbedder()).search("tap plumber", 5)
    assert all(hit.cosine is not None for hit in hits)


def test_both_sides_of_a_comparison_come_up(store: Store) -> None:
    put(store, "Mistral", [f"Mistral keeps its memory small, part {i}." for i in range(4)])
    put(store, "PagedAttention", ["Pages hold what attention needs.", "Blocks are shared."])
    put(store, "Others", [f"Filler number {i} about memory kept small." for i in range(60)])
    ids = found(store, "How do Mistral and PagedAttention each keep memory small?", k=5)
    assert {id_.split("/")[0] for id_ in ids[:3]} >= {"mistral", "pagedattention"}


def test_a_passage_without_its_document_is_dropped(filled: Store) -> None:
    vector = HashEmbedder().embed(["router token"])
    filled.vectors.add(["ghost"], vector, "routers")
    assert "ghost" not in found(filled, "router token")


def test_passages_that_hold_a_name(filled: Store) -> None:
    put(filled, "Llama Guard", ["It judges prompts.", "Llama policies."], heading="Safety")
    assert len(filled.holding(["llama", "guard"])) == 2
    assert len(filled.holding(["router"])) == 1
    assert filled.holding(["unheard", "router"]) == set()
    assert filled.holding(['a "quoted" name']) == set()
    assert filled.holding([]) == set()
    best = filled.lexical(["judges", "llama"], 5, holding=["llama"])
    assert [id_ for id_, _ in best] == ["llama-guard/0", "llama-guard/1"]


def test_the_work_called_by_its_title_is_looked_into(store: Store) -> None:
    put(store, "On Taps", [f"Taps of kind {i} are mended." for i in range(3)])
    put(store, "Others", [f"Keys drip from taps, case {i}." for i in range(40)])
    ids = found(store, "In 'On Taps', which keys drip?", k=3)
    assert ids[0].startswith("others/")
    assert {id_.split("/")[0] for id_ in ids[1:]} == {"on-taps"}


def test_what_stands_below_limits_comes_first_for_who_asks_for_drawbacks(store: Store) -> None:
    put(store, "On rye bread", ["Many have criticism of rye bread, its risks and problems."])
    put(store, "Rye bread at home", ["It takes two days."], "Limits")
    put(store, "Oats", ["Problems and risks of rye bread are no problems of oats."], "Limits")
    assert found(store, "What are the drawbacks of rye bread?")[0] == "rye-bread-at-home/0"
    assert found(store, "What is said of rye bread?")[0] == "on-rye-bread/0"


def test_fusing_prefers_what_both_sides_like() -> None:
    scores = fuse({"a": 0.9, "b": 0.8, "c": 0.1}, {"b": 9.0, "c": 8.0, "d": 0.5})
    assert max(scores, key=scores.__getitem__) == "b"
    assert set(scores) == {"a", "b", "c", "d"}


def test_equal_scores_say_nothing() -> None:
    assert standardise([2.0, 2.0]) == [0.0, 0.0]
    assert fuse({}, {"a": 1.0}) == {"a": 0.0}

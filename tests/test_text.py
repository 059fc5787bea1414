from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seminar_rag.text import (
    content_words,
    decoded,
    numbered,
    plural,
    sentence_spans,
    stem,
    stems,
    words,
)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def test_words_keep_compounds_together() -> None:
    assert words("State-of-the-art, GPT-4's 3.5!") == ["state-of-the-art", "gpt-4's", "3.5"]


def test_content_words_drop_what_matches_everything() -> None:
    assert content_words("What does the paper say about attention?") == ["attention"]


def test_stems_split_compounds_and_fold_endings() -> None:
    assert stems("Retrieval-augmented generation") == stems("retrieval augmenting generations")
    assert stem("model’s") == stem("models")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two. Three.", 3),
        ("Shown by Vaswani et al. Attention is enough.", 1),
        ("Costs fall, e.g. by half. Quality stays.", 2),
        ("See Fig. 3 for the loss. It falls.", 2),
        ("It grows to 3.5 times. then it stops.", 1),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_spans_cover_all_but_white_space() -> None:
    text = "  One here.   Two there.\nThree."
    assert "".join(sentences(text)).replace(" ", "") == "".join(text.split())


def test_threads_that_ask_at_once_get_the_right_stems() -> None:
    words_ = [f"{word}{i}" for i in range(300) for word in ("effective", "attributed", "modelling")]
    alone = [stem(word) for word in words_]
    stem.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: [stem(word) for word in words_], range(8)))
    assert all(found == alone for found in together)
    assert stem("effective") == "effect"


def test_the_dots_of_a_table_of_contents_end_no_sentence() -> None:
    assert len(sentences("Introduction . . . . . . . . . 12")) == 1


def test_numbers_with_nouns() -> None:
    assert [plural(n, "reading") for n in (0, 1, 1200)] == [
        "0 readings",
        "1 reading",
        "1,200 readings",
    ]
    assert plural(2, "match", "matches") == "2 matches"
    assert [numbered("session", n) for n in ([], [3], [3, 4])] == ["", "session 3", "sessions 3, 4"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("café".encode(), "café"),
        ("café".encode("utf-16"), "café"),
        ("café".encode("cp1252") + b" noir", "café noir"),
        (b'<meta charset="utf-8">caf\xe9 noir', '<meta charset="utf-8">café noir'),
        (b'<meta charset="iso-8859-2">\xaf', '<meta charset="iso-8859-2">Ż'),
        (b"charset=utf-7 +ADw-b+AD4- \xe9.", "charset=utf-7 +ADw-b+AD4- é."),
        (b"charset=punycode \xe9-" + 9999 * b"ba", "charset=punycode é-" + 9999 * "ba"),
        ("cafés".encode()[:-2], "caf\ufffd"),
    ],
)
def test_a_text_is_read_in_its_encoding(data: bytes, text: str) -> None:
    assert decoded(data) == text

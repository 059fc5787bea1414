"""What is shown of answers and sources: complete, escaped, and nothing that loads by itself."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from fake_course import (
    ANSWERS,
    EVIL,
    GENERATIONS,
    HOSTILE,
    JUDGED,
    NOTES,
    NOTES_PASSAGE,
    RAG,
    RAG_PASSAGE,
    STEPS,
    SURVEY,
    SURVEY_PASSAGE,
    UNKNOWN,
    FakeCourse,
    cite,
)

from seminar_rag.types import (
    READINGS,
    Answer,
    AnswerEvent,
    CitationEvent,
    Hit,
    HitsEvent,
    Listed,
    Scope,
    Sentence,
    SentenceVerdict,
    TokenEvent,
    Verdict,
    VerdictEvent,
)
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.ui.chat import render
from seminar_rag.ui.chat.render import HTML, PARTS
from seminar_rag.ui.shared.browser import from_record, to_record
from seminar_rag.ui.shared.conversation import Conversation, Exchange
from seminar_rag.ui.shared.wording import refusal, safe_url, scope_in_words

VOID = {"br", "hr", "img", "input", "link", "meta"}


class Tree(HTMLParser):
    """The tags of a piece of HTML with their attributes, and its text; checks the nesting."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marked: list[str] = []
        self._open: list[str] = []
        self.feed(str(html))
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "mark":
            self.marked.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "mark" in self._open:
            self.marked[-1] += data

    def all(self, tag: str, cls: str | None = None) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.tags
            if name == tag and (cls is None or cls in (attrs.get("class") or "").split())
        ]


def answered(question: str, number: int = 1, **changes: object) -> Exchange:
    view = Exchange(number, question).advanced(AnswerEvent(ANSWERS[question]))
    return replace(view, **changes)


def texts(citations, text: str, **changes: object) -> Exchange:
    return Exchange(1, "Q", "done", text, tuple(citations), **changes)


@pytest.mark.parametrize("markdown", [False, True])
def test_formulas_are_drawn_in_answers_and_sources(markdown):
    text = r"The loss $L_{a*b} = x_1 * x_2$ is small. [1] It costs $5 and $6. `$y$` [1]"
    view = texts([cite(1, RAG, RAG_PASSAGE)], text, markdown=markdown)
    html = render.exchange(view)
    assert html.count("<math ") == (1 if markdown else 2), "code stays code"
    assert "<em>" not in html
    assert "$5 and $6" in html
    assert html.count('class="mark"') == 2
    formula = replace(RAG_PASSAGE, text=r"A weight is $W \in R$ here.", sentences=())
    shown = render.sources(texts([replace(cite(1, RAG, RAG_PASSAGE), passage=formula)], "x [1]"))
    assert "∈" in shown


def test_a_listed_reading_opens_here_where_its_text_is():
    listed = (
        Listed("Here", (3,), "required", "https://x.test/here", None, "s/here.pdf"),
        Listed("Elsewhere", (3,), "required", "https://x.test/there"),
        Listed("Nowhere", (3,), "more"),
    )
    text = "Session 3 has:\n- Here (required)\n- Elsewhere (required)\n- Nowhere (further)"
    tree = Tree(render.exchange(Exchange(1, "Q", "done", text, listed=listed)))
    (button,) = tree.all("button", "near")
    assert button["data-view"] == "view/s%2Fhere.pdf"
    assert [one["href"] for one in tree.all("a") if "x.test" in one["href"]] == [
        "https://x.test/there"
    ]
    assert "Here (required)" in " ".join(tree.text.split())


def test_an_address_that_an_answer_tells_can_be_followed():
    listed = (
        Listed("Here", (3,), "required", "https://x.test/here", None, "s/here.pdf"),
        Listed("Odd", (3,), "required", "javascript:alert(1)", None, "s/odd.pdf"),
    )
    text = "Found:\n- Here: https://x.test/here\n- Odd: javascript:alert(1)"
    tree = Tree(render.exchange(Exchange(1, "Q", "done", text, listed=listed)))
    (link,) = [one for one in tree.all("a") if "here" in one["href"]]
    assert link["href"] == "https://x.test/here"
    assert not [one for one in tree.all("a") if "javascript" in one["href"]]
    assert "Odd : javascript:alert(1)" in " ".join(tree.text.split()).replace("Odd:", "Odd :")


# Answers ------------------------------------------------------------------------------------


def test_a_mark_is_a_link_to_its_source_and_says_whose_it_is():
    tree = Tree(render.exchange(answered(STEPS, number=7)))
    marks = tree.all("a", "mark")
    assert [mark["data-source"] for mark in marks] == ["7-1", "7-1", "7-1", "7-2"]
    assert marks[0]["href"] == "#source-7-1"
    assert "title" not in marks[0], "the page shows the source itself"
    assert marks[0]["aria-label"] == (
        "Source 1: Primer: Looking things up before answering, Ada Example et al., session 15, p. 3"
    )


def test_every_mark_of_an_answer_has_its_entry_in_the_panel():
    view = answered(GENERATIONS, number=3)
    targets = {mark["href"] for mark in Tree(render.exchange(view)).all("a", "mark")}
    entries = {"#" + str(entry["id"]) for entry in Tree(render.sources(view)).all("li", "source")}
    assert targets == entries == {"#source-3-1", "#source-3-2", "#source-3-3"}


def test_no_space_is_left_before_a_mark():
    html = render.exchange(texts([cite(1, RAG, RAG_PASSAGE)], "It works. [1] Well."))
    assert "It works.<a " in html
    assert ">1</a> Well." in html


def test_a_mark_without_citation_stays_text():
    html = render.exchange(texts([cite(1, RAG, RAG_PASSAGE)], "One [1] and two [2]."))
    assert html.count('class="mark"') == 1
    assert "two [2]." in html


def test_paragraphs_and_bullets_of_plain_text():
    html = render.exchange(texts([], "First.\n\n- one\n- two\n\nLast *as is* # too."))
    assert "<p>First.</p><ul><li>one</li><li>two</li></ul><p>Last *as is* # too.</p>" in html


def test_a_list_may_follow_its_lead_and_be_followed():
    html = render.exchange(texts([cite(1, RAG, RAG_PASSAGE)], "Lead: [1]\n- one [1]\n- two\nEnd."))
    tree = Tree(html)
    assert "</p><ul><li>one<a " in html
    assert "<li>two</li></ul><p>End.</p>" in html
    assert len(tree.all("a", "mark")) == 2


def test_the_foot_counts_sources_and_seconds():
    assert "2 sources</a> · quoted verbatim from 2 readings · 0.4 s</p>" in render.exchange(
        answered(STEPS)
    )
    single = replace(answered(STEPS), citations=(cite(1, RAG, RAG_PASSAGE),))
    assert "1 source</a>" in render.exchange(single)


def test_abstaining_looks_like_an_answer_with_the_nearest_readings():
    view = answered(UNKNOWN)
    html = render.exchange(view)
    assert '<div class="answer" data-state="done"><p>The readings don’t say.</p></div>' in html
    assert "problem" not in html
    tree = Tree(html)
    assert tree.all("a", "mark") == []
    assert [one["data-view"] for one in tree.all("button", "near")] == [
        "view/survey",
        "view/notes15",
    ]
    assert "Notes of session 15" in tree.text
    assert render.sources(view) == ""


def test_citations_of_an_abstaining_answer_are_not_shown():
    answer = replace(ANSWERS[UNKNOWN], citations=(cite(1, RAG, RAG_PASSAGE),))
    assert render.sources(Exchange(1, "Q").advanced(AnswerEvent(answer))) == ""


def test_waiting_says_what_is_read():
    view = Exchange(1, "Q")
    assert "Searching" in render.exchange(view)
    hits = (Hit(RAG_PASSAGE, RAG, 1.0), Hit(RAG_PASSAGE, RAG, 1.0), Hit(NOTES_PASSAGE, NOTES, 1.0))
    view = view.advanced(HitsEvent("Q", hits))
    assert "Reading 3 passages of 2 readings" in render.exchange(view)
    assert 'aria-busy="true"' in render.exchange(view)


def test_what_was_found_is_shown_until_the_answer_has_sources_of_its_own():
    found = (cite(1, RAG, RAG_PASSAGE), cite(2, NOTES, NOTES_PASSAGE))
    view = Exchange(1, "Q").advanced(HitsEvent("Q", (), quotations=found))
    assert "source-1-2" in render.sources(view)
    assert "being written" in render.sources(view)
    view = view.advanced(TokenEvent("It works. ")).advanced(CitationEvent(found[0]))
    assert "source-1-2" not in render.sources(view)
    assert "being written" not in render.sources(view)
    assert render.sources(replace(Exchange(1, "Q", "stopped"), found=found)) == ""


def test_what_was_found_stays_where_the_model_finds_no_answer_in_it():
    found = (cite(1, RAG, RAG_PASSAGE), cite(2, NOTES, NOTES_PASSAGE))
    view = Exchange(1, "Q").advanced(HitsEvent("Q", (), quotations=found))
    view = view.advanced(AnswerEvent(ANSWERS[UNKNOWN]))
    assert view.abstained
    assert not view.citations
    shown = render.sources(view)
    assert "source-1-2" in shown
    assert "nearest" in shown
    assert "being written" not in shown
    answered = Exchange(1, "Q").advanced(HitsEvent("Q", (), quotations=found))
    answered = answered.advanced(AnswerEvent(replace(ANSWERS[UNKNOWN], abstained=False)))
    assert render.sources(answered) == ""


def test_a_growing_answer_shows_its_marks_as_soon_as_they_are_resolved():
    view = Exchange(1, "Q").advanced(TokenEvent("It works. ")).advanced(TokenEvent("[1] "))
    assert "[1]" in render.exchange(view)
    assert render.sources(view) == ""
    view = view.advanced(CitationEvent(cite(1, RAG, RAG_PASSAGE)))
    assert 'data-source="1-1"' in render.exchange(view)
    assert "source-1-1" in render.sources(view)
    assert view.running


def test_a_failure_gives_its_reason_and_keeps_what_was_written():
    html = render.exchange(Exchange(1, "Q", "failed", "Half a", note="The <index> is gone."))
    assert "<p>Half a</p>" in html
    assert '<p class="problem">The &lt;index&gt; is gone.</p>' in html


def test_a_stopped_answer_says_so():
    assert "stopped" in render.exchange(Exchange(1, "Q", "stopped", "Half a"))


# Sources ------------------------------------------------------------------------------------


def test_an_entry_tells_title_authors_kind_session_page_section():
    tree = Tree(render.sources(texts([cite(1, RAG, RAG_PASSAGE)], "x [1]")))
    for fact in (
        "Primer: Looking things up before answering",
        "Ada Example et al.",
        "full text · session 15 · p. 3 · 2 How it works › 2.1 The three steps",
    ):
        assert fact in tree.text
    link, *files = tree.all("a")
    assert [one["href"] for one in files] == [
        "readings.ris?reading=rag",
        "readings.json?reading=rag",
    ]
    assert link["href"] == "https://example.org/pdf/rag.pdf#page=3"
    assert link["rel"] == "noopener noreferrer"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (RAG, "full text · "),
        (SURVEY, "abstract only · sessions 15, 16"),
        (NOTES, "student notes · session 15"),
    ],
)
def test_the_kind_of_a_source_is_named(document, words):
    assert words in Tree(render.sources(texts([cite(1, document, RAG_PASSAGE)], ""))).text


def test_the_supporting_sentence_is_marked_inside_the_whole_passage():
    tree = Tree(render.sources(texts([cite(1, NOTES, NOTES_PASSAGE, 1)], "")))
    assert tree.marked == [NOTES_PASSAGE.quote(NOTES_PASSAGE.sentences[1])]
    assert NOTES_PASSAGE.text in tree.text


def test_citations_of_one_number_share_an_entry_and_neighbours_share_a_mark():
    view = texts([cite(1, RAG, RAG_PASSAGE, n) for n in (0, 1, 3)], "")
    tree = Tree(render.sources(view))
    assert len(tree.all("li", "source")) == 1
    quotes = [RAG_PASSAGE.quote(s) for s in RAG_PASSAGE.sentences]
    assert tree.marked == [f"{quotes[0]} {quotes[1]}", quotes[3]]


def test_a_quote_is_found_over_line_breaks_and_a_foreign_one_is_shown_before():
    broken = replace(RAG_PASSAGE, text="A system\nworks  so. More.")
    good = replace(cite(1, RAG, broken), quote="A system works so.")
    assert Tree(render.sources(texts([good], ""))).marked == ["A system\nworks  so."]
    foreign = replace(good, quote="Not in it.")
    assert Tree(render.sources(texts([foreign], ""))).marked == ["Not in it."]


def test_the_paragraphs_of_a_passage_stand_apart_and_its_heading_is_not_repeated():
    text = "2.1 Steps\nFirst one.\nSecond one.\na | b\n1 | 2"
    table = text.index("a |")
    parts = (Sentence(10, 20), Sentence(21, 32), Sentence(table, len(text), kind="table"))
    body = replace(RAG_PASSAGE, text=text, heading="2 How › 2.1 Steps", sentences=parts)
    html = render.sources(texts([cite(1, RAG, body, 1)], ""))
    gap = '<span class="gap">\n</span>'
    assert (
        f"<blockquote>First one.{gap}<mark>Second one.</mark>{gap}a | b\n1 | 2</blockquote>" in html
    )
    other = replace(body, heading="3 Results")
    assert f"<blockquote>2.1 Steps{gap}<mark>First" in render.sources(
        texts([cite(1, RAG, other)], "")
    )


def test_an_item_that_is_marked_has_one_bullet():
    text = "First item.\nSecond item."
    parts = (Sentence(0, 11, kind="item"), Sentence(12, 24, kind="item"))
    body = replace(RAG_PASSAGE, text=text, sentences=parts)
    html = render.sources(texts([cite(1, RAG, body, 0)], "One [1]."))
    assert html.count("•") == 2
    assert "<mark>• First item.</mark>" in html


def test_a_quoted_heading_is_marked_once():
    body = replace(RAG_PASSAGE, text="Steps\nFirst one.", heading="Steps")
    quoted = replace(cite(1, RAG, RAG_PASSAGE), passage=body, quote="Steps First one.")
    assert Tree(render.sources(texts([quoted], ""))).marked == ["Steps\nFirst one."]


def test_overlapping_quotes_lose_and_double_nothing():
    first = replace(cite(1, RAG, SURVEY_PASSAGE), quote=SURVEY_PASSAGE.text[:40])
    second = replace(first, quote=SURVEY_PASSAGE.text[20:69])
    tree = Tree(render.sources(texts([first, second], "")))
    assert tree.marked == [SURVEY_PASSAGE.text[:69]]
    assert SURVEY_PASSAGE.text in tree.text


# Safety -------------------------------------------------------------------------------------

ALLOWED = {
    *("article", "h2", "h3", "div", "p", "a", "span", "section", "ol", "ul", "li", "blockquote"),
    *("mark", "strong", "em", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "hr"),
    *("br", "header", "h1", "button", "details", "summary", "input"),
}


def assert_inert(html: str) -> None:
    for tag, attrs in Tree(html).tags:
        assert tag in ALLOWED, tag
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "background", "formaction"), name
            if name == "href":
                assert str(value).startswith(("#", "https://", "http://", "readings.")), value
            if name == "style":
                assert str(value).startswith("text-align:"), value


@pytest.mark.parametrize("markdown", [False, True])
def test_hostile_readings_and_answers_are_inert(markdown):
    view = answered(HOSTILE, markdown=markdown)
    shown = render.exchange(view)
    for html in (shown, render.sources(view), render.transcript([view])):
        assert_inert(html)
    assert "tracker.invalid" not in "".join(str(attrs.get("href")) for _, attrs in Tree(shown).tags)
    assert EVIL.title in Tree(render.sources(view)).text


def test_the_head_the_welcome_and_messages_are_escaped():
    evil = "<img src=x onerror=alert(1)>\"'"
    for html in (
        render.masthead(evil, Catalogue(evil, (), (ListedSession(1, evil),))),
        HTML.welcome([evil]),
        PARTS.message(evil),
        HTML.notice(evil),
        render.exchange(Exchange(1, evil, "failed", note=evil)),
    ):
        assert_inert(html)
    (chip,) = Tree(HTML.welcome([evil])).all("button", "chip")
    assert chip["data-ask"] == evil


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org/x",
        "/relative",
        "https:",
        "https://",
        "https://exa mple.org",
        "https://example.org/\x00",
        "http://[broken",
    ],
)
def test_only_web_addresses_become_links(url):
    assert safe_url(url) is None


@pytest.mark.parametrize("url", ["http://example.org", "https://example.org/a?b=c&d=<e>#f"])
def test_a_web_address_becomes_a_link(url):
    assert safe_url(url) == url
    view = texts([cite(1, replace(RAG, url=url), NOTES_PASSAGE)], "")
    assert Tree(render.sources(view)).all("a")[0]["href"] == url


# Markdown of language models ----------------------------------------------------------------


def markdown(text: str) -> str:
    return render.exchange(texts([cite(1, RAG, RAG_PASSAGE)], text, markdown=True))


def test_simple_markdown_is_kept():
    html = markdown("**Bold** and `code`. [1]\n\n- one [1]\n- two\n\n# Head\n\n|a|b|\n|-|-|\n|1|2|")
    for piece in ("<strong>Bold</strong>", "<code>code</code>", "<li>two</li>", "<h3>Head</h3>"):
        assert piece in html
    assert "<td>1</td>" in html
    assert html.count('class="mark"') == 2


def test_marks_in_code_are_code():
    assert 'class="mark"' not in markdown("`a[1]` and\n\n    b[1]\n")


def test_markdown_images_links_and_html_stay_text():
    text = (
        "![x](http://tracker.invalid/p.png) [y](http://tracker.invalid) <b>z</b> "
        "<http://tracker.invalid>\n\n[r]: http://tracker.invalid\n\n<script>x</script>\n\n![r]"
    )
    html = markdown(text)
    assert_inert(html)
    assert "<b>" not in html
    assert all(str(link["href"]).startswith("#") for link in Tree(html).all("a"))


# Parts --------------------------------------------------------------------------------------


def test_the_head_counts_what_is_indexed():
    readings = (ListedReading("rag", "RAG"), ListedReading("gap", "A gap"))
    sessions = (
        ListedSession(1, "One", readings=readings),
        ListedSession(2, "Two", readings=readings),
    )
    records = {one.id: Record(one, "s", "", passages=760) for one in (RAG, NOTES)}
    html = render.masthead("Seminar", Catalogue("Seminar", (), sessions, records))
    assert "<h1>Seminar</h1><p>2 sessions, 2 readings, 1,520 passages</p>" in html


def test_the_head_leads_to_the_desk_where_there_is_one():
    assert "Desk" not in render.masthead("Seminar", None)
    (way,) = Tree(render.masthead("Seminar", None, desk=True)).all("a", "to-desk")
    assert way["href"] == "desk/"


def test_the_first_screen_has_the_session_of_the_week_and_examples_where_there_are_any():
    assert "<ul" not in HTML.welcome([])
    assert "This week" not in HTML.welcome([])
    html = HTML.welcome([], ListedSession(3, "How <networks> learn"))
    assert 'data-ask="Which readings are in session 3?"' in html
    assert "session 3, How &lt;networks&gt; learn" in html


def test_no_message_shows_nothing():
    assert PARTS.message("") == ""


def test_long_author_lists_are_cut_and_short_ones_kept():
    short = replace(RAG, authors="A One, B Two and C Three")
    assert "A One, B Two and C Three" in render.sources(texts([cite(1, short, RAG_PASSAGE)], ""))
    nobody = replace(RAG, authors=None)
    assert 'class="by"' not in render.sources(texts([cite(1, nobody, RAG_PASSAGE)], ""))


# Scopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "words", "told"),
    [
        (Scope(), "", "The readings don't say."),
        (Scope(frozenset({6})), "session 6", "Session 6 doesn't say."),
        (Scope(frozenset({15, 3})), "sessions 3, 15", "Sessions 3, 15 don't say."),
        (
            Scope(frozenset({6}), kinds=frozenset({"notes"})),
            "session 6 · student notes",
            "The student notes of session 6 don't say.",
        ),
        (
            Scope(required_only=True),
            "all sessions · only required",
            "The required readings don't say.",
        ),
        (Scope(readings=frozenset({"a"})), "On A · B", "“On A · B” doesn't say."),
        (
            Scope(frozenset({6}), frozenset({"a"}), READINGS, True),
            "session 6 · On A · B · readings · only required",
            "“On A · B” doesn't say.",
        ),
        (Scope(readings=frozenset({"a", "b"})), "2 readings", "The 2 chosen readings don't say."),
    ],
)
def test_a_scope_is_put_into_words_and_a_refusal_names_it(scope, words, told):
    assert scope_in_words(scope, {"a": "On A · B"}) == words
    assert refusal(scope, words) == told


def test_a_scoped_refusal_offers_the_whole_course():
    scoped = Exchange(1, UNKNOWN, scope=Scope(frozenset({6})), asked="session 6")
    html = render.exchange(scoped.advanced(AnswerEvent(ANSWERS[UNKNOWN])))
    assert "Session 6 doesn’t say." in Tree(html).text
    (button,) = Tree(html).all("button", "wider")
    assert button["data-ask"] == UNKNOWN
    whole = render.exchange(Exchange(1, UNKNOWN).advanced(AnswerEvent(ANSWERS[UNKNOWN])))
    assert "The readings don’t say." in Tree(whole).text
    assert 'class="wider"' not in whole


# Verdicts -------------------------------------------------------------------------------------


def _view(text, *ends, label="partly", markdown=False):
    verdicts = tuple(
        SentenceVerdict(i, 0, text.index(end) + len(end), Verdict(label, 0.5, "Why.", (), "v"))
        for i, end in enumerate(ends)
    )
    return Exchange(1, "?", "done", text, markdown=markdown, verdicts=verdicts)


def _badges(html):
    return Tree(html).all("span", "badge")


def test_a_badge_stands_behind_the_marks_of_its_sentence():
    view = Exchange(1, "?", markdown=True).advanced(AnswerEvent(ANSWERS[JUDGED]))
    html = render.exchange(view)
    badges = _badges(html)
    assert [one["data-label"] for one in badges] == ["supported", "partly", "contradicted"]
    assert [one.get("tabindex") for one in badges] == [None, "0", "0"]
    assert badges[1]["aria-label"].startswith("Partly supported. The passage says <7B> & the")
    assert "generations.1✓ The third repeats nearly each step.1~ There" in Tree(html).text
    assert "1 of 3 sentences supported" in Tree(html).text


def test_quotations_have_no_badges_and_say_what_they_are_quoted_from():
    view = Exchange(1, "?").advanced(AnswerEvent(ANSWERS[JUDGED]))
    html = render.exchange(view)
    assert _badges(html) == []
    assert "quoted verbatim from 1 reading and student notes" in Tree(html).text
    assert "supported" not in html
    again = [cite(1, RAG, RAG_PASSAGE), cite(2, RAG, RAG_PASSAGE)]
    assert (
        "quoted verbatim from 1 readingCopy"
        in Tree(render.exchange(texts(again, "So. [1] [2]"))).text
    )


def test_a_hint_is_not_said_to_quote():
    hint = Answer("?", "Read “RAG” [1].", "tutor", citations=(cite(1, RAG, RAG_PASSAGE),),
                  kind="course")  # fmt: skip
    view = Exchange(1, "?").advanced(AnswerEvent(hint))
    kept = from_record(to_record(Conversation((view,), id="c")), FakeCourse())
    for one in (view, kept.exchanges[0]):
        told = Tree(render.exchange(one)).text
        assert "1 source" in told
        assert "quoted verbatim" not in told


def test_the_built_in_check_finds_similar_sentences_and_supports_nothing():
    said = ANSWERS[JUDGED]
    verdicts = tuple(
        replace(one, verdict=replace(one.verdict, verifier="built-in")) for one in said.verdicts
    )
    view = Exchange(1, "?", markdown=True).advanced(AnswerEvent(replace(said, verdicts=verdicts)))
    html = render.exchange(view)
    badges = _badges(html)
    assert [one["data-label"] for one in badges] == ["similar", "partly", "contradicted"]
    assert badges[0]["aria-label"].startswith("Similar sentence found. ")
    assert "tabindex" not in badges[0]
    assert "similar sentences found for 1 of 3" in Tree(html).text
    assert "✓" not in html


def test_verdicts_show_while_the_answer_is_written():
    view = Exchange(1, "?", markdown=True)
    for event in (
        TokenEvent("  It is so. [1]"),
        CitationEvent(cite(1, RAG, RAG_PASSAGE)),
        VerdictEvent(SentenceVerdict(0, 0, 13, Verdict("unsupported", 0.1, "No.", (), "v"))),
        TokenEvent(" And mo"),
    ):
        view = view.advanced(event)
    assert "It is so.1! And mo" in Tree(render.exchange(view)).text


def test_a_badge_leaves_markdown_whole():
    text = (
        "**Bold claim.** [1] Then.\n\n| a | b |\n|---|---|\n| c | d |\n\n```py\nx = 1\n```\n`y = 2`"
    )
    ends = ("Bold claim.**", "| c | d |", "x = 1", "`y = 2")
    html = render.exchange(_view(text, *ends, markdown=True))
    tree = Tree(html)
    assert "<strong>Bold claim.</strong>" in html
    assert len(tree.all("td")) == 2
    assert "\ue000" not in html
    assert len(_badges(html)) == 2  # code has none


def test_characters_that_play_a_badge_are_replaced():
    html = render.exchange(_view("It is \ue0007\ue001 so.", "so.", markdown=True))
    assert len(_badges(html)) == 1
    assert "\ufffd7\ufffd" in html

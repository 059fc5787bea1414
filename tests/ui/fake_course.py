"""A course whose answers are written beforehand, with the surface that the chat uses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from check.scripted import ScriptedVerifier
from seminar_rag.check.report import Checker
from seminar_rag.comparing import columns
from seminar_rag.documents.parse import text_of
from seminar_rag.errors import NotFoundError, SeminarError
from seminar_rag.for_programs import ForPrograms
from seminar_rag.pages.render import Renderer, workers
from seminar_rag.pages.view import Pages
from seminar_rag.types import (
    WORDS_ONLY,
    Answer,
    AnswerEvent,
    Citation,
    CitationEvent,
    Document,
    Event,
    Hit,
    HitsEvent,
    Passage,
    Scope,
    Sentence,
    SentenceVerdict,
    TokenEvent,
    Turn,
    Verdict,
    VerdictEvent,
    VerdictLabel,
)
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.check import Checking, Work
from seminar_rag.types.ingest import Need
from seminar_rag.types.study import (
    Cell,
    DefinedTerm,
    Difference,
    FoundDifference,
    Guide,
    KeptTable,
    Proposed,
    Row,
    Stated,
    StudyItem,
    Table,
)


def passage(
    document: Document, ordinal: int, heading: str, page: int | None, *texts: str
) -> Passage:
    """A passage made of the sentences `texts`."""
    sentences, start = [], 0
    for text in texts:
        sentences.append(Sentence(start, start + len(text), page=page))
        start += len(text) + 1
    body = " ".join(texts)
    return Passage(
        id=f"{document.id}:{ordinal}",
        document=document.id,
        ordinal=ordinal,
        text=body,
        heading=heading,
        start=0,
        end=len(body),
        page=page,
        sentences=tuple(sentences),
    )


def cite(number: int, document: Document, source: Passage, sentence: int = 0) -> Citation:
    """A citation of one sentence of `source`."""
    chosen = source.sentences[sentence]
    return Citation(number, document, source, source.quote(chosen), chosen.page)


RAG = Document(
    id="rag",
    kind="paper",
    reading="rag",
    title="Primer: Looking things up before answering",
    authors="Ada Example, Bo Sample, Cy Instance, Di Specimen",
    sessions=(15,),
    section="required",
    url="https://example.org/pdf/rag.pdf",
)
SURVEY = Document(
    id="survey",
    kind="abstract",
    reading="survey",
    title="A map of retrieval methods",
    authors="Eve Placeholder and Fay Stand-In",
    sessions=(15, 16),
    section="more",
    url="https://example.org/abs/survey",
)
NOTES = Document(
    id="notes15", kind="notes", reading="notes15", title="Notes of session 15", sessions=(15,)
)

RAG_PASSAGE = passage(
    RAG,
    4,
    "2 How it works › 2.1 The three steps",
    3,
    "A system of this kind works in three steps.",
    "It first cuts the collection into passages and stores a vector for each.",
    "At question time it fetches the passages whose vectors lie closest to that of the question.",
    "Only then does the language model write, with those passages in front of it.",
    "What the model remembers from training still leaks into the text, so the passages should be "
    "shown beside the answer.",
)
SURVEY_PASSAGE = passage(
    SURVEY,
    0,
    "",
    None,
    "The article sorts retrieval methods into three generations.",
    "The first indexes, fetches and writes once; the second adds steps before and after the "
    "fetching, such as rewriting the question and reordering what was found.",
    "The third treats each step as a part that can be swapped or repeated.",
)
NOTES_PASSAGE = passage(
    NOTES,
    2,
    "Discussion › When retrieval hurts",
    None,
    "Several of us found that a wrong passage is worse than none.",
    "If the passage on top is about another topic, the answer follows it with full confidence.",
    "Reordering helped in our small test, at the price of half a second.",
)

EVERYTHING = Scope()
PAIR = Difference(
    *("pair", 15, "differs", "The second says <b>four</b>, the first says three."),
    Stated("rag", "rag:4", "rag", "Primer", "A system of this kind works in three steps.", "p. 3"),
    Stated("survey", "survey:0", "survey", "Map", "It works in four steps.", ""),
)
QUIZ = StudyItem(
    *("quiz", "number", 15, "Which number is left out? “… ____ steps.”", "three"),
    *(("two", "three", "four", "five"), "A system of this kind works in three steps."),
    *("rag", "rag:4", "rag", "Primer: Looking things up before answering", "p. 3"),
)
CARD = StudyItem(
    *("card", "short", 15, "What does RAG stand for?", "<b>retrieval</b>", ()),
    *("A system of this kind works in three steps.", "rag", "rag:4", "rag", "Primer", "p. 3"),
)

STEPS = "What are the steps of retrieval-augmented generation?"
GENERATIONS = "How do the generations of retrieval methods differ, and when does retrieval hurt?"
JUDGED = "What has been checked?"
UNKNOWN = "What is the capital of Peru?"
HOSTILE = "Show me something hostile"
SLOW = "Take your time"
ENDLESS = "Tell me everything"
BROKEN = "Fail with a reason"
CRASH = "Crash"

EVIL = Document(
    id="evil",
    kind="paper",
    reading="evil",
    title='<img src=x onerror="window.pwned=1">',
    authors='"><script>window.pwned=2</script>',
    sessions=(3,),
    url="javascript:window.pwned=3",
)
EVIL_PASSAGE = passage(
    EVIL,
    0,
    "<b onmouseover=window.pwned=4>",
    None,
    "Click [here](javascript:window.pwned=5) or ![see](http://tracker.invalid/p.png) ${alert(1)}.",
    "<svg onload=window.pwned=6> {{constructor.constructor('window.pwned=7')()}}",
)


def judged(text: str, *labels: VerdictLabel) -> tuple[SentenceVerdict, ...]:
    """Verdicts on the sentences of `text`, each of which ends in a mark."""
    out, start = [], 0
    for index, label in enumerate(labels):
        end = text.index("]", start) + 1
        reason = f"The passage says <7B> & the sentence “13B”, which is {label}."
        out.append(SentenceVerdict(index, start, end, Verdict(label, 0.5, reason, (), "scripted")))
        start = end + 1
    return tuple(out)


JUDGED_TEXT = (
    "The article sorts retrieval methods into three generations. [1] The third repeats nearly "
    "each step. [1] There are four generations. [1] Nobody reads this. [2]"
)

ANSWERS: dict[str, Answer] = {
    JUDGED: Answer(
        question=JUDGED,
        text=JUDGED_TEXT,
        answerer="scripted",
        citations=(cite(1, SURVEY, SURVEY_PASSAGE, 0), cite(2, NOTES, NOTES_PASSAGE, 1)),
        seconds=0.5,
        verdicts=judged(JUDGED_TEXT, "supported", "partly", "contradicted", "uncheckable"),
    ),
    STEPS: Answer(
        question=STEPS,
        text=(
            "A system of this kind works in three steps. [1] It first cuts the collection into "
            "passages and stores a vector for each. [1] At question time it fetches the passages "
            "whose vectors lie closest to that of the question. [1]\n\n"
            "The first indexes, fetches and writes once; the second adds steps before and after "
            "the fetching, such as rewriting the question and reordering what was found. [2]"
        ),
        answerer="extractive",
        citations=(
            cite(1, RAG, RAG_PASSAGE, 0),
            cite(1, RAG, RAG_PASSAGE, 1),
            cite(1, RAG, RAG_PASSAGE, 2),
            cite(2, SURVEY, SURVEY_PASSAGE, 1),
        ),
        seconds=0.42,
    ),
    GENERATIONS: Answer(
        question=GENERATIONS,
        text=(
            "The article sorts retrieval methods into three generations. [1] The third treats each "
            "step as a part that can be swapped or repeated. [1]\n\n"
            "If the passage on top is about another topic, the answer follows it with full "
            "confidence. [2] What the model remembers from training still leaks into the text, so "
            "the passages should be shown beside the answer. [3]"
        ),
        answerer="extractive",
        citations=(
            cite(1, SURVEY, SURVEY_PASSAGE, 0),
            cite(1, SURVEY, SURVEY_PASSAGE, 2),
            cite(2, NOTES, NOTES_PASSAGE, 1),
            cite(3, RAG, RAG_PASSAGE, 4),
        ),
        seconds=0.61,
    ),
    UNKNOWN: Answer(
        question=UNKNOWN,
        text="The readings don't say.",
        answerer="extractive",
        abstained=True,
        nearest=(SURVEY, NOTES),
        seconds=0.2,
    ),
    HOSTILE: Answer(
        question=HOSTILE,
        text=(
            '<img src=x onerror="window.pwned=8"> ![t](http://tracker.invalid/a.png) '
            "[go](javascript:window.pwned=9) <http://tracker.invalid/auto> ${alert(1)} {{7*7}} [1]"
        ),
        answerer="scripted",
        citations=(cite(1, EVIL, EVIL_PASSAGE, 0), cite(1, EVIL, EVIL_PASSAGE, 1)),
        warnings=("<i>a warning</i>",),
    ),
}


@dataclass
class Asked:
    """What the chat passed to `ask`."""

    question: str
    history: tuple[Turn, ...]
    scope: Scope


@dataclass
class FakeJournal:
    """Remembers what it was told."""

    enabled: bool = True
    recorded: list[Answer] = field(default_factory=list)
    opinions: list[tuple[Answer, bool, str]] = field(default_factory=list)
    rated: set[str] = field(default_factory=set)
    last: str = ""

    def record(self, answer: Answer) -> None:
        self.recorded.append(answer)

    def feedback(
        self, answer: Answer, good: bool, reason: str = "", comment: str = "", id_: str = ""
    ) -> bool:
        if id_ in self.rated:
            return False
        self.rated.add(id_)
        self.last = id_
        self.opinions.append((answer, good, f"{reason}: {comment}" if comment else reason))
        return True

    def withdraw(self, id_: str) -> None:
        assert id_ == self.last
        self.rated.remove(id_)
        self.opinions.pop()


class FakeShelf:
    """The documents of the answers, without files."""

    def __init__(self, gone: set[str]) -> None:
        self.gone = gone

    def catalogue(self) -> Catalogue:
        known = [one for one in (RAG, SURVEY, NOTES, EVIL) if one.id not in self.gone]
        records = {one.id: Record(one, "fake", "", passages=1) for one in known}
        readings = [
            ListedReading(one.id, one.title, one.authors, None, (one.url or "",))
            for one in (RAG, SURVEY, EVIL)
        ]
        session = ListedSession(15, "Retrieval-augmented generation", readings=tuple(readings))
        return Catalogue("Reading seminar", (), (session,), records)

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        return {
            one.id: one
            for d in self.catalogue().records
            for one in self.passages_of(d)
            if one.id in ids
        }

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        known = (RAG_PASSAGE, SURVEY_PASSAGE, NOTES_PASSAGE, EVIL_PASSAGE)
        return tuple(one for one in known if one.document == document and document not in self.gone)

    def file_of(self, document: str) -> Path | None:
        return None


@dataclass
class FakeCourse(ForPrograms):
    """Streams the scripted answers word by word and records what it was asked."""

    name: str = "Reading seminar"
    answerer: str = "extractive (quotes only)"
    common: None = None
    """The course is served by one server alone."""
    check_notice: str = WORDS_ONLY
    answerer_notice: str = "Answers are quoted from the readings. No language model is in use."
    pace: float = 0.01
    """Seconds between two words."""
    asked: list[Asked] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    """What was given to `check`."""
    journal: FakeJournal = field(default_factory=FakeJournal)
    gone: set[str] = field(default_factory=set)
    """Ids of documents that were removed."""
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    """Cells of tables that were asked for."""
    kept: list[KeptTable] = field(default_factory=list)
    tutored: dict[int, str] = field(default_factory=dict)
    """Session → how its questions are met."""
    guided: set[int] = field(default_factory=set)
    """Sessions whose guide students see."""
    states: dict[str, Any] = field(default_factory=dict)
    """Id of an item → what was decided."""
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when `ask` was told to stop."""

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope = EVERYTHING,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        self.asked.append(Asked(question, tuple(history), scope))
        if question == BROKEN:
            raise SeminarError("The index is being rebuilt — ask again in a minute.")
        if question == CRASH:
            raise ZeroDivisionError("secret detail")
        yield HitsEvent(question, tuple(self._hits()))
        if question in (SLOW, ENDLESS):
            yield from self._slow(question, stop)
            return
        answer = ANSWERS.get(question, ANSWERS[STEPS])
        yield from self._stream(answer)
        yield AnswerEvent(answer)

    def _stream(self, answer: Answer) -> Iterator[Event]:
        seen: set[int] = set()
        for word in answer.text.split(" "):
            time.sleep(self.pace)
            yield TokenEvent(word + " ")
            for citation in answer.citations:
                if f"[{citation.number}]" in word and citation.number not in seen:
                    yield from map(
                        CitationEvent, (c for c in answer.citations if c.number == citation.number)
                    )
                    seen.add(citation.number)
        yield from map(VerdictEvent, answer.verdicts)

    def _slow(self, question: str, stop: Callable[[], bool]) -> Iterator[Event]:
        """SLOW says nothing for a long while; ENDLESS never ends by itself."""
        for step in range(6000):  # longer than any test may take
            # Slower in the end: a page that shows ever more is ever busier.
            if question == ENDLESS and (step < 50 or step % 10 == 0):
                yield TokenEvent(f"word{step} ")
            for _ in range(5):
                time.sleep(0.02)
                if stop():
                    self.stopped.set()
                    return

    def _hits(self) -> Iterator[Hit]:
        for document, source in (
            (RAG, RAG_PASSAGE),
            (SURVEY, SURVEY_PASSAGE),
            (NOTES, NOTES_PASSAGE),
        ):
            yield Hit(source, document, 1.0)

    def search(self, query: str, k: int, scope: Scope | None = None) -> tuple[Hit, ...]:
        if query == CRASH:
            raise ZeroDivisionError(f"secret detail of {query}")
        return tuple(self._hits())[:k]

    def check(self, text: str) -> Checking:
        """Every sentence with "three generations" is supported, with "four" contradicted."""
        if text == BROKEN:
            raise SeminarError("The index is being rebuilt — ask again in a minute.")
        self.checked.append(text)
        hits = tuple(self._hits())

        def search(query: str, k: int, scope: Scope | None) -> tuple[Hit, ...]:
            time.sleep(self.pace)
            return tuple(hit for hit in hits if not scope or hit.document.reading in scope.readings)

        labels: dict[str, VerdictLabel] = {
            "three generations": "supported",
            "four": "contradicted",
            "nearly": "partly",
        }
        works = (Work("survey", SURVEY.title, "Eve Placeholder", "2312.10997"),)
        return Checker(search, ScriptedVerifier(labels), works).check(text)

    def text_of(self, file: bytes) -> str:
        return text_of(file)

    def catalogue(self) -> Catalogue:
        return FakeShelf(self.gone).catalogue()

    def needs(self) -> tuple[Need, ...]:
        return ()

    def key_sentences(self, reading: str, n: int = 5) -> tuple[Citation, ...]:
        known = {one.reading: one for one in (RAG, EVIL)}
        if reading not in known:
            raise NotFoundError("No text of this reading is in the course.")
        source = RAG_PASSAGE if reading == "rag" else EVIL_PASSAGE
        return (cite(1, known[reading], source, 0), cite(2, known[reading], source, 1))[:n]

    def questions_about(self, reading: str, n: int = 3) -> tuple[str, ...]:
        return (STEPS, "What is a passage?")[:n] if reading == "rag" else ()

    def current_session(self) -> int | None:
        return 15

    def texts_with(self, words: str, most: int = 200) -> dict[str, str]:
        found = {"rag": RAG_PASSAGE, "notes15": NOTES_PASSAGE}
        return {id_: one.text for id_, one in found.items() if words.casefold() in one.text}

    # Readings beside each other

    def rows(self, scope: Scope = EVERYTHING) -> tuple[Row, ...]:
        shown = [one for one in (RAG, SURVEY, NOTES) if scope.admits(one)]
        every = [Row(one.reading, one.title, one.authors, one.kind, one.sessions) for one in shown]
        return (*every, Row("gone", "A paper without text", None, None, (15,)))

    def cell(self, reading: str, question: str) -> Cell:
        (asked,) = columns([question])
        if asked == BROKEN:
            raise SeminarError("The index is being rebuilt — ask again in a minute.")
        time.sleep(100 * self.pace if asked.endswith(SLOW) else 0)
        known = {"rag": (RAG, RAG_PASSAGE), "survey": (SURVEY, SURVEY_PASSAGE)}
        if reading == "gone":
            return Cell(reading, asked, "no text", why="has no text in the course")
        if reading == "notes15":
            return Cell(reading, asked, "silent", why="has no sentence that comes close")
        if reading not in known:
            raise NotFoundError("there is no such reading in the course")
        cited = (cite(1, *known[reading], 1),)
        self.cells[reading, asked] = Cell(
            reading, asked, "says" if reading == "rag" else "perhaps", cited, 0.8
        )
        return self.cells[reading, asked]

    def known_table(self, questions: Sequence[str], readings: Sequence[str]) -> Table:
        found = tuple(row for one in readings for row in self.rows() if row.reading == one)
        return Table(columns(questions), found, dict(self.cells))

    def compare(self, questions: Sequence[str], scope: Scope = EVERYTHING) -> Table:
        asked, found = columns(questions), self.rows(scope)
        told = {(row.reading, one): self.cell(row.reading, one) for row in found for one in asked}
        return Table(asked, found, told)

    def tables(self) -> tuple[KeptTable, ...]:
        return tuple(self.kept)

    def keep_table(self, session: int, questions: Sequence[str]) -> KeptTable:
        self.kept.append(KeptTable(f"t{len(self.kept)}", session, columns(questions)))
        return self.kept[-1]

    def drop_table(self, id_: str) -> None:
        self.kept[:] = [one for one in self.kept if one.id != id_]

    def differ(self, session: int, stop: object = None, progress: object = None) -> object:
        self.states.setdefault("pair", "new")
        return self.differing(session)

    def differing(self, session: int) -> tuple[FoundDifference, ...]:
        known = "pair" in self.states and session == 15
        return (FoundDifference(PAIR, self.states["pair"]),) if known else ()

    def differences(self, session: int | None = None) -> tuple[Difference, ...]:
        return tuple(one.difference for one in self.differing(15) if one.state == "kept")

    def decide_difference(self, id_: str, session: int, state: str) -> None:
        self.states[id_] = state

    def tutoring(self) -> dict[int, str]:
        return dict(self.tutored)

    def tutor(self, session: int, mode: str | None) -> None:
        self.tutored.pop(session, None)
        self.tutored |= {session: mode} if mode else {}

    # What students learn by

    @property
    def decided(self) -> object:
        return repr((self.kept, self.states, self.tutored, self.guided))

    def guides(self) -> frozenset[int]:
        return frozenset(self.guided)

    def show_guide(self, session: int, *, shown: bool) -> None:
        (self.guided.add if shown else self.guided.discard)(session)

    def guide(self, session: int) -> Guide:
        claims = ((RAG.title, (cite(1, RAG, RAG_PASSAGE, 3),)), ("A paper without text", ()))
        term = DefinedTerm("passage", cite(1, RAG, RAG_PASSAGE, 1))
        return Guide(session, "Retrieval-augmented generation", claims, (term,))

    def propose(self, session: int, stop: object = None, progress: object = None) -> object:
        self.states |= {one.id: "new" for one in (QUIZ, CARD) if one.id not in self.states}
        return self.proposed(session)

    def proposed(self, session: int) -> tuple[Proposed, ...]:
        known = (one for one in (QUIZ, CARD) if one.id in self.states and session == 15)
        return tuple(Proposed(one, self.states[one.id]) for one in known)

    def decide(self, ids: Sequence[str], session: int, state: str) -> None:
        self.states |= dict.fromkeys(ids, state)

    def study(self, session: int) -> tuple[StudyItem, ...]:
        return tuple(one.item for one in self.proposed(session) if one.state == "approved")

    @property
    def pages(self) -> Pages:
        return Pages(FakeShelf(self.gone), Renderer(Path("never"), workers()))

    def documents(self) -> dict[str, Document]:
        return {one.id: one for one in (RAG, SURVEY, NOTES) if one.id not in self.gone}

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        known = (RAG_PASSAGE, SURVEY_PASSAGE, NOTES_PASSAGE)
        return {one.id: one for one in known if one.id in ids and one.document not in self.gone}

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        known = (RAG_PASSAGE, SURVEY_PASSAGE, NOTES_PASSAGE)
        return tuple(one for one in known if one.document == document and document not in self.gone)

    def sessions(self) -> tuple[tuple[int, str, int, int], ...]:
        return (
            (3, "How networks learn", 6, 120),
            (15, "Retrieval-augmented generation", 7, 143),
            (16, "Agents and tools", 5, 98),
        )

    def examples(self, n: int) -> tuple[str, ...]:
        return (
            STEPS,
            GENERATIONS,
            "Why does attention scale badly with length?",
            "What does a reward model learn?",
            "How is a diffusion model sampled?",
            "When do agents need a plan?",
        )[:n]

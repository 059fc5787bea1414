"""Answers questions about the course from its catalogue, and finds the part that one names.

The intent and its topic come with the query; this module looks them up. Of the readings' text it
quotes only key sentences, which it is handed, and the line that names a work's authors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from seminar_rag.answer.catalogue_rows import (
    CatalogueAnswer,
    all_readings,
    all_sessions,
    authors_of,
    beside,
    by_author,
    called,
    count_readings,
    count_sessions,
    covers,
    links_of,
    no_rules,
    not_listed,
    of_section,
    reading_row,
    readings_of,
    section_of,
    session_readings,
    session_row,
    sessions_of,
    small_talk,
    subject_lead,
    titled_sessions,
    together,
    with_links,
    with_rows,
    works,
)
from seminar_rag.answer.course_parts import about_part
from seminar_rag.answer.schedule import about_schedule
from seminar_rag.answer.summaries import (
    A_READING,
    KeySentences,
    Search,
    Summaries,
    no_essay,
    reading_about,
)
from seminar_rag.question.parts import two_questions
from seminar_rag.question.query import NOTHING_ASKED, understand
from seminar_rag.text import plural, stems, words
from seminar_rag.types import NOTES, READINGS, Citation, Hit, Listed, Scope

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedReading

_SEARCHED = 20
_NEAREST = 5
"""Readings that are offered to begin with on a subject that no title names."""
_ALL = 100
"""Passages that are looked at for all readings on a subject."""
_NAME = re.compile(r"\d|[a-z][A-Z]")
"""A word that only a name has, "R1" or "LoRA": what is alike without it is about another thing."""
_ALIKE = 0.45
"""Cosine of a passage to a subject from which it is about it, though it lacks its words."""
_NO_QUESTION = "there is no question in this; ask one in words"
_SIGNED = re.compile(r"^(?:authors?|by)\s*:?\s+\S", re.IGNORECASE)
"""A line that names a work's authors."""
_INTRODUCES = re.compile(r"\b(?:survey|introduction|overview|review|primer|basics)\b", re.I)


def _rank(row: Listed) -> tuple[bool, bool, int]:
    """What to read first: what is required, surveys before others, earlier sessions first."""
    return row.section != "required", not _INTRODUCES.search(row.title), min(row.sessions)


def _in_order(found: CatalogueAnswer) -> CatalogueAnswer:
    """The readings of a session in the order to read them, with the reason for the first."""
    rows = sorted((row for row in found.listed if row.section), key=_rank)
    if not rows:
        return found
    first = rows[0]
    why = "is required" if first.section == "required" else "comes first of the further readings"
    if _INTRODUCES.search(first.title):
        why += " and, by its title, introduces the subject"
    lead = f"Begin with “{first.title}”, which {why}."
    return with_rows(f"{lead} In this order:" if len(rows) > 1 else lead, rows)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The part of the course that a question is about."""

    scope: Scope
    words: str
    """The part in words, for the reader."""


def _shared(row: Listed, topic: str) -> int:
    """Words of a subject in a reading's title."""
    return len(set(stems(topic)).intersection(stems(row.title)))


class AboutCourse:
    """Answers from one course's sessions and readings."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        search: Search,
        key_sentences: KeySentences | None = None,
        *,
        today: Callable[[], date] = lambda: datetime.now().astimezone().date(),
    ) -> None:
        """Args:
        key_sentences: of a reading; None where nothing can be summed up.
        today: the day from which "this week" is counted.
        """
        self._today = today
        self._catalogue = catalogue
        self._search = search
        self._summaries = Summaries(search, key_sentences) if key_sentences else None

    def answer(self, query: Query, scope: Scope = Scope()) -> CatalogueAnswer | None:
        """The answer to a question about the course, a request for a summary, or small talk.

        None for what the readings are to be searched for.
        """
        course = self._catalogue()
        if both := self._with_calendar(course, query, scope) or self._each(query, scope):
            return both
        if query.intent in ("greeting", "thanks", "help"):
            return small_talk(course, query.intent)
        if query.intent == NOTHING_ASKED:
            return CatalogueAnswer("talk", "", unknown=_NO_QUESTION)
        if course.sessions and (part := about_part(course, query)):
            return part
        if course.sessions and (then := about_schedule(course, query, self._today())):
            return then
        if query.intent == "organisation":
            return no_rules(course)
        if query.intent == "summary":
            return self._summaries.summary(course, query, scope) if self._summaries else None
        if query.intent == "quiz" and self._summaries:
            return self._summaries.quiz(course, query, scope)
        if query.intent == "essay":
            return self._essay(course, query)
        answer = self._answers.get(query.intent)
        return answer(course, query) if answer and course.sessions else None

    def _each(self, query: Query, scope: Scope) -> CatalogueAnswer | None:
        """The answer to questions in one sentence, where the course's list answers one of them, or
        to one that goes on from where the question before was about."""
        if query.where:
            return self._there(query, query.where, self.answer(query.where, scope))
        if not set(query.sessions) <= {number for one in query.apart for number in one.sessions}:
            return None  # the part of the course that all of it is about is in none of them
        found: list[CatalogueAnswer] = []
        within = tuple(sorted(query.scope.sessions)) if query.scope else ()
        asked = [  # "In session 1" is said of all of them.
            replace(one, intent="session", sessions=within)
            if within and one.intent == "readings"
            else one
            for one in query.apart
        ]
        for at, one in enumerate(asked):
            there = self._there(one, asked[at - 1], found[-1]) if found else None
            found.append(there or self.answer(one, scope) or not_listed(one))
        return together(found) if any(not one.unknown for one in found) else None

    def _with_calendar(
        self, course: Catalogue, query: Query, scope: Scope
    ) -> CatalogueAnswer | None:
        """The answer to several questions in one sentence, where the course's calendar answers at
        least one of them, and its list the others."""
        asked = two_questions(query.text, True) if course.sessions else ()
        each = [understand(one.label, titles=course.titles) for one in asked]
        if not any(about_schedule(course, one, self._today()) for one in each):
            return None
        found = [answer for one in each if (answer := self.answer(one, scope))]
        return together(found) if len(found) == len(each) else None

    def _there(
        self, query: Query, before: Query, said: CatalogueAnswer | None
    ) -> CatalogueAnswer | None:
        """The readings of the sessions that the question before names, or is answered with:
        "… and what do we read there?", "… and which ones are optional?"."""
        if query.intent != "there" and (query.intent != "readings" or not query.section):
            return None
        rows = said.listed if said else ()
        named = before.sessions or tuple(row.sessions[0] for row in rows if not row.section)
        if rows and not named:  # readings of one session
            named = tuple(sorted(set.intersection(*(set(row.sessions) for row in rows))))
        if not named:
            return None
        return session_readings(self._catalogue(), replace(query, sessions=named))

    @property
    def _answers(self) -> dict[str, Callable[[Catalogue, Query], CatalogueAnswer | None]]:
        return {
            "count sessions": count_sessions,
            "count readings": count_readings,
            "sessions": all_sessions,
            "session": session_readings,
            "readings": all_readings,
            "by": by_author,
            "link": links_of,
            "links": self._links,
            "authors": self._authors,
            "when": self._when,
            "session on": self._session_on,
            "after": lambda course, query: beside(course, query, 1),
            "before": lambda course, query: beside(course, query, -1),
            "required": section_of,
            "reading": self._on,
            "first": self._first,
        }

    def narrow(self, query: Query, scope: Scope) -> Narrowed | None:
        """The part of the course that a question names; None without one, or beyond `scope`."""
        course = self._catalogue()
        part = query.scope
        if part is None:
            return self._named_work(course, query, scope)
        if (scope.sessions and part.sessions) or (scope.kinds and part.kind):
            return None
        narrowed = replace(
            scope,
            sessions=part.sessions or scope.sessions,
            kinds={"notes": NOTES, "readings": READINGS, None: scope.kinds}[part.kind],
            required_only=part.required or scope.required_only,
        )
        return Narrowed(narrowed, part.words) if course.within(narrowed) else None

    def _named_work(self, course: Catalogue, query: Query, scope: Scope) -> Narrowed | None:
        """The one reading that a question calls by its title, with the notes of its sessions."""
        if scope.readings or len(query.works) != 1 or len(query.readings) != 1:
            return None
        documents = course.documents.values()
        reading = next((r for r in readings_of(course) if r.id == query.readings[0]), None)
        if reading is None or not any(one.reading == reading.id for one in documents):
            return None
        sessions = set(sessions_of(course, reading))
        notes = {d.reading for d in documents if d.kind == "notes" and sessions & set(d.sessions)}
        narrowed = replace(scope, readings=frozenset({reading.id, *notes}))
        also = " and the notes on its session" if notes else ""
        return Narrowed(narrowed, f"“{reading.title}”{also}") if course.within(narrowed) else None

    def _when(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        weights: dict[int, float] = {}
        called_so = titled_sessions(course, query.topic)
        for session in course.sessions:
            named = session in called_so
            titled = any(covers(one.title, query.topic) for one in session.readings)
            weights[session.number] = 2.0 * named + titled
        sure = any(weights.values())
        hits, about = self._about(query.topic, _SEARCHED)
        for rank, hit in enumerate(hits, 1):
            for number in weights.keys() & set(hit.document.sessions):
                weights[number] += 1 / rank
        order = sorted(course.sessions, key=lambda one: -weights[one.number])
        least = max(weights.values()) / 4
        rows = [session_row(one) for one in order if weights[one.number] >= max(least, 1e-9)]
        verb = f"comes up in {plural(len(rows), 'session')}"
        return with_rows(subject_lead(query.topic, rows, "session", verb, sure or about), rows)

    def _session_on(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        """The readings of the session on a subject: of those called so, else the likeliest one."""
        numbers = tuple(one.number for one in titled_sessions(course, query.topic))
        if not numbers:
            likely = self._when(course, query)
            if not likely.listed:
                return likely
            numbers = likely.listed[0].sessions
        return session_readings(course, replace(query, sessions=numbers))

    def _on(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        """All readings on a subject: those that name it in their titles, then the others."""
        known = {one.id: one for one in of_section(readings_of(course), query)}
        hits, about = self._about(query.topic, _ALL)
        titled = [id_ for id_, one in known.items() if covers(one.title, query.topic)]
        found = dict.fromkeys([*titled, *(hit.document.reading for hit in hits)])
        rows = [reading_row(course, known[id_]) for id_ in found if id_ in known]
        noun = works(query, 1)
        verb = f"is what {plural(len(rows), f'{noun} is', f'{works(query)} are')} about"
        if titled and len(titled) < len(rows):
            others = len(rows) - len(titled)
            verb = (
                f"stands in the title of {plural(len(titled), noun, works(query))} and in the text"
                f" of {others} more"
            )
        return with_rows(subject_lead(query.topic, rows, noun, verb, about or bool(titled)), rows)

    def _links(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        """Where the readings on a subject, or those called so, can be found."""
        found = self._on(course, query)
        return with_links(found.text.partition("\n")[0], found.listed)

    def _first(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        """What to begin with: a reading with the subject in its title, first those of the sessions
        on the subject, of them the required ones and the surveys."""
        if not query.topic:
            first = min(one.number for one in course.sessions)
            return _in_order(
                session_readings(course, replace(query, sessions=query.sessions or (first,)))
            )
        found = self._on(course, query)
        if not found.listed:
            return found
        if not covers(found.listed[0].title, query.topic):
            nearest = sorted(
                found.listed[:_NEAREST],
                key=lambda row: (-_shared(row, query.topic), not _INTRODUCES.search(row.title)),
            )
            part = _shared(nearest[0], query.topic)
            why = "has a part of it there" if part else "says most of it in its text"
            lead = f"No reading has “{query.topic}” in its title."
            lead += f" Begin with “{nearest[0].title}”, which {why}. In this order:"
            return with_rows(lead, nearest)

        # What merely mentions the subject is nothing to begin with.
        rows = [row for row in found.listed if covers(row.title, query.topic)]
        about = {one.number for one in course.sessions if covers(one.title, query.topic)}
        rows.sort(key=lambda row: (about.isdisjoint(row.sessions), *_rank(row)))
        why = "required" if rows[0].section == "required" else "further reading"
        lead = f"Begin with “{rows[0].title}” ({why}), which has “{query.topic}” in its title."
        more = len(found.listed) - len(rows)
        also = (
            f" {plural(more, 'more reading mentions', 'more readings mention')} it." if more else ""
        )
        return with_rows(f"{lead}{also} In this order:" if len(rows) > 1 else f"{lead}{also}", rows)

    def _essay(self, course: Catalogue, query: Query) -> CatalogueAnswer | None:
        """What is said instead of an essay; None on a subject that no reading is about."""
        if not query.topic:
            return no_essay(None)
        titled = any(covers(one.title, query.topic) for one in readings_of(course))
        if not titled and not self._about(query.topic, _SEARCHED)[1]:
            return None
        return no_essay(self._on(course, query))

    def _about(self, topic: str, k: int) -> tuple[Sequence[Hit], bool]:
        """Passages about a subject, and whether they surely are; else the nearest few."""
        hits = self._search.search(topic, k)
        named = " ".join(word for word in topic.split() if _NAME.search(word))
        about = [
            hit
            for hit in hits
            if covers(hit.whole, topic)
            or ((hit.cosine or 0.0) >= _ALIKE and (not named or covers(hit.whole, named)))
        ]
        return about or hits[:3], bool(about)

    def _authors(self, course: Catalogue, query: Query) -> CatalogueAnswer | None:
        """Who wrote a work, with the line of its text that says so where there is one."""
        found = called(course, query)
        if not found and A_READING.search(query.text):
            meant = reading_about(course, query, self._search)
            found = [one for one in readings_of(course) if one.id in meant]
        rows = tuple(reading_row(course, one) for one in found)
        if len(found) != 1:
            lines = "\n".join(f"- {authors_of(one)}" for one in found)
            return CatalogueAnswer("course", lines, rows) if found else None
        citations = self._signature(found[0])
        mark = " [1]" if citations else ""
        if citations and not found[0].authors:
            text = f"“{found[0].title}” names them itself: “{citations[0].quote}”{mark}"
            return CatalogueAnswer("course", text, rows, citations)
        return CatalogueAnswer("course", f"{authors_of(found[0])}{mark}", rows, citations)

    def _signature(self, reading: ListedReading) -> tuple[Citation, ...]:
        """The lines of a reading's text that give its title and its authors."""
        scope = Scope(readings=frozenset({reading.id}))
        authors = set(words(reading.authors or ""))
        hits = self._search.search(f"{reading.title} {reading.authors or 'authors'}", 5, scope)
        for hit in hits:
            quotes = [hit.passage.quote(sentence) for sentence in hit.passage.sentences]
            for at, quote in enumerate(quotes):
                sentence = hit.passage.sentences[at]
                if not authors and hit.passage.ordinal == 0 and _SIGNED.match(quote):
                    return (Citation(1, hit.document, hit.passage, quote, sentence.page),)
                if authors and authors <= set(words(quote)):
                    return tuple(
                        Citation(1, hit.document, hit.passage, quotes[i], one.page)
                        for i, one in enumerate(hit.passage.sentences)
                        if max(0, at - 1) <= i <= at
                    )
        return ()

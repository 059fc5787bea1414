"""Answers made of the course's list of sessions and readings, as text and rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seminar_rag.question.patterns import LAST
from seminar_rag.text import numbered, plural, stems, unmarked, words
from seminar_rag.types import AnswerKind, Citation, Listed

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession


@dataclass(frozen=True, slots=True)
class CatalogueAnswer:
    """An answer that needs no search of the readings for what they say."""

    kind: AnswerKind
    text: str
    listed: tuple[Listed, ...] = ()
    citations: tuple[Citation, ...] = ()
    unknown: str = ""
    """Why the course's list does not answer this, as a sentence without its full stop."""


def authors_of(one: ListedReading) -> str:
    if one.authors:
        return f"“{one.title}” is by {one.authors.rstrip('.')}."
    return f"The course page does not say who wrote “{one.title}”."


def small_talk(course: Catalogue, intent: str) -> CatalogueAnswer:
    if intent == "thanks":
        return CatalogueAnswer("talk", "You are welcome.")
    readings = len(course.reading_ids)
    size = f" ({plural(len(course.sessions), 'session')}, {plural(readings, 'reading')})"
    whose = f"of “{course.title}”" if course.title else "of this course"
    hello = "Hello. " if intent == "greeting" else ""
    text = (
        f"{hello}I answer questions about the readings {whose}{size if readings else ''}; every"
        " sentence names the passage it comes from. If the readings don't say, neither do I. You"
        " can also ask which readings a session has, what to read on a subject, when something"
        " is discussed, or for the key points of one reading."
    )
    return CatalogueAnswer("talk", text)


def count_sessions(course: Catalogue, query: Query) -> CatalogueAnswer:  # noqa: ARG001
    return CatalogueAnswer("course", f"The course has {plural(len(course.sessions), 'session')}.")


def count_readings(course: Catalogue, query: Query) -> CatalogueAnswer:
    if query.sessions:
        session = session_numbered(course, query.sessions[0])
        if session is None:
            return no_session(course, query.sessions[0])
        listed, unknown = sections_in_words(session.readings, query), of_unknown_kind(course, query)
        return CatalogueAnswer("course", f"{session_name(session)} has {listed}.{unknown}")
    listed = sections_in_words(readings_of(course), query)
    where = f" in {plural(len(course.sessions), 'session')}" if not query.kinds else ""
    unknown = of_unknown_kind(course, query)
    return CatalogueAnswer("course", f"The course lists {listed}{where}.{unknown}")


def all_sessions(course: Catalogue, query: Query) -> CatalogueAnswer:  # noqa: ARG001
    rows = [session_row(session) for session in course.sessions]
    return with_rows(f"The course has {plural(len(rows), 'session')}:", rows)


def session_readings(course: Catalogue, query: Query) -> CatalogueAnswer:
    answers: list[CatalogueAnswer] = []
    for number in query.sessions:
        session = session_numbered(course, number)
        if session is None:
            answers.append(no_session(course, number))
            continue
        rows = [reading_row(course, one) for one in of_section(session.readings, query)]
        lead = f"{session_name(session)} has {sections_in_words(session.readings, query)}"
        one = number if len(query.sessions) == 1 else None
        if query.kinds and not rows and session.readings:  # its kinds may be told wrongly
            rows = [reading_row(course, one) for one in session.readings]
            lead = f"{lead}.{of_unknown_kind(course, query)} All that it has"
        lead = f"{lead}{':' if rows else '.'}"
        answers.append(with_rows(lead, rows or [session_row(session)], one))
    if len(answers) == 1:
        return answers[0]
    leads = " ".join(one.text.split("\n")[0].replace(":", ".") for one in answers)
    return with_rows(leads, [row for one in answers for row in one.listed])


def section_of(course: Catalogue, query: Query) -> CatalogueAnswer | None:
    """Whether a reading is required, and for which sessions; None where none is called so."""
    rows = [reading_row(course, one) for one in called(course, query)]
    if len(rows) != 1:
        return with_rows(f"“{query.topic}” is in several titles:", rows) if rows else None
    (row,) = rows
    kind = "required" if row.section == "required" else "further"
    names = [_named(one) for one in course.sessions if one.number in row.sessions]
    text = f"“{row.title}” is {kind} reading of {' and of '.join(names)}."
    return CatalogueAnswer("course", text, (row,))


def titled_sessions(course: Catalogue, topic: str) -> list[ListedSession]:
    """The sessions whose title or tags have all the words of a subject."""
    return [one for one in course.sessions if covers(f"{one.title} {' '.join(one.tags)}", topic)]


def beside(course: Catalogue, query: Query, step: int) -> CatalogueAnswer | None:
    """The session after (step 1) or before (step -1) the one that a question names; None where no
    one session is called so."""
    found = titled_sessions(course, query.topic)
    if query.sessions:
        numbered_so = session_numbered(course, query.sessions[0])
        if numbered_so is None:
            return no_session(course, query.sessions[0])
        found = [numbered_so]
    if len(found) != 1:
        return None
    (named,) = found
    at = course.sessions.index(named) + step
    if not 0 <= at < len(course.sessions):
        end = "last" if step > 0 else "first"
        return CatalogueAnswer("course", f"{session_name(named)} is the {end} one.")
    other = course.sessions[at]
    side = "After" if step > 0 else "Before"
    text = f"{side} {_named(named)} comes {_named(other)}."
    return CatalogueAnswer("course", text, (session_row(other),))


def all_readings(course: Catalogue, query: Query) -> CatalogueAnswer:
    rows = [reading_row(course, one) for one in of_section(readings_of(course), query)]
    lead = f"The course lists {sections_in_words(readings_of(course), query)}"
    unknown = of_unknown_kind(course, query)
    if query.kinds and not rows:
        return CatalogueAnswer("course", f"{lead}.{unknown}")
    return with_rows(f"{lead}:" if not unknown else f"{lead}.{unknown} They are:", rows)


def by_author(course: Catalogue, query: Query) -> CatalogueAnswer:
    """Readings of an author, as far as the course page names authors."""
    readings = readings_of(course)
    rows = [reading_row(course, one) for one in readings if covers(one.authors or "", query.topic)]
    if rows:
        lead = f"{plural(len(rows), 'reading')} by “{query.topic}”:"
        return with_rows(lead, rows)
    nameless = sum(not one.authors for one in readings)
    more = f"; of {plural(nameless, 'reading')} it names no author" if nameless else ""
    return CatalogueAnswer("course", f"The course page lists no reading by “{query.topic}”{more}.")


def links_of(course: Catalogue, query: Query) -> CatalogueAnswer | None:
    """Where a reading can be found; None where no reading is called so."""
    rows = [reading_row(course, one) for one in called(course, query)]
    if not any(row.url for row in rows):
        text = f"The course page gives no link for “{rows[0].title}”." if rows else ""
        return CatalogueAnswer("course", text, tuple(rows)) if rows else None
    return with_links("Listed on the course page:", rows)


def with_links(lead: str, rows: Sequence[Listed]) -> CatalogueAnswer:
    """An answer that tells where each of some readings can be found."""
    listed = "".join(f"\n- {row.title}: {row.url or 'no link'}" for row in rows)
    return CatalogueAnswer("course", f"{lead}\n{listed}" if rows else lead, tuple(rows))


def no_session(course: Catalogue, number: int) -> CatalogueAnswer:
    known = [session.number for session in course.sessions]
    span = f"they go from {min(known)} to {max(known)}"
    return CatalogueAnswer("course", f"There is no session {number}; {span}.")


def no_rules(course: Catalogue) -> CatalogueAnswer:
    """What is said where dates, people or rules are asked for, with what can be asked instead."""
    dated = any(one.date for one in course.sessions)
    lacks = "people or rules, and no dates but its sessions'" if dated else "dates, people or rules"
    numbers = [one.number for one in course.sessions]
    offer = "ask what the readings say"
    if numbers:
        there = (
            f"they go from {min(numbers)} to {max(numbers)}" if len(numbers) > 1 else "the only one"
        )
        offer = f"ask, say, “Which papers are in session {min(numbers)}?” ({there})"
    return CatalogueAnswer("course", "", unknown=f"the course page lists no {lacks}; {offer}")


def subject_lead(topic: str, rows: Sequence[Listed], noun: str, verb: str, sure: bool) -> str:
    if not rows:
        return f"No {noun} of the course is about “{topic}”."
    if not sure:
        return f"No {noun} of the course names “{topic}”; the nearest:"
    return f"“{topic}” {verb}{', best match first' if len(rows) > 1 else ''}:"


def with_rows(lead: str, rows: Sequence[Listed], session: int | None = None) -> CatalogueAnswer:
    """An answer that lists readings or sessions.

    Args:
        session: the number of the one session that all of it is about.
    """
    lines = (_line(row, session) for row in rows if row.section or not lead.endswith("."))
    items = "".join(f"\n- {line}" for line in lines)
    return CatalogueAnswer("course", f"{lead}\n{items}" if items else lead, tuple(rows))


def not_listed(query: Query) -> CatalogueAnswer:
    """What is said of one of two questions where the list answers the other."""
    why = f"the course page does not answer “{query.text}”; asked alone, the readings are searched"
    return CatalogueAnswer("course", "", unknown=why)


def together(answers: Sequence[CatalogueAnswer]) -> CatalogueAnswer:
    """Several answers as one; of those that list rows, the last keeps its list in the text.

    Its rows are the first of all, as a page shows them for the lines of the list.
    """
    rows = [row for one in answers for row in one.listed]
    said = [
        (f"{one.unknown[:1].upper()}{one.unknown[1:]}." if one.unknown else one.text)
        for one in answers
    ]
    lists = [at for at, text in enumerate(said) if "\n- " in text]
    if not lists:
        citing = [one for one in answers if one.citations]
        cited = citing[0].citations if len(citing) == 1 else ()
        text = " ".join(said if cited else map(unmarked, said))
        return CatalogueAnswer(answers[0].kind, text, tuple(dict.fromkeys(rows)), cited)
    last = lists[-1]
    told = [
        "; ".join(unmarked(text).replace(":\n\n- ", ": ").split("\n- "))
        + ("." if at in lists else "")
        for at, text in enumerate(said)
        if at != last
    ]
    rows = [*answers[last].listed, *rows]
    text = " ".join([*told, said[last]])
    return CatalogueAnswer(answers[last].kind, text, tuple(dict.fromkeys(rows)))


def _line(row: Listed, session: int | None) -> str:
    kind = "required" if row.section == "required" else "further reading"
    others = numbered("session", (one for one in row.sessions if one != session))
    where = f"also {others}" if others and session is not None else others
    what = row.kind if row.kind != "paper" else None
    facts = [*filter(None, [what, kind, where])] if row.section else []
    return f"{row.title} ({', '.join(facts)})" if facts else row.title


def session_row(session: ListedSession) -> Listed:
    return Listed(session_name(session), (session.number,), None, session.url)


def session_name(session: ListedSession) -> str:
    """A session as a sentence begins with it."""
    return f"Session {session.number} ({session.title})"


def _named(session: ListedSession) -> str:
    """A session within a sentence."""
    return f"session {session.number} ({session.title})"


def reading_row(course: Catalogue, one: ListedReading) -> Listed:
    url = one.urls[0] if one.urls else None
    texts = [d for d in course.documents.values() if d.reading == one.id]
    main = max(texts, key=lambda text: text.kind == "paper", default=None)
    where = main.id if main else ""
    return Listed(
        one.title, sessions_of(course, one), one.section, url, one.authors, where, one.kind
    )


def sessions_of(course: Catalogue, one: ListedReading) -> tuple[int, ...]:
    return tuple(s.number for s in course.sessions if one.id in {r.id for r in s.readings})


def sections_in_words(readings: Sequence[ListedReading], query: Query) -> str:
    """The readings in question in words: "3 required and 2 further readings", "no videos"."""
    kept = of_section(readings, query)
    required = sum(one.section == "required" for one in kept)
    further = len(kept) - required
    if required and further:
        return f"{required} required and {_counted(further, 'further ', query)}"
    which = {"required": "required ", "more": "further ", None: ""}[query.section]
    kind = "required " if required else "further " if further else which
    return _counted(len(kept), kind, query) if kept else f"no {kind}{works(query)}"


def works(query: Query, count: int = 0) -> str:
    """What the kinds of works in question are called: "readings", "videos and podcasts"."""
    names = query.kinds or ("reading",)
    return " and ".join(one if count == 1 else f"{one}s" for one in names)


def _counted(count: int, which: str, query: Query) -> str:
    return f"{count} {which}{works(query, count)}"


def of_section(readings: Sequence[ListedReading], query: Query) -> list[ListedReading]:
    """The readings of the section and of the kinds in question."""
    return [
        one
        for one in readings
        if query.section in (None, one.section) and (not query.kinds or one.kind in query.kinds)
    ]


def of_unknown_kind(course: Catalogue, query: Query) -> str:
    """Where kinds are asked for, what is to be done about readings whose kind is not known."""
    unknown = sum(one.kind is None for one in readings_of(course)) if query.kinds else 0
    if not unknown:
        return ""
    of = plural(unknown, "reading")
    return f" Of {of} the kind is not known until the course is ingested again."


def session_numbered(course: Catalogue, number: int) -> ListedSession | None:
    if number == LAST:
        return max(course.sessions, key=lambda one: one.number)
    return next((one for one in course.sessions if one.number == number), None)


def readings_of(course: Catalogue) -> list[ListedReading]:
    return list({one.id: one for session in course.sessions for one in session.readings}.values())


def called(course: Catalogue, query: Query) -> list[ListedReading]:
    """The readings that a question calls by title; else those whose title has all its words."""
    readings = readings_of(course)
    found = [one for one in readings if one.id in query.readings]
    same = [one for one in found if words(query.topic) == words(one.title)]
    return same or found or [one for one in readings if covers(one.title, query.topic)]


def covers(text: str, topic: str) -> bool:
    """Whether a text has all the words of a subject, in any form."""
    wanted = set(stems(topic))
    return bool(wanted) and wanted <= set(stems(text))

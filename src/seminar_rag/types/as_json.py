"""Answers, checked texts and reading lists as JSON, for the terminal, programs and assistants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from seminar_rag.types.answer import Answer, Citation, SentenceVerdict
from seminar_rag.types.catalogue import Catalogue, Opinion
from seminar_rag.types.check import WRONG, CheckedItem, Report
from seminar_rag.types.ingest import Need, Suggestion
from seminar_rag.types.reading import CourseEvent, Document, Passage, Reading, Syllabus
from seminar_rag.types.study import Cell, Guide, StudyItem, Table


def answer_json(answer: Answer) -> dict[str, Any]:
    """The whole answer with its citations and verdicts."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "answerer": answer.answerer,
        "abstained": answer.abstained,
        "citations": [_citation_json(one) for one in answer.citations],
        "nearest": [{"reading": one.title, "url": one.url} for one in answer.nearest],
        "verdicts": [_verdict_json(one, answer.text) for one in answer.verdicts],
        "checked": answer.checked,
        "warnings": list(answer.warnings),
        "reason": answer.reason,
        "kind": answer.kind,
        "listed": [asdict(one) for one in answer.listed],
        "restricted": answer.restricted,
        "seconds": round(answer.seconds, 3),
    }


def _verdict_json(one: SentenceVerdict, text: str) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "sentence": text[one.start : one.end],
        "start": one.start,
        "end": one.end,
        "label": verdict.label,
        "score": verdict.score,
        "reason": verdict.reason,
        "evidence": [
            {"passage_id": each.passage, "quote": each.quote} for each in verdict.evidence
        ],
        "verifier": verdict.verifier,
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    place = passage_json(citation.document, citation.passage)
    place |= _place_json(citation.document, citation.page)
    return {"number": citation.number, **place, "quote": citation.quote}


def _place_json(document: Document, number: int | None) -> dict[str, Any]:
    """The page, where the document has pages, and in words whatever else it has."""
    page = number if document.unit == "page" else None
    return {"page": page, "place": document.place([number]) or None}


def passage_json(document: Document, passage: Passage) -> dict[str, Any]:
    """A passage with its place in the course."""
    return {
        "reading": document.title,
        "kind": document.kind,
        "session": document.sessions[0] if document.sessions else None,
        **_place_json(document, passage.page),
        "section": passage.heading or None,
        "passage": passage.text,
        "url": document.url,
        "reading_id": document.reading,
        "sessions": list(document.sessions),
        "document": document.path,
        "passage_id": passage.id,
    }


def table_json(table: Table) -> dict[str, Any]:
    """A table over readings, row by row; cells that are not known are null."""
    return {
        "questions": list(table.questions),
        "complete": table.complete,
        "rows": [
            {
                "reading_id": row.reading,
                "reading": row.title,
                **_fields(row, "authors", "kind", "sessions"),
                "cells": [
                    _cell_json(table.cells.get((row.reading, question)))
                    for question in table.questions
                ],
            }
            for row in table.rows
        ],
    }


def study_json(guide: Guide | None, items: Iterable[StudyItem]) -> dict[str, Any]:
    """A session's guide, null where there is none, and its items."""
    return {
        "guide": guide
        and {
            "session": guide.session,
            "readings": [
                {"reading": title, "sentences": [_citation_json(one) for one in found]}
                for title, found in guide.claims
            ],
            "summaries": {one.title: one.answer for one in guide.summaries},
            "terms": [
                {"term": one.name, "definition": _citation_json(one.citation)}
                for one in guide.terms
            ],
        },
        "items": [asdict(one) for one in items],
    }


def _cell_json(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {
        "said": cell.said,
        "quotation": cell.text or None,
        "place": cell.place or None,
        "likely": round(cell.likely, 3),
        "why": cell.why or None,
        "citations": [_citation_json(one) for one in cell.citations],
    }


def report_json(report: Report) -> dict[str, Any]:
    """A checked text with the verdict on each sentence and each citation."""
    return {
        "failed": report.failed,
        "summary": report.summary,
        "counts": report.counts,
        "complete": len(report.items) == report.total,
        "verifier": report.verifier,
        "items": [_item_json(item) for item in report.items],
    }


def _item_json(item: CheckedItem) -> dict[str, Any]:
    return {
        "line": item.line,
        "start": item.claim.start,
        "end": item.claim.end,
        "kind": item.claim.kind,
        "text": item.claim.text,
        "checked_as": item.claim.standalone,
        "label": item.label,
        "score": item.score,
        "reason": item.reason,
        "verifier": item.verifier,
        "evidence": [
            {
                "reading": source.document.title,
                "reading_id": source.document.reading,
                "kind": source.document.kind,
                "sessions": list(source.document.sessions),
                **_place_json(source.document, source.page),
                "section": source.section or None,
                "quote": source.quote,
                "url": source.document.url,
                "passage_id": source.passage,
            }
            for source in item.evidence
        ],
        "citations": [
            {
                "mark": one.cited.text,
                "holding": one.holding,
                "wrong": one.holding in WRONG,
                "reason": one.reason,
                "readings": [{"id": work.id, "title": work.title} for work in one.works],
            }
            for one in item.citations
        ],
    }


def syllabus_json(
    syllabus: Syllabus, thought: Mapping[Reading, Opinion] | None = None
) -> dict[str, Any]:
    """The syllabus as plain values: sessions with their readings, without blocks and notes.

    Args:
        thought: what a language model thinks of some of the readings.
    """
    thought = thought or {}
    return {
        "sessions": [
            {
                **_fields(session, "number", "title", "part", "date", "tags"),
                "readings": [
                    {
                        **_fields(reading, *("title", "section", "urls", "arxiv_id")),
                        **_fields(reading, "authors", "kind", "abstract"),
                        "confidence": round(reading.confidence, 2),
                        "doubts": list(reading.doubts),
                        **(
                            {"opinion": asdict(thought[reading])}
                            if thought and reading in thought
                            else {}
                        ),
                    }
                    for reading in session.readings
                ],
            }
            for session in syllabus.sessions
        ],
        "events": [_event(one) for one in syllabus.events],
    }


def suggestion_json(one: Suggestion) -> dict[str, Any]:
    """A suggestion, with what accepting and rejecting it mean."""
    return {
        **asdict(one),
        "summary": one.summary,
        "accept": one.if_accepted,
        "reject": one.if_rejected,
    }


def status_json(name: str, catalogue: Catalogue, needs: Iterable[Need]) -> dict[str, Any]:
    """What is indexed, what was looked up, and what needs attention."""
    reading = ("id", "title", "section", "kind", "arxiv_id", "urls")
    document = ("id", "reading", "title", "kind", "sessions", "path")
    record = ("source", "outcome", "detail", "pages", "passages", "at", "made")
    return {
        "course": name,
        "sources": [{"source": source, "form": form} for source, form in catalogue.sources],
        "sessions": [
            {
                **_fields(session, "number", "title", "part", "date", "tags"),
                "readings": [_fields(one, *reading) for one in session.readings],
            }
            for session in catalogue.sessions
        ],
        "events": [_event(one) for one in catalogue.events],
        "documents": [
            {**_fields(one.document, *document), **_fields(one, *record)}
            for one in catalogue.records.values()
        ],
        "needs": [asdict(need) for need in needs],
        "lookups": [
            {
                **_fields(one, "reading", "title", "state", "arxiv_id"),
                "attempts": [
                    {"url": url, "event": event, "detail": detail}
                    for url, event, detail in one.attempts
                ],
                "at": one.at,
            }
            for one in catalogue.lookups
        ],
    }


def _event(one: CourseEvent) -> dict[str, Any]:
    return _fields(one, "title", "kind", "date", "session", "alone")


def _fields(value: object, *names: str) -> dict[str, Any]:
    """Fields of a value, tuples as lists."""
    found = {name: getattr(value, name) for name in names}
    return {name: list(one) if isinstance(one, tuple) else one for name, one in found.items()}

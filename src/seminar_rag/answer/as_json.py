"""An answer as JSON, for the terminal, programs and assistants alike. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from seminar_rag.types import Answer, Citation, Document, Passage, SentenceVerdict


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
    return {"number": citation.number, **place, "page": citation.page, "quote": citation.quote}


def passage_json(document: Document, passage: Passage) -> dict[str, Any]:
    """A passage with its place in the course."""
    return {
        "reading": document.title,
        "kind": document.kind,
        "session": document.sessions[0] if document.sessions else None,
        "page": passage.page,
        "section": passage.heading or None,
        "passage": passage.text,
        "url": document.url,
        "reading_id": document.reading,
        "sessions": list(document.sessions),
        "document": document.path,
        "passage_id": passage.id,
    }

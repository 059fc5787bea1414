"""The values that pass between the rooms, all frozen.

reading    what is read: the reading list, documents and their passages, and how they are shown
answer     answering: scope, hits, citations, verdicts, events
check      a text that is checked: claims, the sources they cite, the report
catalogue  the course as it is stored: sessions, readings, documents, corrections
ingest     ingesting: options, progress, outcomes, what needs attention
serving    the journal, settings and findings, what several servers know together
study      what students work with: tables over readings, items, guides

The names of the first two, and the claim, can be imported from here.
"""

from seminar_rag.types.answer import (
    BUILT_IN,
    JUDGED,
    WORDS_ONLY,
    Answer,
    AnswerEvent,
    AnswerKind,
    Citation,
    CitationEvent,
    Event,
    Evidence,
    Hit,
    HitsEvent,
    Listed,
    SentenceVerdict,
    TokenEvent,
    Turn,
    Verdict,
    VerdictEvent,
    VerdictLabel,
    tally,
)
from seminar_rag.types.check import Cited, Claim, ClaimKind
from seminar_rag.types.reading import (
    NOTES,
    READINGS,
    Block,
    BlockKind,
    Document,
    Kind,
    ParsedDocument,
    Passage,
    Reading,
    Scope,
    Section,
    Sentence,
    Session,
    Syllabus,
)

__all__ = [
    "BUILT_IN",
    "JUDGED",
    "NOTES",
    "READINGS",
    "WORDS_ONLY",
    "Answer",
    "AnswerEvent",
    "AnswerKind",
    "Block",
    "BlockKind",
    "Citation",
    "CitationEvent",
    "Cited",
    "Claim",
    "ClaimKind",
    "Document",
    "Event",
    "Evidence",
    "Hit",
    "HitsEvent",
    "Kind",
    "Listed",
    "ParsedDocument",
    "Passage",
    "Reading",
    "Scope",
    "Section",
    "Sentence",
    "SentenceVerdict",
    "Session",
    "Syllabus",
    "TokenEvent",
    "Turn",
    "Verdict",
    "VerdictEvent",
    "VerdictLabel",
    "tally",
]

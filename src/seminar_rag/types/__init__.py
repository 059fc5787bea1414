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

from seminar_rag.types.answer import BUILT_IN as BUILT_IN
from seminar_rag.types.answer import JUDGED as JUDGED
from seminar_rag.types.answer import WORDS_ONLY as WORDS_ONLY
from seminar_rag.types.answer import Answer as Answer
from seminar_rag.types.answer import AnswerEvent as AnswerEvent
from seminar_rag.types.answer import AnswerKind as AnswerKind
from seminar_rag.types.answer import Citation as Citation
from seminar_rag.types.answer import CitationEvent as CitationEvent
from seminar_rag.types.answer import Event as Event
from seminar_rag.types.answer import Evidence as Evidence
from seminar_rag.types.answer import Hit as Hit
from seminar_rag.types.answer import HitsEvent as HitsEvent
from seminar_rag.types.answer import Listed as Listed
from seminar_rag.types.answer import SentenceVerdict as SentenceVerdict
from seminar_rag.types.answer import TokenEvent as TokenEvent
from seminar_rag.types.answer import Turn as Turn
from seminar_rag.types.answer import Verdict as Verdict
from seminar_rag.types.answer import VerdictEvent as VerdictEvent
from seminar_rag.types.answer import VerdictLabel as VerdictLabel
from seminar_rag.types.answer import tally as tally
from seminar_rag.types.check import Cited as Cited
from seminar_rag.types.check import Claim as Claim
from seminar_rag.types.check import ClaimKind as ClaimKind
from seminar_rag.types.reading import NOTES as NOTES
from seminar_rag.types.reading import READINGS as READINGS
from seminar_rag.types.reading import WORK_KINDS as WORK_KINDS
from seminar_rag.types.reading import Block as Block
from seminar_rag.types.reading import BlockKind as BlockKind
from seminar_rag.types.reading import CourseEvent as CourseEvent
from seminar_rag.types.reading import CourseEventKind as CourseEventKind
from seminar_rag.types.reading import Document as Document
from seminar_rag.types.reading import Kind as Kind
from seminar_rag.types.reading import ParsedDocument as ParsedDocument
from seminar_rag.types.reading import Passage as Passage
from seminar_rag.types.reading import Reading as Reading
from seminar_rag.types.reading import Scope as Scope
from seminar_rag.types.reading import Section as Section
from seminar_rag.types.reading import Sentence as Sentence
from seminar_rag.types.reading import Session as Session
from seminar_rag.types.reading import Syllabus as Syllabus
from seminar_rag.types.reading import WorkKind as WorkKind

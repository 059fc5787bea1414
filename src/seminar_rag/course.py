"""The façade: a course on disk that is opened, ingested, corrected, asked, checked and looked at.

`cli` and `ui` know nothing else; what a course is made of is put together in `assembly`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from seminar_rag import config as configuration
from seminar_rag import doctor
from seminar_rag.assembly import Assembly, Given, network_of
from seminar_rag.comparing import Comparing
from seminar_rag.config import Config, load
from seminar_rag.doctor import ModelChoice
from seminar_rag.doubting import Doubting
from seminar_rag.errors import NotFoundError
from seminar_rag.for_programs import ForPrograms
from seminar_rag.index.store import Store
from seminar_rag.ingest.attention import needs
from seminar_rag.ingest.curate import Corrections, unknown
from seminar_rag.ingest.sources import is_address, page_text, read_list
from seminar_rag.ingest.uploaded import PAGES as PAGES
from seminar_rag.ingest.uploaded import uploaded_text
from seminar_rag.journal.insights import insights
from seminar_rag.journal.journal import Journal
from seminar_rag.learning import Learning
from seminar_rag.sample import PAGE
from seminar_rag.sample import is_sample as is_sample
from seminar_rag.types import (
    JUDGED,
    WORDS_ONLY,
    Document,
    Event,
    Hit,
    Passage,
    Scope,
    Syllabus,
    Turn,
)
from seminar_rag.types.catalogue import Catalogue, PageText
from seminar_rag.types.check import Checking
from seminar_rag.types.ingest import ADDED, UPLOADED, IngestReport, Listener, Need, Options
from seminar_rag.types.serving import Common, Finding, Insights, Setting

if TYPE_CHECKING:
    from seminar_rag.check.support import Verifier
    from seminar_rag.models.embed import Embedder
    from seminar_rag.pages.view import Pages

SAMPLE: Path = PAGE
"""The course page of the bundled sample course, to be given to `Course.ingest`."""


class Course(Comparing, Corrections, Doubting, Learning, ModelChoice, ForPrograms):
    """A seminar's readings, with everything that can be done with them.

    Methods that read raise StoreError where the index cannot be read; those that write raise
    BusyError where another process is writing; those that answer raise ModelError where the model
    cannot be used."""

    def __init__(self, config: Config, **given: Unpack[Given]) -> None:
        """Args:
        given: parts in place of the configured ones, for tests.

        Raises:
            StoreError: the data folder cannot be used.
        """
        self.parts = Assembly(config, **given)
        Comparing.__init__(self)
        Learning.__init__(self)

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        data: str | Path | None = None,
        **given: Unpack[Given],
    ) -> Course:
        """Open the course that is configured in `folder`, with its state in `data` if that is
        given. Without a folder it is the course that `data` belongs to, as its seminar.toml says,
        else that of the current folder or, where none lies there, the one that is kept where the
        platform keeps the data of programs.

        Raises:
            ConfigError: the configuration is unusable.
            StoreError: the data folder cannot be used.
        """
        at, kept = (place if place is None else Path(place) for place in (folder, data))
        return cls(load(at, data=kept), **given)

    def close(self) -> None:
        """Release the files, and stop the process that draws pages."""
        self.parts.close()

    @property
    def config(self) -> Config:
        """The settings as they hold now."""
        return self.parts.config

    @property
    def store(self) -> Store:
        """The passages, the vectors and the manifest."""
        return self.parts.store

    @property
    def journal(self) -> Journal:
        """What students asked and thought of the answers; whoever asks the course records there."""
        return self.parts.journal

    @property
    def common(self) -> Common | None:
        """What this program knows together with others that have the course open, wherever they
        run; None where the course's database is SQLite."""
        return self.parts.common

    @property
    def embedder(self) -> Embedder:
        """The embedding model."""
        return self.parts.embedder

    @property
    def verifier(self) -> Verifier:
        """What decides whether a passage supports a sentence."""
        return self.parts.verifier

    # --- looking -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The course's name: configured, or the course page's title."""
        return self.config.course_name or self.catalogue().title or "Seminar readings"

    def catalogue(self) -> Catalogue:
        """Sessions, readings and documents with their outcomes, as of now."""
        return self.store.catalogue()

    def documents(self) -> dict[str, Document]:
        """The documents that have passages, by id."""
        return self.catalogue().documents

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages of these ids that exist, by id."""
        return self.store.passages(ids)

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        """All passages of a document, in order."""
        return self.store.passages_of(document)

    def sessions(self) -> tuple[tuple[int, str, int, int], ...]:
        """Number, title, readings with text, and passages of every session."""
        return self.catalogue().sizes()

    def page_texts(self) -> tuple[PageText, ...]:
        """What the course pages themselves say, to be held against the reading list."""
        sources = self.catalogue().sources
        with self.parts.network.fetcher() as fetcher:
            return tuple(
                uploaded_text(self.catalogue(), self.store.folder)
                if id_ == UPLOADED
                else page_text(id_, fetcher)
                for id_, form in sources
                if form == "course"
            )

    def needs(self) -> tuple[Need, ...]:
        """The readings that are not in the course as they should be, in page order."""
        return needs(self.catalogue())

    @property
    def pages(self) -> Pages:
        """Documents as they look, opened at a passage."""
        return self.parts.pages

    # --- ingesting -----------------------------------------------------------------------------

    def ingest(
        self,
        sources: Sequence[str | Path],
        listener: Listener = lambda _: None,
        options: Options = Options(),
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[IngestReport]:
        """Ingest sources, given as paths or addresses, or bring them up to date; yields a report
        for each. Students can go on asking meanwhile. The bundled sample course is removed once
        another source is ingested.

        Args:
            stop: asked often, from this thread; once it says so, the ingest ends between two
                readings, and the next one goes on there.

        Raises:
            SourceError: a source cannot be read, or holds nothing; the sources before it are in.
        """
        with self.store.writer():
            self.store.copy_decisions()
            ingestor = self.parts.ingestor(listener, stop)
            for source in sources:
                yield ingestor.ingest(SAMPLE if is_sample(str(source)) else source, options)
            if options.dry_run or stop():
                return
            if any(one.kind == "add" for one in self.catalogue().corrections):
                web = options.fetch is not False and any(map(is_address, sources))
                yield ingestor.ingest_added(replace(options, fetch=options.fetch or web))
            named = {id_ for id_, _ in self.catalogue().sources} - {ADDED}
            samples = {id_ for id_ in named if is_sample(id_)}
            kept = {str(SAMPLE.resolve())} if samples == named else set()
            for id_ in samples - kept:
                self.store.forget_source(id_)

    def ingest_reading(
        self,
        reading: str,
        listener: Listener = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> IngestReport:
        """Look for one reading again, by its id or title, and bring its documents up to date.
        Raises NotFoundError where no source lists it, and SourceError where its page cannot be
        read."""
        found = self.catalogue().reading(reading)
        options = Options(refresh=True, only=frozenset({found.id if found else reading}))
        with self.store.writer():
            report = self.parts.ingestor(listener, stop).ingest_only(options)
        if report is None:
            raise NotFoundError(unknown(self.catalogue(), reading))
        return report

    # --- asking --------------------------------------------------------------------------------

    def within(self, scope: Scope) -> Scope:
        """The scope with each reading's id where its title was given.
        Raises NotFoundError: the course has no such session or reading."""
        self.require_documents()
        catalogue, ids = self.catalogue(), set[str]()
        there = {number for one in catalogue.documents.values() for number in one.sessions}
        for number in scope.sessions - there:
            catalogue.session(number)
        for what in scope.readings:
            found = catalogue.reading(what)
            if not found and what not in catalogue.every_title:
                raise NotFoundError(unknown(catalogue, what))
            ids.add(found.id if found else what)
        return replace(scope, readings=frozenset(ids))

    def search(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """The k passages that fit a query best, best first."""
        return self.parts.retriever.search(query, k, scope)

    def confidence(self, query: str, hits: Sequence[Hit]) -> float:
        """How likely the hits hold an answer, 0 to 1."""
        return self.parts.relevance.confidence(query, hits)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope = Scope(),
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        """Answer a question as a stream of events, the Answer last; raises NotFoundError where
        nothing is ingested yet."""
        if not self.catalogue().sessions:  # the reading list alone answers questions about itself
            self.require_documents()
        engine = self.parts.engine

        def answered(asked: str, earlier: Sequence[Turn]) -> Iterator[Event]:
            return engine.ask(asked, earlier, scope, stop)

        return self.answer_or_hint(answered, question, history)

    def require_documents(self) -> None:
        """Raise NotFoundError where nothing is ingested yet."""
        if not self.catalogue().documents:
            raise NotFoundError(
                "nothing is ingested yet — seminar-rag ingest SOURCE takes a course page, a"
                " folder of posts or PDFs; --sample takes the bundled sample course"
            )

    @property
    def answerer(self) -> str:
        """What writes the answers."""
        return self.parts.answerer.name

    @property
    def answerer_notice(self) -> str:
        """The same as a sentence for the reader."""
        return self.parts.answerer.notice

    # --- checking ------------------------------------------------------------------------------

    @property
    def check_notice(self) -> str:
        """What the reader of a check should know of who judges."""
        if self.parts.checks_by_words():
            return WORDS_ONLY
        return JUDGED if self.parts.judges() else ""

    def check(self, text: str, scope: Scope | None = None) -> Checking:
        """Check every claim of a text, and every source it gives, against the readings, claim by
        claim as the result is iterated. Raises NotFoundError where nothing is ingested yet."""
        self.require_documents()
        return self.parts.checker().check(text, scope)

    def text_of(self, file: bytes | Path) -> str:
        """The text of a file, to be checked.

        Args:
            file: the content of a PDF or DOCX, of which nothing is kept; or a path, also to
                Markdown, HTML or plain text.

        Raises:
            SourceError: the path cannot be read.
            DocumentError: the file yields no text.
        """
        from seminar_rag.documents.parse import read_manuscript, text_of

        return read_manuscript(file) if isinstance(file, Path) else text_of(file)

    # --- looking after -------------------------------------------------------------------------

    def insights(self) -> Insights:
        """The summary of the journal for the instructor."""
        readings = {one.reading: (one.title, one.sessions) for one in self.documents().values()}
        asked, opinions = self.journal.questions(), self.journal.opinions()
        return insights(asked, opinions, readings, self.parts.question_vectors)

    def settings(self) -> tuple[Setting, ...]:
        """All settings as they hold now, without secrets."""
        return configuration.settings(self.config)

    def change(self, section: str, key: str, value: str | int | bool) -> None:
        """Change a setting here and in seminar.toml; raises ConfigError where that cannot be."""
        self.parts.reconfigure(configuration.changed(self.config, section, key, value))
        if self.common is not None and f"{section}_{key}" not in configuration.SECRET:
            self.common.put("setting", f"{section}_{key}", json.dumps(value))

    def take_shared_settings(self) -> None:
        """Take the settings that were changed at another server of the course, which win over this
        one's seminar.toml."""
        shared = self.common.every("setting") if self.common is not None else {}
        live = configuration.LIVE.keys() - configuration.from_environment()
        config = replace(self.config, **{k: json.loads(v) for k, v in shared.items() if k in live})
        if config != self.config:
            self.parts.reconfigure(config)

    def password_hash(self) -> str:
        """The hash of the desk's password, as seminar.toml has it now; empty without one."""
        return load(self.config.folder).desk_password_hash

    def doctor(self) -> list[Finding]:
        """What is installed, which models are found, whether the index is sound."""
        return doctor.findings(self.parts)

    def repair(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Rebuild both indexes from what is stored, and repair the journal and the choices of the
        instructor, which lie beside the database."""
        with self.store.writer():
            self.store.repair(progress)
        self.journal.repair(progress)
        if lost := self.parts.chosen.repair():
            progress(lost)

    def backup(self, target: Path) -> int:
        """Write a backup into a file; its size in bytes. See `upkeep.save`."""
        from seminar_rag.upkeep import save

        return save(self.config, target)


def open_sample(data: Path | None = None) -> Course:
    """The course that is kept for the sample, where the platform keeps the data of programs; with
    `data` it lies there, with the settings of the folder that has its data there."""
    if data is None:
        return Course.open(configuration.platform_folder("sample"))
    own, found = data.absolute(), configuration.default_folder(data=data)
    return Course.open(found if found in (own, own.parent) else own, data)


def read_course_page(
    source: str | Path, folder: Path | None = None, data: Path | None = None
) -> Syllabus:
    """The sessions and readings of a source, without a course: nothing is ingested. What is fetched
    for it follows the settings of `folder`; None takes the folder that `Course.open` takes."""
    with network_of(load(folder, data=data)).fetcher() as fetcher:
        return read_list(source, fetcher)

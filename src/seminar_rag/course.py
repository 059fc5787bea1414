"""The façade: a course on disk that is ingested, asked and looked after.

The sole place where rooms are put together; `cli` and `ui` know nothing else.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag import config as configuration
from seminar_rag.config import Config, load
from seminar_rag.errors import ConfigError, ModelError, NotFoundError, SourceError, StoreError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor, Network
from seminar_rag.ingest.sources import is_address, read_source
from seminar_rag.journal.journal import Journal
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.types import Citation, Document, Event, Hit, Passage, Scope, Syllabus, Turn
from seminar_rag.types.ingest import Listener, Options, Report
from seminar_rag.types.settings import Finding, Setting
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.resolve import Places

if TYPE_CHECKING:
    from seminar_rag.answer.abstain import Relevance
    from seminar_rag.answer.engine import Answerer, Engine
    from seminar_rag.check.support import Verifier
    from seminar_rag.index.retrieve import Retriever
    from seminar_rag.index.vectors import Vectors
    from seminar_rag.journal.insights import Remembered
    from seminar_rag.models.embed import Embedder
    from seminar_rag.models.llm import LLM
    from seminar_rag.models.rerank import Reranker
    from seminar_rag.pages.view import Pages
    from seminar_rag.types.catalogue import Catalogue, Correction
    from seminar_rag.types.check import Checking, Work
    from seminar_rag.types.ingest import Removal, Suggestion
    from seminar_rag.types.journal import Insights


_NO_LLM = (
    "but no language model is configured — seminar-rag models lists some; [llm] url takes a server"
)


class Course:
    """A seminar's readings, with everything that can be done with them."""

    def __init__(
        self,
        config: Config,
        *,
        embedder: Embedder | None = None,
        answerer: Answerer | None = None,
        vectors: Vectors | None = None,
        verifier: Verifier | None = None,
        network: Network | None = None,
    ) -> None:
        """Args:
        embedder, answerer, vectors, verifier, network: in place of the configured ones, for tests.

        Raises:
            StoreError: the data folder cannot be used.
        """
        self.config = config
        self.store = Store(config.data, config.store_url, vectors)
        self._embedder = embedder
        self._answerer = answerer
        self._network = network or _network(config)
        self._given_verifier = verifier
        self.journal = Journal(
            config.data / "journal.sqlite",
            enabled=config.journal_enabled,
            days=config.journal_days,
        )
        """What students asked and thought of the answers; who asks the course records there."""
        self._examples: tuple[Catalogue, int, tuple[str, ...]] | None = None

    @classmethod
    def open(cls, folder: Path = Path(), data: Path | None = None) -> Course:
        """The course configured in `folder`, its state in `data` if given.

        Raises:
            ConfigError: the configuration is unusable.
            StoreError: the data folder cannot be used.
        """
        return cls(load(folder, data=data))

    def close(self) -> None:
        """Release the files, and stop what draws pages."""
        if "pages" in self.__dict__:
            self.pages.close()
        self.store.close()

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
        catalogue = self.catalogue()
        out = []
        for session in catalogue.sessions:
            records = [
                record
                for record in catalogue.records.values()
                if session.number in record.document.sessions and record.passages
            ]
            readings = {r.document.reading for r in records if r.document.kind != "notes"}
            passages = sum(record.passages for record in records)
            out.append((session.number, session.title, len(readings), passages))
        return tuple(out)

    def examples(self, n: int = 6) -> tuple[str, ...]:
        """Up to n questions made of the readings, of which retrieval finds enough to answer."""
        from seminar_rag.answer.examples import questions
        from seminar_rag.question.query import understand

        catalogue = self.catalogue()
        if self._examples is not None and self._examples[:2] == (catalogue, n):
            return self._examples[2]
        rank = {"paper": 0, "abstract": 1, "notes": 2}
        documents = sorted(catalogue.documents.values(), key=lambda one: rank[one.kind])
        texts = ((one, self.store.passages_of(one.id)[:5]) for one in documents)
        out: list[str] = []
        sessions: set[int] = set()
        for question in islice(questions(texts), 8 * n):
            hits = self.search(question, 3)
            where = set(hits[0].document.sessions) if hits else set()
            # From many sessions, so that the examples show what the course is about.
            if where & sessions or not self._relevance.answerable(understand(question), hits):
                continue
            sessions |= where
            out.append(question)
            if len(out) == n:
                break
        self._examples = (catalogue, n, tuple(out))
        return tuple(out)

    @cached_property
    def pages(self) -> Pages:
        """Documents as they look, opened at a passage."""
        from seminar_rag.pages.render import Renderer
        from seminar_rag.pages.view import Pages

        return Pages(self.store, Renderer(self.config.data / "pages"))

    def key_sentences(self, reading: str, n: int = 5) -> tuple[Citation, ...]:
        """Up to n sentences that say most of what a reading says, in its own words and order.

        Raises:
            NotFoundError: there is no text of such a reading.
        """
        from seminar_rag.pages.central import key_sentences

        return key_sentences(self.store, self.embedder.embed, reading, n)

    # --- ingesting -----------------------------------------------------------------------------

    def ingest(
        self,
        sources: Sequence[str | Path],
        listener: Listener = lambda _: None,
        options: Options = Options(),
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Report]:
        """Bring sources in or up to date, one report each. Students can go on asking meanwhile.

        A source is a path or an address on the web. Once another source is in, the bundled sample
        course leaves. What the instructor corrected, added or took out stays so.

        Args:
            stop: asked often, from this thread; once it says so, the ingest ends between two
                readings with the report of what is in, and the next one goes on there.

        Raises:
            SourceError: a source cannot be read, or holds nothing; the sources before it are in.
            BusyError: another process is writing.
        """
        from seminar_rag.sample import PAGE
        from seminar_rag.types.ingest import ADDED

        with self.store.writer():
            ingestor = self._ingestor(listener, stop)
            for source in sources:
                yield ingestor.ingest(source, options)
            if options.dry_run or stop():
                return
            if any(one.kind == "add" for one in self.catalogue().corrections):
                web = options.fetch is not False and any(map(is_address, sources))
                yield ingestor.ingest_added(replace(options, fetch=options.fetch or web))
            named = {id_ for id_, _ in self.catalogue().sources}
            if str(PAGE.resolve()) in named and len(named - {ADDED}) > 1:
                self.store.forget_source(str(PAGE.resolve()))

    def ingest_reading(
        self,
        reading: str,
        listener: Listener = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Look for one reading again, and bring its documents in or up to date.

        Args:
            reading: its id or title; also what `add`, `accept` and `restore` gave.

        Raises:
            NotFoundError: no source lists it.
            SourceError: its page cannot be read.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        found = curate.listed_reading(self.catalogue(), reading)
        options = Options(refresh=True, only=frozenset({found.id if found else reading}))
        with self.store.writer():
            ingestor = self._ingestor(listener, stop)
            report = ingestor.ingest_only(options)
        if report is None:
            raise NotFoundError(curate.unknown(self.catalogue(), reading))
        return report

    def _ingestor(self, listener: Listener, stop: Callable[[], bool]) -> Ingestor:
        from seminar_rag.documents.parse import Parser

        return Ingestor(self.store, self.embedder, Parser, listener, self._network, stop)

    # --- correcting ----------------------------------------------------------------------------
    # Each of these is noted at once and outlives every later ingest of the page; the documents
    # follow with `ingest_reading` of the id that is returned, or with the next ingest.

    def suggestions(self) -> tuple[Suggestion, ...]:
        """Links that lead elsewhere, and papers that were found by their title: to be decided."""
        from seminar_rag.ingest import curate

        return curate.suggestions(self.catalogue())

    def accept(self, suggestion: str) -> str:
        """Accept a suggestion by its id; the id of its reading.

        Raises:
            NotFoundError: there is no such suggestion (any more).
            BusyError: another process is writing.
        """
        return self._decide(suggestion, True)

    def reject(self, suggestion: str) -> str:
        """Reject a suggestion by its id; the id of its reading. Raises as `accept` does."""
        return self._decide(suggestion, False)

    def _decide(self, suggestion: str, accepted: bool) -> str:
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.decide(self.store, suggestion, accepted)

    def rename(self, reading: str, title: str) -> str:
        """Call a reading otherwise; its id.

        Raises:
            NotFoundError: no listed reading has that id or title.
            SourceError: the new title is empty.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.rename(self.store, reading, title)

    def add(self, session: int, title: str, url: str = "", file: Path | None = None) -> str:
        """Add a reading to a session, from an address or a file (which is copied); its id.

        Where the course lists a reading of that title, the document becomes one of it.

        Raises:
            NotFoundError: the course has no such session.
            SourceError: the title is empty, or the address or file cannot be used.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.add(self.store, session, title, url, file)

    def remove(self, what: str) -> list[str]:
        """Remove a source (by its path), a reading (by id or title) or one document (by id).

        Readings and documents stay out of later ingests until they are restored.

        Returns:
            The titles of what was removed.

        Raises:
            NotFoundError: nothing is called so; names what comes near.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.remove(self.store, what)

    def removals(self) -> tuple[Removal, ...]:
        """What was removed by hand and stays out, latest last."""
        from seminar_rag.ingest import curate

        return curate.removals(self.catalogue())

    def decisions(self) -> tuple[Correction, ...]:
        """Everything that was accepted, rejected, renamed, added or removed, latest last."""
        return self.catalogue().corrections

    def undo(self, decision: int) -> str:
        """Forget a decision by its `key`; the id of its reading.

        Raises:
            NotFoundError: there is no such decision.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.undo(self.store, decision)

    def restore(self, what: str) -> tuple[str, ...]:
        """Undo a removal, by id or title; the ids to give to `ingest_reading`.

        Raises:
            NotFoundError: nothing of that name was removed.
            BusyError: another process is writing.
        """
        from seminar_rag.ingest import curate

        with self.store.writer():
            return curate.restore(self.store, what)

    # --- asking --------------------------------------------------------------------------------

    def search(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """The k passages that fit best, best first.

        Raises:
            StoreError: the index cannot be read.
        """
        return self._retriever.search(query, k, scope)

    def confidence(self, query: str, hits: Sequence[Hit]) -> float:
        """How likely the hits hold an answer, 0 to 1."""
        return self._relevance.confidence(query, hits)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope = Scope(),
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        """Answer a question as a stream of events, the Answer last.

        Raises:
            NotFoundError: nothing is ingested yet.
            StoreError, ModelError: the index or the model cannot be used.
        """
        self._require_documents()
        return self._engine.ask(question, history, scope, stop)

    def check(self, text: str, scope: Scope | None = None) -> Checking:
        """Hold every claim of a text, and every source it gives, against the readings.

        Iterate the result to go through the text; `report()` tells what is known so far.

        Raises:
            NotFoundError: nothing is ingested yet.
            StoreError, ModelError: the index or the model cannot be used.
        """
        from seminar_rag.check.report import Checker

        self._require_documents()
        return Checker(self.search, self.verifier, works(self.catalogue())).check(text, scope)

    def text_of(self, file: bytes) -> str:
        """The text of a PDF or DOCX, to be checked; nothing of it is kept.

        Raises:
            DocumentError: the file is neither, or yields no text.
        """
        from seminar_rag.documents.manuscript import text_of

        return text_of(file)

    def insights(self) -> Insights:
        """What the journal says about the course.

        Raises:
            StoreError: the journal cannot be read.
        """
        from seminar_rag.journal.insights import insights

        readings = {
            document.reading: (document.title, document.sessions)
            for document in self.catalogue().documents.values()
        }
        asked, opinions = self.journal.questions(), self.journal.opinions()
        return insights(asked, opinions, readings, self._question_vectors)

    @cached_property
    def _question_vectors(self) -> Remembered:
        from seminar_rag.journal.insights import Remembered

        return Remembered(self.embedder.embed)

    def _require_documents(self) -> None:
        if not self.catalogue().documents:
            raise NotFoundError(
                "nothing is ingested yet — seminar-rag ingest SOURCE takes a course page, a"
                " folder of posts or PDFs; --sample takes the bundled sample course"
            )

    @property
    def answerer(self) -> str:
        """Who writes the answers."""
        return self._writer.name

    @property
    def answerer_notice(self) -> str:
        """The same as a sentence for the reader."""
        return self._writer.notice

    # --- looking after -------------------------------------------------------------------------

    def settings(self) -> tuple[Setting, ...]:
        """All settings as they hold now, without secrets."""
        return configuration.settings(self.config)

    def change(self, section: str, key: str, value: str | int | bool) -> None:
        """Change a setting here and in seminar.toml; answers that are being written go on.

        Raises:
            ConfigError: it cannot be changed while the course is served, or to this value.
        """
        off = (section, key, value) == ("llm", "enabled", False)
        if off and self.config.check_verifier == "llm":
            raise ConfigError('[check] verifier is "llm", which needs it — change that first')
        self.config = config = configuration.changed(self.config, section, key, value)
        self.journal.enabled, self.journal.days = config.journal_enabled, config.journal_days
        if (section, key) == ("llm", "enabled"):
            self.__dict__.pop("_llm", None)
        if section in ("llm", "answer"):
            self.__dict__.pop("_writer", None)
            self.__dict__.pop("_engine", None)

    def password_hash(self) -> str:
        """Of the desk, as seminar.toml has it now; empty without one.

        Raises:
            ConfigError: the configuration has become unusable.
        """
        return load(self.config.folder).desk_password_hash

    def doctor(self) -> list[Finding]:
        """What is installed, which models are found, whether the index is sound."""
        return [*_installed(), *self._models(), self._checking(), *self._index()]

    def repair(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Rebuild both indexes from the stored passages and embeddings."""
        with self.store.writer():
            self.store.repair(progress)

    def _models(self) -> Iterator[Finding]:
        config = self.config
        model = SentenceTransformerEmbedder(config.embed_model)
        missing = model.missing()
        if missing:
            mend = "check [embed] model, and run make setup"
            yield Finding("bad", f"embedding model: {model.name}: {missing}", mend)
        else:
            yield Finding("ok", f"embedding model: {model.name}")
        yield self._reranker_finding()
        if config.llm_url:
            yield Finding(
                "ok", f"language model: {config.llm_name or 'default'} at {config.llm_url}"
            )
            return
        try:
            gguf = self._gguf()
        except ModelError as error:
            yield Finding("bad", f"language model: {error}")
            return
        if gguf is None:
            from seminar_rag.models.hub import suggest_here

            fits = suggest_here()
            yield Finding(
                "note",
                f"language model: none, so answers are quotations ({fits.reason})",
                f"seminar-rag models {fits.model.spec} suits this machine"
                if fits.model
                else "[llm] url takes a server",
            )
        elif importlib.util.find_spec("llama_cpp") is None:
            yield Finding(
                "bad",
                f"language model: {gguf}, but llama-cpp-python is not installed",
                "make local builds it (five minutes, needs a C++ compiler)",
            )
        else:
            yield Finding("ok", f"language model: {gguf}")

    def _checking(self) -> Finding:
        """Who checks claims, and what is missing for it."""
        if self.config.check_verifier == "llm":
            try:
                there = self.config.llm_enabled and (self.config.llm_url or self._gguf())
            except ModelError:  # told by the line on the language model
                there = False
            if there:
                return Finding("ok", "checking: the language model judges claims")
            return Finding("bad", f'checking: [check] verifier is "llm", {_NO_LLM}')
        model = self._check_model()
        if model is None:
            return Finding(
                "ok", "checking: built-in, which compares words, numbers and names; no reasoning"
            )
        from seminar_rag.check.entailment import present

        if present([model]):
            return Finding("ok", f"checking: {model}")
        return Finding(
            "note",
            f"checking: {model} is not here yet, the first check downloads it",
            f"seminar-rag models {model} downloads it now",
        )

    def _index(self) -> Iterator[Finding]:
        catalogue = self.catalogue()
        passages = sum(record.passages for record in catalogue.records.values())
        if not passages:
            yield Finding("note", "index: empty", "seminar-rag ingest SOURCE, or ingest --sample")
        else:
            yield Finding(
                "ok",
                f"index: {len(catalogue.documents)} documents, {passages} passages in"
                f" {self.store.folder}",
            )
            try:
                self.store.require_model(self.embedder.name, self.embedder.precision)
            except StoreError as error:
                what, _, mend = str(error).partition(" — ")
                yield Finding("bad", what, mend)
        for finding in self.store.findings():
            yield Finding("bad", finding, "seminar-rag doctor --repair")
        free = shutil.disk_usage(self.store.folder).free
        if free < 1 << 30:
            yield Finding("note", f"only {free >> 20} MiB of disk are free", "free some space")

    # --- putting together ----------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The embedding model, as configured; "auto" keeps to what the index was made with."""
        if self._embedder is None:
            precision = self.config.embed_precision
            if precision == "auto" and self.store.meta("model") == self.config.embed_model:
                precision = self.store.meta("precision") or "auto"
            self._embedder = SentenceTransformerEmbedder(
                self.config.embed_model,
                precision,  # type: ignore[arg-type]  # checked by config
            )
        return self._embedder

    @cached_property
    def _retriever(self) -> Retriever:
        from seminar_rag.index.retrieve import Retriever

        self.store.require_model(self.embedder.name, self.embedder.precision)
        return Retriever(self.store, self.embedder, self._reranker())

    def _reranker(self) -> Reranker | None:
        from seminar_rag.models.rerank import CrossEncoderReranker, chosen

        setting = self.config.retrieve_reranker
        folder = self.config.folder / Path(setting).expanduser()
        name = str(folder) if setting and folder.is_dir() else chosen(setting)
        return CrossEncoderReranker(name) if name else None

    def _reranker_finding(self) -> Finding:
        from seminar_rag.models.rerank import downloaded

        reranker = self._reranker()
        if reranker is None:
            what = "reranker: none, so passages keep the order of the search"
            return Finding("note", what, "seminar-rag models lists some; none is needed")
        if not downloaded(reranker.name):
            what = f"reranker: {reranker.name}, not downloaded yet; the first question fetches it"
            return Finding("note", what, f"seminar-rag models {reranker.name}")
        return Finding("ok", f"reranker: {reranker.name}")

    @cached_property
    def _relevance(self) -> Relevance:
        from seminar_rag.answer.abstain import Relevance

        return Relevance(self.store.rarity)

    @cached_property
    def _engine(self) -> Engine:
        from seminar_rag.answer.engine import Engine
        from seminar_rag.answer.guide import Guide
        from seminar_rag.question.followup import Rewriter, by_rules
        from seminar_rag.question.query import Query, understand

        writer = self._writer  # first: what is wrong with the model is told before the index
        guide = Guide(self.catalogue, self._retriever)
        passages = self.config.answer_passages
        stand_alone = by_rules
        if self._answerer is None and self._llm is not None:
            stand_alone = Rewriter(self._llm).standalone

        def understood(text: str, history: Sequence[Turn], stop: Callable[[], bool]) -> Query:
            return understand(
                text, history, stop, titles=self.catalogue().titles, stand_alone=stand_alone
            )

        return Engine(
            self._retriever,
            self._relevance,
            writer,
            passages,
            verifier=self.verifier,
            guide=guide,
            understand=understood,
        )

    @cached_property
    def verifier(self) -> Verifier:
        """Who says what a passage supports."""
        if self._given_verifier is not None:
            return self._given_verifier
        from seminar_rag.check.support import BuiltinVerifier

        builtin = BuiltinVerifier(self.embedder.embed)
        if self.config.check_verifier == "llm":
            from seminar_rag.check.judge import JudgeVerifier
            from seminar_rag.models.completion import Completion

            if self._llm is None:
                raise ModelError(f'[check] verifier is "llm", {_NO_LLM}')
            return JudgeVerifier(Completion(self._llm), builtin)
        model = self._check_model()
        if model:
            from seminar_rag.check.entailment import EntailmentVerifier

            return EntailmentVerifier(model)
        return builtin

    def _check_model(self) -> str | None:
        """The cross-encoder that checks claims, which need not be here yet; None for none."""
        config = self.config
        if config.check_verifier in ("builtin", "llm"):
            return None
        if config.check_model:
            folder = config.folder / Path(config.check_model).expanduser()
            return str(folder) if folder.is_dir() else config.check_model
        from seminar_rag.check.entailment import SUGGESTED, present

        return present() or (SUGGESTED if config.check_verifier == "model" else None)

    @cached_property
    def _writer(self) -> Answerer:
        """The configured server, else a local model, else quotations."""
        if self._answerer is not None:
            return self._answerer
        if self._llm is not None:
            from seminar_rag.answer.engine import LLMAnswerer

            return LLMAnswerer(self._llm, self.config.llm_max_tokens)
        from seminar_rag.answer.extractive import Extractive

        return Extractive(self.embedder.read, self.store.rarity)

    @cached_property
    def _llm(self) -> LLM | None:
        """The configured language model, loaded once for all that ask it."""
        from seminar_rag.answer.prompt import INSTRUCTIONS
        from seminar_rag.models.llm import LlamaCpp, OpenAICompatible

        config = self.config
        if not config.llm_enabled:
            return None
        if config.llm_url:
            return OpenAICompatible(
                config.llm_url,
                config.llm_name or "default",
                config.llm_key or None,
                context=config.llm_context,
                grammar=config.llm_server_grammar,
            )
        model = self._gguf()
        if model is None:
            return None
        return LlamaCpp(
            model,
            context=config.llm_context,
            threads=config.llm_threads or None,
            grammar=config.llm_grammar,
            instructions=INSTRUCTIONS,
        )

    @property
    def models_folder(self) -> Path:
        """Where downloaded language models lie."""
        return self.config.data / "models"

    def _gguf(self) -> Path | None:
        """The local model: the configured one, else the newest that was downloaded."""
        if self.config.llm_model:
            from seminar_rag.models.hub import find_local

            return find_local(self.config.llm_model, self.models_folder, self.config.folder)
        found = sorted(self.models_folder.glob("*.gguf"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None


def works(catalogue: Catalogue) -> tuple[Work, ...]:
    """The readings as a text can cite them, also those without a text of their own."""
    from seminar_rag.types.check import Work

    listed = {
        one.id: Work(one.id, one.title, one.authors or "", one.arxiv_id, one.urls)
        for session in catalogue.sessions
        for one in session.readings
    }
    for record in catalogue.records.values():
        document = record.document
        if document.kind != "notes" and document.reading not in listed:
            urls = (document.url,) if document.url else ()
            found = Work(document.reading, document.title, document.authors or "", None, urls)
            listed[document.reading] = found
    return tuple(listed.values())


def read_course_page(
    source: str | Path, folder: Path = Path(), data: Path | None = None
) -> Syllabus:
    """The sessions and readings of a source, without a course: nothing is ingested.

    Raises:
        SourceError: it cannot be read, or lists no readings.
        ConfigError: the configuration is unusable.
    """
    from contextlib import ExitStack

    with ExitStack() as stack:
        network = _network(load(folder, data=data))
        found = read_source(source, lambda: stack.enter_context(network.fetcher()))
    if found.syllabus is None:
        raise SourceError(f"{source} lists no readings — give the course page that does")
    return found.syllabus


def _network(config: Config) -> Network:
    """How readings are fetched, as configured."""

    def fetcher() -> Fetcher:
        return Fetcher(
            config.data / "web",
            contact=config.fetch_contact,
            allow_hosts=[host.strip() for host in config.fetch_allow_hosts.split(",")],
            max_age=config.fetch_max_age * 86400.0,
            max_bytes=config.fetch_max_mib << 20,
        )

    places = Places(
        arxiv=config.fetch_arxiv.rstrip("/"), arxiv_api=config.fetch_arxiv_api.rstrip("/")
    )
    return Network(fetcher, places)


def _installed() -> Iterator[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()}")
    for package in ("chromadb", "llama-index-core", "sentence-transformers", "torch", "gradio"):
        try:
            yield Finding("ok", f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding("bad", f"{package} is not installed", "run make setup")
    try:
        yield Finding("ok", f"llama-cpp-python {version('llama-cpp-python')}")
    except PackageNotFoundError:
        yield Finding(
            "note",
            "llama-cpp-python is not installed, so no local language model can be used",
            "make local builds it (five minutes, needs a C++ compiler)",
        )
    yield _recognition()


def _recognition() -> Finding:
    from seminar_rag.documents.ocr import available

    if available():
        return Finding("ok", "OCR: RapidOCR reads scanned pages")
    mend = "make ocr installs it (100 MB)"
    return Finding("note", "OCR is not installed, so scanned pages stay unread", mend)

"""The composition root: which parts a course is made of, as its configuration says.

The sole place where rooms are put together. Each part is built when it is first needed, so that
a command that needs no model loads none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypedDict, Unpack

from seminar_rag.config import Config
from seminar_rag.errors import ModelError
from seminar_rag.index.decisions import Chosen
from seminar_rag.index.postgres import CommonTable
from seminar_rag.index.store import Store
from seminar_rag.journal.journal import Journal
from seminar_rag.models_in_use import ModelsInUse, Shared
from seminar_rag.types import BUILT_IN, Citation, Turn
from seminar_rag.types.ingest import Listener

if TYPE_CHECKING:
    from seminar_rag.answer.abstain import Relevance
    from seminar_rag.answer.engine import Answerer, Engine
    from seminar_rag.check.claims import ConfinedExtract
    from seminar_rag.check.report import Checker
    from seminar_rag.check.support import BuiltinVerifier, Verifier
    from seminar_rag.compare.table import Cells, Stances
    from seminar_rag.index.retrieve import Retriever
    from seminar_rag.index.vectors import Vectors
    from seminar_rag.ingest.pipeline import Ingestor, Network
    from seminar_rag.journal.insights import Remembered
    from seminar_rag.models.embed import Embedder
    from seminar_rag.pages.view import Pages
    from seminar_rag.study.worded import ModelWording
    from seminar_rag.syllabus.asking import SecondReader
    from seminar_rag.web.fetch import Fetcher

NO_LLM = (
    "but no language model is configured — seminar-rag models lists some; [llm] url takes a server"
)


class Given(TypedDict, total=False):
    """Parts that stand in for the configured ones."""

    embedder: Embedder
    answerer: Answerer
    vectors: Vectors
    verifier: Verifier
    network: Network
    shared: Shared


class Assembly(ModelsInUse):
    """The parts of one course."""

    def __init__(self, config: Config, **given: Unpack[Given]) -> None:
        """Open the store and the journal; raises StoreError where the data folder cannot be
        used."""
        store = Store(
            *(config.data, config.store_url, given.get("vectors")),
            *(config.store_database, config.store_files),
        )
        super().__init__(config, store, given.get("embedder"), given.get("shared") or Shared())
        self.common = CommonTable(config.store_database) if config.store_database else None
        self.journal = Journal(
            config.data / "journal.sqlite",
            enabled=config.journal_enabled,
            days=config.journal_days,
            database=config.store_database,
        )
        self._network = given.get("network")
        self._answerer = given.get("answerer")
        self._verifier = given.get("verifier")
        self._alone = "shared" not in given

    def close(self) -> None:
        """Release the files, and stop the processes that draw pages and read texts, unless other
        courses share them."""
        if self._alone:
            self._shared.close()
        self.journal.close()
        if self.common is not None:
            self.common.close()
        self.store.close()

    def reconfigure(self, config: Config) -> None:
        """Take a changed configuration; answers that are being written go on with the old one."""
        changed = {
            name
            for name in ("llm_enabled", "llm_max_tokens", "answer_passages")
            if getattr(config, name) != getattr(self.config, name)
        }
        self.config = config
        self.journal.enabled, self.journal.days = config.journal_enabled, config.journal_days
        stale = {"llm", "verifier"} if "llm_enabled" in changed else set()
        for part in stale | ({"answerer", "engine"} if changed else set()):
            self.__dict__.pop(part, None)

    # --- retrieval -----------------------------------------------------------------------------

    @cached_property
    def chosen(self) -> Chosen:
        """What the instructor has chosen to show students."""
        return Chosen(self.config.data, self.common)

    @cached_property
    def retriever(self) -> Retriever:
        """What finds passages; raises StoreError where another model made the index."""
        from seminar_rag.index.retrieve import Retriever

        self.store.require_model(self.embedder.name, self.embedder.precision)
        return Retriever(self.store, self.embedder, self.reranker())

    # --- answering -----------------------------------------------------------------------------

    @cached_property
    def relevance(self) -> Relevance:
        """What decides whether the passages found hold an answer."""
        from seminar_rag.answer.abstain import Relevance

        return Relevance(self.store.rarity)

    @cached_property
    def engine(self) -> Engine:
        """What answers questions."""
        from seminar_rag.answer import course_parts
        from seminar_rag.answer.catalogue import AboutCourse
        from seminar_rag.answer.engine import Engine
        from seminar_rag.pages.view import key_sentences
        from seminar_rag.question.followup import EMBEDDED_BY, FollowUps, Rewriter, StandAlone
        from seminar_rag.question.language import language_of
        from seminar_rag.question.query import Query, understand

        answerer = self.answerer  # first, so that a fault of the model is reported before the index
        known = self.embedder.name == EMBEDDED_BY
        followups = FollowUps(self.embedder.embed if known else None)
        model = self.llm if self._answerer is None else None
        rewriter = Rewriter(model, followups) if model is not None else None
        stand_alone: StandAlone = rewriter.standalone if rewriter else followups

        def understood(text: str, history: Sequence[Turn], stop: Callable[[], bool]) -> Query:
            course = self.store.catalogue()
            titles = course.titles
            english = rewriter.in_english(text, titles.values(), stop) if rewriter else ""
            plainly = partial(
                understand,
                history=history,
                stop=stop,
                titles=titles,
                stand_alone=stand_alone,
                spelled=self.retriever.spelled,
            )
            found = course_parts.understood(english or text, course.sessions, plainly)
            return replace(found, text=text, language=language_of(text)) if english else found

        def summary(reading: str, n: int) -> tuple[Citation, ...]:
            return key_sentences(self.store, self.embedder.embed, reading, n)

        return Engine(
            self.retriever,
            self.relevance,
            answerer,
            self.config.answer_passages,
            verifier=self.verifier,
            about=AboutCourse(self.store.catalogue, self.retriever, summary),
            understand=understood,
        )

    @cached_property
    def answerer(self) -> Answerer:
        """What writes the answers: the configured server, else a local model, else quotations."""
        if self._answerer is not None:
            return self._answerer
        from seminar_rag.answer.extractive import Extractive

        if self.llm is None:
            return Extractive(self.embedder.read, self.store.rarity)
        from seminar_rag.answer.prompt import LLMAnswerer

        judge = self._chooser()
        quotations = Extractive(self.embedder.read, self.store.rarity, judge)
        return LLMAnswerer(
            self.llm,
            self.config.llm_max_tokens,
            quotations,
            self.builtin_verifier,
            judge,
            self.verifier if judge and self.judges() else None,
        )

    @property
    def cells(self) -> Cells:
        """What says what one reading answers to a question."""
        from seminar_rag.answer.answerable import likely
        from seminar_rag.answer.extractive import Extractive
        from seminar_rag.compare.table import Cells

        chooser = self._chooser() if self._answerer is None else None

        def judge(question: str, text: str) -> float | None:
            assert chooser is not None
            return likely(chooser, question, [text], lambda: False)

        quotations = Extractive(self.embedder.read, self.store.rarity)
        return Cells(
            self.retriever,
            quotations,
            self.relevance,
            self.store.rarity,
            judge if chooser else None,
        )

    @property
    def wording(self) -> ModelWording | None:
        """What has the language model word study items; None without a model."""
        from seminar_rag.study.worded import ModelWording

        llm = self.llm if self._answerer is None else None
        return None if llm is None else ModelWording(llm, self.verifier)

    def second_reader(self) -> SecondReader:
        """The language model as a second reader of the course page. Raises ModelError where there
        is none, or it cannot say how likely its answers are."""
        from seminar_rag.models.choice import Chooser

        if self.llm is None:
            raise ModelError(f"a model was to be asked about the reading list, {NO_LLM}")
        if not isinstance(self.llm, Chooser):
            raise ModelError(f"{self.llm.name} cannot say how likely an answer is — take another")
        return self.llm

    @property
    def stances(self) -> Stances:
        """What holds a statement against one reading."""
        from seminar_rag.compare.table import Stances

        words, embed = self.builtin_verifier, self.embedder.embed
        return Stances(self.retriever, self.verifier, words, embed)

    # --- checking ------------------------------------------------------------------------------

    @cached_property
    def verifier(self) -> Verifier:
        """What decides whether a passage supports a sentence; raises ModelError where the language
        model is to check, and none is configured."""
        if self._verifier is not None:
            return self._verifier
        builtin = self.builtin_verifier
        if self.judges():
            from seminar_rag.check.judge import ModelVerifier
            from seminar_rag.models.choice import Chooser

            if self.llm is None:
                raise ModelError(f'[check] verifier is "llm", {NO_LLM}')
            if isinstance(self.llm, Chooser):
                return ModelVerifier(self.llm, builtin)
            raise ModelError(f'{self.llm.name} cannot judge - set [check] verifier = "builtin"')
        return builtin

    @cached_property
    def builtin_verifier(self) -> BuiltinVerifier:
        """What compares a sentence with passages without a model of its own."""
        from seminar_rag.check.support import BuiltinVerifier

        return BuiltinVerifier(self.embedder.embed)

    def checks_by_words(self) -> bool:
        """Whether the built-in check judges, known without loading a model."""
        if self._verifier is not None:
            return self._verifier.name == BUILT_IN
        return not self.judges()

    def checker(self) -> Checker:
        """What checks a text against the readings as they are now."""
        from seminar_rag.check.report import Checker, works_of

        works = works_of(self.store.catalogue())
        return Checker(self.retriever.search, self.verifier, works, self.extract)

    @cached_property
    def extract(self) -> ConfinedExtract:
        """What cuts a text into claims, in a process of its own."""
        from seminar_rag.check.claims import ConfinedExtract

        return self._shared.workers(ConfinedExtract)

    # --- ingesting, pages, insights ------------------------------------------------------------

    @cached_property
    def network(self) -> Network:
        """How the network is reached. Its modules, as all that only an ingest needs, are loaded
        when it is first used."""
        return self._network or network_of(self.config)

    def ingestor(self, listener: Listener, stop: Callable[[], bool]) -> Ingestor:
        """What brings sources into the store; use it under `store.writer()`."""
        from seminar_rag.documents.parse import Parser
        from seminar_rag.ingest.pipeline import Ingestor

        embedder = self._embedder_of_passages()
        return Ingestor(self.store, embedder, Parser, listener, self.network, stop)

    @cached_property
    def pages(self) -> Pages:
        """What shows documents as they look, opened at a passage."""
        from seminar_rag.pages.render import Renderer, workers
        from seminar_rag.pages.view import Pages

        renderer = Renderer(self.config.data / "pages", self._shared.workers(workers))
        return Pages(self.store, renderer)

    @cached_property
    def question_vectors(self) -> Remembered:
        """Embeds the journal's questions, remembering the last ones."""
        from seminar_rag.journal.insights import Remembered

        return Remembered(self.embedder.embed)


def network_of(config: Config) -> Network:
    """How the network is reached, as configured."""
    from seminar_rag.ingest.pipeline import Network
    from seminar_rag.web.fetch import Fetcher
    from seminar_rag.web.places import Places
    from seminar_rag.web.zotero import headers

    def fetcher() -> Fetcher:
        return Fetcher(
            config.data / "web",
            contact=config.fetch_contact,
            allow_hosts=[host.strip() for host in config.fetch_allow_hosts.split(",")],
            credentials=headers(config.zotero_key),
            max_age=config.fetch_max_age * 86400.0,
            max_bytes=config.fetch_max_mib << 20,
        )

    places = Places(
        arxiv=config.fetch_arxiv.rstrip("/"), arxiv_api=config.fetch_arxiv_api.rstrip("/")
    )
    return Network(fetcher, places)

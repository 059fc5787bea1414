"""Changes to the store in any order, interrupted anywhere: nothing of it is half there."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from test_store import put, record

from memory import MemoryVectors
from postgres_cluster import postgres_schema
from seminar_rag.index.store import Store
from seminar_rag.types.catalogue import Correction, Record

DOCUMENTS = st.sampled_from(["d", "e"])
TEXTS = st.lists(
    st.sampled_from(["alpha", "beta", "gamma", "delta"]), unique=True, min_size=1, max_size=3
)


class _PowerCutError(RuntimeError):
    pass


class AnyOrder(RuleBasedStateMachine):
    """A store beside a plain account of what it should hold."""

    server = ""
    """The socket folder of a PostgreSQL server; empty for SQLite."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.vectors = MemoryVectors()
        self.held_open = ExitStack()
        schema = postgres_schema(self.server) if self.server else nullcontext("")
        self.database = self.held_open.enter_context(schema)
        self.store = self._opened()
        self.held: dict[str, list[str]] = {}
        self.decided: list[str] = []

    def teardown(self) -> None:
        self.store.close()
        self.held_open.close()
        shutil.rmtree(self.folder)

    @rule(document=DOCUMENTS, texts=TEXTS)
    def replace(self, document: str, texts: list[str]) -> None:
        put(self.store, document, *texts)
        self.held[document] = texts

    @rule(document=DOCUMENTS, texts=TEXTS, step=st.sampled_from(["add", "delete"]))
    def replace_interrupted(self, document: str, texts: list[str], step: str) -> None:
        before = self.held.get(document)
        self._cut_at(step)
        try:
            put(self.store, document, *texts)
        except _PowerCutError:
            self._restart()
        self.vectors.fail = lambda _: None
        found = [one.text for one in self.store.passages_of(document)]
        assert found in (before or [], texts), "before or after, nothing between"
        if found == texts and document in self.store.catalogue().records:
            self.held[document] = texts

    @rule(document=DOCUMENTS)
    def fail_to_read(self, document: str) -> None:
        with self.store.writer():
            failed = Record(record(document).document, "s", "new", "corrupt", "it is broken")
            kept = self.store.put_failure(failed)
        assert kept == len(self.held.setdefault(document, []))

    @rule(document=DOCUMENTS)
    def remove(self, document: str) -> None:
        with self.store.writer():
            self.store.remove([document])
        self.held.pop(document, None)

    @rule(document=DOCUMENTS)
    def remove_interrupted(self, document: str) -> None:
        self._cut_at("delete")
        try:
            with self.store.writer():
                self.store.remove([document])
        except _PowerCutError:
            self._restart()
        self.vectors.fail = lambda _: None
        if document not in self.store.catalogue().records:
            self.held.pop(document, None)

    @rule(reading=st.sampled_from(["r1", "r2"]))
    def decide(self, reading: str) -> None:
        with self.store.writer():
            self.store.add_corrections(Correction("rename", reading, title=f"Title of {reading}"))
        self.decided.append(reading)

    @rule()
    def repair(self) -> None:
        with self.store.writer():
            self.store.repair()

    @rule()
    def reopen(self) -> None:
        self._restart()

    @invariant()
    def what_is_held_is_found(self) -> None:
        for document, texts in self.held.items():
            assert [one.text for one in self.store.passages_of(document)] == texts
        assert set(self.store.catalogue().records) == set(self.held)
        for word in ("alpha", "gamma"):
            there = {f"{document}-{word}" for document, texts in self.held.items() if word in texts}
            assert {id_ for id_, _ in self.store.lexical([word], 9)} == there
        assert {one.target for one in self.store.catalogue().corrections} == set(self.decided)

    @invariant()
    def a_writer_settles_what_was_interrupted(self) -> None:
        with self.store.writer():
            pass
        expected = {f"{document}-{text}" for document, all_ in self.held.items() for text in all_}
        assert self.vectors.ids() == expected
        assert self.store.findings() == []

    def _cut_at(self, step: str) -> None:
        def fail(name: str) -> None:
            if name == step:
                raise _PowerCutError

        self.vectors.fail = fail

    def _restart(self) -> None:
        self.vectors.fail = lambda _: None
        self.store.close()
        self.store = self._opened()

    def _opened(self) -> Store:
        return Store(self.folder / "data", vectors=self.vectors, database=self.database)


TestAnyOrder = pytest.mark.slow(AnyOrder.TestCase)  # takes a second
TestAnyOrder.settings = settings(max_examples=15, stateful_step_count=8, deadline=None)


@pytest.mark.slow
def test_any_order_on_postgresql(postgres_server: str) -> None:
    class OnServer(AnyOrder):
        server = postgres_server

    few = settings(max_examples=6, stateful_step_count=8, deadline=None)
    run_state_machine_as_test(OnServer, settings=few)

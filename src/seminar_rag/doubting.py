"""What a language model thinks of doubtful entries of the reading list: a part of `Course`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from seminar_rag.errors import ModelError
from seminar_rag.files import write
from seminar_rag.ingest.local import SourceContent
from seminar_rag.ingest.sources import list_readings, page_text
from seminar_rag.syllabus.asking import Doubtful, doubtful, opinions
from seminar_rag.types import Reading, Syllabus
from seminar_rag.types.catalogue import ListedSession, Opinion, PageText

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly

FILE = "opinions.json"
"""In the data folder, where the course's servers have no table of their own for it."""
KIND = "opinion"
"""The kind of a value that the course's servers have in common."""

LASTS = 30 * 86_400.0
"""Seconds for which they have it in common."""


class Doubting(ABC):
    """Has a language model look at what the reader of course pages is unsure of. The instructor
    decides: what the model thinks changes no entry."""

    parts: Assembly

    @abstractmethod
    def page_texts(self) -> tuple[PageText, ...]:
        """What the course pages themselves say."""

    def can_ask_model(self) -> bool:
        """Whether a language model is configured, known without loading it."""
        config = self.parts.config
        with suppress(ModelError):
            return config.llm_enabled and bool(config.llm_url or self.parts.gguf())
        return False

    def ask_model(
        self,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int, str], None] = lambda *_: None,
    ) -> int:
        """Ask the language model of the course's doubtful entries; returns of how many. What it
        thinks of each is kept as it comes, also where `stop` ends it.

        Args:
            progress: is told how many of how many are done, and the title of the next.

        Raises:
            ModelError: there is no language model, or it cannot be used.
        """
        lines = [line for page in self.page_texts() for line in page.lines]
        asked = doubtful(self.parts.store.catalogue().sessions, lines)
        done = 0
        for one, opinion in self._asked(asked, stop, progress):
            self._keep(one, opinion)
            done += 1
        return done

    def opinions(self) -> Mapping[str, Opinion]:
        """What the model thinks of entries that are doubtful still, by their ids."""
        sessions = self.parts.store.catalogue().sessions
        listed = {one.id: one for each in sessions for one in each.readings if one.doubt}
        found = {}
        with suppress(ValueError, TypeError, AttributeError, KeyError):  # damaged, or a newer one's
            for id_, text in self._kept().items():
                kept = json.loads(text)
                if id_ in listed and kept.pop("of") == _of(listed[id_].title, listed[id_].doubt):
                    found[id_] = Opinion(**kept)
        return found

    def opinions_on(
        self,
        syllabus: Syllabus,
        source: str,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int, str], None] = lambda *_: None,
    ) -> dict[Reading, Opinion]:
        """What the model thinks of the doubtful readings of a page that need not be ingested; as
        `ask_model`.

        Args:
            source: where the page lies, whose text is shown to the model.
        """
        listed = list_readings(SourceContent(source, syllabus, (), None))
        reading_of = {one.entry.id: one.reading for one in reversed(listed)}
        sessions = [
            ListedSession(
                session.number,
                session.title,
                readings=tuple(one.entry for one in listed if one.session is session),
            )
            for session in syllabus.sessions
        ]
        with self.parts.network.fetcher() as fetcher:
            lines = page_text(source, fetcher).lines
        asked = doubtful(sessions, lines)
        found = self._asked(asked, stop, progress)
        return {reading_of[one.entry.id]: opinion for one, opinion in found}

    def _asked(
        self,
        asked: list[Doubtful],
        stop: Callable[[], bool],
        progress: Callable[[int, int, str], None],
    ) -> Iterator[tuple[Doubtful, Opinion]]:
        """The model's opinions; none more once `stop` says so."""
        if not asked:
            return
        progress(0, len(asked), asked[0].entry.title)
        answers = opinions(self.parts.second_reader(), asked, stop)
        try:
            for done, answer in enumerate(answers, 1):
                yield answer
                progress(done, len(asked), asked[min(done, len(asked) - 1)].entry.title)
        except ModelError:
            if not stop():
                raise

    def _keep(self, one: Doubtful, opinion: Opinion) -> None:
        text = json.dumps({**asdict(opinion), "of": _of(one.entry.title, one.entry.doubt)})
        common = self.parts.common
        if common is not None:
            common.put(KIND, one.entry.id, text, LASTS)
        else:
            write(self.parts.config.data / FILE, json.dumps(self._kept() | {one.entry.id: text}))

    def _kept(self) -> dict[str, str]:
        """What was kept, by the ids of entries."""
        if self.parts.common is not None:
            return self.parts.common.every(KIND)
        try:
            kept = json.loads((self.parts.config.data / FILE).read_text("utf-8"))
        except (OSError, ValueError):  # none yet, or it can be asked again
            return {}
        return kept if isinstance(kept, dict) else {}


def _of(title: str, doubt: str) -> str:
    """What an opinion is about: of an entry that was read in another way since, it is void."""
    return f"{doubt} {title}"

"""Models and worker processes that several courses of one process share."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Closable(Protocol):
    """What has to be closed."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Shared:
    """The models in use, by what they were made of; one that no course holds any more is freed.
    And the workers, until all are closed.

    Safe to call from several threads; what has different keys is made at the same time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._models: WeakValueDictionary[Hashable, object] = WeakValueDictionary()
        self._workers: list[Closable] = []

    def workers(self, make: Callable[[], C]) -> C:
        """The workers that `make` makes, made where there are none yet."""

        def kept() -> C:
            made = make()
            self._workers.append(made)
            return made

        return self.get(make, kept)

    def close(self) -> None:
        """Stop the workers."""
        for one in self._workers:
            one.close()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The model of this key, made where there is none. Raises what `make` raises.

        Args:
            key: the model's class and everything that makes it another one.
        """
        with self._lock:
            making = self._making[key]
        with making:
            found = self._models.get(key)
            if found is None:
                found = self._models[key] = make()
            return found  # type: ignore[return-value]  # what was made for this key

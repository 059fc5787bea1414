"""Models that several courses of one process share, so that each is loaded once."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class SharedModels:
    """The models in use, by what they were made of; one that no course holds any more is freed.

    Safe to call from several threads; models of different keys are made at the same time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._models: WeakValueDictionary[Hashable, object] = WeakValueDictionary()

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

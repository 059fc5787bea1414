"""Whether the files of Chroma's graph can be opened: some damage would end the whole process.

Chroma searches a graph (HNSW: Malkov and Yashunin, arXiv 1603.09320) that hnswlib, a C++ library,
reads from disk and follows without looking: a link to a vector that does not exist leads into
foreign memory. So the links are looked at here before Chroma opens the files. The layout is that
of chroma-core/hnswlib, `persistDirty`.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER = struct.Struct("<iQQQQQQiIQQQdQ")
_VERSION = 1
_ROOM = 1 << 20
"""Vectors more than there are for which a graph may reserve memory."""
_PARTS = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin")


def damage(folder: Path) -> str:
    """What is wrong with the graphs under a Chroma folder; "" where they can be opened.

    A graph that another process is writing at this moment may look damaged.
    """
    for header in sorted(folder.glob("*/header.bin")):
        if problem := _damage(header.parent):
            return f"{header.parent.name}: {problem}"
    return ""


def _damage(graph: Path) -> str:
    try:
        sizes = {name: (graph / name).stat().st_size for name in _PARTS}
        head = (graph / _PARTS[0]).read_bytes()
        if len(head) != _HEADER.size:
            return "its header is not whole"
        fields = _HEADER.unpack(head)
        version, start, room, count, size, label, data, top, entry, *rest = fields
        most, most_0, links, mult, ef = rest
        sound = (
            (version, start, most, most_0) == (_VERSION, 0, links, 2 * links)
            and 0 < links < 1000
            and data == 4 * (most_0 + 1)
            and label > data
            and size == label + 8
            and count <= room <= 2 * count + _ROOM
            and 0 < mult < 10
            and 0 < ef < 100_000
        )
        if not sound:
            return "its header is damaged"
        # A new graph's files have room for more vectors than there are.
        for name, each in (("data_level0.bin", size), ("length.bin", 4)):
            there, part = divmod(sizes[name], each)
            if part or not count <= there <= room:
                return f"{name} has another length than its header says"
        return _links_damage(graph, count, size, top, entry, most, most_0) if count else ""
    except (OSError, ValueError, struct.error) as error:
        return f"it cannot be read ({error})"


def _links_damage(
    graph: Path, count: int, size: int, top: int, entry: int, most: int, most_0: int
) -> str:
    """Args:
    count: vectors.
    size: bytes of a vector with its links on the lowest level.
    top, entry: the highest level, and the vector where a search begins.
    most, most_0: links of a vector on a higher level and on the lowest.
    """
    rows = np.memmap(graph / "data_level0.bin", np.uint8, "r", shape=(count, size))
    lowest = np.ascontiguousarray(rows[:, : 4 * (most_0 + 1)]).view(np.uint32)
    if _wrong(lowest, most_0, count).any():
        return "its lowest level is damaged"
    upper = np.frombuffer((graph / "link_lists.bin").read_bytes(), np.uint8)
    width, at = 4 * (most + 1), 0
    levels = np.zeros(count, np.int64)
    lists: list[NDArray[np.uint8]] = []
    heights: list[int] = []
    for vector in range(count):
        length = int.from_bytes(upper[at : at + 4].tobytes(), "little")
        at += 4
        levels[vector], rest = divmod(length, width)
        if rest or at + length > len(upper):
            return "its higher levels are damaged"
        for level in range(int(levels[vector])):
            lists.append(upper[at + level * width : at + (level + 1) * width])
            heights.append(level + 1)
        at += length
    if entry >= count or levels[entry] != top or levels.max() != top:
        return "its higher levels are damaged"
    if not lists:
        return ""
    higher = np.stack(lists).view(np.uint32)
    if _wrong(higher, most, count).any():
        return "its higher levels are damaged"
    linked = np.arange(most) < (higher[:, :1] & 0xFFFF)
    reach = levels[np.where(linked, higher[:, 1:], 0)]
    if (linked & (reach < np.array(heights)[:, None])).any():
        return "its higher levels are damaged"
    return ""


def _wrong(lists: NDArray[np.uint32], most: int, count: int) -> NDArray[np.bool_]:
    """Which lists have too many links, or one to no vector. A list begins with how many follow."""
    linked = lists[:, :1] & 0xFFFF  # the higher bytes hold marks
    past = np.arange(most) >= linked
    return (linked[:, 0] > most) | ~((lists[:, 1:] < count) | past).all(axis=1)

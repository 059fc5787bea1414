"""Moodle's backups: `moodle_backup.xml`, format 2, as its `backup_*_stepslib.php` write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from seminar_rag.syllabus.export import UNSAFE, Export, Place, escaped, file_name, parsed, text_at
from seminar_rag.types import Reading

_READ = frozenset({"resource", "folder", "url", "page", "book", "label"})
_PLUGINFILE = "@@PLUGINFILE@@/"
_INSIDE = re.compile(r"\$@[A-Z]+\*\d|\$@[A-Z]*FILEPHP@\$")
"""A link to another part of the course, as backups write it."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file of the backup."""

    name: str
    area: str
    digest: str
    order: str


class MoodleBackup(Export):
    """A backup: `sections/*/section.xml` in order, each with the modules of its `sequence`."""

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        backup = parsed(self.folder / "moodle_backup.xml")
        self.title = text_at(backup, ".//original_course_fullname")
        self._files = self._stored()
        modules = {
            text_at(one, "moduleid"): one for one in backup.iterfind(".//activities/activity")
        }
        found = []
        for one in backup.iterfind(".//sections/section"):
            section = parsed(self._inside(text_at(one, "directory")) / "section.xml")
            if section is not None:
                found.append((int(text_at(section, "number") or 0), section))
        for number, section in sorted(found, key=lambda pair: pair[0]):
            title = text_at(section, "name") or (f"Session {number}" if number else "General")
            if text_at(section, "visible") == "0":
                self.hidden.append(title)
                continue
            summary = section.findtext("summary") or ""
            listed, _ = self.written(summary, f"section {section.get('id')}")
            sequence = [one.strip() for one in text_at(section, "sequence").split(",")]
            here = [modules[id_] for id_ in sequence if id_ in modules]
            yield title, [*listed, *(reading for one in here for reading in self._module(one))]

    def _inside(self, directory: str) -> Path:
        path = self.folder / directory
        return path if path.resolve().is_relative_to(self.folder.resolve()) else self.folder / "no"

    def _stored(self) -> dict[str, list[_Stored]]:
        """The files in `files.xml`, by the id of the context or the section that they belong to."""
        out: dict[str, list[_Stored]] = {}
        root = parsed(self.folder / "files.xml")
        for one in root.iterfind("file") if root is not None else ():
            name, area = text_at(one, "filename"), text_at(one, "filearea")
            owner = text_at(one, "contextid")
            if area == "section":  # of the course's context: the item is the section
                owner = f"section {text_at(one, 'itemid')}"
            if name not in ("", "."):
                digest, order = text_at(one, "contenthash"), text_at(one, "sortorder")
                out.setdefault(owner, []).append(_Stored(name, area, digest, order))
        return out

    def place(self, link: str, owner: str) -> Place:
        if _INSIDE.match(link):
            return Place("course")
        if not link.startswith(_PLUGINFILE):
            return Place("elsewhere", link)
        name = PurePosixPath(unquote(link.removeprefix(_PLUGINFILE).split("?", 1)[0])).name
        for one in self._files.get(owner, []):
            if one.name == name and (path := self._named(name, one.digest)):
                return Place("file", path)
        self.missing.append(name)
        return Place("missing")

    def _module(self, listed: Any) -> Iterator[Reading]:
        kind, title = text_at(listed, "modulename"), text_at(listed, "title")
        folder = self._inside(text_at(listed, "directory"))
        module = parsed(folder / "module.xml")
        if text_at(module, "visible") == "0":
            self.hidden.append(title)
            return
        activity = parsed(folder / f"{kind}.xml") if re.fullmatch(r"\w+", kind) else None
        body = activity.find(kind) if activity is not None else None
        title = text_at(body, "name") or title
        context = activity.get("contextid", "") if activity is not None else ""
        if body is None or kind not in _READ:
            self.others[kind or "unknown activity"] += 1
        elif kind == "label":
            yield from self.written(body.findtext("intro") or "", context)[0]
        elif kind == "url":
            yield self.reading(title, url=text_at(body, "externalurl"))
        elif kind == "page":
            yield from self.text_page(title, body.findtext("content") or "", context)
        elif kind == "book":
            chapters = sorted(
                body.iterfind(".//chapter"), key=lambda c: int(text_at(c, "pagenum") or 0)
            )
            shown = [one for one in chapters if text_at(one, "hidden") != "1"]
            html = "".join(
                f"<h1>{escaped(text_at(one, 'title'))}</h1>{one.findtext('content') or ''}"
                for one in shown
            )
            yield self.reading(title, [self.page(title, html)])
        else:
            stored = [one for one in self._files.get(context, []) if one.area == "content"]
            # Of a page with pictures, the main file has the order 1.
            main = [one for one in stored if one.order == "1"] if kind == "resource" else []
            named = (self._named(one.name, one.digest) for one in main or stored)
            files = [name for name in named if name]
            if not stored:
                self.missing.append(title)
            if files:
                yield self.reading(title, files)

    def _named(self, name: str, digest: str) -> str:
        """Give a stored file the name that it has in the course; empty where it is not there."""
        stored = self.folder / "files" / digest[:2] / digest
        if not re.fullmatch(r"[0-9a-f]{40}", digest) or not stored.is_file():
            self.missing.append(name)
            return ""
        suffix = PurePosixPath(name).suffix[:12]
        target = f"files/{file_name(PurePosixPath(name).stem)}-{digest[:6]}{UNSAFE.sub('', suffix)}"
        if not (self.folder / target).exists():
            (self.folder / target).hardlink_to(stored)
        return target

"""An exported course, unpacked → its syllabus: sections are sessions; files and links readings.

Moodle's backups (`moodle_backup.xml`, format 2, as its `backup_*_stepslib.php` write them) and IMS
Common Cartridge 1.0 to 1.3 (`imsmanifest.xml`), with what Canvas adds in `course_settings`. What
students cannot see is left out. Readings that are only written down, in the summary of a section, a
label or a page, are found as on any course page (see `read`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.export import Export, Place, parsed, text_at
from seminar_rag.syllabus.marks import mark_of
from seminar_rag.syllabus.moodle import MoodleBackup
from seminar_rag.syllabus.read import syllabus_from_html
from seminar_rag.text import first_of, plural
from seminar_rag.types import Block, Reading, Session, Syllabus

_Section = tuple[str, list[Reading]]
"""Its title and its readings."""


def read_export(folder: Path, notes: list[str]) -> Syllabus | None:
    """The course in a folder; None where it is not the export of one.

    Args:
        notes: gets what was left out, one sentence each.

    Raises:
        SourceError: it is the export of a course that is damaged or shows students nothing.
    """
    if (folder / "moodle_backup.xml").is_file():
        export: Export = MoodleBackup(folder)
    elif (folder / "imsmanifest.xml").is_file():
        export = CommonCartridge(folder)
    else:
        return None
    sections = [(title, list(_once(readings))) for title, readings in export.sections() if readings]
    often = Counter(one.title for _, readings in sections for one in readings)
    sessions = tuple(
        Session(number, title, readings=tuple(_told_apart(one, title, often) for one in readings))
        for number, (title, readings) in enumerate(sections, 1)
    )
    if export.hidden:
        notes.append(f"hidden from students, and left out: {first_of(export.hidden)}")
    if export.others:
        others = (plural(count, kind) for kind, count in sorted(export.others.items()))
        notes.append(f"left out, since they hold no readings: {', '.join(others)}")
    if export.missing:
        missing = list(dict.fromkeys(export.missing))
        notes.append(
            f"not in the export: {first_of(missing)} — export the course again with its files"
        )
    if not sessions:
        raise SourceError("shows students neither files, pages nor links — publish some")
    return Syllabus(export.title or None, sessions)


def _once(readings: Sequence[Reading]) -> Iterator[Reading]:
    """The readings without those whose files and links one before them has."""
    known: set[str] = set()
    for reading in readings:
        places = {*reading.files, *reading.urls}
        if not places or not places <= known:
            yield reading
        known |= places


def _told_apart(reading: Reading, section: str, often: Counter[str | None]) -> Reading:
    """A reading whose title others have too, "Slides", with its section."""
    if often[reading.title] < 2 or reading.urls:
        return reading
    title = f"{reading.title} ({section})"
    return replace(reading, title=title, blocks=(Block(title, "heading", 3),))


class CommonCartridge(Export):
    """A cartridge: the items of its organization, whose leaves refer to resources."""

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        manifest = parsed(self.folder / "imsmanifest.xml")
        self.title = text_at(manifest, "metadata/lom/general/title/string")
        self._resources = {
            one.get("identifier", ""): one for one in manifest.iterfind("resources/resource")
        }
        self._unpublished = {
            one.get("identifier", "")
            for name in ("module_meta", "files_meta")
            for one in self._settings(name)
            if text_at(one, "workflow_state") == "unpublished" or text_at(one, "hidden") == "true"
        }
        roots = manifest.findall("organizations/organization/item")
        while (
            len(roots) == 1
            and not roots[0].get("identifierref")
            and roots[0].find("item/item") is not None
        ):
            roots = roots[0].findall("item")
        found: list[_Section] = []
        loose = [one for one in roots if one.get("identifierref")]
        if loose:
            found.append(("General", [reading for one in loose for reading in self._item(one)]))
        for one in roots:
            if not one.get("identifierref"):
                found.append((text_at(one, "title") or "General", list(self._item(one))))
        yield from self._with_syllabus(found)

    def _with_syllabus(self, found: list[_Section]) -> list[_Section]:
        """The modules with the readings that Canvas's page of the syllabus lists: by number, where
        all of its sessions have a module's, else as sections of their own."""
        path = self.folder / "course_settings" / "syllabus.html"
        if not path.is_file():
            return found
        read = syllabus_from_html(path.read_text(encoding="utf-8", errors="replace"), path.name)
        listed = [one for one in read.sessions if one.readings]
        modules = {
            mark.number: at for at, (title, _) in enumerate(found) if (mark := mark_of(title))
        }
        numbered = len(listed) > 1 and modules.keys() >= {one.number for one in listed}
        for session in listed:
            readings = list(self.placed(session.readings, "course_settings"))
            if numbered:
                found[modules[session.number]][1].extend(readings)
            else:
                found.append((session.title, readings))
        return found

    def _settings(self, name: str) -> Iterator[Any]:
        root = parsed(self.folder / "course_settings" / f"{name}.xml")
        yield from root.iter("module", "item", "file") if root is not None else ()

    def _item(self, item: Any) -> Iterator[Reading]:
        title, reference = text_at(item, "title"), item.get("identifierref", "")
        if {item.get("identifier"), reference} & self._unpublished:
            self.hidden.append(title)
            return
        resource = self._resources.get(reference)
        if resource is not None:
            yield from self._resource(title, resource)
        for one in item.iterfind("item"):
            yield from self._item(one)

    def _resource(self, title: str, resource: Any) -> Iterator[Reading]:
        kind = resource.get("type", "")
        file = resource.get("href") or next(
            (one.get("href") for one in resource.iterfind("file")), ""
        )
        name = unquote(file or "").replace("$IMS-CC-FILEBASE$/", "web_resources/")
        path = self.folder / name
        if (
            not name
            or not path.resolve().is_relative_to(self.folder.resolve())
            or not path.is_file()
        ):
            self.missing.append(title or name)
        elif kind.startswith("imswl"):
            link = parsed(path)
            url = link.find("url")
            label = title or text_at(link, "title")
            yield self.reading(label, url=url.get("href", "") if url is not None else "")
        elif kind != "webcontent":
            self.others[_KINDS.get(kind.partition("_")[0], "exercise")] += 1
        elif path.suffix.lower() not in (".html", ".htm"):
            yield self.reading(title or PurePosixPath(name).name, [name])
        elif _DRAFT.search((data := path.read_bytes())[:4096]):
            self.hidden.append(title)
        else:
            html = data.decode("utf-8", "replace")
            folder = PurePosixPath(name).parent.as_posix()
            yield from self.text_page(title or PurePosixPath(name).stem, html, folder, name)

    def place(self, link: str, owner: str) -> Place:
        name = unquote(link).split("?", 1)[0].split("#", 1)[0]
        if not name or name.startswith(("$WIKI_REFERENCE$", "$CANVAS_")):
            return Place("course")
        if ":" in name or name.startswith("/"):
            return Place("elsewhere", link)
        inside = name.replace("$IMS-CC-FILEBASE$", "web_resources")
        path = self.folder / (inside if inside != name else PurePosixPath(owner) / name)
        if path.is_file() and path.resolve().is_relative_to(self.folder.resolve()):
            path = path.resolve().relative_to(self.folder.resolve())
            return Place("file", path.as_posix())
        self.missing.append(PurePosixPath(name).name)
        return Place("missing")


_KINDS = {"imsdt": "discussion", "imsqti": "quiz", "imsbasiclti": "tool"}
_DRAFT = re.compile(rb'name="workflow_state" content="unpublished"')

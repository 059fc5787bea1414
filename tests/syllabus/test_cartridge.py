"""Exported courses, written as Moodle's backup format and the Common Cartridge define them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType

import pytest

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.cartridge import read_export


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def moodle(
    folder: Path,
    sections: list[tuple[str, str, list[int]]],
    modules: dict[int, tuple[str, str, str, str]],
    files: list[tuple[int, str, str]],
    summaries: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """A backup.

    Args:
        sections: name, whether it is visible, ids of its modules.
        modules: id → kind, name, inner XML, whether it is visible.
        files: id of a module, name and content; -1 is the first section, and so on.
        summaries: HTML of sections, by number.
    """
    listed = "".join(
        f"<activity><moduleid>{id_}</moduleid><modulename>{kind}</modulename><title>{name}</title>"
        f"<directory>activities/{kind}_{id_}</directory></activity>"
        for id_, (kind, name, _, _) in modules.items()
    )
    parts = "".join(
        f"<section><sectionid>{n}</sectionid><directory>sections/section_{n}</directory></section>"
        for n in reversed(range(len(sections)))
    )
    write(
        folder,
        **{
            "moodle_backup.xml": '<?xml version="1.0" encoding="UTF-8"?>'
            "<moodle_backup><information>"
            "<original_course_fullname>Seminar on Snow</original_course_fullname><contents>"
            f"<activities>{listed}</activities><sections>{parts}</sections></contents>"
            "</information></moodle_backup>",
        },
    )
    for number, (name, visible, ids) in enumerate(sections):
        write(
            folder,
            **{
                f"sections/section_{number}/section.xml": f'<section id="{number}"><number>{number}'
                f"</number><name>{name}</name><summary>{escape(summaries.get(number, ''))}"
                f"</summary><visible>{visible}</visible><sequence>"
                f"{','.join(map(str, ids))}</sequence></section>"
            },
        )
    for id_, (kind, name, inner, visible) in modules.items():
        write(
            folder,
            **{
                f"activities/{kind}_{id_}/module.xml": "<module>"
                f"<visible>{visible}</visible></module>",
                f"activities/{kind}_{id_}/{kind}.xml": f'<activity id="1" moduleid="{id_}"'
                f' modulename="{kind}" contextid="{id_ + 900}"><{kind} id="1"><name>{name}</name>'
                f"{inner}</{kind}></activity>",
            },
        )
    rows = ""
    for id_, name, content in files:
        digest = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
        if content:
            write(folder, **{f"files/{digest[:2]}/{digest}": content})
        rows += (
            f"<file id='1'><contenthash>{digest}</contenthash>{_owner(id_, modules)}"
            f"<filename>{name}</filename><sortorder>{int(name.endswith('html'))}</sortorder></file>"
            f"<file id='2'><contenthash>da39a3ee5e6b4b0d3255bfef95601890afd80709</contenthash>"
            f"{_owner(id_, modules)}<filename>.</filename></file>"
        )
    write(folder, **{"files.xml": f"<files>{rows}</files>"})


def _owner(id_: int, modules: dict[int, tuple[str, str, str, str]]) -> str:
    """What a file of a module or of a section belongs to."""
    if id_ < 0:
        return (
            "<contextid>33</contextid><component>course</component><filearea>section</filearea>"
            f"<itemid>{-1 - id_}</itemid>"
        )
    kind = modules[id_][0]
    area = "intro" if kind == "label" else "content"
    return (
        f"<contextid>{id_ + 900}</contextid><component>mod_{kind}</component>"
        f"<filearea>{area}</filearea><itemid>0</itemid>"
    )


LIST = """<p>This week we look at how snow changes after it has fallen.</p>
<p><strong>Required reading</strong></p><ul>
<li>Colbeck, S. (1982). An overview of seasonal snow metamorphism. <em>Reviews of Geophysics</em>
 20(1). <a href="https://example.org/overview">link</a></li>
<li>Sturm, M. and Benson, C. (1997). Vapor transport, grain growth and depth-hoar development
 in the subarctic snow. <em>Journal of Glaciology</em> 43. <a href="{0}/Sturm%20Benson.pdf"
>PDF</a></li>
</ul><p>Hand in your notes by Friday.</p>"""
PROSE = """<p><a href="{0}/large.JPG">A large picture</a></p>
<p>Snow densifies under its own weight. The grains round off, and bonds grow between
them, a process which glaciologists call sintering. See <a href="{0}/talk.pdf">Sintering of snow: a
lecture</a> and <a href="https://example.org/firn.pdf#page=3">Firn and its grains</a>.</p>"""
LISTED = [
    ("An overview of seasonal snow metamorphism", ("https://example.org/overview",), 0),
    ("Vapor transport, grain growth and depth-hoar development in the subarctic snow", (), 1),
]


def test_readings_that_texts_of_a_moodle_course_list_are_readings_of_its_sessions(
    tmp_path: Path,
) -> None:
    own = LIST.format("@@PLUGINFILE@@")
    inside = own.replace("https://example.org/overview", "$@URLVIEWBYID*6@$")
    task = "<p>Write a journal entry about a day in the snow, and answer two others.</p>"
    link = "<externalurl>https://example.org/overview</externalurl>"
    prose = PROSE.format("@@PLUGINFILE@@")
    moodle(
        tmp_path,
        [("Summary", "1", [9]), ("Label", "1", [1, 2, 6]), ("Pages", "1", [3, 4, 5])],
        {
            1: ("label", "This week we look at", f"<intro>{escape(inside)}</intro>", "1"),
            2: ("label", "Write", f"<intro>{escape(task)}</intro>", "1"),
            3: ("page", "Background readings", f"<content>{escape(own)}</content>", "1"),
            4: ("page", "What snow does", f"<content>{escape(prose)}</content>", "1"),
            5: ("page", "To come", "<content>&lt;p&gt;&amp;nbsp;&lt;/p&gt;</content>", "1"),
            6: ("url", "The overview", link, "1"),
            9: ("url", "The overview again", link, "1"),
        },
        [
            (-1, "Sturm Benson.pdf", "a"),
            (1, "Sturm Benson.pdf", "b"),
            (3, "Sturm Benson.pdf", "c"),
            (4, "talk.pdf", "d"),
        ],
        {0: own},
    )
    notes: list[str] = []
    course = read_export(tmp_path, notes)
    assert course is not None
    summary, label, pages = (
        [(one.title, one.urls, len(one.files)) for one in session.readings]
        for session in course.sessions
    )
    # What leads to a link of the course is that link; the same link twice is one reading.
    title = f"{LISTED[1][0]} "
    assert summary == [LISTED[0], (f"{title}(Summary)", (), 1)]
    assert label == [(f"{title}(Label)", (), 1), ("The overview", LISTED[0][1], 0)]
    assert pages == [
        LISTED[0],
        (f"{title}(Pages)", (), 1),
        ("What snow does", (), 1),
        ("Sintering of snow: a lecture", (), 1),
        ("Firn and its grains", ("https://example.org/firn.pdf#page=3",), 0),
        ("To come", (), 0),
    ]
    contents = [
        (tmp_path / session.readings[at].files[0]).read_text(encoding="utf-8")
        for session, at in zip(course.sessions, (1, 0, 1), strict=True)
    ]
    assert contents == ["a", "b", "c"]
    assert notes == []


def test_a_moodle_backup_gives_sections_files_pages_and_links(tmp_path: Path) -> None:
    page = "<content>&lt;p&gt;Snow settles.&lt;/p&gt;</content>"
    chapters = (
        "<chapters><chapter><pagenum>2</pagenum><title>Ice</title><content>&lt;p&gt;Ice."
        "&lt;/p&gt;</content><hidden>0</hidden></chapter><chapter><pagenum>1</pagenum><title>Firn"
        "</title><content>&lt;p&gt;Firn.&lt;/p&gt;</content><hidden>0</hidden></chapter></chapters>"
    )
    moodle(
        tmp_path,
        [
            ("$@NULL@$", "1", [1]),
            ("Metamorphism", "1", [3, 2, 4, 9]),
            ("Exam", "0", [8]),
            ("$@NULL@$", "1", [5, 6, 7]),
        ],
        {
            1: ("forum", "News", "", "1"),
            2: ("resource", "Slides", "", "1"),
            3: (
                "url",
                "Grain growth",
                "<externalurl>https://arxiv.org/abs/1706.03762</externalurl>",
                "1",
            ),
            4: ("page", "What snow does", page, "1"),
            5: ("folder", "Papers", "", "1"),
            6: ("resource", "Slides", "", "1"),
            7: ("book", "Reader", chapters, "1"),
            8: ("resource", "Solutions", "", "1"),
            9: ("resource", "Draft", "", "0"),
        },
        [
            (2, "one &amp; two.pptx", "deck"),
            (5, "a.pdf", "paper a"),
            (5, "../b.pdf", "paper b"),
            (6, "index.html", "page"),
            (6, "picture.png", "picture"),
            (8, "solutions.pdf", "secret"),
            (9, "draft.pdf", "secret too"),
        ],
    )
    notes: list[str] = []
    course = read_export(tmp_path, notes)
    assert course is not None
    assert course.title == "Seminar on Snow"
    assert [(one.number, one.title) for one in course.sessions] == [
        (1, "Metamorphism"),
        (2, "Session 3"),
    ]
    first, second = (session.readings for session in course.sessions)
    assert [one.title for one in first] == [
        "Grain growth",
        "Slides (Metamorphism)",
        "What snow does",
    ]
    assert first[0].urls == ("https://arxiv.org/abs/1706.03762",)
    assert [one.title for one in second] == ["Papers", "Slides (Session 3)", "Reader"]
    contents = {
        one.title: [(tmp_path / name).read_text(encoding="utf-8") for name in one.files]
        for one in (*first, *second)
    }
    assert contents["Papers"] == ["paper a", "paper b"]
    assert contents["Slides (Session 3)"] == ["page"]
    assert "<p>Snow settles.</p>" in contents["What snow does"][0]
    assert "<h1>Firn</h1><p>Firn.</p><h1>Ice</h1>" in contents["Reader"][0]
    assert first[1].files[0].endswith(".pptx")
    assert all((tmp_path / name).resolve().is_relative_to(tmp_path) for name in second[0].files)
    assert notes == [
        "hidden from students, and left out: Draft, Exam",
        "left out, since they hold no readings: 1 forum",
    ]


def test_a_backup_without_its_files_says_so(tmp_path: Path) -> None:
    link = "<externalurl>https://example.org/a</externalurl>"
    moodle(
        tmp_path,
        [("One", "1", [1, 2])],
        {1: ("resource", "Slides", "", "1"), 2: ("url", "A page", link, "1")},
        [(1, "slides.pdf", "")],
    )
    notes: list[str] = []
    assert read_export(tmp_path, notes) is not None
    assert notes == ["not in the export: slides.pdf — export the course again with its files"]


MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE manifest [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<manifest identifier="m" xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
    xmlns:lomimscc="http://ltsc.ieee.org/xsd/imsccv1p1/LOM/manifest">
  <metadata><schema>IMS Common Cartridge</schema><schemaversion>1.1.0</schemaversion>
    <lomimscc:lom><lomimscc:general><lomimscc:title><lomimscc:string>On Snow &x;</lomimscc:string>
    </lomimscc:title></lomimscc:general></lomimscc:lom></metadata>
  <organizations><organization identifier="o" structure="rooted-hierarchy"><item identifier="root">
    <item identifier="i1"><title>Week 1</title>
      <item identifier="i11" identifierref="r1"><title>Depth hoar</title></item>
      <item identifier="i12"><title>Further</title>
        <item identifier="i121" identifierref="r2"><title>Grain growth</title></item></item>
      <item identifier="i13" identifierref="r3"><title>Talk about it</title></item></item>
    <item identifier="i2"><title>Week 2</title>
      <item identifier="i21" identifierref="r4"><title>What snow does</title></item>
      <item identifier="i22" identifierref="r5"><title>Draft</title></item>
      <item identifier="i23" identifierref="r6"><title>Outside</title></item></item>
    <item identifier="i3"><title>Solutions</title>
      <item identifier="i31" identifierref="r1"><title>Again</title></item></item>
  </item></organization></organizations>
  <resources>
    <resource identifier="r1" type="webcontent" href="web_resources/depth%20hoar.pdf">
      <file href="web_resources/depth%20hoar.pdf"/></resource>
    <resource identifier="r2" type="imswl_xmlv1p1"><file href="r2.xml"/></resource>
    <resource identifier="r3" type="imsdt_xmlv1p1"><file href="r3.xml"/></resource>
    <resource identifier="r4" type="webcontent" href="wiki_content/snow.html"/>
    <resource identifier="r5" type="webcontent" href="wiki_content/draft.html"/>
    <resource identifier="r6" type="webcontent" href="../../etc/passwd"/>
  </resources>
</manifest>"""


def test_a_common_cartridge_gives_modules_files_pages_and_links(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "imsmanifest.xml": MANIFEST,
            "web_resources/depth hoar.pdf": "%PDF-",
            "r2.xml": '<webLink xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imswl_v1p1"><title>G'
            '</title><url href="https://example.org/grain" target="_blank"/></webLink>',
            "r3.xml": "<topic/>",
            "wiki_content/snow.html": "<html><p>Snow settles.</p></html>",
            "wiki_content/draft.html": '<html><meta name="workflow_state" content="unpublished"/>',
            "course_settings/module_meta.xml": '<modules xmlns="http://canvas.instructure.com/xsd/'
            'cccv1p0"><module identifier="i3"><workflow_state>unpublished</workflow_state></module>'
            '<module identifier="i1"><workflow_state>active</workflow_state></module></modules>',
        },
    )
    notes: list[str] = []
    course = read_export(tmp_path, notes)
    assert course is not None
    assert course.title == "On Snow"
    assert [
        (session.number, session.title, one.title, one.files, one.urls)
        for session in course.sessions
        for one in session.readings
    ] == [
        (1, "Week 1", "Depth hoar", ("web_resources/depth hoar.pdf",), ()),
        (1, "Week 1", "Grain growth", (), ("https://example.org/grain",)),
        (2, "Week 2", "What snow does", ("wiki_content/snow.html",), ()),
    ]
    assert notes == [
        "hidden from students, and left out: Draft, Solutions",
        "left out, since they hold no readings: 1 discussion",
        "not in the export: Outside — export the course again with its files",
    ]


def test_readings_that_pages_of_a_canvas_course_list_are_readings_of_its_modules(
    tmp_path: Path,
) -> None:
    page = LIST.format("$IMS-CC-FILEBASE$/papers").replace('.pdf"', '.pdf?canvas_download=1"')
    last = "Pinzer, B. (2009). Snow under alternating temperature gradients. <em>Annals</em>"
    syllabus = f"<h1>Snow</h1><p>For doctoral students.</p><h2>Week 1: Ice</h2>{page}"
    syllabus += f"<h2>Week 2: Snow</h2><ul><li>{last}</li></ul>"
    write(
        tmp_path,
        **{
            "imsmanifest.xml": MANIFEST,
            "web_resources/depth hoar.pdf": "%PDF-",
            "web_resources/papers/Sturm Benson.pdf": "%PDF-",
            "r2.xml": '<webLink><url href="https://example.org/overview"/></webLink>',
            "wiki_content/snow.html": f"<html><head><title>Read</title></head>{page}</html>",
            "course_settings/syllabus.html": f"<html><body>{syllabus}</body></html>",
        },
    )
    course = read_export(tmp_path, [])
    assert course is not None
    found = {
        session.title: [(one.title, one.urls, one.files) for one in session.readings]
        for session in course.sessions
    }
    file = ("web_resources/papers/Sturm Benson.pdf",)
    assert found["Week 1"][1:] == [
        ("Grain growth", LISTED[0][1], ()),
        (f"{LISTED[1][0]} (Week 1)", (), file),
    ]
    assert found["Week 2"] == [
        (*LISTED[0][:2], ()),
        (f"{LISTED[1][0]} (Week 2)", (), file),
        ("Snow under alternating temperature gradients", (), ()),
    ]


def test_what_is_no_export_or_a_damaged_one(tmp_path: Path) -> None:
    assert read_export(tmp_path, []) is None
    write(tmp_path, **{"imsmanifest.xml": "<manifest><resources>"})
    with pytest.raises(SourceError, match=r"damaged imsmanifest\.xml — export"):
        read_export(tmp_path, [])
    write(tmp_path, **{"imsmanifest.xml": "<manifest/>"})
    with pytest.raises(SourceError, match="shows students neither"):
        read_export(tmp_path, [])

"""Small pages of the kinds that once failed, read as their notes say."""

from __future__ import annotations

import pytest

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.read import read_syllabus
from shared_data import SHARED

CASES = SHARED / "cases"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here"),
]

R, M = "required", "more"
EXPECTED: dict[str, list[list[tuple[str, str]]]] = {
    "01/input.md": [
        [(R, "A Map of Parsing"), (R, "Grammars in Practice")],
        [(R, "A Dependency Parser")],
    ],
    "03/input.md": [
        [
            (R, "The Autonomy of Ethics"),
            (R, "Moral Arguments"),
            (R, "ELP, Chapter 7"),
            (M, "Vision and Choice"),
        ],
        [(R, "Rule Following"), (M, "Shapelessness and the Thick")],
    ],
    "05/input.md": [
        [
            (R, "Mathematical ideas in structural analysis"),
            (R, "Manifesto for a relational sociology"),
        ],
        [
            (R, "The duality of persons and groups"),
            (R, "Centrality in social networks"),
        ],
        [(R, "Brokerage")],
    ],
    "07/input.md": [[(R, "The End of Books"), (R, "Format"), (R, "Analogy"), (R, "Gamergate")]],
    "09/input.md": [
        [
            (R, "Video Diffusion Models"),
            (R, "Paper Money and Public Credit"),
            (R, "Paper Nationalism: Material Textuality"),
        ]
    ],
    "11/input.md": [[(R, "Meditations")], [(R, "Descartes's Myth")]],
    "12/input2.md": [[(R, "Women Compositors")], [(R, "Scrapbooks")]],
    "13/input.md": [
        [(R, "Causation and Search (chapter 1)")],
        [(R, "Lord's Paradox Revisited")],
        [(R, "On Confounding in Longitudinal Data")],
    ],
    "14/input.md": [
        [(R, "Gupte et al. 1996"), (R, "Lusk et al. 2014")],
        [(R, "Allan et al. 2017")],
        [(R, "May 1972")],
    ],
    "16/input.html": [
        [(R, "Mining Your Ps and Qs"), (R, "Imperfect Forward Secrecy")],
        [(R, "Amplification Hell")],
    ],
    "17/input.md": [
        [(M, "How to Read a Paper")],
        [(R, "Trusting Trust")],
        [(R, "Practical Capabilities")],
        [],
    ],
    "18/input.html": [
        [(R, "Trusting Trust")],
        [(R, "The Meaning of Memory Safety")],
        [],
        [(R, "Faster Isolation")],
    ],
    "23/input.html": [[(M, "The Semantics of Noun Phrases")], [(M, "Dynamic Predicate Logic")]],
    "25/input.html": [
        [
            (R, "Attention Is All You Need"),
            (R, "BERT: Pre-training"),
            (M, "Unsupervised Multitask Learners"),
        ],
        [(R, "AI and Law")],
        [(R, "Right for the Right Reasons"), (R, "Multiagent Debate")],
    ],
    "26/input.md": [
        [
            (R, "Media Use in 2021"),
            (M, "Out of the Trap"),
            (M, "Ditching the Phone"),
            (M, "How Video Holds Attention"),
            (M, "The Age of Information"),
        ]
    ],
    "29/input.qmd": [[(R, "Structural Analysis")], [(R, "Weak Ties")]],
    "30/input.html": [
        [(R, "Is Translation an Art?")],
        [(R, "Preface"), (R, "Errata for Chapter 1")],
        [],
    ],
    "31/input.md": [[(R, "KW Chap 2")], [(R, "KW Chap 3")], [(R, "KW Chap 7")]],
    "33/input.md": [
        [
            (R, "Deep Residual Learning"),
            (R, "Adam: A Method for Optimization"),
            (R, "Glassy Dynamics"),
        ]
    ],
    "50/syllabus.docx": [[(R, "Depth hoar in the Alps")], [(R, "Grain growth")]],
}
NUMBERS = {"19/input.md": [0, 1, 1], "22/input.md": [0, 3, 1, 1, 1, 0]}
"""Readings of each session, where the notes name no titles."""
NUMBERS |= {"12/input.md": [1, 1, 1], "28/input.md": [3, 4]}
NUMBERS |= {"35/input.md": [1, 1, 1, 1]}


@pytest.mark.parametrize("case", sorted([*EXPECTED, *NUMBERS]))
def test_a_case_is_read_as_its_note_says(case: str) -> None:
    number, name = case.split("/")
    (folder,) = CASES.glob(f"{number}-*")
    try:
        sessions = read_syllabus(folder / name).sessions
    except SourceError:
        sessions = ()
    if case in NUMBERS:
        assert [len(session.readings) for session in sessions] == NUMBERS[case]
        return
    found = [[(r.section, r.title) for r in session.readings] for session in sessions]
    assert found == EXPECTED[case]

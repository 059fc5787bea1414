"""The command line: parse, call `Course`, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seminar_rag.course import Course

EXIT_CODES = """\
exit codes:
  0  done; for ask: answered
  1  something failed that is none of the below; for check: something is contradicted,
     or a citation does not hold
  2  the command line or seminar.toml is wrong
  3  a source or document cannot be read, or some of its documents failed
  4  the index is damaged, busy or of another model
  5  a model cannot be loaded or used
  6  the chat cannot be served (port in use)
  7  no such reading, or nothing is ingested yet
  8  ask: the readings don't say
  130  interrupted; run the same command again to go on
"""
FAILED = 1
ABSTAINED = 8
INTERRUPTED = 130


def open_course(options: argparse.Namespace) -> Course:
    """Open the course of the current folder or, where none lies there, the one that is kept where
    the platform keeps the data of programs. --data says where its state lies instead."""
    from seminar_rag.course import Course

    say_where(options)
    return Course.open(data=options.data)


def open_sample(options: argparse.Namespace) -> Course:
    """Open the bundled sample course. Without --data it is kept where the platform keeps the data
    of programs, so that it can be tried from any folder and leaves nothing there; with --data it
    lies there, and what that course's settings say holds."""
    from seminar_rag import course

    return course.open_sample(options.data)


def say_where(options: argparse.Namespace) -> None:
    """Print where the course lies, where that may surprise: not where --data names the place."""
    from seminar_rag.upkeep import where

    if options.data is None and not getattr(options, "quiet", False) and (place := where()):
        print(place, file=sys.stderr)

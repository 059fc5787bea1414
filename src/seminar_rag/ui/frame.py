"""The parts of the page that stay: the list of conversations and its menu. Pure; the page's script
fills the list from the browser's storage."""

from __future__ import annotations


def rail() -> str:
    """The conversations of this browser, and a new one."""
    return (
        '<nav class="rail" aria-label="Conversations">'
        '<div class="rail-head"><button type="button" id="new" data-new>New conversation</button>'
        '<button type="button" class="close-rail" data-close-rail '
        'aria-label="Close the list of conversations">Close</button></div>'
        '<input type="search" id="find-conversation" placeholder="Search" '
        'aria-label="Search the conversations" autocomplete="off">'
        '<ul id="conversations"></ul>'
        '<p class="rail-note" role="status"></p></nav>'
    )


def export_menu() -> str:
    """Save the conversation as a file."""
    return (
        '<details class="menu"><summary>Export</summary><div>'
        '<button type="button" data-export="pdf">PDF</button>'
        '<button type="button" data-export="md">Markdown</button></div></details>'
    )


def editing() -> str:
    """What is going on while the last question is edited."""
    return (
        '<p class="hint" role="status">Editing the last question; its answer will be replaced. '
        '<button type="button" data-leave-editing>Keep it</button></p>'
    )

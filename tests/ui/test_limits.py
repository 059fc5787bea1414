"""Nobody asks without end, and nobody makes the others wait."""

from __future__ import annotations

import pytest

from fakes import Clock
from seminar_rag.ui.shared.limits import GRACE, MOST_CLIENTS, VIEWS, Limits, Rate, Share, Turns


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_page_may_ask_so_often_and_is_told_how_long_to_wait(clock):
    limits = Limits(per_page=6, per_address=100, clock=clock)
    assert [limits.admit("p", "a") for _ in range(7)] == [0] * 6 + [10]
    clock.now = 4.5
    assert limits.admit("p", "a") == 6
    clock.now = 10
    assert limits.admit("p", "a") == 0
    assert limits.admit("p", "a") == 10
    assert limits.admit("another page", "a") == 0


def test_all_pages_of_an_address_together_have_a_limit_and_refusals_cost_nothing(clock):
    limits = Limits(per_page=2, per_address=3, clock=clock)
    assert [limits.admit(f"p{n}", "a") for n in range(5)] == [0, 0, 0, 20, 20]
    clock.now = 20
    assert limits.admit("p9", "a") == 0
    assert limits.admit("p9", "b") == 0


def test_looks_at_pages_have_a_wide_limit_of_their_own(clock):
    limits = Limits(per_page=2, per_address=3, clock=clock)
    assert [limits.look("a") for _ in range(3 * VIEWS)] == [0] * 3 * VIEWS
    assert limits.look("a") == 2
    assert limits.look("b") == limits.admit("p", "a") == 0


def test_zero_is_no_limit(clock):
    limits = Limits(0, 0, clock)
    assert not any(limits.admit("p", "a") or limits.look("a") for _ in range(1000))


def test_clients_that_are_gone_are_forgotten(clock):
    rate = Rate(5, clock)
    for n in range(MOST_CLIENTS):
        rate.take(f"p{n}")
    clock.now = 61
    rate.take("new")
    assert len(rate._full) == 1


def line(turns: Turns, *names: str) -> list[tuple[int, int]]:
    return [turns.place(name) for name in names]


def test_two_are_served_and_the_rest_have_their_place():
    turns = Turns(slots=2)
    for page in "abcd":
        assert turns.join(page, page)
    assert line(turns, *"abcd") == [(0, 2), (0, 2), (1, 2), (2, 2)]
    turns.leave("a")
    assert line(turns, "c", "d") == [(0, 1), (1, 1)]
    turns.leave("d")  # closed while waiting
    turns.leave("b")
    assert turns.join("e", "e")
    assert turns.place("e") == (0, 0)


def test_many_pages_of_one_student_wait_for_each_other_not_the_others_for_them():
    turns = Turns(slots=1)
    for n in range(10):
        turns.join(f"greedy{n}", "greedy")
    turns.join("anna", "a")
    turns.join("ben", "b")
    assert turns.place("anna")[0] <= 2
    assert turns.place("ben")[0] <= 3
    served = []
    page = "greedy0"
    for _ in range(11):
        turns.leave(page)
        page = next(iter(turns._serving))
        served.append(page)
    assert {"anna", "ben"} <= set(served[:3])
    assert [one for one in served if one.startswith("greedy")] == [
        f"greedy{n}" for n in range(1, 10)
    ]


def test_a_turn_that_nobody_uses_passes_on(clock):
    turns = Turns(slots=1, clock=clock)
    turns.join("silent", "a")
    turns.join("gone", "b")
    turns.join("anna", "c")
    clock.now = 20
    assert turns.place("anna") == (2, 2)
    clock.now = GRACE + 1
    assert turns.place("anna") == (0, 0)
    assert turns.begin("anna")
    assert not turns.begin("silent")
    clock.now = 10 * GRACE  # who is served may take long
    turns.join("ben", "d")
    assert turns.place("ben") == (1, 1)
    turns.leave("anna")
    assert turns.place("ben") == (0, 0)


def test_one_address_cannot_fill_the_line():
    turns = Turns(slots=1, most=8)
    taken = [turns.join(f"p{n}", "greedy") for n in range(8)]
    assert taken == [True] * 5 + [False] * 3  # one served, four in line
    assert turns.join("anna", "a")
    for n in range(8):
        turns.join(f"q{n}", f"address {n}")
    assert not turns.join("too many", "z")


def test_one_address_takes_half_of_the_room_and_all_the_room_there_is():
    share = Share(6)
    assert [share.take("a") for _ in range(4)] == [True, True, True, False]
    assert [share.take("b") for _ in range(4)] == [True, True, True, False]
    assert not share.take("c")
    share.leave("a")
    assert share.take("c")
    assert not share.take("a")

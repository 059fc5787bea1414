"""Kinds of request, each by several wordings: what is asked for is given, or said to be missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from passages import hit

from seminar_rag.answer.abstain import Relevance, lacking_sides
from seminar_rag.answer.catalogue import AboutCourse, CatalogueAnswer
from seminar_rag.answer.catalogue_rows import no_rules
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.forms import belongs, defines, gives_number, names_kind, outdone
from seminar_rag.answer.offering import offered
from seminar_rag.errors import NotFoundError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.question.forms import form_of, so_many
from seminar_rag.question.query import Query, understand
from seminar_rag.types import Citation, Hit, Scope, Turn
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record

KILN = hit("A kiln is an oven that fires clay. Kilns were lit at dawn.", "On Kilns", session=1)
OVENS = hit("A tandoor is an oven of clay for bread. It is lit with wood.", "On Ovens", session=2)
WHEELS = hit("A wheel turns the clay while the potter shapes it by hand.", "On Wheels", session=3)


def rarity(terms: Sequence[str]) -> Mapping[str, float]:
    return dict.fromkeys(terms, 3.0)


def answered(question: str, *hits: Hit, history: Sequence[Turn] = ()) -> tuple[str, list[str]]:
    """The text of an answer and its notes."""
    query = understand(question, history)
    draft = Extractive(HashEmbedder().read, rarity).draft(query, hits, history, lambda: False)
    text = "".join(draft.chunks)
    return text, list(draft.notes)


@pytest.mark.parametrize(
    "question",
    [
        "Compare the kiln and the tandoor",
        "compare kiln with tandoor",
        "What is the difference between a kiln and a tandoor?",
        "How does a kiln differ from a tandoor?",
        "kiln vs. tandoor",
    ],
)
def test_a_comparison_begins_with_what_each_side_is(question: str) -> None:
    text, notes = answered(question, KILN, OVENS, WHEELS)
    kiln, tandoor = text.index("A kiln is an oven"), text.index("A tandoor is an oven")
    assert text.index("\nkiln:") < kiln < text.index("\ntandoor:") < tandoor
    assert not notes


def test_what_is_compared_and_contrasted_has_its_own_name() -> None:
    assert understand("Compare and contrast kilns and tandoors").sides == ("kilns", "tandoors")


def test_a_comparison_ends_with_its_sides() -> None:
    more = hit("The oven of a baker and the kiln of a potter stood in one yard.", "On Yards")
    text, _ = answered("Compare the kiln and the tandoor", KILN, OVENS, more)
    assert "stood in one yard" not in text
    text, _ = answered("kiln vs tandoor: in which yard did each one stand?", KILN, OVENS, more)
    assert "stood in one yard" in text.split("Beside each other:")[1]


@pytest.mark.parametrize(
    "question", ["wood firing vs gas kilns", "Compare wood firing versus gas kilns in the north"]
)
def test_sides_of_several_words_stay_whole(question: str) -> None:
    assert [part.name for part in understand(question).parts] == ["wood firing", "gas kilns"]


@pytest.mark.parametrize(
    "question", ["Compare kiln and Smoker", "How does a kiln differ from a Smoker?"]
)
def test_the_side_that_is_missing_is_named_and_the_other_told(question: str) -> None:
    hits = (KILN, WHEELS)
    assert Relevance(rarity).reason(understand(question), hits) is None
    assert lacking_sides(understand(question), hits) == ("Smoker",)
    text, notes = answered(question, *hits)
    assert "A kiln is an oven" in text
    assert notes == ["No passage that was found mentions “Smoker”."]


def test_two_questions_are_both_answered_or_the_missing_one_is_named() -> None:
    kiln = hit("The Anagama kiln is an oven. It holds 300 pots at a time.", "On Kilns")
    asked = "How many pots does the Anagama kiln hold and when was it built?"
    text, notes = answered(asked, kiln)
    assert "300 pots" in text
    assert len(notes) == 1
    assert re.match(r"No passage that was found answers “when was .* built”", notes[0])


@pytest.mark.parametrize(
    ("question", "number", "wrong"),
    [
        ("How many pots does KX-2 hold?", "40 pots", "90 pots"),
        ("How many pots can the KX-2 kiln hold?", "40 pots", "90 pots"),
    ],
)
def test_a_number_is_that_of_the_thing_asked_for(question: str, number: str, wrong: str) -> None:
    other = hit("The ZQ-9 kiln does better than KX-2 with its 90 pots in one firing.", "Kilns A")
    own = hit("KX-2 holds 40 pots in one firing of a single night.", "Kilns B")
    text, notes = answered(question, other, own)
    assert number in text
    assert wrong not in text
    assert not notes


def test_a_number_of_another_thing_is_no_answer() -> None:
    other = hit("The ZQ-9 kiln does better than KX-2 with its 90 pots in one firing.", "Kilns A")
    assert answered("How many pots does KX-2 hold?", other) == ("", [])


def test_a_number_may_be_of_any_of_the_things_asked_about() -> None:
    text = "Bizen needs only 20% of the wood of Karatsu-1 to last as long."
    assert belongs(text, "", ("Karatsu-1", "Bizen"))


def test_a_number_is_of_what_its_passage_named_before() -> None:
    own = hit("Today the KX-2 was lit for the first time. It took 90 pots in one firing.", "Kilns")
    text, _ = answered("How many pots did KX-2 take?", own)
    assert "90 pots" in text


def test_what_speaks_against_a_thing_is_told_from_below_the_heading_that_says_so() -> None:
    text, _ = answered(
        "What are the drawbacks of kilns?",
        hit("A kiln is not an oven for bread and cannot bake kilns of it.", "Kilns"),
        hit("## Limits\nIts bricks crack when the winter is cold.", "Kilns of clay"),
        hit("## Limits\nThe wheel wobbles when it is new, as kilns do.", "Wheels"),
        hit("## The problem\nOpen fires burn no pot twice and kilns not at all.", "Kilns of old"),
    )
    assert "bricks crack" in text
    assert "Open fires" not in text
    assert "bread" not in text
    assert "wobbles" not in text


def test_names_after_the_number_do_not_take_it_away() -> None:
    text, notes = answered(
        "How many potters made the Kiln-X set and how many rooms does it have?",
        hit("# Kiln-X set\nThe set was made by 50 potters in 7 rooms, Hall A, Hall B and Hall C."),
    )
    assert "50 potters in 7 rooms" in text
    assert not notes  # one sentence tells both


def test_of_two_things_the_one_without_a_number_is_told() -> None:
    own = hit("KX-2 holds 40 pots in one firing of a single night.", "Kilns B")
    text, notes = answered("How many pots do KX-2 and ZQ-9 hold?", own)
    assert "40 pots" in text
    assert "None of these sentences mentions “ZQ-9”." in notes


@pytest.mark.parametrize(
    ("text", "mine"),
    [
        ("GPT-3, 175B autoregressive LLM", True),
        ("UL2 does better than GPT-3 with 20B parameters", False),
        ("GPT-3 is larger than UL2 with its 20B parameters", False),
        ("GPT-3 does well compared to a reproduction of Alpaca with 7B parameters", False),
        ("It has 175 billion parameters", True),
    ],
)
def test_whose_number_a_sentence_tells(text: str, mine: bool) -> None:
    assert belongs(text, "Few-Shot Learners: GPT-3", ["GPT-3"]) is mine
    assert gives_number(text, "parameters")


def test_nothing_is_quoted_for_a_thing_that_no_passage_tells_of() -> None:
    text, _ = answered("What is flash firing good for?", hit("A benefit of steam is its low cost."))
    assert not text


def test_what_speaks_for_a_thing_is_found_however_it_is_spelt() -> None:
    text, _ = answered("What is flash firing good for?", hit("FlashFiring saves wood at night."))
    assert "saves wood" in text


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("Many potters fell ill in 1918.", False),
        ("The potters of 1918-19 were many.", False),
        ("In 1918 the flu killed 40 potters.", True),
        ("There were 2000 potters then.", True),
    ],
)
def test_a_year_is_no_amount(text: str, tells: bool) -> None:
    assert gives_number(text, "potters") is tells


@pytest.mark.parametrize(
    ("thing", "text", "says"),
    [
        ("kiln", "A kiln is an oven that fires clay.", True),
        ("reward models", "A reward model (RM) scores answers and is trained on choices.", False),
        ("reward models", "A reward model (RM) is trained on choices.", True),
        ("RLHF", "RLHF: learning from what people prefer.", True),
        ("RLHF", "Limitations of RLHF: it is expensive.", False),
        ("RLHF", "RLHF is also heavy machinery.", False),
        ("RLHF", "Works on RLHF have not solved the problem yet.", False),
        ("RLHF", "Then learning from feedback, RLHF, moves it to what people prefer.", True),
        ("RLHF", "We propose learning from feedback, or RLHF, which moves it far away.", True),
        ("kilns", "Clay is fired in a kiln, an oven that gets hot.", True),
        ("kilns", "Clay is fired in kilns, wheels and moulds are kept in the barn.", False),
        ("kiln", "The potter went home before the kiln was lit.", True),
        ("kiln", "Further, the shards found in the kiln are grey and thin.", False),
        ("Raku", "We propose a new way of firing, Raku, to save the wood.", True),
        (
            "kiln",
            "Clay that was fired for long in the heat of a large wood-fed kiln is hard.",
            False,
        ),
    ],
)
def test_what_defines_a_thing(thing: str, text: str, says: bool) -> None:
    assert defines(thing, text) is says


@pytest.mark.parametrize(
    ("text", "surely"),
    [
        ("We introduce Raku, a way to fire pots within minutes.", 2),
        ("Raku refers to a way of firing pots.", 2),
        ("The authors say that Raku is a promising way of firing.", 1),
        ("Raku saves wood.", 0),
        ("The potter is a man of few words.", 0),
    ],
)
def test_how_surely_the_kind_of_a_thing_is_told(text: str, surely: int) -> None:
    assert names_kind("Raku", text) == surely


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What does Raku stand for?", "definition"),
        ("What does Raku do to a glaze?", None),
        ("What does Raku mean?", "definition"),
    ],
)
def test_what_a_thing_does_is_not_what_it_is(question: str, kind: str | None) -> None:
    form = form_of(question)
    assert (form and form.kind) == kind
    assert form is None or form.thing == "Raku"


ABOUT = [hit(f"Raku was loved in town {i}.", f"Town {i}") for i in range(9)]
OWN = hit("We introduce Raku, a way to fire pots within minutes.", "Raku: Pots in Minutes")


@pytest.mark.parametrize("question", ["What is Raku?", "explain Raku like I'm five"])
def test_passages_that_introduce_a_thing_are_offered_where_its_meaning_is_asked(
    question: str,
) -> None:
    assert offered(understand(question), [*ABOUT, OWN], 8) == (*ABOUT[:7], OWN)


@pytest.mark.parametrize("question", ["What are the drawbacks of Raku?", "pros and cons of Raku"])
def test_the_reading_called_like_a_thing_is_offered_where_a_side_of_it_is_asked(
    question: str,
) -> None:
    assert OWN in offered(understand(question), [*ABOUT, OWN], 8)


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_is_offered_than_may_be(most: int) -> None:
    own = [OWN, hit("Raku refers to a way of firing.", "Raku")]
    found = offered(understand("What is Raku?"), [*ABOUT, *own], most)
    assert len(found) == most
    assert found[0] == ABOUT[0]


def test_other_questions_are_offered_the_best_passages() -> None:
    query = understand("Where was Raku loved?")
    assert offered(query, [*ABOUT, OWN], 8) == tuple(ABOUT[:8])


def test_what_another_thing_does_better_does_not_speak_for_a_thing() -> None:
    assert outdone("Raku", "Bizen lasts longer than Raku, a great advantage.")
    assert not outdone("Raku", "Raku takes less wood than Bizen, a great advantage.")
    other = hit("The Bizen pot is better and lasts longer than Raku does.", "On Pots")
    own = hit("Raku has an advantage: its pots cool within minutes.", "On Pots")
    text, _ = answered("What are the advantages of Raku?", other, own)
    assert "cool within minutes" in text
    assert "lasts longer" not in text


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("What are the four parts of the kiln?", 4),
        ("Name three glazes", 3),
        ("which 11 towns are in the report", 11),
        ("What is the kiln of the four brothers?", 0),
        ("Why did the kiln crack?", 0),
        ("Which of the two is better, oak or elm?", 0),
        ("What does Raku 3 use for its glazes?", 0),
    ],
)
def test_how_many_things_are_asked_for(question: str, number: int) -> None:
    assert so_many(question) == number


def test_a_list_of_as_many_things_as_are_asked_for_is_the_whole_answer() -> None:
    parts = hit(
        "The kiln has four parts:\n- the firebox\n- the chamber\n- the flue\n- the chimney",
        "On Kilns",
    )
    more = hit("Parts of the kiln were sold to four museums of the north.", "On Museums")
    text, _ = answered("What are the four parts of the kiln?", parts, more)
    assert "chimney" in text
    assert "museums" not in text


def test_the_best_quotation_comes_first() -> None:
    kilns = hit(
        "The old kiln was cold for years. The kiln cracked because the wall was wet in winter.",
        "On Kilns",
    )
    text, _ = answered("Why was it that the kiln cracked in winter?", kilns)
    assert text.split("“")[1].startswith("The kiln cracked because")


GOOD = "Wood firing improves the glaze of the clay pots and gives them a better colour."
BAD = "A kiln for wood firing is expensive to feed with wood, and few towns allow one."


def test_pros_and_cons_are_told_apart_where_headings_say_so() -> None:
    good = hit(f"# Advantages of wood firing\n{GOOD}", "On Pots")
    bad = hit(f"# Limitations of wood firing\n{BAD}", "On Kilns")
    text, _ = answered("What are the pros and cons of wood firing?", good, bad)
    pros, cons = text.split("What speaks against wood firing:")
    assert "What speaks for wood firing:" in pros
    assert "improves the glaze" in pros
    assert "expensive to feed" in cons


def test_pros_and_cons_stand_together_where_nothing_surely_tells_them_apart() -> None:
    text, _ = answered("pros and cons of wood firing", hit(GOOD, "Pots"), hit(BAD, "Kilns"))
    assert "What speaks for wood firing or against it:" in text
    assert "What speaks against" not in text
    assert "improves the glaze" in text
    assert "expensive to feed" in text


def test_what_speaks_for_a_thing_comes_from_readings_that_name_it() -> None:
    own = hit("Raku needs no saggar. The method has an advantage: pots cool in minutes.", "Pots")
    other = hit("The benefit is great and improves the work where time is short.", "On Lathes")
    text, _ = answered("pros and cons of Raku", other, own)
    assert "pots cool in minutes" in text
    assert "where time is short" not in text


@pytest.mark.parametrize("question", ["How does the Anagama save wood?", "What is the Anagama?"])
def test_how_a_thing_does_something_begins_with_what_it_is(question: str) -> None:
    kilns = hit(
        "The Anagama saves wood for a firing, but not the wood for drying. The potters of the old"
        " town met at dawn. The sloping kiln, Anagama, sends its smoke through a second chamber.",
        "On Kilns",
    )
    text, _ = answered(question, kilns)
    assert text.split("“")[1].startswith("The sloping kiln, Anagama, sends")


@pytest.mark.parametrize(
    "question",
    ["Explain glazing like I'm five", "eli5 glazing", "what is glazing in simple words?"],
)
def test_a_request_for_simple_words_searches_for_the_thing(question: str) -> None:
    query = understand(question)
    assert (query.intent, query.search_text) == ("simple", "What is glazing?")
    _, notes = answered(question, hit("Glazing is a coat of glass on clay pots.", "Glazing"))
    assert any("simpler words" in note for note in notes)


@pytest.mark.parametrize("text", ["???", "😀😀😀", "…!", "🤒 🤒"])
def test_signs_alone_are_no_question(text: str) -> None:
    before = [Turn("user", "What is a kiln?"), Turn("assistant", "“A kiln is an oven.” [1]")]
    found = AboutCourse(lambda: COURSE, Found()).answer(understand(text, before))
    assert found is not None
    assert found.unknown == "there is no question in this; ask one in words"


@pytest.mark.parametrize("text", ["who says that?", "source?", "which paper says so?"])
def test_a_question_for_the_source_asks_the_one_before_it_again(text: str) -> None:
    before = [Turn("user", "What is a kiln?"), Turn("assistant", "“A kiln is an oven.” [1]")]
    assert understand(text, before).search_text == "What is a kiln?"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Was ist ein Ofen und wie geht das?", "Die Texte sind auf Englisch"),
        ("¿Qué es un horno y para qué sirve?", "Los textos están en inglés"),
        ("窑炉是什么？", "阅读材料是英文的"),
        ("ما هو الفرن؟", "النصوص باللغة الإنجليزية"),
    ],
)
def test_a_question_in_another_language_is_told_so_in_it(question: str, said: str) -> None:
    far = hit("The potter and the wheel are what this is about.", cosine=0.05)
    assert str(Relevance(rarity).reason(understand(question), (far,))).startswith(said)
    _, notes = answered(question, KILN)
    assert notes[0].startswith(said)


def test_a_reading_in_the_language_of_the_question_is_no_foreign_one() -> None:
    ice = hit("物质平衡是一个水文年内积累与消融之差。雪线在夏天上升。", "冰川", cosine=0.9)
    text, notes = answered("物质平衡是什么？", ice, KILN, OVENS, WHEELS)
    assert text.startswith("From 冰川 (session 1):\n\n“物质平衡是一个水文年内积累与消融之差。” [1]")
    assert not notes


# The course's own list

AGENTS = tuple(
    ListedReading(f"a{i}", f"Agents and Topic {i}", None, section="more" if i % 2 else "required")
    for i in range(12)
)
SURVEY = ListedReading("survey", "Kilns: A Survey", None)
PLAIN = ListedReading("plain", "Kilns of the North", None)
COURSE = Catalogue(
    "Clay",
    (),
    (
        ListedSession(1, "Planning", (), None, AGENTS),
        ListedSession(2, "Wood firing", (), None, (PLAIN, SURVEY)),
    ),
    {
        one.id: Record(_document, "s", "h", passages=1)
        for one, _document in ((SURVEY, KILN.document), (PLAIN, OVENS.document))
    },
)


class Found:
    """A search that finds nothing: the list has to answer."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        return ()


def central(reading: str, n: int) -> Sequence[Citation]:
    told = {"plain": OVENS, "survey": KILN}.get(reading)
    if told is None:
        raise NotFoundError("No text of this reading is in the course.")
    quote = told.passage.quote(told.passage.sentences[0])
    return [Citation(1, told.document, told.passage, quote, None)][:n]


def listed(question: str) -> CatalogueAnswer | None:
    query = understand(question, titles=COURSE.titles)
    return AboutCourse(lambda: COURSE, Found(), central).answer(query)


@pytest.mark.parametrize(
    "question",
    ["List all readings about agents", "every paper on agents", "which papers deal with agents?"],
)
def test_a_list_of_all_has_all(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith("“agents” is what 12 readings are about")
    assert len(found.listed) == found.text.count("\n- ") == 12


@pytest.mark.parametrize(
    "question", ["What should I read first on kilns?", "Where do I start with kilns?"]
)
def test_what_to_read_first_is_the_required_introduction(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith("Begin with “Kilns: A Survey” (required)")
    assert all("kiln" in one.title.lower() for one in found.listed), "not what mentions it merely"


@pytest.mark.parametrize(
    "question",
    [
        "What should I read first in session 2, and why?",
        "which paper of session 2 should I start with?",
        "Where should I begin with week 2?",
    ],
)
def test_what_to_read_first_of_a_session_is_said_with_a_reason(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith(
        "Begin with “Kilns: A Survey”, which is required and, by its title, introduces the subject."
    )
    assert [one.title for one in found.listed] == [SURVEY.title, PLAIN.title]


@pytest.mark.parametrize(
    "question",
    [
        "summary of the Kilns survey",
        "Summarise the survey on kilns",
        "key points of the Kilns survey",
    ],
)
def test_a_text_is_summed_up_that_is_called_by_its_kind(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith("“On Kilns” in its own words:")


@pytest.mark.parametrize("text", ["the primer", "the chapter", "the preprint", "the article"])
def test_a_reading_is_asked_for_by_whatever_it_is_called(text: str) -> None:
    query = understand(f"summarise {text} on wood firing")
    assert (query.intent, query.topic) == ("summary", "wood firing")


@pytest.mark.parametrize(
    "question",
    ["summarise Experts per token", "Experts per token?", "Do the cells die?", "pots per firing"],
)
def test_a_word_that_english_has_too_makes_no_foreign_question(question: str) -> None:
    assert understand(question).language in ("", "en")


def test_an_ordinal_is_no_name_and_a_degree_no_number() -> None:
    assert understand("How do the 2nd and 3rd firing differ from the Raku?").names == ("Raku",)
    assert understand("How much of a greater risk is a wood kiln?").counted == ()
    assert understand("How much of the wood is burnt?").counted


@pytest.mark.parametrize(
    "question",
    ["Summarize session 2", "give me the key points of the week on wood firing"],
)
def test_a_session_is_summed_up_by_a_sentence_of_each_reading(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert [one.number for one in found.citations] == [1, 2]
    labels = [line for line in found.text.split("\n")[1:] if line and not line.startswith("- ")]
    assert labels == [f"{PLAIN.title}:", f"{SURVEY.title}:", "There is no text of: Notes."]
    assert "“A kiln is an oven that fires clay.” [2]" in found.text


@pytest.mark.parametrize("question", ["Make me a quiz on session 2", "quiz me on session 2"])
def test_no_quiz_is_made_up_and_something_is_offered_instead(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith("No quiz is written here")
    assert len(found.citations) == 2


@pytest.mark.parametrize(
    "question", ["Write my essay on agents for me", "write a 500 word essay about agents"]
)
def test_an_essay_is_declined_with_the_readings_on_it(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert found.text.startswith("I don't write essays")
    assert len(found.listed) == 12


@pytest.mark.parametrize(
    "question",
    [
        "What are the homework deadlines?",
        "What did the guest speaker say?",
        "who teaches this?",
    ],
)
def test_rules_and_people_of_the_course_are_not_looked_for_in_the_readings(question: str) -> None:
    found = listed(question)
    assert found is not None
    lacks, _, offer = found.unknown.partition("; ")
    assert lacks == "the course page lists no dates, people or rules"
    assert re.fullmatch(r"ask, say, “Which papers are in session 1\?” \(.+\)", offer)


def test_what_can_be_asked_instead_of_dates_and_rules_is_true_of_the_course() -> None:
    none, dated = (replace(COURSE, sessions=()), replace(COURSE, sessions=COURSE.sessions[:1]))
    dated = replace(dated, sessions=(replace(dated.sessions[0], date="3 May"),))
    assert no_rules(none).unknown.endswith("; ask what the readings say")
    assert "no dates but its sessions'" in no_rules(dated).unknown
    assert no_rules(dated).unknown.endswith("(the only one)")


@pytest.mark.parametrize(
    "question",
    [
        "When do we talk about firing and what do we read there?",
        "Which session is on firing, and which papers are required for it?",
        "which week is about firing, and which papers belong to it?",
        "which week is about firing, and what are its readings?",
        "Which session is about firing, and what do we read there?",
    ],
)
def test_what_is_read_there_is_the_reading_of_the_sessions_just_named(question: str) -> None:
    found = listed(question)
    assert found is not None
    assert "Session 2 (Wood firing)" in found.text
    assert [one.title for one in found.listed if one.section] == [PLAIN.title, SURVEY.title]


def test_what_is_read_there_goes_on_from_the_question_before() -> None:
    before = [Turn("user", "When do we talk about firing?"), Turn("assistant", "In session 2.")]
    found = AboutCourse(lambda: COURSE, Found()).answer(
        understand("and what do we read there?", before, titles=COURSE.titles)
    )
    assert found is not None
    assert [one.title for one in found.listed if one.section] == [PLAIN.title, SURVEY.title]


def test_what_to_read_first_is_of_the_session_on_the_subject() -> None:
    early = ListedReading("early", "Survey of Safety and Wood", None)
    course = Catalogue(
        "Clay",
        (),
        (
            ListedSession(1, "Workshops", (), None, (early,)),
            ListedSession(2, "Wood", (), None, (ListedReading("wood", "Risks of Wood", None),)),
        ),
        {},
    )
    found = AboutCourse(lambda: course, Found()).answer(
        understand("I missed the class about wood. What should I read first?")
    )
    assert found is not None
    assert [one.title for one in found.listed] == ["Risks of Wood", "Survey of Safety and Wood"]


def said(*questions: str) -> CatalogueAnswer | None:
    """What the list answers to the last of some questions; each was answered with "…"."""
    history: list[Turn] = []
    for question in questions[:-1]:
        history += [Turn("user", question), Turn("assistant", "…")]
    query = understand(questions[-1], history, titles=COURSE.titles)
    return AboutCourse(lambda: COURSE, Found(), central).answer(query)


@pytest.mark.parametrize(
    "before",
    [
        ["When do we talk about firing?"],
        ["What is session 2 about?"],
        ["When do we talk about firing?", "what do we read there?"],
        ["When do we talk about firing?", "what do we read there?", "say that again"],
    ],
)
def test_what_is_read_there_is_told_alone_whatever_named_the_session(before: list[str]) -> None:
    found = said(*before, "which papers are required for it?")
    assert found is not None
    assert found.text.startswith("Session 2 (Wood firing) has 2 required readings")
    assert "does not answer" not in found.text


@pytest.mark.parametrize("before", ["Hello", "How many sessions are there?", "What is a kiln?"])
def test_where_no_session_was_named_nothing_is_put_together(before: str) -> None:
    query = understand("what do we read there?", [Turn("user", before), Turn("assistant", "…")])
    assert query.where is None
    found = said(before, "what do we read there?")
    assert found is None or not found.text.startswith("Session")


def test_it_stands_for_what_was_asked_about_where_that_is_no_session() -> None:
    before = [Turn("user", "How does LoRA work?"), Turn("assistant", "…")]
    assert "LoRA" in understand("What papers are there for it?", before).stand_alone


def test_said_again_what_is_read_there_stays_the_same() -> None:
    asked = ["When do we talk about firing?", "what do we read there?"]
    first, again = said(*asked), said(*asked, "say that again")
    assert first is not None
    assert again is not None
    assert again.text == first.text


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("The kiln took $38,000 and two years.", True),
        ("They gave it £ 5 a day.", True),
        ("The kiln took 38 men and two years.", False),
    ],
)
def test_a_price_is_an_amount_of_money(text: str, tells: bool) -> None:
    assert gives_number(text, "money") is tells

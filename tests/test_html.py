"""Templates escape every value, miss none, and lay out nothing that the page would show."""

from __future__ import annotations

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from seminar_rag.html import Template, environment

HOSTILE = "<script>alert(\"x\")</script> & 'quoted'"


def made(source: str, **values: object) -> str:
    return environment().from_string(source).render(**values)


def test_every_value_is_escaped():
    html = made('<p title="{{ text }}">{{ text }}</p>', text=HOSTILE)
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#34;x&#34;)") == 2


def test_a_macro_escapes_what_it_is_given_and_returns_html_that_another_keeps():
    macros = environment().from_string("{% macro b(t) %}<b>{{ t }}</b>{% endmacro %}").module
    assert made("<p>{{ inner }}</p>", inner=macros.b("<i>")) == "<p><b>&lt;i&gt;</b></p>"


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        made("<p>{{ nothing }}</p>")
    with pytest.raises(UndefinedError):
        made("{% if nothing %}<p>{% endif %}")


def test_line_breaks_between_tags_and_blocks_are_layout_and_others_are_text():
    source = """
    {# a comment #}
    <ul>
      {% for one in rows %}
      <li>{{ one }}</li>
      {% endfor %}
    </ul>
    <p>two
      words</p>
    """
    html = made(source, rows=["a\n<b>", "c"]).strip()
    assert html == "<ul><li>a\n&lt;b&gt;</li><li>c</li></ul><p>two\n      words</p>"


def test_a_template_gives_its_macros_as_methods():
    page = Template("ui/templates/chat.html")
    assert page.rail().startswith('<nav class="rail"')
    with pytest.raises(AttributeError):
        page.no_such_macro()
    with pytest.raises(TemplateNotFound):
        Template("ui/templates/none.html").rail()

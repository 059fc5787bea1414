"""Pages in twelve layouts whose reading order is known, printed by Chromium, and any PDF drawn
again row by row, as OCR layers and some word processors draw.

The texts are the sample's primers. Sizes, gutters, alignment and lengths come from the seed.
"""

from __future__ import annotations

import html
import io
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[1] / "src" / "seminar_rag" / "sample" / "sources"
_HEBREW = """הקרחון נע לאט במורד העמק וסוחף איתו אבנים ועפר.
המדענים מודדים בכל אביב את עומק השלג בפסגה.
מאזן המסה הוא ההפרש בין השלג שנצבר לבין הקרח שנמס.
בשנת 2019 נמדדו 14 מטרים של קרח ליד המצוק.
שכבת סלעים דקה מחממת את הקרח ומאיצה את ההפשרה.
שכבה עבה מגינה עליו מפני השמש.
הנתונים נשמרים בארכיון של המכון.
החוקרים משווים אותם לתצלומי לוויין ומוצאים הבדל של 12 סנטימטרים בלבד.
האגם שמתחת לקרחון התמלא במים והכפר פונה לפני הסערה.
הדוח קובע שהסכנה הייתה ידועה זמן רב.""".split("\n")
_ARABIC = """يتحرك النهر الجليدي ببطء نحو أسفل الوادي ويحمل معه الصخور والتراب.
يقيس العلماء عمق الثلج في كل ربيع.
توازن الكتلة هو الفرق بين تراكم الثلج وذوبان الجليد.
في عام 2019 قيس 14 مترا من الجليد قرب الجرف.
طبقة رقيقة من الحجارة تسخن الجليد وتسرع ذوبانه.
طبقة سميكة تحميه من الشمس.
تحفظ البيانات في أرشيف المعهد.
يقارنها الباحثون بصور الأقمار الصناعية ويجدون فرقا قدره 12 سنتيمترا فقط.""".split("\n")
_CHINESE = (
    "冰川沿着山谷缓慢流动，带走石块和泥土。科学家每年春天测量山顶的积雪深度。物质平衡是积累的雪与融化的冰之间的差值。"
    "二〇一九年在悬崖附近测得十四米厚的冰。薄薄的一层碎石使冰变暖并加快融化，厚的一层却保护它不受阳光照射。"
    "数据保存在研究所的档案里，研究人员把它们与卫星图像比较，只发现十二厘米的差别。冰川下面的湖水涨满，村庄在暴风雨之前撤离。"
)
_JAPANESE = (
    "氷河は谷をゆっくりと下り、石や土を運んでいく。科学者は毎年の春に山頂の雪の深さを測る。質量収支とは積もった雪と融けた氷の差である。"
    "薄い岩屑の層は氷を温めて融解を速めるが、厚い層は日光から氷を守る。記録は研究所の書庫に保管され、衛星画像と比べられる。"
)
_STYLE = """@page { size: %(page)s; margin: 18mm } body { font: %(size)spt/1.3 %(font)s; margin: 0;
 text-align: %(align)s } h1 { font-size: 1.8em; text-align: %(head)s; margin: 0 0 .6em }
 h2 { font-size: 1.2em; margin: .8em 0 .3em } p { margin: 0 0 .5em } td { padding: 2px 10px 2px 0;
 vertical-align: top; text-align: left } .columns { columns: %(columns)s; column-gap: %(gutter)smm }
 .sides { display: flex; gap: %(gutter)smm } .sides > * { flex: 1 } .note { font-size: .8em;
 border-top: 1px solid; margin-top: 1em } .wide { column-span: all } .aside { flex: .35 !important;
 font-size: .85em }
 dl { display: grid; grid-template-columns: 1fr 4fr } dd { margin: 0 } #truth { display: none }
 .open { text-align-last: justify } figure { margin: 1em 0; border: 1px solid; padding: 1em }"""


@dataclass(frozen=True)
class Sheet:
    """A PDF and the text that it shows, in reading order."""

    name: str
    data: bytes
    text: str


class _Texts:
    """Headings, paragraphs and rows, as many as are asked for, none twice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        parts = "\n\n".join(path.read_text("utf-8") for path in sorted(SOURCES.glob("*.md")))
        blocks = [block for block in re.split(r"\n\s*\n", parts) if block.strip()]
        self._prose = [b for b in blocks if len(b) > 200 and b[0].isalpha()]
        self._heads = [b.strip("# ") for b in blocks if b.startswith("## ")]
        self.dice.shuffle(self._prose)
        self.dice.shuffle(self._heads)

    def paragraphs(self, count: int) -> str:
        return "".join(f"<p>{html.escape(self._prose.pop())}</p>" for _ in range(count))

    def section(self, count: int) -> str:
        return f"<h2>{html.escape(self._heads.pop())}</h2>{self.paragraphs(count)}"

    def title(self) -> str:
        words = self._prose.pop().split()[: self.dice.randint(4, 14)]
        return f"<h1>{html.escape(' '.join(words))}</h1>"

    def table(self, rows: int, columns: int) -> str:
        words = [w for block in self._prose[:20] for w in re.findall(r"[A-Za-z]{4,}", block)]

        def cells() -> Iterator[str]:
            yield " ".join(self.dice.sample(words, self.dice.randint(1, 3)))
            for _ in range(columns - 1):
                number = self.dice.random() < 0.7
                yield f"{self.dice.uniform(0, 99):.2f}" if number else self.dice.choice(words)

        lines = ("".join(f"<td>{cell}</td>" for cell in cells()) for _ in range(rows))
        return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"

    def listed(self, count: int) -> str:
        points = (self._prose.pop().split(". ")[0] for _ in range(count))
        return "<ul>" + "".join(f"<li>{html.escape(point)}</li>" for point in points) + "</ul>"


def _columns(texts: _Texts) -> str:
    return f'{texts.title()}<div class="columns">{texts.section(3)}{texts.section(3)}</div>'


def _float(texts: _Texts) -> str:
    top = f'<div class="columns">{texts.section(3)}</div>'
    figure = f"<figure>Figure 1: {texts.paragraphs(1)}</figure>"
    return f'{texts.title()}{top}{figure}<div class="columns">{texts.section(4)}</div>'


def _notes(texts: _Texts) -> str:
    """A sentence is cut by the end of a column, with a note between its halves."""
    title, first, second = texts.title(), texts.section(2), texts.section(2)
    note, cut = texts.paragraphs(1), texts.paragraphs(1)
    words = cut[3:-4].split()
    half = len(words) // 2
    head, rest = " ".join(words[:half]), " ".join(words[half:])
    left = f'<div>{first}<p class="open">{head}</p><div class="note">1 {note}</div></div>'
    truth = f"{title} {first} {head} {rest} 1 {note} {second}".replace("<", " <")
    return (
        f'{title}<div class="sides">{left}<div><p>{rest}</p>{second}</div></div>'
        f'<div id="truth">{truth}</div>'
    )


def _aside(texts: _Texts) -> str:
    main, aside = texts.section(4), texts.listed(5)
    return (
        f'{texts.title()}<div class="sides"><div>{main}</div><div class="aside">{aside}</div></div>'
    )


def _slide(texts: _Texts) -> str:
    side = lambda: f"<div>{texts.listed(4)}</div>"  # noqa: E731
    return f'{texts.title()}<div class="sides">{side()}{side()}</div>'


def _tables(texts: _Texts) -> str:
    table = lambda: texts.table(texts.dice.randint(4, 9), texts.dice.randint(3, 6))  # noqa: E731
    return texts.title() + texts.section(2) + table() + texts.section(1) + table()


def _boxed_table(texts: _Texts) -> str:
    rows = texts.table(texts.dice.randint(4, 8), 3)
    return f'{texts.title()}<div class="columns">{texts.section(3)}{rows}{texts.section(3)}</div>'


def _single(texts: _Texts) -> str:
    return texts.title() + texts.section(2) + texts.listed(3) + texts.section(3)


def _long(texts: _Texts) -> str:
    return texts.title() + "".join(texts.section(3) for _ in range(6))


def _right_to_left(texts: _Texts) -> str:
    lines = list(texts.dice.choice((_HEBREW, _ARABIC)))
    texts.dice.shuffle(lines)
    body = "".join(f"<p>{' '.join(lines[i : i + 3])}</p>" for i in range(0, len(lines), 3))
    return f'<div dir="rtl" class="columns">{body}</div>'


def _definitions(texts: _Texts) -> str:
    """Terms on the left, their explanations on the right."""
    terms = (" ".join(texts.title()[4:-5].split()[:2]) for _ in range(6))
    rows = "".join(f"<dt>{term}</dt><dd>{texts.paragraphs(1)}</dd>" for term in terms)
    return f"{texts.title()}<dl>{rows}</dl>"


def _form(texts: _Texts) -> str:
    """Short names and values in two pairs of columns."""
    return texts.title() + texts.table(14, 4) + texts.paragraphs(1)


def _questions(texts: _Texts) -> str:
    """Numbers that hang left of paragraphs."""
    points = "".join(f"<li>{texts.paragraphs(1)}</li>" for _ in range(8))
    return f"{texts.title()}<ol>{points}</ol>"


def _abstract(texts: _Texts) -> str:
    """A narrow abstract above two columns."""
    abstract = f'<div style="margin: 0 18%">{texts.section(1)}</div>'
    return (
        f'{texts.title()}{abstract}<div class="columns">{texts.section(3)}{texts.section(3)}</div>'
    )


LAYOUTS: dict[str, tuple[Callable[[_Texts], str], dict[str, object]]] = {
    "one column": (_single, {}),
    "two columns": (_columns, {"columns": 2}),
    "three columns": (_columns, {"columns": 3, "size": 8}),
    "float between columns": (_float, {"columns": 2}),
    "footnotes in columns": (_notes, {}),
    "margin notes": (_aside, {}),
    "slide": (_slide, {"page": "A4 landscape", "size": 14}),
    "tables": (_tables, {}),
    "table in a column": (_boxed_table, {"columns": 2}),
    "running heads": (_long, {"running": True}),
    "turned page": (_single, {"turn": True}),
    "right to left": (_right_to_left, {"columns": 2, "font": "DejaVu Sans", "align": "start"}),
    "four columns *": (_columns, {"columns": 4, "size": 8, "page": "A4 landscape"}),
    "definitions *": (_definitions, {}),
    "form *": (_form, {}),
    "hanging numbers *": (_questions, {}),
    "abstract above columns *": (_abstract, {"columns": 2}),
}
"""Name → what is on the page, and how it is set where not by chance. Those with an asterisk were
added after the rules of reading order were made."""


def printed(page: Any, seed: int) -> Iterator[Sheet]:
    """Each layout once.

    Args:
        page: a page of Chromium (Playwright).
        seed: decides texts, type size, gutter and alignment.
    """
    for name, (body, fixed) in LAYOUTS.items():
        texts = _Texts(hash_of(name) + seed)
        style = {
            "page": "A4",
            "size": texts.dice.choice((9, 10, 11)),
            "font": texts.dice.choice(("Liberation Serif", "Liberation Sans", "DejaVu Serif")),
            "align": texts.dice.choice(("justify", "left")),
            "head": texts.dice.choice(("left", "center")),
            "gutter": texts.dice.choice((4, 6, 9)),
            "columns": 1,
        } | fixed
        page.set_content(f"<style>{_STYLE % style}</style>{body(texts)}")
        text = page.evaluate("(document.getElementById('truth') || document.body).innerText")
        number = "<span class=pageNumber></span>"
        head = f"<div style='font-size:8px;margin:auto'>Primers, read aloud {number}</div>"
        data = page.pdf(
            prefer_css_page_size=True,
            display_header_footer=bool(style.get("running")),
            header_template=head,
            footer_template=head,
        )
        yield Sheet(name, _turned(data) if style.get("turn") else data, text)
    yield _unspaced(seed)


def hash_of(name: str) -> int:
    """A number that is the same in every process."""
    return sum(map(ord, name)) * 1000


def _turned(data: bytes) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for page in writer.pages:
        page.rotate(90)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _unspaced(seed: int) -> Sheet:
    """Chinese or Japanese in two columns."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    font, text = (("STSong-Light", _CHINESE), ("HeiseiMin-W3", _JAPANESE))[seed % 2]
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    dice = random.Random(seed)
    parts = [part + "。" for part in text.split("。") if part]
    text = "".join(dice.sample(parts, len(parts)))
    out = io.BytesIO()
    canvas = Canvas(out)
    wide = dice.randint(14, 18)
    rows = [text[i : i + wide] for i in range(0, len(text), wide)]
    half = (len(rows) + 1) // 2
    canvas.setFont(font, 12)
    for i, row in enumerate(rows):
        canvas.drawString(70 + (i >= half) * (12 * wide + 20), 700 - 18 * (i % half), row)
    canvas.save()
    return Sheet("Chinese, Japanese", out.getvalue(), text)


# -- drawn again ------------------------------------------------------------------------------


def row_by_row(data: bytes) -> bytes:
    """The same pages, each stretch of text at its place, drawn from the top and from the left."""
    import pypdfium2 as pdfium
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont("Plain", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = io.BytesIO()
    canvas = Canvas(out)
    pdf = pdfium.PdfDocument(data)
    for page in pdf:
        left, bottom, right, top = page.get_bbox()
        canvas.setPageSize((right - left, top - bottom))
        stretches = sorted(
            _stretches(page.get_textpage()), key=lambda one: (-round(one[2]), one[1])
        )
        for text, x, y, width, size in stretches:
            font = "STSong-Light" if re.search("[\u3000-\u9fff]", text) else "Plain"
            natural = pdfmetrics.stringWidth(text, font, size)
            if natural and width:
                drawn = canvas.beginText(x - left, y - bottom)
                drawn.setFont(font, size)
                drawn.setHorizScale(100 * width / natural)
                drawn.textOut(text)
                canvas.drawText(drawn)
        canvas.setPageRotation(page.get_rotation())
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _stretches(text: Any) -> Iterator[tuple[str, float, float, float, float]]:
    """(text, left, baseline, width, size) between line ends and wide gaps; level text only."""
    import ctypes

    import pypdfium2.raw as raw

    x, y, rect, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_RECTF(), raw.FS_MATRIX()
    chars: list[tuple[str, float, float, float, float]] = []
    for i in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text.raw, i)
        raw.FPDFText_GetCharOrigin(text.raw, i, x, y)
        raw.FPDFText_GetLooseCharBox(text.raw, i, rect)
        raw.FPDFText_GetMatrix(text.raw, i, matrix)
        size = raw.FPDFText_GetFontSize(text.raw, i) * abs(matrix.d or 1.0)
        far = (
            bool(chars)
            and code != 32
            and not -0.1 < (rect.left - chars[-1][2]) / max(size, 1) < 0.7
        )
        high = bool(chars) and code not in (2, 10, 13, 32) and abs(y.value - chars[-1][3]) > 0.5
        if code in (10, 13) or far or high:
            yield from _stretch(chars)
            chars = []
        if code in (10, 13) or (code == 32 and not chars) or abs(matrix.b) > 0.01:
            continue
        if code == 32:
            chars.append((" ", chars[-1][2], chars[-1][2], chars[-1][3], chars[-1][4]))
            continue
        char = "-" if code == 2 else chr(code)
        chars.append((char, rect.left, rect.right, y.value, size))
    yield from _stretch(chars)


def _stretch(
    chars: Sequence[tuple[str, float, float, float, float]],
) -> Iterator[tuple[str, float, float, float, float]]:
    text = "".join(char for char, *_ in chars).strip()
    if text.isprintable() and text:
        left, right = min(c[1] for c in chars), max(c[2] for c in chars)
        yield text, left, chars[0][3], right - left, chars[0][4]

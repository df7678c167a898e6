"""The report: what is on the page, that names cannot break it, and how it behaves in a real browser."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.report import page, write
from bench.results import tables as made
from bench.results.tables import Tables
from tests.matrices import matrix, noise

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>"


def accuracy(label: str, size: int, strength: float, seed: int) -> float:
    return 0.5 + 0.2 * (label != "cnn") + 0.1 * strength + 0.05 * (size > 100) + noise(label, size, strength, seed)


def small(**changes: Any) -> Tables:
    return matrix(accuracy, **changes)


def with_failures(tables: Tables) -> Tables:
    runs = tables.runs.copy()
    runs.loc[0, ["status", "reason"]] = ["diverged", "the loss was not finite at step 7"]
    runs.loc[[1, 2], ["status", "reason"]] = ["failed", f"ValueError: {HOSTILE}"]
    return replace(tables, runs=runs)


def hostile() -> Tables:
    tables = with_failures(small(labels={"cnn": "C1", HOSTILE: "C8"}))
    return replace(tables, runs=tables.runs.assign(dataset=HOSTILE, device=HOSTILE))


def html(tables: Tables, suite: str | None = "name: made-up\n") -> str:
    return page(tables, suite, {}, "made-up")


# what is on the page


def test_the_page_begins_with_the_verdict_and_has_every_part() -> None:
    text = html(with_failures(small()))
    folded = ["Summary", "Time to the same score", "What resampling alone costs"]
    parts = [
        "build the symmetry in",
        ">What building the symmetry in gains</h3>",
        ">What the plain network needs</h3>",
        ">Charts</h2>",
        *(f"<summary>{heading}</summary>" for heading in folded),
        *(f">{heading}</h2>" for heading in ("Cells", "Failures")),
        "the loss was not finite at step 7",
    ]
    places = [text.index(part) for part in [*parts, ">Provenance</h2>", "name: made-up"]]
    assert places == sorted(places)
    assert len(re.findall(r"<tr><td", text)) == len(small().runs)


def test_bounds_are_written_as_bounds() -> None:
    assert "more than 1,000 images" in html(small())


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    text = html(small())
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "default-src 'none'" in text


def test_names_are_text_wherever_they_stand() -> None:
    text = html(hostile(), HOSTILE)
    assert "<img" not in text
    assert "<script>alert" not in text
    assert text.count("</script>") == 3


@pytest.mark.parametrize("broken", ["nothing done", "no rows", "one label", "no curves"])
def test_poor_tables_still_give_a_page(broken: str) -> None:
    tables = small()
    poor = {
        "nothing done": replace(tables, runs=tables.runs.assign(status="failed", reason="no reason")),
        "no rows": Tables(*(frame.iloc[:0] for frame in vars(tables).values())),
        "one label": small(labels={"cnn": "C1"}),
        "no curves": replace(tables, curves=tables.curves.iloc[:0], equivariance=tables.equivariance.iloc[:0]),
    }[broken]
    text = html(poor, None)
    assert "Provenance" in text
    assert ("No answer" in text) == (broken != "no curves")


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours #rgb or #rrggbb: WCAG 2.1, relative luminance."""

    def luminance(colour: str) -> float:
        digits = "".join(2 * digit for digit in colour[1:]) if len(colour) == 4 else colour[1:]
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_text_meets_the_contrast_of_wcag_aa() -> None:
    text = html(small())
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+)", text))
    for ink in ("ink", "soft", "link"):
        for ground in ("paper", "shade"):
            assert contrast(colours[ink], colours[ground]) >= 4.5


def test_a_matrix_of_a_thousand_cells_stays_below_5_mb() -> None:
    labels = {"cnn": "C1", **{f"steerable C{n}": f"C{n}" for n in range(2, 11)}}
    text = html(matrix(accuracy, labels=labels, sizes=(100, 1000, 12000, 50000, 60000), strengths=(0, 0.5, 1, 0.25)))
    assert len(re.findall(r"<tr><td", text)) == 1000
    assert len(text.encode()) < 5e6


def test_a_folder_is_read_and_the_page_lies_beside_its_tables(tmp_path: Path) -> None:
    made.write(small(), tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a <b>.png").touch()
    assert write(tmp_path) == tmp_path / "report.html"
    assert 'href="figures/a &lt;b&gt;.png"' in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nothing"], "is not a results folder"), (["full", "--out", "no/such/folder/x.html"], "cannot be written")],
)
def test_what_cannot_be_read_or_written_is_one_sentence(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made.write(small(), tmp_path / "full")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["equivaug", "report", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


# in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine (Debian's package of that name)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


#: Where the first point of the first chart is on the screen.
FIRST_POINT = """(() => {
    const plot = document.querySelector("#charts .plot"), box = plot.getBoundingClientRect(), trace = plot.data[0];
    const along = (axis, value) => axis._offset + axis.l2p(value);
    const layout = plot._fullLayout;
    return [box.x + along(layout.xaxis, trace.x[0]), box.y + along(layout.yaxis, trace.y[0])];
})()"""


class Seen:
    """A page in the browser, with what it said and asked for."""

    def __init__(self, browser: Any, path: Path, width: int = 1280) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-drawn]", timeout=60_000)

    def shown(self) -> int:
        return int(self.page.locator("#cells-table tbody tr:visible").count())

    def column(self, position: int) -> list[str]:
        return list(self.page.locator(f"#cells-table tbody tr td:nth-child({position})").all_inner_texts())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, tables in (("small", with_failures(small())), ("hostile", hostile())):
        (folder / f"{name}.html").write_text(page(tables, HOSTILE, {}, name))
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def seen(browser: Any, files: dict[str, Path]) -> Seen:
    return Seen(browser, files["small"])


def test_filters_filter(seen: Seen) -> None:
    assert seen.shown() == 40
    seen.page.select_option("select[data-column=label]", "cnn")
    assert seen.shown() == 20
    seen.page.select_option("select[data-column=train_size]", "1000")
    assert seen.shown() == 10
    assert seen.page.inner_text("#count") == "10 of 40 cells"
    seen.page.fill("#text", "no such text")
    assert seen.shown() == 0
    seen.page.click("button[type=reset]")
    seen.page.locator("#count", has_text="40 of 40 cells").wait_for()
    seen.page.select_option("select[data-column=status]", "diverged")
    assert seen.shown() == 1
    seen.page.click("button[type=reset]")


def test_sorting_sorts_by_number_and_back_and_by_keyboard(seen: Seen) -> None:
    head = seen.page.locator("th[data-column=transformed_score]")
    head.locator("button").click()
    up = [float(text) for text in seen.column(10)]
    assert up == sorted(up)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert [float(text) for text in seen.column(10)] == sorted(up, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    seen.page.click("th[data-column=label] button")
    assert seen.column(1) == sorted(seen.column(1))
    assert head.get_attribute("aria-sort") == "none"


def test_toggles_toggle_a_family_in_every_chart(seen: Seen) -> None:
    def visible() -> list[bool]:
        return list(
            seen.page.evaluate(
                "Array.from(document.querySelectorAll('.plot'))"
                ".flatMap(p => p.data.filter(t => t.name === 'cnn').map(t => t.visible !== false))"
            )
        )

    assert len(visible()) > 5
    assert all(visible())
    box = seen.page.locator("#toggles input[value=cnn]")
    box.press("Space")
    assert not any(visible())
    box.check()
    assert all(visible())


def test_every_chart_is_drawn_and_hovers(seen: Seen) -> None:
    plots = seen.page.locator(".plot")
    assert plots.count() >= 7
    assert seen.page.locator(".plot .main-svg").count() >= plots.count()
    seen.page.locator("#charts .plot").first.scroll_into_view_if_needed()
    at = seen.page.evaluate(FIRST_POINT)
    seen.page.mouse.move(*at)
    seen.page.wait_for_selector(".plot .hoverlayer .hovertext", timeout=5000)


@pytest.mark.parametrize("name", ["small", "hostile"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_error_no_request_and_no_sideways_scrolling(
    browser: Any, files: dict[str, Path], name: str, width: int
) -> None:
    opened = Seen(browser, files[name], width)
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.locator("img[src=x]").count() == 0
    opened.page.close()


def test_everything_that_can_be_done_is_reached_by_keyboard(browser: Any, files: dict[str, Path]) -> None:
    seen = Seen(browser, files["small"])
    reachable = "button, input, select, a[href], [tabindex='0']"
    assert seen.page.locator(f":is({reachable})[tabindex='-1']").count() == 0
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    unnamed = seen.page.evaluate(
        "Array.from(document.querySelectorAll('#filters input, #filters select, #toggles input'))"
        ".filter(e => e.labels.length === 0).length"
    )
    assert unnamed == 0
    seen.page.close()


def test_cells_without_a_number_come_last_either_way(browser: Any, tmp_path: Path) -> None:
    tables = small()
    tables.runs.loc[5, "train_seconds"] = float("nan")
    tables.runs["train_seconds"] += tables.runs["seed"]
    (tmp_path / "a.html").write_text(html(tables))
    opened = Seen(browser, tmp_path / "a.html")
    for _ in range(2):
        opened.page.click("th[data-column=train_seconds] button")
        assert opened.column(14)[-1] == "-"
    opened.page.close()


def test_failures_are_grouped_by_reason() -> None:
    text = html(with_failures(small()))
    rows = re.findall(r"<td>(\w+)</td><td class=\"reason\">([^<]*)</td><td>(\d+)</td>", text)
    assert {(status, count) for status, _, count in rows} == {("diverged", "1"), ("failed", "2")}

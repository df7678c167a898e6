"""Suite files: what they expand to, that mistakes are named in one sentence, and that the schema agrees."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bench import suite as suites
from bench.cell import Budget, Cell, Match, Measure
from bench.errors import UserError
from bench.suite import FamilyChoice, Suite, cells, data_choices, family_choices, parse
from bench.suite.listing import listing
from bench.suite.schema import suite_schema
from bench.suite.yamlfile import dumped, loaded, read
from tests.fakes import make_cell

BASE: dict[str, Any] = {
    "name": "base",
    "data": {"name": "digits", "size": 16, "train_sizes": [100, 300]},
    "augmentation": {"group": "SO(2)", "strengths": [0, 1]},
    "families": [{"family": "cnn", "width": 2}, {"family": "gcnn", "group": ["C4", "D4"], "width": 2}],
    "budget": {"steps": 10},
    "seeds": 2,
}
COMMITTED = sorted((Path(__file__).parents[2] / "suites").glob("*.yaml"))


def changed(**changes: Any) -> dict[str, Any]:
    """``BASE`` with the values at dotted paths, ``__`` for the dot."""
    raw: Any = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parts, last = path.split("__")
        target = raw
        for part in parts:
            target = target[int(part) if part.isdecimal() else part]
        target[int(last) if last.isdecimal() else last] = value
    return raw


def as_written(choice: FamilyChoice) -> Match | None:
    """The size to match, where it is a number."""
    return choice.match and Match(by=choice.match.by, target=choice.match.target)


def expanded(raw: dict[str, Any]) -> list[Cell]:
    suite = parse(raw)
    return [cell for data in data_choices(suite) for _, cell in cells(suite, data, "0", as_written)]


def message(raw: Any, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        parse(raw, "s.yaml", overrides)
    return str(caught.value)


def test_a_suite_is_the_product_of_its_axes() -> None:
    found = expanded(BASE)
    assert len(found) == 3 * 2 * 2 * 2  # families x strengths x sizes x seeds
    assert len({cell.cell_id for cell in found}) == len(found)
    assert {cell.label for cell in found} == {"cnn", "gcnn C4", "gcnn D4"}


def test_any_single_valued_field_is_an_axis_and_labels_tell_the_choices_apart() -> None:
    raw = changed(families=[{"family": "cnn", "width": [2, 3], "budget": {"lr": [0.1, 0.01]}}], seeds=[7])
    assert {cell.label for cell in expanded(raw)} == {
        f"cnn width {width} lr {lr}" for width in (2, 3) for lr in (0.1, 0.01)
    }
    sized = expanded(changed(data__size=[16, 20]))
    assert {cell.axes()["dataset"] for cell in sized} == {"digits size 16", "digits size 20"}
    assert {cell.dataset for cell in sized} == {"digits"}


def test_a_list_valued_option_is_a_value_and_no_axis() -> None:
    found = expanded(changed(families=[{"family": "cnn", "width": 2, "channels": [1, 2], "pool_after": [1]}]))
    assert {tuple(cell.family_options["channels"]) for cell in found} == {(1.0, 2.0)}


def test_a_cell_is_itself_whatever_surrounds_it() -> None:
    ids = {cell.cell_id for cell in expanded(BASE)}
    reordered = changed(augmentation={"strengths": [1, 0.5, 0]}, name="other")
    reordered["families"].reverse()
    reordered["families"][1]["label"] = "control"
    assert ids < {cell.cell_id for cell in expanded(reordered)}
    assert not ids & {cell.cell_id for cell in expanded(changed(budget__lr=0.5))}


OTHERWISE: dict[str, Any] = {
    "dataset": "mnist",
    "dataset_options": {"size": 20},
    "dataset_version": 2,
    "data_revision": "1",
    "train_size": 101,
    "family": "other",
    "family_options": {"dropout": 0.5},
    "family_version": 2,
    "width": 2.0,
    "match": Match(target=9),
    "augmentation_group": "C4",
    "resampling": "bilinear",
    "crop": "none",
    "strength": 0.25,
    "copies": 2,
    "budget": Budget(steps=2),
    "measure": Measure(transforms=2),
    "seed": 7,
    "domain_version": 2,
    "base": "crop-flip",
    "trainer_version": 2,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Cell) if field.compare])
def test_whatever_can_change_an_outcome_makes_another_cell(name: str) -> None:
    assert dataclasses.replace(make_cell(), **{name: OTHERWISE[name]}).cell_id != make_cell().cell_id


def test_resampling_and_crop_are_axes_whose_inputs_have_names_of_their_own() -> None:
    cells_of = expanded(
        changed(augmentation={"group": "SO(2)", "resampling": ["spline", "bilinear"], "strengths": [1]})
    )
    labels = {(cell.resampling, cell.dataset_label) for cell in cells_of}
    assert labels == {("spline", "digits spline"), ("bilinear", "digits bilinear")}
    assert {cell.axes()["resampling"] for cell in cells_of} == {"spline", "bilinear"}
    cells_of = expanded(changed(data__crop=["disc", "none"]))
    assert {(cell.crop, cell.dataset_label) for cell in cells_of} == {
        ("disc", "digits crop disc"),
        ("none", "digits crop none"),
    }
    assert message(changed(augmentation={"resampling": "cubic"})).startswith(
        "s.yaml: augmentation.resampling: should be"
    )
    assert message(changed(data__crop="circle")).startswith("s.yaml: data.crop: should be 'disc' or 'none'")


@pytest.mark.parametrize(
    ("group", "crop"), [("SO(2)", "disc"), ("C8", "disc"), ("D3", "disc"), ("D4", "none"), ("C1", "none")]
)
def test_inputs_are_cut_to_the_disc_where_the_group_moves_pixels_off_the_grid(group: str, crop: str) -> None:
    assert {cell.crop for cell in expanded(changed(augmentation={"group": group}))} == {crop}


def test_names_and_places_make_no_other_cell() -> None:
    same = make_cell(label="y", dataset_label="y", group="O(2)", suite="y", architecture="y")
    assert same.cell_id == make_cell().cell_id
    here, there = (make_cell(dataset_options={"path": path, "size": 20}) for path in ("a.npz", "/b/a.npz"))
    assert here.cell_id == there.cell_id


def test_different_choices_with_one_label_are_refused() -> None:
    twins = [{"family": "cnn", "width": 2, "label": "x"}, {"family": "gcnn", "width": 2, "label": "x"}]
    told = "families[0] and families[1] both have the label 'x'; give each a 'label' of its own"
    assert message(changed(families=twins)) == f"s.yaml: {told}"
    taken = [{"family": "cnn", "width": [2, 3], "label": "x"}, {"family": "cnn", "width": 4, "label": "x width 2"}]
    assert "both have the label 'x width 2'" in message(changed(families=taken))


def test_equal_cells_come_once() -> None:
    found = expanded(changed(families=[{"family": "cnn", "width": 2}] * 2, augmentation__copies=[2, "online"]))
    # strength 0 has no copies; strength 1 has two kinds; sizes and seeds
    assert len(found) == 3 * 2 * 2


def test_a_family_may_have_its_own_length_of_training() -> None:
    own = changed(families=[{"family": "cnn", "width": 2, "budget": {"epochs": 3}}])
    assert {(cell.budget.epochs, cell.budget.steps) for cell in expanded(own)} == {(3.0, None)}


SEEDS = "should be a valid integer or should be a list or should be a mapping"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (None, "s.yaml: found None; a suite is a mapping with 'name', 'data', 'families', 'budget'"),
        (changed(seed=1), "s.yaml: seed: unknown key; did you mean 'seeds'?"),
        (
            changed(seeds=0),
            "s.yaml: seeds: should be greater than or equal to 1 or should be a list or should be a mapping; found 0",
        ),
        (
            changed(seeds="3"),
            "s.yaml: seeds: should be a valid integer or should be a list or should be a mapping; found '3'",
        ),
        (changed(seeds=[1, "a"]), "s.yaml: seeds[1]: should be a valid integer; found 'a'"),
        (
            changed(seeds=True),
            "s.yaml: seeds: should be a valid integer or should be a list or should be a mapping; found True",
        ),
        (
            changed(families=[]),
            "s.yaml: families: a list should have at least 1 item, not 0; found []",
        ),
        (changed(families=[5]), "s.yaml: families[0]: should be a mapping; found 5"),
        (changed(families__0__witdh=3), "s.yaml: families[0].witdh: unknown key; did you mean 'width'?"),
        (changed(families__0__width="a"), "s.yaml: families[0].width: should be a valid number; found 'a'"),
        (changed(families__0__width=[]), "s.yaml: families[0].width: an empty list; give at least one value"),
        (changed(families__1__group=[]), "s.yaml: families[1].group: an empty list; give at least one value"),
        (changed(families__0={"width": 3}), "s.yaml: families[0].family: give one name of `equivaug list`; found None"),
        (changed(families__0__budget=3), "s.yaml: families[0].budget: should be a mapping; found 3"),
        (changed(families__0__budget={"lrr": 3}), "s.yaml: families[0].budget.lrr: unknown key; did you mean 'lr'?"),
        (changed(data__name="digit"), "s.yaml: data.name: unknown data set 'digit'; did you mean 'digits'?"),
        (changed(data__sizes=3), "s.yaml: data.sizes: unknown key; did you mean 'size'?"),
        (changed(data__train_sizes=[]), "s.yaml: data.train_sizes: a list should have at least 1 item"),
        (changed(data__train_sizes=[0]), "s.yaml: data.train_sizes[0]: should be greater than or equal to 1; found 0"),
        (changed(data=[]), "s.yaml: data: should be a mapping; found []"),
        (changed(augmentation__strengths=[2]), "s.yaml: augmentation.strengths[0]: should be less than or equal to 1"),
        (changed(augmentation__group="E8"), "s.yaml: augmentation.group: unknown group 'E8'; known: C1, C2, ..., C999"),
        (
            changed(augmentation__copies="off"),
            "s.yaml: augmentation.copies: should be 'online' or should be a valid integer; found 'off'",
        ),
        (changed(budget={}), "s.yaml: budget: give exactly one of 'epochs' and 'steps'; found {}"),
        (changed(budget__epochs=3), "s.yaml: budget: give exactly one of 'epochs' and 'steps'; found"),
        (changed(budget__steps=1.5), "s.yaml: budget.steps: should be a valid integer"),
        (changed(budget__lr=float("nan")), "s.yaml: .nan and .inf are no values of a suite"),
        (changed(measure={"equivariance": {"angels": [45]}}), "s.yaml: measure.equivariance.angels: unknown key"),
        (changed(measure={"equivariance": {"angles": []}}), "s.yaml: measure.equivariance.angles: a list should have"),
        (changed(match={"target": 0}), "s.yaml: match.target: should be greater than 0; found 0"),
        (
            changed(match={"by": "parameters"}),
            "s.yaml: match: give one of 'target', a number, and 'like', the label of a network",
        ),
        (changed(name="a/b"), "s.yaml: name: "),
        (changed(seeds=[-1]), "s.yaml: seeds[0]: should be greater than or equal to 0; found -1"),
        (changed(seeds=[2**63]), "s.yaml: seeds[0]: should be less than 9223372036854775808; found"),
        (changed(seeds=10**12), "s.yaml: seeds: should be less than or equal to 10000"),
        (changed(budget={"epochs": 1e9}), "s.yaml: budget.epochs: should be less than or equal to 1000000"),
        (changed(budget__steps=2**31), "s.yaml: budget.steps: should be less than 2147483648; found"),
        (changed(families__0__width=1e5), "s.yaml: families[0].width: should be less than or equal to 512"),
        (changed(seeds={"pilots": 2}), "s.yaml: seeds.pilots: unknown key; did you mean 'pilot'"),
        (changed(seeds={"pilot": 0}), "s.yaml: seeds.pilot: should be greater than or equal to 1; found 0"),
        (changed(seeds={"least": 5, "most": 3}), "s.yaml: seeds: 'most' should not be less than 'least', which is 5"),
        (changed(seeds={"margin": "2"}), "s.yaml: seeds.margin: "),
        (changed(seeds=[1, 1]), "s.yaml: seeds: 1 is given twice; found [1, 1]"),
        (changed(data__train_sizes=[9, 9]), "s.yaml: data.train_sizes: 9 is given twice"),
        (changed(augmentation__strengths=[0, 0.0]), "s.yaml: augmentation.strengths: 0.0 is given twice"),
        (changed(families__1__group=["C4", "D4", "C4"]), "s.yaml: families[1].group: 'C4' is given twice"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_place(raw: Any, told: str) -> None:
    text = message(raw)
    assert text.startswith(told)
    assert "\n" not in text
    assert "constrained" not in text
    assert "pydantic" not in text


def test_a_missing_part_is_named() -> None:
    raw = changed()
    del raw["budget"]
    assert message(raw) == "s.yaml: budget: missing"


@pytest.mark.parametrize(
    ("override", "value"),
    [("budget.lr=1e-3", 0.001), ("budget.steps=7", 7), ("families.0.width=5", 5), ("match.target=9000", 9000)],
)
def test_overrides_change_one_value(override: str, value: float) -> None:
    dumped = parse(BASE, overrides=[override]).model_dump()
    target: Any = dumped
    for key in override.partition("=")[0].split("."):
        target = target[int(key) if key.isdecimal() else key]
    assert target == value


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("budget.lr", "--set budget.lr: found no 'key=value', such as budget.steps=100"),
        ("=3", "--set =3: found no 'key=value'"),
        ("families.2.width=5", "--set families.2.width=5: '2' is no place in a list of 2; places count from 0"),
        ("seeds.a=5", "--set seeds.a=5: 'a' is inside 2, which has no keys"),
        ("budget.lr=[", "--set budget.lr: '[' is not a YAML value"),
        ("budget.lr={1: 2}", "--set budget.lr: '{1: 2}' is not a YAML value"),
        ("budget.lrr=3", "s.yaml with --set 'budget.lrr=3': budget.lrr: unknown key; did you mean 'lr'?"),
        ("seeds=1e400", "s.yaml with --set 'seeds=1e400': .nan and .inf are no values of a suite"),
    ],
)
def test_a_wrong_override_is_named(override: str, told: str) -> None:
    assert message(BASE, override).startswith(told)


def test_yaml_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("lr: 1e-3\nother: 2E5\nname: 12e\n")
    assert read(path) == {"lr": 0.001, "other": 200000.0, "name": "12e"}
    path.write_text("a: 010\nb: 1:30\nc: no\nd: 1999-12-31\ne: 10_000\nf: [-.5, true, ~]\n")
    assert read(path) == {"a": 10, "b": "1:30", "c": "no", "d": "1999-12-31", "e": 10000, "f": [-0.5, True, None]}
    for text, told in {
        "a: 1\nb:\n  c: 1\n  c: 2\n": "at line 4: the key 'c' is given twice",
        "a: 1\n2: b\n": "at line 2: a key is text, not '2'",
        "~: b\n": "at line 1: a key is text, not '~'",
        "[a]: b\n": "at line 1: a key is text, not a list or a mapping",
        "a: [1\nb: 2": "it is not valid YAML at line",
        "a: 1\nb: !!int x\n": "at line 2: 'x' is no int",
        "a: !!int [1]": "at line 1: a list or a mapping is no int",
        "a: !!float one": "at line 1: 'one' is no float",
        "a: !!bool 3": "at line 1: '3' is no bool",
        "a: !!null 3": "at line 1: '3' is no null",
        "a: !!timestamp 1999-12-31": "at line 1: the tag !!timestamp has no place here; known: !!str, !!int",
        "a: !!binary aGVsbG8=": "the tag !!binary has no place here",
        "a: !!set {x}": "the tag !!set has no place here",
        "a: !!omap [x: 1]": "the tag !!omap has no place here",
        "a: !!pairs [x: 1]": "the tag !!pairs has no place here",
        "a: !!python/object/apply:os.getcwd []": "the tag !!python/object/apply:os.getcwd has no place here",
        "a: !mine 3": "the tag !mine has no place here",
        "a: !!map 3": "it is not valid YAML at line 1",
        "a: !!seq 3": "it is not valid YAML at line 1",
        "a: 1\n---\nb: 2": "it is not valid YAML at line",
        "\x00": "it is not a YAML file",
        "[" * 5000: "nested too deeply",
        f"a: {'9' * 5000}": "a number of too many digits",
    }.items():
        path.write_text(text)
        with pytest.raises(UserError, match=f"x.yaml cannot be read: .*{re.escape(told)}") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    path.write_text("a: !!str 010\nb: !!int 010\nc: !!float 1\nd: !!bool TRUE\ne: [!!null ~, -.INF, +1_0.5]\n")
    assert read(path) == {"a": "010", "b": 10, "c": 1.0, "d": True, "e": [None, -math.inf, 10.5]}
    path.write_bytes(b"name: \xff")
    with pytest.raises(UserError, match="it is not text in UTF-8"):
        read(path)


@pytest.mark.parametrize("label", ["two\nlines", "\x1b[31mred", "\x00", "tab\t", "\u2028", "\u202e", ""])
def test_a_label_is_one_printable_line(label: str) -> None:
    told = message(changed(families__0__label=label))
    assert told.startswith("s.yaml: families[0].label: ")
    assert told.isprintable()


@pytest.mark.parametrize("place", ["description", "name", "families__0__label", "data__path", "augmentation__group"])
def test_text_that_is_not_unicode_is_named_with_its_place(place: str) -> None:
    """As a file's name in Latin-1 becomes one, or an escape in YAML."""
    told = message(changed(**{place: "caf\udce9"}))
    where = place.replace("__0__", "[0].").replace("__", ".")
    assert told == f"s.yaml: {where}: 'caf\\udce9' is not Unicode; rename what it names"
    assert message(loaded('name: x\ndata: {"\\ud800": 3}\n')).startswith("s.yaml: data: '\\ud800' is not Unicode")


def test_an_alias_that_holds_itself_is_named(tmp_path: Path) -> None:
    assert message(loaded("name: x\ndata: &a {b: *a}\n")) == (
        "s.yaml: an alias stands for something that holds the alias itself"
    )


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
@example(["010", "1e-3", "no", "~", "", "1:30", "10_000", "<<", "null", ".5", "\x85", "=", "2000-01-01"])
def test_what_is_written_reads_back(value: Any) -> None:
    assert loaded(dumped({"key": value})) == {"key": value}


def test_a_suite_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "mine.yaml").write_text(yaml.safe_dump(BASE))
    assert suites.load("mine") == suites.load("suites/mine.yaml") == parse(BASE)
    assert "quick" in suites.available()
    (tmp_path / "suites" / "broken.yaml").write_text("name: [")
    told = dict(line.split(": ", 1) for line in listing("suites"))
    assert told["mine"] == "suites/mine.yaml"
    assert told["broken"].startswith("suites/broken.yaml cannot be read: it is not valid YAML at line 1")
    with pytest.raises(UserError, match=r"unknown suite 'mien'; did you mean 'mine'\?"):
        suites.load("mien")
    with pytest.raises(UserError, match=r"there is no suite file suites/none\.yaml"):
        suites.load("suites/none.yaml")


def test_a_suite_reads_back_from_its_dump() -> None:
    suite = parse(BASE, overrides=["budget.lr=[0.1, 1e-3]"])
    assert parse(yaml.safe_load(yaml.safe_dump(suite.model_dump(mode="json")))) == suite


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = suite_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_suites_are_right_and_described(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    raw = read(path)
    validator.validate(raw)
    suite = parse(raw, str(path))
    assert suite.name == path.stem
    assert suite.description
    assert isinstance(suite, Suite)
    assert family_choices(suite)


@pytest.mark.parametrize(
    "raw",
    [
        BASE,
        changed(augmentation={"group": ["SO(2)", "O(2)"], "copies": ["online", 3]}),
        changed(augmentation={"resampling": ["spline", "bilinear"]}, data__crop=["disc", "none"]),
        changed(data__crop="disc"),
        changed(match={"by": ["parameters", "flops"], "target": 10}, seeds=[3, 4]),
        changed(families__0__budget={"lr": [0.1, 0.2], "epochs": 2}, match=None),
        changed(measure={"equivariance": None}),
        changed(families__0__budget=[{"lr": 0.1}, {"lr": 0.2}]),
    ],
)
def test_the_schema_accepts_what_is_right(raw: Any, validator: jsonschema.Draft202012Validator) -> None:
    parse(raw)
    validator.validate(raw)


@pytest.mark.parametrize(
    "raw",
    [
        changed(seed=1),
        changed(seeds=0),
        changed(families=[]),
        changed(families__0__witdh=3),
        changed(families__0__width=[]),
        changed(families__0__family="cnnn"),
        changed(families__0__group="C4"),
        changed(families__0__budget={"lrr": 3}),
        changed(data__train_sizes=[]),
        changed(data__size="small"),
        changed(augmentation__strengths=[2]),
        changed(augmentation__copies="off"),
        changed(augmentation__resampling="cubic"),
        changed(data__crop="circle"),
        changed(budget__steps=1.5),
        changed(budget__epochs=3),
        changed(budget={"lr": 0.1}),
        changed(families__0__width=1e5),
        changed(families__0__width=[2, 2]),
        changed(data__train_sizes=[9, 9]),
        changed(seeds=[1, 1]),
        changed(seeds=[-1]),
        changed(augmentation__strengths=[0, 0]),
        changed(match={"by": "parameters"}),
        changed(measure={"equivariance": {"angels": [45]}}),
    ],
)
def test_the_schema_refuses_what_is_wrong(raw: Any, validator: jsonschema.Draft202012Validator) -> None:
    assert message(raw)
    assert not validator.is_valid(raw)


def test_the_schema_describes_every_option_of_every_family() -> None:
    from bench.registry import datasets, families

    parts = suite_schema()["properties"]
    for entries, found, key in (
        (families, parts["families"]["items"]["oneOf"], "family"),
        (datasets, parts["data"]["oneOf"], "name"),
    ):
        branches = {branch["properties"][key]["const"]: branch for branch in found}
        assert set(branches) == {entry.name for entry in entries}
        for entry in entries:
            properties = branches[entry.name]["properties"]
            assert set(entry.options.model_fields) < set(properties)
            assert all("description" in properties[option] for option in entry.options.model_fields)
            assert branches[entry.name]["additionalProperties"] is False

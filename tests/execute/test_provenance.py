"""The commit of a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.execute import provenance


@pytest.mark.parametrize("kind", ["loose", "packed", "detached"])
def test_the_commit_is_read_from_the_repository(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, git = "0123456789abcdef" * 2 + "01234567", tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{commit}\n" if kind == "detached" else "ref: refs/heads/main\n")
    if kind == "loose":
        (git / "refs/heads/main").write_text(f"{commit}\n")
    (git / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/old\n{commit} refs/heads/main\n")
    monkeypatch.setattr(provenance.bench, "__file__", str(tmp_path / "bench" / "__init__.py"))
    provenance._commit.cache_clear()
    assert provenance._commit() == commit[:12]
    provenance._commit.cache_clear()

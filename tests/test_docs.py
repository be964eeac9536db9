"""Every Python block in the README and the documentation runs, each page's from top to bottom."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = (".py", ".md", ".toml", ".yml", ".yaml", ".cff", ".txt", ".json", ".jsonl", "Makefile", ".ci/run")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.name)
def test_code_on_the_page_runs(page: Path, tmp_path: Path) -> None:
    code = "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_python_that_does_not_run_here_is_only_what_needs_the_hub_or_its_data() -> None:
    fence = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    not_run = [
        (page.name, code.splitlines()[0])
        for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
        for language, code in fence.findall(page.read_text(encoding="utf-8"))
        if (language != "python" or page not in PAGES) and re.search(r"^(from \S+ )?import ", code, re.MULTILINE)
    ]
    assert not_run == [
        ("deploying.md", "from crossgrad.integrations.hub import from_pretrained, push_to_hub"),
        ("own-data.md", "from datasets import load_dataset"),
    ]


def test_the_project_speaks_of_itself_alone() -> None:
    forbidden = re.compile(r"/work/|/root/|/tmp/|shared/|pypi\.", re.IGNORECASE)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: nothing tells which files are the project's")
    for name in tracked.stdout.splitlines():
        if name.endswith(TEXT) and name != "tests/test_docs.py":
            text = (ROOT / name).read_text(encoding="utf-8")
            if name == ".ci/run":
                text = text.replace("../shared/data", "")  # where a checkout has its raw data beside it
            found = forbidden.search(text)
            assert found is None, f"{name}: {found}"

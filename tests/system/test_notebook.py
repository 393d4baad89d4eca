"""The notebook from a shop's file to a list and its result runs, in a clone as it is; the French one runs the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import newcomer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/shop"
NAMES = ("from-file-to-result.ipynb", "from-file-to-result.fr.ipynb")
PACKAGES = ("features", "scoring", "training", "serving", "activation", "monitoring", "penchant")


def opened(name: str) -> nbformat.NotebookNode:
    """A notebook as it is kept."""
    notebook: nbformat.NotebookNode = nbformat.read(FOLDER / name, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def cells(name: str, kind: str) -> list[str]:
    """The cells of a kind in order."""
    notebook = opened(name)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def program(source: str) -> str:
    """What a cell does: without comments and docstrings, and whichever language its texts are asked in."""
    tree = ast.parse(re.sub(r'(language[ =]+"?)(?:fr|en)', r"\1LL", source))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return ast.unparse(tree)


def test_both_languages_run_the_same_program() -> None:
    """So that what is run of one holds of both; each cell of prose has its twin."""
    english, french = ([program(cell) for cell in cells(name, "code")] for name in NAMES)
    here, there = (cells(name, "markdown") for name in NAMES)

    assert french == english
    assert len(there) == len(here) == 9
    assert [one for one, twin in zip(here, there, strict=True) if one == twin] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_what_it_printed(name: str) -> None:
    """Figures come from the run of whoever opens it."""
    notebook = opened(name)

    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_notebook_leads_from_a_file_to_a_result(tmp_path: Path) -> None:
    """A model, a list with a control group, and what the letter brought."""
    here = tmp_path / "examples/shop"
    here.mkdir(parents=True)
    (here / "generate.py").symlink_to(FOLDER / "generate.py")
    for package in PACKAGES:
        (tmp_path / package).symlink_to(ROOT / package)
    notebook = opened(NAMES[1])

    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(here)}}).execute(env=newcomer())

    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    printed = "".join(output.get("text", "") for output in last.outputs)
    assert "Résultat" in printed
    assert (here / "shop/list.csv").is_file()

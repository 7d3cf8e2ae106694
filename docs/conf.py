"""Settings of the documentation site: ``make docs`` builds it, without a network."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

# Gallery and doctests are small; more threads than cores only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent))

import conf_docstrings
import conf_reference

import mixexp

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

project = "mixexp"
author = "The mixexp developers"
release = version = mixexp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
html_static_path = ["_static"]
exclude_patterns = ["_build", "_templates", "gallery/*", "examples/*.ipynb", "examples/*.py"]

# Markdown: the pages read as well on a code host, so links are paths and anchors are headings.
myst_heading_anchors = 3
myst_enable_extensions = ["deflist", "dollarmath"]
nb_execution_mode = "off"
nb_merge_streams = True

autosummary_generate = True
autosummary_context = {
    "pages": {name: conf_reference.listed(name) for name in conf_reference.modules()}
}
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 30,
    "plot_gallery": "True",
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"mixexp {release}"
# A module lists references for all that is in it, whether its own docstring cites them or not.
suppress_warnings = ["ref.citation"]
html_show_sourcelink = False
html_copy_source = False
html_css_files = ["mixexp.css"]
html_theme_options: dict[str, Any] = {
    "navigation_depth": 2,
    "show_nav_level": 1,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
}
html_sidebars = {"index": [], "questions": [], "comparison": []}
copyright = "The mixexp developers, BSD-3-Clause"

# Pages that live beside this folder, where Sphinx does not look: copied into it for the build.
COPIED = {
    "notebooks": ("notebooks", ("[0-9]*.ipynb",)),
    "experiments/results": ("results", ("*.md", "*.png", "figures/*.png")),
}


def copy_pages() -> None:
    """Bring the copies up to date, and remove those whose original is gone."""
    for source, (folder, patterns) in COPIED.items():
        target = HERE / folder
        found = {p.relative_to(ROOT / source): p for g in patterns for p in (ROOT / source).glob(g)}
        for old in [path for path in target.rglob("*") if path.is_file()]:
            if old.relative_to(target) not in found:
                old.unlink()
        for name, path in found.items():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists() or copy.read_bytes() != path.read_bytes():
                shutil.copyfile(path, copy)


def point_at_copies(app: Any, name: str, source: list[str]) -> None:
    """Let links to originals, which work on a code host, lead to what the build makes of them."""
    text = source[0].replace("gallery/GALLERY_HEADER.rst)", "examples/index.rst)")
    for original, (folder, _) in COPIED.items():
        text = re.sub(rf"\]\(((?:\.\./)*)\.\./{original}/", rf"](\1{folder}/", text)
    source[0] = re.sub(r'<a id="([^"]+)"></a>', r"(\1)=", text)


def find_home(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Link a name to where it is documented, however the docstring spells its path."""
    home = conf_reference.home_of(str(node.get("reftarget", "")))
    domain = env.get_domain("py")
    if node.get("refdomain") != "py" or home not in domain.objects:
        return None
    role = node["reftype"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, role, home, node, content)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    copy_pages()
    app.connect("source-read", point_at_copies)
    app.connect("missing-reference", find_home)
    app.connect("autodoc-skip-member", conf_docstrings.skip_member)
    # numpydoc, which is connected at 500, then gives the references names of their own.
    app.connect("autodoc-process-docstring", conf_docstrings.add_references, priority=400)

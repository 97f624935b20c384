"""The books that ``builds.py`` builds, and what it changes in them."""

import shutil
from pathlib import Path

import yaml

from bookpress.order import EXTENSIONS

ROOT = Path(__file__).resolve().parent.parent
OURS = [
    "bookpress.execute.execution",
    "bookpress.write.outdated",
    "bookpress.write.checks",
    "bookpress.write.publish",
]
IMPORTS = ["torch", "torch._dynamo", "matplotlib.pyplot"]
CHAPTER = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
# Chapter {n}

Some prose, and the number {n}.

```{{code-cell}}
import matplotlib.pyplot as plt
import torch
import part{n}
torch.manual_seed({n});
```

```{{code-cell}}
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=0.1)
```

```{{code-cell}}
path = []
for _ in range(100):
    optimizer.zero_grad()
    (w - torch.randn(2)).square().sum().backward()
    optimizer.step()
    path.append(w.tolist())
```

```{{code-cell}}
plt.plot(path);
```

```{{code-cell}}
print("the answer is", part{n}.VALUE + 0)
```
"""


class Synthetic:
    """A book of ``size`` chapters, each with a module of its own."""

    before_plain = ()

    def __init__(self, size):
        """Name the book."""
        self.size, self.name = size, f"{size} chapters"
        self.pages = [f"chapter{n}.md" for n in range(size)]

    def write(self, folder, way):
        """Write the book, to be built in one of the three ways."""
        (folder / "code").mkdir(parents=True)
        (folder / "index.md").write_text("# A book\n")
        for n, page in enumerate(self.pages):
            (folder / page).write_text(CHAPTER.format(n=n))
            (folder / f"code/part{n}.py").write_text(f"VALUE = {n}\n")
        toc = {"format": "jb-book", "root": "index"}
        toc["chapters"] = [{"file": page} for page in self.pages]
        (folder / "_toc.yml").write_text(yaml.safe_dump(toc))
        config = {"title": "A book", "only_build_toc_files": True, "execute": {}}
        config["sphinx"] = {"config": {"language": "en"}, "recursive_update": True}
        if way == "ours":
            config["sphinx"]["extra_extensions"] = OURS
            settings = {"cells_imports": IMPORTS, "cells_sources": ["code"]}
            config["sphinx"]["config"] |= settings
        configure(folder, config, way)

    def edit(self, folder, what):
        """Change one thing; return a page and what it must then show."""
        page, module = folder / self.pages[-1], folder / f"code/part{self.size - 1}.py"
        if what == "prose":
            replace(page, "Some prose", "Other prose")
            return page, "Other prose"
        if what == "cell":
            replace(page, "VALUE + 0", "VALUE + 1")
        if what == "module":
            replace(module, f"{self.size - 1}", f"{self.size + 99}")
        values = {"cell": self.size, "module": self.size + 100}
        return page, f"the answer is {values.get(what, self.size - 1)}"


class ThisBook:
    """The book in this repository."""

    name = "this book"
    before_plain = (["rm", "-rf", "_build/html", "_build/.doctrees"],)
    pages = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("book/*.md"))

    def write(self, folder, way):
        """Copy the book, to be built in one of the three ways."""
        left_out = shutil.ignore_patterns(".*", "_build", "__pycache__", "tests")
        shutil.copytree(ROOT, folder, ignore=left_out)
        config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
        if way != "ours":
            settings = config["sphinx"]["config"]
            ours = [f"bookpress.{name}" for name in EXTENSIONS]
            at = settings["extensions"].index("bookpress")
            settings["extensions"][at : at + 1] = [x for x in ours if x not in OURS]
            for name in [n for n in settings if n.startswith(("cells_", "publish_"))]:
                if name != "cells_sources":  # of which the wheel is made, too
                    del settings[name]
        configure(folder, config, way)

    def edit(self, folder, what):
        """Change one thing; return a page and what it must then show."""
        page, module = (
            folder / "book/lr_coupling.md",
            folder / "code/weightdecay/sweep.py",
        )
        if what == "prose":
            page.write_text(page.read_text("utf8") + "\nOther prose.\n", "utf8")
            return page, "Other prose"
        if what == "cell":
            page.write_text(
                page.read_text("utf8")
                + "\n```{code-cell} ipython3\nfrom weightdecay import sweep\n"
                'print("the answer is", getattr(sweep, "ANSWER", 1))\n```\n',
                "utf8",
            )
            return page, "the answer is 1"
        if what == "module":
            module.write_text(module.read_text("utf8") + "\nANSWER = 2\n", "utf8")
            return page, "the answer is 2"
        return page, ""


def configure(folder, config, way):
    """Write how a book is to be built."""
    config["execute"]["execute_notebooks"] = "off" if way == "limit" else "cache"
    (folder / "_config.yml").write_text(yaml.safe_dump(config))


def replace(file, old, new):
    """Replace a text in a file, which must have it."""
    text = file.read_text("utf8")
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new), "utf8")

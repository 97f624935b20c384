"""The cache of executed pages, kept by jupyter-cache and read by myst-nb.

The fault that this mends: jupyter-cache publishes what somebody changed in its folder,
never recovers when a file of it is damaged, and runs a page again for a new caption.
Delete it when jupyter-cache checks what it reads.
"""

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.cache.db import NbCacheRecord
from sqlalchemy.exc import SQLAlchemyError

from bookpress.execute.dependencies import digest, digest_of_file
from bookpress.execute.reading import CellsFailedError

# What of a cell's metadata changes how it runs.
TAGS = ("raises-exception", "skip-execution")


def digest_of_cells(notebook, common):
    """Return a digest of what is executed: the code, and what all pages depend on."""
    cells = [
        [cell.source, [tag for tag in TAGS if tag in cell.metadata.get("tags", [])]]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    kernel = {**notebook.metadata.get("kernelspec", {})}
    kernel.pop("digest", None)
    return digest([cells, kernel, common])


def take(notebook, executed):
    """Give a notebook the outputs of one with the same code cells."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, old in zip(code, executed.cells, strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
    for name in ("language_info", "widgets"):
        if name in executed.metadata:
            notebook.metadata[name] = executed.metadata[name]


class Outputs:
    """The outputs of earlier runs, each checked before it is used again."""

    def __init__(self, folder):
        """Open the cache in ``folder``; a damaged one is set aside, a new one begun."""
        self.folder, self.set_aside = Path(folder), None
        try:
            self._open()
        except (SQLAlchemyError, RuntimeError, ValueError, KeyError) as error:
            if "locked" in f"{error} {error.__cause__}":
                raise CellsFailedError(
                    f"another program has locked the cache of outputs, {folder}. "
                    "End it, or wait for it."
                ) from error
            self.set_aside = self.folder.with_name(f"{self.folder.name}.damaged")
            shutil.rmtree(self.set_aside, ignore_errors=True)
            self.folder.rename(self.set_aside)
            self._open()

    def _open(self):
        self.cache = get_cache(self.folder)
        self.records = self.cache.list_cache_records()
        for record in self.records:
            record.data.get("cells")  # reads what the record holds

    def fill(self, notebook, depends):
        """Fill in the outputs of an earlier run; return what it read, ``None`` if none.

        It is one that read what is there now. myst-nb will find it too, even if a
        caption changed in the meantime: ``depends`` gives its digest.
        """
        key = digest_of_cells(notebook, depends.common)
        same = [r for r in self.records if r.data.get("cells") == key]
        for record in [record for record in same if not self._is_whole(record)]:
            self._forget(record)
            same.remove(record)
        for record in same:
            reads = record.data["reads"]
            if depends.are(reads):
                take(notebook, nbformat.read(self._path(record.hashkey), as_version=4))
                notebook.metadata["kernelspec"]["digest"] = depends.digest(reads)
                _, wanted = self.cache.create_hashed_notebook(notebook)
                if wanted not in (record.hashkey for record in same):
                    seconds = record.data["execution_seconds"]
                    when = record.created
                    self.put(notebook, record.uri, seconds, reads, depends, when)
                return reads
        return None

    def put(self, notebook, uri, seconds, reads, depends, created=None):
        """Keep an executed notebook, which ran at ``created`` or just now."""
        notebook.metadata["kernelspec"]["digest"] = depends.digest(reads)
        code, hashkey = self.cache.create_hashed_notebook(notebook)
        text = nbformat.writes(code, nbformat.NO_CONVERT)
        self._forget_hash(hashkey)
        path = self._path(hashkey)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
        key = digest_of_cells(notebook, depends.common)
        data = {"execution_seconds": seconds, "cells": key, "reads": reads}
        data["digest"] = digest_of_file(path)
        record = NbCacheRecord.create_record(
            uri=str(uri),
            hashkey=hashkey,
            db=self.cache.db,
            data=data,
            created=created or datetime.now(UTC),
        )
        self.records.append(record)
        self.cache.truncate_caches()

    def seconds(self, uri):
        """Return how long a page took when it last ran; ``None`` if it never did."""
        runs = [record for record in self.records if record.uri == str(uri)]
        latest = max(runs, key=lambda record: record.created, default=None)
        return latest and latest.data.get("execution_seconds")

    def close(self):
        """Let go of the cache's files."""
        self.cache.db.dispose()

    def _path(self, hashkey):
        return self.folder / "executed" / hashkey / "base.ipynb"

    def _is_whole(self, record):
        path = self._path(record.hashkey)
        return path.exists() and record.data.get("digest") == digest_of_file(path)

    def _forget(self, record):
        NbCacheRecord.remove_record(record.pk, self.cache.db)
        shutil.rmtree(self._path(record.hashkey).parent, ignore_errors=True)
        self.records = [r for r in self.records if r.pk != record.pk]

    def _forget_hash(self, hashkey):
        """Forget what myst-nb would take for this notebook, though we didn't put it."""
        with suppress(KeyError):
            self._forget(NbCacheRecord.record_from_hashkey(hashkey, self.cache.db))

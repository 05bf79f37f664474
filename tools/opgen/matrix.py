"""`python -m opgen show matrix`: what every entry of the table has, on one line each."""

from __future__ import annotations

from .model import Entry, Table

HEAD = ("operator", "kind", "names", "forms", "dtypes", "derivative of", "oracle", "entry")


def _row(entry: Entry) -> tuple[str, ...]:
    names = " ".join(sorted(entry.public)) or "-"
    forms = " ".join(f for f, has in (("_", entry.has_inplace), ("out", entry.has_out)) if has)
    inputs = [k.strip() for key in (*entry.derivatives, *entry.rules) for k in key.split(",")]
    oracle = "ref" if entry.get("ref") else "samples" if entry.get("samples") else "tests"
    return (entry.name, entry.kind, names, forms or "-", str(entry.get("dtypes", "-")),
            ", ".join(inputs) or "-", oracle, f"{entry.file}:{entry.line}")


def show(table: Table) -> str:
    rows = [HEAD, *(_row(entry) for entry in table.entries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
             for row in rows)
    return "\n".join(lines) + "\n"

"""The reference page of each family, from the table."""

from __future__ import annotations

from pathlib import Path

from .emit_python import python_signature
from .model import Table


def write(table: Table, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    families: dict[str, list[str]] = {}
    for entry in table.entries:
        if not entry.public:
            continue
        lines = [f"## {entry.name}", "", f"```python\n{entry.name}{python_signature(entry, True, entry.has_out)}"
                 f" -> {entry.returns}\n```", "", entry.doc, ""]
        for name, text in {**entry.derivatives, **entry.rules}.items():
            kind = "factor" if name in entry.derivatives and entry.kind == "elementwise" else "gradient"
            lines.append(f"- {kind} for `{name}`: `{text}`")
        families.setdefault(Path(entry.file).stem, []).append("\n".join(lines) + "\n")
    for family, sections in families.items():
        (out / f"{family}.md").write_text(f"# {family}\n\n" + "\n".join(sections))

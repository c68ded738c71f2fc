"""Several OpenAPI documents as one. Pure.

A path stays where its service answers it. A component that is the same in two documents appears
once; one that only shares its name gets the service's name in front. Operation ids end up
unique.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

Document = dict[str, object]

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def merge(
    parts: Mapping[str, Mapping[str, object]],
    *,
    info: Mapping[str, object],
    service_of: Callable[[str], str],
) -> Document:
    """Return one document with what each service itself answers; the order is the parts' order."""
    merged: Document = {"openapi": "3.1.0", "info": dict(info), "paths": {}, "components": {}}
    paths = _child(merged, "paths")
    tags: list[object] = []
    for service, part in parts.items():
        document = _with_own_names(service, part, taken=_child(merged, "components"))
        for path, item in _child(document, "paths").items():
            if service_of(path) == service:
                paths[path] = item
        for section, entries in _child(document, "components").items():
            _child(_child(merged, "components"), section).update(cast("Document", entries))
        tags += [tag for tag in cast("list[object]", document.get("tags", [])) if tag not in tags]
    _make_operation_ids_unique(paths)
    if tags:
        merged["tags"] = tags
    return merged


def _with_own_names(service: str, document: Mapping[str, object], *, taken: Document) -> Document:
    """Return the document with those components renamed that another service uses otherwise."""
    renamed: dict[str, str] = {}
    components: Document = {}
    for section, entries in _child(dict(document), "components").items():
        others = _child(taken, section)
        names = {
            name: f"{service.capitalize()}{name}" if others.get(name, entry) != entry else name
            for name, entry in cast("Document", entries).items()
        }
        prefix = f"#/components/{section}/"
        renamed |= {prefix + old: prefix + new for old, new in names.items() if old != new}
        components[section] = {names[n]: e for n, e in cast("Document", entries).items()}
    own = {**document, "components": components}
    return cast("Document", _with_references(own, renamed)) if renamed else own


def _with_references(value: object, renamed: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        entries = cast("Document", value)
        return {
            name: renamed.get(child, child)
            if name == "$ref" and isinstance(child, str)
            else _with_references(child, renamed)
            for name, child in entries.items()
        }
    if isinstance(value, list):
        return [_with_references(child, renamed) for child in cast("list[object]", value)]
    return value


def _make_operation_ids_unique(paths: Document) -> None:
    seen: set[object] = set()
    for method, path, operation in _operations(paths):
        if operation.get("operationId") in seen or "operationId" not in operation:
            words = "".join(c if c.isalnum() else "_" for c in path).strip("_")
            operation["operationId"] = f"{method}_{words}"
        seen.add(operation["operationId"])


def _operations(paths: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in paths.items():
        for method, operation in cast("Document", item).items():
            if method in METHODS:
                yield method, path, cast("Document", operation)


def _child(parent: Document, name: str) -> Document:
    return cast("Document", parent.setdefault(name, {}))

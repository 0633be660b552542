"""The description of the API: OpenAPI 3.1, with the verdict's own schema and an example of all."""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from telltrace.files.version import VERSION
from telltrace.inference.formats import SCHEMA, schema

from .problems import KINDS, Problem

DESCRIPTION: Final = (
    "Tells whether a face in a picture or video was forged. A verdict is a measurement by a "
    "detector with known weaknesses, see /v1/detectors; it is no proof. Every error is "
    "application/problem+json and says what to do about it."
)
TAGS: Final = [
    {"name": "verdicts", "description": "A file in, its verdict out."},
    {"name": "jobs", "description": "Longer files, judged while the client does something else."},
    {"name": "results", "description": "What was drawn of a judged file, until it expires."},
    {"name": "about", "description": "What this service is and allows."},
]
REFERENCE: Final = {"$ref": "#/components/schemas/ProblemAnswer"}
FILE: Final = {"type": "string", "format": "binary", "minLength": 1}
BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "A form with the file, or its bytes, of whatever Content-Type they are.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": FILE},
                }
            },
            "application/octet-stream": {"schema": FILE},
        },
    }
}
"""The body of an upload, which the routes read by themselves."""
NO_FACE: Final = {
    "schema": SCHEMA,
    "path": "landscape.png",
    "status": "NO_FACE",
    "verdict": None,
    "score": None,
    "kind": "image",
    "duration": 0.0,
    "size": [640, 480],
    "frames": 1,
    "frames_with_face": 0,
    "dropped": 0,
    "lost": 0,
    "quality": [],
    "reason": "holds no face that was found",
    "remedy": "Give a picture in which a face is seen",
    "warnings": [],
    "sha256": "0" * 64,
    "detectors": ["0" * 64],
    "tracks": [],
}
VERDICT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The verdict",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Verdict"},
                "example": NO_FACE,
            }
        },
    }
}
"""What a scan answers."""


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """What a route documents of the problems that it may answer with."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = Problem(kind, "what was found in this case").to_dict()
        entry = found.setdefault(
            KINDS[kind].status,
            {
                "description": KINDS[kind].title,
                "content": {"application/problem+json": {"schema": REFERENCE, "examples": {}}},
            },
        )
        entry["content"]["application/problem+json"]["examples"][kind] = {"value": example}
    return found


def describe(app: FastAPI, needs_key: bool) -> dict[str, Any]:
    """The whole description; without ``needs_key`` requests may do without one."""
    made = get_openapi(
        title="telltrace",
        version=VERSION,
        summary="Face forgery detection",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    parts = made["components"]["schemas"]
    parts |= _verdict_schemas()
    either = {"anyOf": [{"$ref": "#/components/schemas/Verdict"}, {"type": "null"}]}
    parts["JobAnswer"]["properties"]["verdict"] = either
    for path in made["paths"].values():
        for operation in path.values():
            if "security" in operation and not needs_key:
                operation["security"].append({})
    return made


def _verdict_schemas() -> dict[str, Any]:
    """The parts of the schema of a scan that a verdict is made of, under names of their own."""
    parts = schema()["$defs"]
    names = {name: f"Verdict{name.capitalize()}" for name in parts} | {"file": "Verdict"}
    text = json.dumps(parts)
    for name, own in names.items():
        text = text.replace(f'"#/$defs/{name}"', f'"#/components/schemas/{own}"')
    return {names[name]: part for name, part in json.loads(text).items()}

"""The API's description: OpenAPI 3.1 from the schemas that read the input, and a page of it."""

import functools
import json
import re
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request, send_from_directory
from marshmallow import Schema
from werkzeug.routing import Rule

import shop_common
from shop_common import auth, fields
from shop_common.auth import public
from shop_common.operations import Operation, find_operation, operation

blueprint = Blueprint("openapi", __name__)

PAGE_FOLDER = Path(__file__).parent / "docs_page"
_MEANINGS = {202: "recorded, to be finished later", 304: "not changed", 503: "not available"}
_PATH_ARGUMENT = re.compile(r"<(?:(int)(?:\([^)]*\))?:)?(\w+)>")


@blueprint.get("/openapi.json")
@public
@operation("This description", answers={200: "application/json"})
def get_openapi() -> Response:
    is_proxied = "X-Forwarded-Prefix" in request.headers
    document = _document(current_app.name, is_proxied)
    return Response(document, content_type="application/json")


@blueprint.get("/docs")
@public
@operation("This description as a page", answers={200: "text/html"})
def get_docs() -> Response:
    page = (PAGE_FOLDER / "docs.html").read_text("utf-8")
    # `<` is escaped in the data, so that no text in it can end the element that holds it.
    is_proxied = "X-Forwarded-Prefix" in request.headers
    document = _document(current_app.name, is_proxied).replace("<", "\\u003c")
    # Links are relative to the last segment of the address: `/docs`, or `/api/docs/<app>`.
    base = current_app.name if is_proxied else "docs"
    page = page.replace("__BASE__", base).replace("__OPENAPI__", document)
    return Response(page, content_type="text/html; charset=utf-8")


@blueprint.get("/docs/<name>")
@public
@operation(
    "The page's script and style",
    answers={200: "text/css", 304: None},
    errors={404: "no such file"},
)
def get_docs_file(name: str) -> Response:
    return send_from_directory(PAGE_FOLDER, name)


@functools.cache
def _document(_app_name: str, is_proxied: bool) -> str:
    return json.dumps(describe(current_app, is_proxied=is_proxied))


def describe(app: Flask, *, is_proxied: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `app`: all its operations, or those that Nginx passes on."""
    # Imported here: a worker that nobody asks for its description does not pay for it.
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin

    plugin: Any = MarshmallowPlugin()
    spec = APISpec(
        title=f"Cornershop: {app.name}",
        version=shop_common.__version__,
        openapi_version="3.1.0",
        plugins=[plugin],
        security=[{"key": []}],
        tags=[{"name": name} for name in ([app.name] if is_proxied else app.blueprints)],
    )
    if is_proxied:
        # Nginx gives the catalogue's paths a name of their own; the others' begin with theirs.
        prefix = "/api/catalog" if app.name == "catalog" else "/api"
        spec.options["servers"] = [{"url": prefix}]
    plugin.map_to_openapi_type(fields.WholeNumber, "integer", None)
    plugin.map_to_openapi_type(fields.Money, "number", None)
    spec.components.security_scheme("key", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    spec.components.schema(
        "Problem",
        {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]},
    )
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        described = find_operation(view)
        if described and (rule.endpoint.startswith(f"{app.name}.") or not is_proxied):
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            spec.path(
                _PATH_ARGUMENT.sub(r"{\2}", rule.rule),
                operations={
                    method.lower(): _describe_operation(
                        rule, method, described, plugin, is_public=auth.is_public(view)
                    )
                    for method in methods
                },
            )
    return spec.to_dict()


def _describe_operation(
    rule: Rule, method: str, described: Operation, plugin: Any, *, is_public: bool
) -> dict[str, Any]:
    parameters = _path_parameters(rule)
    if described.query is not None:
        parameters += plugin.converter.schema2parameters(described.query, location="query")
    errors = list_errors(described, method, is_public=is_public)
    headers = {
        "Idempotency-Key": method == "POST",
        "If-Match": 412 in errors,
        "If-None-Match": 304 in described.answers,
    }
    parameters += [
        {"name": name, "in": "header", "schema": {"type": "string"}}
        for name, is_read in headers.items()
        if is_read
    ]
    answers: dict[str, Any] = {
        str(status): _describe_answer(status, content)
        for status, content in described.answers.items()
    }
    for status, meaning in sorted(errors.items()):
        answers[str(status)] = {
            "description": meaning,
            "content": {"application/problem+json": {"schema": "Problem"}},
        }
    result: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "summary": described.summary,
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": parameters,
        "responses": answers,
    }
    if described.body is not None:
        result["requestBody"] = {
            "required": described.body_required,
            "content": {"application/json": {"schema": _schema(described.body)}},
        }
    if described.raw_body is not None:
        result["requestBody"] = {"required": True, "content": {described.raw_body: {}}}
    if is_public:
        result["security"] = []
    return result


def list_errors(described: Operation, method: str, *, is_public: bool) -> dict[int, str]:
    """What an operation may be refused with, by status: its own, and what all of its kind share."""
    errors: dict[int, str] = {}
    if not is_public:
        errors |= {401: "no valid key", 503: "busy, or an app is away; nothing was done"}
        if method != "GET":
            errors[504] = "it is not known whether it was done"
    if described.body is not None:
        errors |= {413: "the body is larger than 1 MiB", 415: "it is not application/json"}
    if method == "POST":
        errors[409] = "a request with this `Idempotency-Key` is still running"
    if method == "POST" or described.query or described.body or described.path:
        errors[422] = "the input is wrong; `errors` names each field"
    return errors | dict(described.errors)


def _path_parameters(rule: Rule) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind else "string"},
        }
        for kind, name in _PATH_ARGUMENT.findall(rule.rule)
    ]


def _describe_answer(status: int, content: Schema | str | None) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _MEANINGS.get(status, "done")}
    if isinstance(content, Schema):
        described["content"] = {"application/json": {"schema": _schema(content)}}
    elif content is not None:
        described["content"] = {content: {}}
    return described


def _schema(schema: Schema) -> Any:
    # An instance with many=True is a list body; its items are the component.
    if schema.many:
        return {"type": "array", "items": type(schema)}
    return type(schema)

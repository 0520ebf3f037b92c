"""What the OpenAPI document cannot say, for the cases that schemathesis makes of it.

- What version 1 says of requests as annotations (`x-constraints`) holds, so cases are made by it.
- The formats `uri`, `site-path` and `data-url` are narrower than any pattern.
- The right secret is in no document, so three of four sound bodies get that of a dry run: with it they are accepted,
  without it they show how a wrong one is refused. Which do follows from the body, so that a seed repeats a run.
- Evaluators are on this machine, at ports where nobody listens and that no system gives away: nothing leaves it.
"""

import hashlib
import json

import schemathesis
from hypothesis import strategies as st

SECRET = "dry-run"

WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)

URLS = st.builds(
    "{}://127.0.0.1:{}/{}".format,
    st.sampled_from(["http", "https"]),
    st.integers(min_value=64000, max_value=64009),
    st.lists(WORDS, max_size=3).map("/".join),
)

# Long enough that no list holds one twice, which would be refused for that.
PATHS = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "data/", "a/b/", "é/"]),
    st.uuids().map(str),
    st.sampled_from(["csv", "json", "md", "png", "html"]),
)

DATA_URLS = st.one_of(
    st.builds(
        "data:{};base64,{}".format,
        st.sampled_from(["", "text/csv", "image/png", "text/plain;charset=utf-8"]),
        st.sampled_from(["", "YSxiCjEsMgo=", "iVBORw0KGgo=", "YQ"]),
    ),
    st.builds("data:{},{}".format, st.sampled_from(["", "text/plain"]), st.sampled_from(["", "a%20b", "1,2"])),
)

schemathesis.openapi.format("uri", URLS)
schemathesis.openapi.format("site-path", PATHS)
schemathesis.openapi.format("data-url", DATA_URLS)


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("secret"), str) and body["secret"].strip():
        if isinstance(body.get("evaluation_url"), str) and "://evaluator.example.com" in body["evaluation_url"]:
            case.body = body = {**body, "evaluation_url": "http://127.0.0.1:64000/notify"}
        if hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).digest()[0] % 4:
            case.body = {**body, "secret": SECRET}


def constrain(node):
    """Makes keywords of all annotations below `node`."""
    if isinstance(node, dict):
        node.update(node.pop("x-constraints", {}))
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        constrain(child)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Takes out what costs minutes or means nothing to a generator, and says what Open API 3.1 has no word for.

    A pattern together with a length is met by trial and error. In a query or a header `null` is the text "null". The
    schema of a stream is that of its whole text; `itemSchema` (Open API 3.2) is that of each event.
    """
    constrain(raw_schema)
    schemas = raw_schema["components"]["schemas"]
    for name, field in [("TaskRequest", "email"), ("TaskRequest", "evaluation_url"), ("ForgetRequest", "email")]:
        schemas[name]["properties"][field].pop("maxLength", None)
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []) if isinstance(operation, dict) else []:
                schema = parameter.get("schema", {})
                if isinstance(schema.get("type"), list):
                    schema["type"] = next(kind for kind in schema["type"] if kind != "null")
                if "oneOf" in schema:
                    parameter["schema"] = next(one for one in schema["oneOf"] if one.get("type") != "null")
    stream = raw_schema["paths"]["/v1/tasks/{id}/stream"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    del stream["schema"]
    stream["itemSchema"] = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
            "event": {"type": "string", "pattern": "^[a-z_]+$"},
            "data": {"type": "string", "pattern": "^{.*}$"},
        },
    }

"""Where the API is: below ``/api``; what is not there is told as a problem, too."""

from __future__ import annotations

from collections import defaultdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from parley.console import api
from parley.console.api_schema import Endpoint
from parley.errors import UsageError


class _Path:
    """Serves one path, whatever the method."""

    def __init__(self, table: dict[str, tuple[Endpoint, api.Handler]]) -> None:
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = self._table.get(request.method)
        if found is not None:
            return await api.serve(request, *found)
        if not self._table:
            return api.problem(UsageError(f"{request.url.path} is not here.", code="http-404"))
        allowed = ", ".join(sorted(self._table))
        response = api.problem(UsageError(f"only {allowed} here.", code="method-unknown"))
        response.headers["allow"] = allowed
        return response


def routes() -> list[BaseRoute]:
    """One route for each path, and one for all others."""
    by_path: dict[str, dict[str, tuple[Endpoint, api.Handler]]] = defaultdict(dict)
    for end, handler in api.ENDPOINTS:
        by_path[end.path][end.method] = end, handler
    found: list[BaseRoute] = [Route(path, _Path(table)) for path, table in by_path.items()]
    return [Mount("/api", routes=[*found, Route("/{rest:path}", _Path({}))])]

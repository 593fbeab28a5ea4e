"""The built front end: its files, and index.html for every address that the front end routes itself."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import FileResponse, Response

from control_center.errors import ApiError

DIST: Final = Path(__file__).parent / "web" / "dist"
IMMUTABLE: Final = "public, max-age=31536000, immutable"


class _PageConvertor(PathConvertor):
    """Leaves the service's own addresses alone, so that the framework answers wrong methods there with 405."""

    regex = "(?!(?:api|ws|assets|metrics)(?:/|$)).*"


register_url_convertor("page", _PageConvertor())


def find_file(dist: Path, path: str) -> Path | None:
    """The file of the front end at a path of the address, None when there is none or it lies outside."""
    if "\x00" in path:
        return None
    try:
        file = (dist / path).resolve()
        return file if file.is_relative_to(dist.resolve()) and file.is_file() else None
    except (OSError, ValueError):
        return None


def is_hidden(path: str) -> bool:
    """Whether part of a path begins with a dot: the build's own notes, or an attempt to climb out."""
    return any(part.startswith(".") for part in path.split("/"))


def serve(dist: Path) -> APIRouter:
    """Routes for everything that no other route answers; add them last."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/assets/{path:path}", methods=["GET", "HEAD"])
    def asset(path: str) -> Response:
        """A file whose name changes with its content. Raises ApiError: not_found."""
        file = None if is_hidden(path) else find_file(dist / "assets", path)
        if file is None:
            raise ApiError("not_found")
        return FileResponse(file, headers={"Cache-Control": IMMUTABLE})

    @router.api_route("/{path:page}", methods=["GET", "HEAD"])
    def page(path: str) -> Response:
        """A file of the front end, or its index. Raises ApiError: not_found."""
        file = find_file(dist, path or "index.html") or find_file(dist, "index.html")
        if is_hidden(path) or file is None:
            raise ApiError("not_found")
        return FileResponse(file, headers={"Cache-Control": "no-cache"})

    return router

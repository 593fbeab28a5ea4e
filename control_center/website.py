"""The built front end: its files, and index.html for every address that the front end routes itself."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from control_center.errors import ApiError

DIST: Final = Path(__file__).parent / "web" / "dist"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
_NOT_PAGES: Final = ("api", "ws", "assets")


def find_file(dist: Path, path: str) -> Path | None:
    """The file of the front end at a path of the address, None when there is none or it lies outside."""
    if "\x00" in path:
        return None
    try:
        file = (dist / path).resolve()
        return file if file.is_relative_to(dist.resolve()) and file.is_file() else None
    except (OSError, ValueError):
        return None


def serve(dist: Path) -> APIRouter:
    """Routes for everything that no other route answers; add them last."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    def page(path: str) -> Response:
        """A file of the front end, or its index. Raises ApiError: not_found."""
        file = find_file(dist, path) if path and path != "index.html" else None
        if file is not None:
            return FileResponse(
                file, headers={"Cache-Control": IMMUTABLE if path.startswith("assets/") else "no-cache"}
            )
        index = find_file(dist, "index.html")
        if path.split("/", 1)[0] in _NOT_PAGES or index is None:
            raise ApiError("not_found")
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    return router

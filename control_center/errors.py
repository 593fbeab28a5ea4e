"""Every refusal in one shape, `{"error": {"code", "message", "fields"?}}`, in the user's language."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolClosed
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from control_center.language import Language, preferred, text
from dispatch.refusals import RefusalCode, Refused

RequestCode = Literal[
    "bad_credentials",
    "bad_signature",
    "database_away",
    "foreign_origin",
    "home_not_on_map",
    "internal",
    "invalid",
    "malformed_json",
    "malformed_request",
    "method_not_allowed",
    "not_kept",
    "not_permitted",
    "not_signed_in",
    "too_large",
    "too_many_attempts",
    "unknown_columns",
    "unreadable_file",
    "wrong_content_type",
]
ErrorCode = RequestCode | RefusalCode
FieldCode = Literal[
    "bad_characters",
    "invalid",
    "not_a_choice",
    "not_a_figure",
    "not_a_list",
    "not_a_number",
    "not_a_time",
    "not_an_object",
    "not_text",
    "required",
    "too_high",
    "too_long",
    "too_low",
    "too_many",
    "too_short",
]
STATUS: Final[Mapping[ErrorCode, int]] = {
    "malformed_json": 400,
    "malformed_request": 400,
    "bad_credentials": 401,
    "bad_signature": 401,
    "not_signed_in": 401,
    "foreign_origin": 403,
    "not_permitted": 403,
    "emergency_not_shelved": 403,
    "supervisor_needed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "already_acknowledged": 409,
    "already_ended": 409,
    "not_yet_acknowledged": 409,
    "not_yet_raised": 409,
    "responder_on_the_way": 409,
    "already_accepted": 409,
    "already_declined": 409,
    "taken_by_another": 409,
    "offer_expired": 409,
    "offer_withdrawn": 409,
    "order_cancelled": 409,
    "order_ended": 409,
    "wrong_step": 409,
    "overlaps": 409,
    "no_longer_eligible": 409,
    "home_unknown": 409,
    "not_admitted": 409,
    "responder_busy": 409,
    "already_asked": 409,
    "not_in_hall": 409,
    "hall_limit": 409,
    "limit_stands": 409,
    "already_paired": 409,
    "device_in_use": 409,
    "device_revoked": 409,
    "already_assigned": 409,
    "not_assigned": 409,
    "no_device": 409,
    "call_unidentified": 409,
    "no_telephony": 409,
    "no_extension": 409,
    "number_in_use": 409,
    "claimed_by_another": 409,
    "shelved": 409,
    "task_done": 409,
    "task_taken": 409,
    "seat_exists": 409,
    "already_paused": 409,
    "not_paused": 409,
    "schedule_ended": 409,
    "schedule_paused": 409,
    "schedule_not_paused": 409,
    "not_scheduled": 422,
    "already_ordered": 409,
    "plan_ended": 409,
    "not_for_families": 422,
    "name_in_use": 409,
    "rota_in_use": 409,
    "not_on_duty": 409,
    "already_on_duty": 409,
    "already_answered": 409,
    "no_next_shift": 409,
    "other_assist": 409,
    "version_planned": 409,
    "already_begun": 409,
    "books_open": 409,
    "books_differ": 409,
    "already_drafted": 409,
    "same_person": 409,
    "already_reversed": 409,
    "not_reversible": 409,
    "receipt_known": 409,
    "evidence_missing": 422,
    "too_short": 422,
    "unknown_tick": 422,
    "too_many_photos": 409,
    "photo_too_large": 413,
    "not_a_picture": 422,
    "vitals_missing": 422,
    "unfit": 409,
    "already_rated": 409,
    "back_entry_asked": 409,
    "own_request": 403,
    "too_long_ago": 422,
    "clock_ahead": 422,
    "too_late": 409,
    "too_much": 422,
    "second_person_needed": 403,
    "being_planned": 409,
    "steps_not_rising": 422,
    "unknown_person": 422,
    "unknown_rota": 422,
    "unknown_unit": 422,
    "same_policy": 409,
    "transport_away": 409,
    "too_many_ways": 409,
    "code_expired": 409,
    "wrong_code": 422,
    "bad_url": 422,
    "code_just_sent": 429,
    "too_large": 413,
    "wrong_content_type": 415,
    "invalid": 422,
    "home_not_on_map": 422,
    "in_the_past": 422,
    "too_far_ahead": 422,
    "window_empty": 422,
    "window_too_long": 422,
    "unknown_item": 422,
    "unknown_skill": 422,
    "elder_away": 422,
    "too_far": 422,
    "too_vague": 422,
    "too_early": 422,
    "bad_number": 422,
    "mistyped_code": 422,
    "unknown_code": 422,
    "cause_missing": 422,
    "unknown_seat": 422,
    "wrong_outcome": 422,
    "unknown_reason": 422,
    "not_in_emergency": 422,
    "pause_too_long": 422,
    "too_many_attempts": 429,
    "district_supervisor_needed": 403,
    "unreadable_file": 422,
    "unknown_columns": 422,
    "licence_missing": 409,
    "last_area": 409,
    "rate_out_of_bounds": 422,
    "already_excluded": 409,
    "certificate_known": 409,
    "shift_overlaps": 409,
    "worker_left": 409,
    "already_on_leave": 409,
    "kitchen_closed": 409,
    "unknown_provider": 422,
    "internal": 500,
    "database_away": 503,
    "not_kept": 503,
}
_BY_STATUS: Final[Mapping[int, ErrorCode]] = {
    401: "not_signed_in",
    403: "not_permitted",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_content_type",
    422: "invalid",
}
# pydantic's error types, and the name under which each gives its limit.
_FIELD_CODES: Final[Mapping[str, tuple[FieldCode, str | None]]] = {
    "missing": ("required", None),
    "bad_characters": ("bad_characters", None),
    "string_unicode": ("bad_characters", None),
    "string_type": ("not_text", None),
    "string_too_short": ("too_short", "min_length"),
    "string_too_long": ("too_long", "max_length"),
    "float_type": ("not_a_figure", None),
    "float_parsing": ("not_a_figure", None),
    "finite_number": ("not_a_figure", None),
    "list_type": ("not_a_list", None),
    "too_long": ("too_many", "max_length"),
    "not_a_time": ("not_a_time", None),
    "timezone_aware": ("not_a_time", None),
    "datetime_type": ("not_a_time", None),
    "datetime_parsing": ("not_a_time", None),
    "datetime_object_invalid": ("not_a_time", None),
    "datetime_from_date_parsing": ("not_a_time", None),
    "int_type": ("not_a_number", None),
    "int_parsing": ("not_a_number", None),
    "int_parsing_size": ("not_a_number", None),
    "int_from_float": ("not_a_number", None),
    "greater_than_equal": ("too_low", "ge"),
    "less_than_equal": ("too_high", "le"),
    "literal_error": ("not_a_choice", None),
    "enum": ("not_a_choice", None),
    "model_type": ("not_an_object", None),
    "model_attributes_type": ("not_an_object", None),
    "dict_type": ("not_an_object", None),
}
log: Final = structlog.get_logger()


class ErrorDetail(BaseModel):
    """Why a request was refused: a code for programs, a sentence for people."""

    code: str
    message: str
    fields: dict[str, str] | None = None


class ErrorAnswer(BaseModel):
    """The body of every answer with status 400 and above."""

    error: ErrorDetail


class ApiError(Exception):
    """Refuse a request; the status and the words follow from the code."""

    def __init__(self, code: ErrorCode, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers


def error_response(
    language: Language,
    code: ErrorCode,
    fields: dict[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer that says in the user's language what is wrong."""
    answer = ErrorAnswer(error=ErrorDetail(code=code, message=text(language, f"errors.{code}"), fields=fields))
    return JSONResponse(
        answer.model_dump(exclude_none=True),
        STATUS[code],
        {"Content-Language": language, "Cache-Control": "no-store", **(headers or {})},
    )


def _language(request: Request) -> Language:
    return preferred(request.headers.get("accept-language"))


def field_texts(language: Language, faults: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is wrong with each field, by its name in the request; the values themselves are never repeated."""
    texts: dict[str, str] = {}
    for fault in faults:
        place = [str(part) for part in fault["loc"]]
        name = ".".join(place[1:] or place)
        code, limit = _FIELD_CODES.get(fault["type"], ("invalid", None))
        texts.setdefault(name, text(language, f"fields.{code}", limit=_plain(fault.get("ctx", {}).get(limit))))
    return texts


def _plain(limit: object) -> object:
    """A limit as people write it: 90, not 90.0."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def refuse_validation(request: Request, error: Exception) -> Response:
    """422 with a text for each field, or 400 when the body was not JSON at all."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return error_response(_language(request), "malformed_json")
    return error_response(_language(request), "invalid", field_texts(_language(request), faults))


def refuse_http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown paths and methods, bodies that cannot be read."""
    if not isinstance(error, HTTPException):
        raise error
    code = _BY_STATUS.get(error.status_code, "malformed_request" if error.status_code < 500 else "internal")
    return error_response(_language(request), code, headers=error.headers)


def refuse_api(request: Request, error: Exception) -> Response:
    """What a route refuses."""
    if not isinstance(error, ApiError):
        raise error
    return error_response(_language(request), error.code, headers=error.headers)


def refuse_command(request: Request, error: Exception) -> Response:
    """What the domain refuses."""
    if not isinstance(error, Refused):
        raise error
    language = _language(request)
    fields = {name: text(language, "fields.required") for name in error.missing}
    return error_response(language, error.code, fields or None)


def refuse_database(request: Request, error: Exception) -> Response:
    """The database is away, restarting or overloaded: the caller may try again."""
    log.warning("database_away", why=str(error).strip()[:300])
    return error_response(_language(request), "database_away", headers={"Retry-After": "2"})


def refuse_data(request: Request, error: Exception) -> Response:
    """A value that no column can hold and that validation let through."""
    log.warning("unstorable_value", why=str(error).strip()[:300])
    return error_response(_language(request), "invalid")


def refuse_unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours; the cause goes to the log, never to the caller."""
    log.error("unexpected", path=request.url.path, exc_info=error)
    return error_response(_language(request), "internal")


def install(app: FastAPI) -> None:
    """Make the application answer every failure in the one shape."""
    app.add_exception_handler(RequestValidationError, refuse_validation)
    app.add_exception_handler(HTTPException, refuse_http)
    app.add_exception_handler(ApiError, refuse_api)
    app.add_exception_handler(Refused, refuse_command)
    app.add_exception_handler(psycopg.OperationalError, refuse_database)
    app.add_exception_handler(psycopg.InterfaceError, refuse_database)
    app.add_exception_handler(PoolClosed, refuse_database)
    app.add_exception_handler(psycopg.DataError, refuse_data)
    app.add_exception_handler(Exception, refuse_unexpected)

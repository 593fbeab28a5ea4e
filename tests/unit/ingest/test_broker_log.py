"""What the broker's log says was refused, through rotation and half-written lines."""

from pathlib import Path

import pytest

from ingest.broker_log import BrokerLog, Denied, parse_line

LINE = b'[14270] 2026/11/22 07:18:12.504825 [ERR] 127.0.0.1:41193 - mid:6 - "%s" - Publish Violation - Subject "%s"\n'
SUBSCRIBED = (
    b'[14270] 2026/11/22 07:18:12.505798 [ERR] 127.0.0.1:41193 - mid:6 - "W-1" - Subscription Violation - '
    b'User "W-1", Subject "care.v1.3.W-2.cmd", SID care.v1.3.W-2.cmd'
)
STARTED = b"[1] 2026/11/22 07:18:10.455496 [INF] Server is ready\n"


def _said(device: str, topic: str) -> bytes:
    return LINE % (device.encode(), topic.replace("/", ".").encode())


def test_a_violation_names_the_device_and_the_topic() -> None:
    assert parse_line(_said("W-1", "care/v1/3/W-2/event").rstrip()) == Denied("W-1", "publish", "care/v1/3/W-2/event")
    assert parse_line(SUBSCRIBED) == Denied("W-1", "subscribe", "care/v1/3/W-2/cmd")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        STARTED,
        b'[1] 2026/11/22 07:18:12 [ERR] x - mid:6 - "W-1" - authentication error - Publish Violation',
        b'[1] 2026/11/22 07:18:12 [INF] x - mid:6 - "W-1" - Publish Violation - Subject "care"',
        b'[1] 2026/11/22 07:18:12 [ERR] x - cid:6 - "W-1" - Publish Violation - Subject "care"',
        b'W-9 [1] 2026/11/22 07:18:12 [ERR] x - mid:6 - "W-1" - Publish Violation - Subject "care"',
        b'[1] 2026/11/22 07:18:12 [ERR] x - mid:6 - "not an id" - Publish Violation - Subject "care"',
    ],
)
def test_other_lines_say_nothing(line: bytes) -> None:
    assert parse_line(line) is None


def _append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_only_what_comes_from_now_on_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "nats.log"
    path.write_bytes(_said("old", "care/v1/0/x/event"))
    log = BrokerLog(path)
    assert log.read() == []
    _append(path, _said("W-1", "care/v1/0/x/event") + STARTED + _said("W-2", "care/v1/0/x/event"))
    assert [one.device_id for one in log.read()] == ["W-1", "W-2"]
    assert log.read() == []
    log.close()


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "nats.log"
    path.touch()
    log = BrokerLog(path)
    line = _said("W-1", "care/v1/0/x/event")
    _append(path, line[:60])
    assert log.read() == []
    _append(path, line[60:])
    assert [one.device_id for one in log.read()] == ["W-1"]
    log.close()


def test_a_rotated_log_is_read_to_its_end_and_the_new_one_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "nats.log"
    path.touch()
    log = BrokerLog(path)
    _append(path, _said("W-1", "care/v1/0/x/event"))
    path.rename(path.with_suffix(".log.1"))
    path.write_bytes(_said("W-2", "care/v1/0/x/event"))
    assert [one.device_id for one in (*log.read(), *log.read())] == ["W-1", "W-2"]
    log.close()


def test_a_log_that_is_cut_off_or_comes_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "nats.log"
    log = BrokerLog(path)
    assert log.read() == []
    path.write_bytes(_said("W-1", "care/v1/0/x/event"))
    assert [one.device_id for one in (*log.read(), *log.read())] == ["W-1"]
    path.write_bytes(STARTED)
    assert log.read() == []
    _append(path, _said("W-2", "care/v1/0/x/event"))
    assert [one.device_id for one in (*log.read(), *log.read())] == ["W-2"]
    log.close()

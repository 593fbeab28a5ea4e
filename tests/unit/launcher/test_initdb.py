"""What the launcher says of its PostgreSQL."""

import pytest

from launcher.postgres import why_it_ended


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            'FATAL:  could not extend file "base/1/2691": No space left on device\n'
            "HINT:  Check free disk space.\nchild process exited with exit code 134\n"
            'initdb: removing data directory "/x"\n',
            'FATAL:  could not extend file "base/1/2691": No space left on device',
        ),
        ('initdb: error: could not access directory "/x": Permission denied\n\n', "initdb: error: could not access"),
        ("something else\n", "something else"),
        ("", ""),
    ],
)
def test_a_failed_initdb_is_reported_with_its_reason_and_not_with_its_tidying_up(said: str, why: str) -> None:
    told = why_it_ended(said)
    assert told.startswith(why) and "removing" not in told

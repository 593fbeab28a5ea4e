"""`python -m load_tests bench NAME`: the benchmarks behind `./anban bench`."""

import typer
from typer.core import TyperGroup

from load_tests.alarms_bench.command import alarms
from load_tests.chaos.command import chaos
from load_tests.connection_bench.command import connections
from load_tests.dispatch_bench.command import dispatch
from load_tests.ingest_bench.command import ingest
from load_tests.news2.command import news2
from load_tests.peers.measure import peer
from load_tests.plan_bench.command import plan
from load_tests.query.command import query

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(ingest)
app.command()(connections)
app.command()(alarms)
app.command()(chaos)
app.command()(news2)
app.command()(dispatch)
app.command()(plan)
app.command()(peer)
app.command()(query)


@app.callback()
def bench() -> None:
    """Measure a running Anban, or what it is made of."""


@app.command(hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def words(context: typer.Context, name: str) -> None:
    """Say what is wrong with the words of a benchmark, without running it: exit 0 when nothing is."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101
    group.commands[name].make_context(name, list(context.args))

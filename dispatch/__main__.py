"""`python -m dispatch`: the engine that acts on deadlines and sends commands."""

from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler

from dispatch.day_plans.making import PlanMaker, solve_apart
from dispatch.deadman import DeadMan
from dispatch.dialling import dialling_of
from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from dispatch.sending import Outbox
from dispatch.transports.configured import transports_or_exit
from schemas.clock import clock_of
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import load_settings


def main() -> None:
    """Run until told to stop, beside other engines. APScheduler only says when to look; what is due stands in the
    database."""
    settings = load_settings()
    transports = transports_or_exit(settings)
    configure_logging("dispatch", settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    publisher = CommandPublisher(settings.mqtt_address)
    publisher.start()
    clock = clock_of(settings)
    dialling = dialling_of(settings.database_url, settings.voice_url, settings.voice_secret, clock)
    outbox = Outbox(settings.database_url, transports, clock, settings.public_url)
    deadman = DeadMan(settings.deadman_url)
    plans = PlanMaker(settings.database_url, clock, partial(solve_apart, osrm_url=settings.osrm_url))
    engine = Engine(settings.database_url, publisher, clock, helpers=(dialling, outbox, plans), deadman=deadman)
    outbox.nudge = engine.wake
    serve_health(settings.metrics_port, engine.health)
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(engine.wake, "interval", seconds=1, coalesce=True)
    scheduler.add_job(engine.request_housekeeping, "interval", hours=1, coalesce=True)
    scheduler.start()
    engine.run(stop)
    scheduler.shutdown(wait=False)
    publisher.stop()


if __name__ == "__main__":
    main()

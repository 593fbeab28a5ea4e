"""`python -m dispatch`: the engine that acts on deadlines and sends commands."""

from apscheduler.schedulers.background import BackgroundScheduler

from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import load_settings


def main() -> None:
    """Run until told to stop. APScheduler only says when to look; what is due stands in the database."""
    settings = load_settings()
    configure_logging("dispatch", settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    publisher = CommandPublisher(settings.mqtt_url)
    publisher.start()
    engine = Engine(settings.database_url, publisher)
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

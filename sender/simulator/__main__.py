"""``python -m sender.simulator``: the simulator as a process."""

import argparse
import asyncio
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from sender.simulator.clock import Clock
from sender.simulator.config import ConfigError, load_config
from sender.simulator.server import create_app, listening


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 2 when the arguments, the configuration or the port are unusable."""
    asked = _parser().parse_args(argv)
    try:
        clock = _clock(asked.clock_real, asked.clock_virtual, asked.clock_speed)
        config = load_config(asked.config)
        if asked.seed is not None:
            config = config.model_copy(update={"seed": asked.seed})
        app = create_app(config, clock=clock, log_path=asked.log, fsync=asked.log_fsync)
        asyncio.run(_serve(app, asked.host, asked.port))
    except (ConfigError, ValueError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


async def _serve(app: web.Application, host: str, port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with listening(app, host, port) as url:
        sys.stdout.write(f"simulator ready at {url}\n")
        sys.stdout.flush()
        await ended.wait()


def _clock(real: float | None, virtual: str | None, speed: float) -> Clock:
    real = time.time() if real is None else real
    return Clock(real, datetime.fromisoformat(virtual) if virtual else datetime.fromtimestamp(real, UTC), speed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sender.simulator",
        description="A Twilio-shaped server with simulated phones. It sends nothing to anybody.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--config", type=Path, required=True, help="JSON configuration, see docs/simulator.md")
    parser.add_argument("--log", type=Path, help="append every event to this JSONL file (made with mode 0600)")
    parser.add_argument("--log-fsync", action="store_true", help="sync the log to disk after every line")
    parser.add_argument("--seed", type=int, help="draw phones, faults and delays from this seed, not the file's")
    parser.add_argument("--clock-real", type=float, help="epoch seconds at which the virtual clock is anchored")
    parser.add_argument("--clock-virtual", help="virtual instant at that moment, ISO 8601 with zone")
    parser.add_argument("--clock-speed", type=float, default=1.0, help="virtual seconds per real second (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`python -m serving`: `bentoml serve` with the settings we recommend; others keep and audit what it keeps."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from features.spec.terminal import print_to_any_terminal
from scoring.lean_imports import bar_training_libraries
from serving.auth.api_keys import KeysError, read_keys
from serving.auth.sign_in_file import SignInError, read_sign_in
from serving.cli.ports import taken
from serving.settings import Settings, SettingsError

_COMMANDS = {
    "copy": "serving.cli.copy_for_person",
    "keys": "serving.auth.api_keys",
    "load": "serving.cli.load",
    "replay": "serving.cli.replay",
    "suppress": "serving.cli.suppress",
}  # imported only when asked for
_ROOT = Path(__file__).resolve().parent.parent
_KEEP_ALIVE = "75"  # seconds; longer than the pools of common clients and proxies keep an idle connection
_GRACE = "30"  # seconds that requests under way are given at a stop


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Becomes the server, or runs a command, or prints why it cannot and ends."""
    print_to_any_terminal()
    given = command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS)
    if given and given[0] in _COMMANDS:
        bar_training_libraries()  # which importing xgboost would bring along
        sys.exit(import_module(_COMMANDS[given[0]]).main(given[1:]))
    parser = _parser()
    options = parser.parse_args(given)
    try:
        Settings.from_environment()
    except SettingsError as error:
        parser.error(str(error))
    if not (_loopback(options.host) or options.open or _has_keys(options.home)):
        detail = "anyone could ask: make keys by `python -m serving keys add NAME`, or say --open-to-everyone."
        parser.error(f"On {options.host} {detail}")
    if taken(options.host, options.port):
        parser.exit(1, f"Port {options.port} of {options.host} is taken: choose another with --port.\n")
    if options.open:
        os.environ["PENCHANT_OPEN"] = "on"
    os.environ |= {"PENCHANT_HOME": str(options.home.resolve()), "PENCHANT_WORKERS": str(options.workers)}
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    command = [sys.executable, "-m", "bentoml", "serve", *_serve_arguments(options)]
    os.umask(0o077)  # what the server writes in a home is its owner's alone
    os.execv(command[0], command)  # noqa: S606 our own interpreter, and there is no shell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("serving"),
        description="Serves the releases of a home over HTTP.",
        epilog=f"There are the commands {', '.join(_COMMANDS)}. {EITHER_SIDE}",
    )
    add_shared_options(parser, json="as for every command; the log is lines of JSON in any case")
    parser.add_argument("--host", default="127.0.0.1", help="the IP address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=3000, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=1, help="processes that answer (default: %(default)s)")
    parser.add_argument(
        "--open-to-everyone", dest="open", action="store_true", help="listen beyond this machine without keys"
    )
    return parser


def _serve_arguments(options: argparse.Namespace) -> list[str]:
    return [
        "serving.service:Penchant",
        *("--working-dir", str(_ROOT)),
        *("--host", options.host),
        *("--port", str(options.port)),
        *("--timeout-keep-alive", _KEEP_ALIVE),
        *("--timeout-graceful-shutdown", _GRACE),
    ]


def _has_keys(home: Path) -> bool:
    """Whether callers are asked for a key; so too where the keys cannot be read."""
    try:
        return read_keys(home).asked or read_sign_in(home) is not None
    except (KeysError, SignInError):
        return True


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()

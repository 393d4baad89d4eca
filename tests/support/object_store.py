"""An S3 of this machine for tests: SeaweedFS, from its package, on loopback, gone with the block."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as pafs

from tests.support.ports import free_port

KEY, SECRET = "test-key", "test-secret"
BUCKET = "lake"


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """The variables by which it is found; it has one bucket, `lake`."""
    port = free_port()
    config = folder / "s3.json"
    user = {
        "name": "t",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write"],
    }
    config.write_text(json.dumps({"identities": [user]}))
    command = [
        str(Path(sys.prefix) / "bin" / "weed"),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
    ]
    ports = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    command += [f"-{name}={free_port()}" for name in ports] + ["-filer", "-s3", f"-s3.config={config}"]
    command += [f"-s3.port={port}", f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=40"]
    quiet, own = subprocess.DEVNULL, {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, cwd=folder, env=own, stdout=quiet, stderr=quiet) as server:
        try:
            _wait(file_system(port))
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
            }
        finally:
            server.kill()  # asked to end it takes half a minute
            server.wait()


def file_system(port: int) -> pafs.S3FileSystem:
    """The files of a store that answers on a port."""
    return pafs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{port}",
        scheme="http",
        region="us-east-1",
        access_key=KEY,
        secret_key=SECRET,
        allow_bucket_creation=True,
    )


def _wait(files: pafs.S3FileSystem) -> None:
    """Until a bucket takes a file."""
    until = time.monotonic() + 120
    while True:
        try:
            files.create_dir(BUCKET)
            with files.open_output_stream(f"{BUCKET}/ready") as out:
                out.write(b"yes")
            files.delete_file(f"{BUCKET}/ready")
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)

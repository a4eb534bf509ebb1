"""How gunicorn runs an app; one file for all four, on a desk as on a server.

SHOP_APP=cart gunicorn -c deploy/gunicorn.conf.py 'apps.cart:create_app()'
"""

import gc
import logging
import os
import resource
import shutil
import signal
import sys
from typing import Any

from gunicorn.glogging import Logger

from shop_common.cli.processes import die_with_parent
from shop_common.config import load_config

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

settings = load_config(os.environ["SHOP_APP"])

# `./shop up` hands over a socket that is open already (--bind fd://N), which counts for more.
bind = f"127.0.0.1:{settings.port}"
backlog = 511

# Each connection is a descriptor; the apps' databases, partners and logs are some dozens more.
_descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_descriptors, _descriptors))
worker_connections = max(1, min(1000, _descriptors - 100))

# The app is made once and then forked, so that the workers share its memory.
preload_app = True
worker_class = "shop_common.worker.TurnWorker"
workers = settings.workers
threads = settings.threads
# Longer than Nginx keeps its connections (60 s): so it is never we who close one that is in use.
keepalive = 75
# Longer than the longest answer (5 s, and the import's rest), shorter than anyone's patience.
graceful_timeout = 6
# Its heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# It would be at one and the same path for all four.
control_socket_disable = True

# Nginx has its own, lower limits, and answers with a JSON body where these would not.
limit_request_line = 8190
limit_request_fields = 32768
limit_request_field_size = 16380

# No header is believed, so nobody's address has to be compared with a list for each request.
forwarder_headers = ""
secure_scheme_headers = {}
forwarded_allow_ips = "*"

accesslog = None  # the app's log and Nginx's have every request


class logger_class(Logger):  # the setting's name
    """Without what gunicorn would else prepare of every request for a log that nobody keeps."""

    access_log_enabled = False


logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "shop_common.log.JsonFormatter", "app": settings.app}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": settings.log_level, "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True}},
}

# What none of our log lines says need not be found out for each: where in the code it was written,
# and by which thread and process. In an outage each add to a cart has a line.
logging._srcfile = None  # type: ignore[assignment] # as Python's logging HOWTO has it
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

# Counters of all workers are added up from files here; those of an earlier run are not wanted, but
# this file is also read again when a master reloads. prometheus_client looks at the setting when it
# is first imported, so nothing that imports it stands at the top of this file.
_metrics = settings.data_dir / "run" / "metrics" / settings.app
if os.environ.get("PROMETHEUS_MULTIPROC_DIR") != str(_metrics):
    shutil.rmtree(_metrics, ignore_errors=True)
    _metrics.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)
METRICS_BYTES = 256 * 1024  # of each kind, several times what all of an app's take


def when_ready(server: Any) -> None:
    # What is there before the fork is never looked at by a worker's collector, and stays shared.
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    # The lowest number that no living worker has, given by the master, who knows them all.
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = min({*range(len(taken) + 1)} - taken)


def post_fork(server: Any, worker: Any) -> None:
    # Else the workers of a master that was killed would keep the port for a second or more.
    die_with_parent(worker.ppid)
    # Until it has handlers of its own a worker has its master's, and those only note a signal for a
    # loop that runs in the master. A stop that comes right after a start would wait for nothing.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get_nowait() in STOP_SIGNALS:
            sys.exit(0)

    _reserve_metrics(worker.number)


def _reserve_metrics(number: int) -> None:
    from prometheus_client import values

    # A worker counts on in the files of one that died: its place on the disk is taken already, and
    # however many die, there are no more files to add up.
    values.ValueClass = values.MultiProcessValue(lambda: number)
    # prometheus_client would make files with holes and map them into memory: to count into a hole
    # while the disk is full ends the process (SIGBUS), in the middle of a request.
    for kind in ("counter", "histogram"):
        file = _metrics / f"{kind}_{number}.db"
        if not file.exists() or file.stat().st_size < METRICS_BYTES:
            file.write_bytes(bytes(METRICS_BYTES))


def post_worker_init(worker: Any) -> None:
    # Threads do not survive a fork, so not before it.
    worker.wsgi.extensions["background"].start()


def worker_exit(server: Any, worker: Any) -> None:
    if worker.booted:
        worker.wsgi.extensions["background"].stop()

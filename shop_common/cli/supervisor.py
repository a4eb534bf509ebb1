"""The process that keeps the four gunicorns and Nginx alive; what it starts is given by `up`.

It imports the library once and forks each gunicorn from that: all apps share those pages, and an
app that died is back in a tenth of a second. It holds the listening sockets, so that a restart
refuses no connection.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from shop_common import clock
from shop_common.cli import processes
from shop_common.cli.check import Check
from shop_common.cli.children import end_of_log, exits, fork, open_log
from shop_common.cli.processes import Process
from shop_common.cli.programs import Program
from shop_common.cli.state import CHECKOUT, Shop, save_settings

START_TIMEOUT_S = 30.0
STABLE_AFTER_S = 5.0
FIRST_BACK_OFF_S = 0.1
LONGEST_BACK_OFF_S = 5.0
SAVE_AGAIN_S = 1.0
NGINX_STOP_S = 3.0  # a little more than its worker_shutdown_timeout
APP_STOP_S = 7.0  # a little more than gunicorn's graceful_timeout
BACKLOG = 511


class StartError(Exception):
    """The shop cannot be started; the message says why, for the person who asked."""


class Supervisor:
    """Runs `programs` until a signal says stop (see `run`); looks at the books meanwhile."""

    def __init__(
        self,
        shop: Shop,
        programs: list[Program],
        on_ready: Callable[["Supervisor"], None],
        check_every_s: float,
    ) -> None:
        self.shop = shop
        self.programs = programs
        self.on_ready = on_ready
        self.check = Check(shop, check_every_s)
        self.speaks = True  # to the terminal; the log is always written
        self.stop_requests = 0
        self.save_at: float | None = None  # to be tried again then
        self.began_at = time.monotonic()
        self.selector = selectors.DefaultSelector()
        # The one descriptor that a signal makes readable, so that select() never misses one.
        self.wake_up, self._signalled = socket.socketpair()
        for end in (self.wake_up, self._signalled):
            end.setblocking(False)
        self.selector.register(self.wake_up, selectors.EVENT_READ)

    def run(self) -> None:
        """Start everything, keep it alive, stop it.

        Raises StartError if it never got ready, LogError for a log that cannot be opened.
        """
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in processes.INTERRUPTIONS:
            signal.signal(number, self._request_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, self._request_stop)
        processes.name_process("shop")
        processes.run_in_batches()
        self._save()
        _import_library(self.shop)
        try:
            self._open_logs()
            while not self.stop_requests:
                self._reap()
                self._start_due()
                self._probe()
                self._save_due()
                if not self.shop.ready:
                    self._check_start()
                else:
                    self.check.begin_if_due()
                self._wait()
        except BaseException:
            self._stop(at_once=True)
            raise
        self.say("stopping")
        self._stop(at_once=False)
        self.say("stopped")

    def _open_logs(self) -> None:
        """Note where this start begins in each. Raises LogError for one that cannot be opened."""
        for program in self.programs:
            log = open_log(self.shop, program.name)
            program.log_begins_at = os.fstat(log).st_size
            os.close(log)

    def _request_stop(self, *_: object) -> None:
        self.stop_requests += 1

    def _wait(self) -> None:
        due = [p.start_at for p in self.programs if not p.pid]
        due += [p.probe_at for p in self.programs if p.pid and not p.is_ready and not p.probe]
        if self.save_at is not None:
            due.append(self.save_at)
        if not self.shop.ready:
            due.append(self.began_at + START_TIMEOUT_S)
        elif self.check.every_s and not self.check.pid:
            due.append(self.check.start_at)
        self._sleep(max(0.0, min(due) - time.monotonic()) if due else None)

    def _sleep(self, timeout_s: float | None) -> None:
        """Until a signal or an answer to a probe comes, `timeout_s` at most."""
        self.selector.select(timeout_s)
        with suppress(BlockingIOError):
            while self.wake_up.recv(512):
                pass

    def _start_due(self) -> None:
        for program in self.programs:
            if not program.pid and program.start_at <= time.monotonic():
                self._start(program)

    def _start(self, program: Program) -> None:
        # Refused connections while it could not start (see _bury) are accepted again.
        program.listener.listen(BACKLOG)
        program.started_at = time.monotonic()
        program.pid = fork(
            self.shop, program.name, program.run, program.death_signal, program.listener.fileno()
        )
        process = processes.find_process(program.pid)
        self.shop.programs[program.name] = process or Process(program.pid, "")
        self._save()
        program.is_ready = False
        program.probe_at = program.started_at

    def _probe(self) -> None:
        now = time.monotonic()
        for program in self.programs:
            if not program.pid or program.is_ready:
                continue
            if program.probe:
                program.read_probe(self.selector)
            elif program.probe_at <= now:
                program.send_probe(self.selector)
            if program.is_ready:
                seconds = time.monotonic() - program.started_at
                host, port = program.listener.getsockname()[:2]
                self.say(f"{program.name:<9} ready on {host}:{port} after {seconds:.2f} s")

    def _check_start(self) -> None:
        if all(program.is_ready for program in self.programs):
            self._remember()
            self.shop.ready = True
            self._save()
            self.check.start_at = time.monotonic() + self.check.every_s
            self.say(f"all ready after {time.monotonic() - self.began_at:.2f} s")
            self.on_ready(self)
        elif time.monotonic() > self.began_at + START_TIMEOUT_S:
            late = next(program for program in self.programs if not program.is_ready)
            raise StartError(
                f"{late.name} did not get ready within {START_TIMEOUT_S:.0f} s"
                + end_of_log(self.shop, late.name, late.log_begins_at)
            )

    def _remember(self) -> None:
        # Not before: the next start is not to begin with what this one could not.
        try:
            save_settings(self.shop)
        except OSError as error:
            reason = f"{self.shop.run} cannot be written: {error.strerror}"
            raise StartError(reason) from None

    def _reap(self) -> None:
        for pid, status in exits():
            code = os.waitstatus_to_exitcode(status)
            if pid == self.check.pid and (news := self.check.end(code)):
                self.say(news)
            for program in self.programs:
                if program.pid == pid:
                    self._bury(program, code)

    def _bury(self, program: Program, code: int) -> None:
        """Note a death that nobody asked for, and when it is to be started again."""
        was_ready, program.is_ready, program.pid = program.is_ready, False, 0
        how = f"exit code {code}" if code >= 0 else _name_signal(-code)
        program.end_probe(self.selector)
        lived_s = time.monotonic() - program.started_at
        if not program.was_ready and not self.shop.ready:
            said = end_of_log(self.shop, program.name, program.log_begins_at)
            raise StartError(f"{program.name} could not start ({how}){said}")
        if lived_s >= STABLE_AFTER_S:
            program.back_off_s = 0.0
        program.start_at = time.monotonic() + program.back_off_s
        self.say(
            f"{program.name} died ({how}) after {lived_s:.1f} s, "
            f"is started again in {program.back_off_s:.1f} s"
        )
        program.back_off_s = min(max(program.back_off_s * 2, FIRST_BACK_OFF_S), LONGEST_BACK_OFF_S)
        if not was_ready:
            # What cannot start should refuse its callers at once, not keep them waiting: the
            # socket stays bound but no longer listens. After a plain crash it goes on listening.
            with suppress(OSError):
                program.listener.shutdown(socket.SHUT_RDWR)

    def _stop(self, *, at_once: bool) -> None:
        """Nginx first, so that no request meets an app that is going; then the apps."""
        self.check.stop()
        for program in self.programs:
            program.end_probe(self.selector)
            program.listener.close()
        if at_once:
            self.stop_requests += 2
        front = [program for program in self.programs if program.name == "nginx"]
        self._end_all(front, NGINX_STOP_S)
        self._end_all([p for p in self.programs if p not in front], APP_STOP_S)
        self.shop.supervisor, self.shop.ready, self.shop.programs = None, False, {}
        self._save()

    def _end_all(self, programs: list[Program], timeout_s: float) -> None:
        for program in programs:
            if program.pid:
                with suppress(ProcessLookupError):
                    os.kill(program.pid, program.stop_signal)
        deadline = time.monotonic() + timeout_s
        # A second Ctrl-C means now.
        while self.stop_requests < 2 and (left_s := deadline - time.monotonic()) > 0:
            for pid, _ in exits():
                for program in self.programs:
                    if program.pid == pid:
                        program.pid = 0
            if not any(program.pid for program in programs):
                return
            self._sleep(left_s)
        for program in programs:
            if program.pid:
                if self.stop_requests < 2:
                    self.say(f"{program.name} did not stop in time and was killed")
                processes.kill_group(program.pid)
                os.waitpid(program.pid, 0)
                program.pid = 0

    def say(self, text: str) -> None:
        """One line for the terminal, while there is one, and for logs/shop.log."""
        line = {"time": clock.to_iso(clock.now()), "app": "shop", "message": " ".join(text.split())}
        # Neither a full disk nor a closed terminal is a reason to let the shop die.
        with suppress(OSError), open(self.shop.logs / "shop.log", "a") as log:
            log.write(json.dumps(line) + "\n")
        if self.speaks:
            with suppress(OSError):
                print(f"  {text}", flush=True)  # noqa: T201 - this is what the terminal shows

    def _save(self) -> None:
        """Write down what runs; what a full disk does not take, again until it does."""
        try:
            self.shop.save()
            self.save_at = None
        except OSError:
            self.save_at = time.monotonic() + SAVE_AGAIN_S

    def _save_due(self) -> None:
        if self.save_at is not None and self.save_at <= time.monotonic():
            self._save()


def _name_signal(number: int) -> str:
    # Those for real-time programs have none.
    known = {*signal.Signals}
    return signal.Signals(number).name if number in known else f"signal {number}"


def _import_library(shop: Shop) -> None:
    """Read once what every app needs; the forks share it as long as nobody writes to it."""
    os.chdir(CHECKOUT)  # the apps run from the checkout
    sys.path.insert(0, str(CHECKOUT))
    # prometheus_client looks at this when it is imported; each gunicorn sets its own folder.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shop.run / "metrics")

    import shop_common.app  # noqa: F401 - for the modules that it brings

    gc.collect()
    gc.freeze()

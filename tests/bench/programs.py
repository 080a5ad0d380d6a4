"""The programs that compare.py runs: servers and the load on them."""

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

SOURCES = 8  # addresses 127.0.0.x that the load's connections come from
NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
PATIENCE = 60  # seconds for any single step before the run is given up


class Unmeasurable(Exception):
    """A program did not do its part, so there is nothing to compare."""


def progress(text):
    print(text, file=sys.stderr, flush=True)


def spawn(command, cpu, **options):
    """Starts a program on one CPU (None: on any): a child inherits the
    affinity of the thread that forks it."""
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        return subprocess.Popen(command, **options)
    except OSError as error:
        raise Unmeasurable(f"cannot run {command[0]}: {error}") from error
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A server under measurement and what the system says about it."""

    def __init__(self, name, command, cpu, ready=None, address=None, fds=()):
        """ready: the text that says it serves; None: the listening line
        itself. address: given when the server cannot print its own."""
        self.name = name
        self.lines = queue.Queue()
        self.log = []
        self.process = spawn(
            command, cpu, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            pass_fds=fds)
        self.pid = self.process.pid
        threading.Thread(target=self._drain, daemon=True).start()
        self.address = address
        try:
            if address is None:
                self._await_ready(ready)
        except BaseException:
            self.stop()
            raise

    def _drain(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _await_ready(self, ready):
        while self.address is None or ready is not None:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                raise Unmeasurable(f"{self.name} did not start:\n"
                                   + "".join(self.log))
            self.log.append(line)
            found = re.search(r"listening on (127\.0\.0\.1:\d+)", line)
            if found:
                self.address = found[1]
            if ready is not None and ready in line:
                ready = None

    def cpu_ns(self):
        """User and system time of all its threads, in nanoseconds: the
        process's CPU clock, as clock_getcpuclockid(3) names it."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def ticks(self):
        """User and system time in clock ticks, only good for their share."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    def private_bytes(self):
        """Memory that is this process's own, as it stands or swapped out."""
        total = 0
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                if line.startswith(("Private_Dirty:", "Swap:")):
                    total += int(line.split()[1]) * 1024
        return total

    @contextlib.contextmanager
    def paused(self):
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def await_listening(server):
    host, port = server.address.split(":")
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and server.process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), PATIENCE).close()
            return
        time.sleep(0.01)
    server.stop()
    raise Unmeasurable(f"{server.name} did not start")


class Load:
    """fl-load with its connections open; each run() is one measured load."""

    def __init__(self, setup, address, connections, pipeline=1, request="ping",
                 amount=("--duration", "1")):
        self.process = spawn(
            [setup.load, "--connect", address, "--connections",
             str(connections), "--pipeline", str(pipeline), "--request",
             request, "--sources", str(SOURCES), "--hold", *amount],
            setup.load_cpu, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        try:
            while "ready" not in self._read():
                pass
        except BaseException:
            self.close()
            raise

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Unmeasurable(self.process.stderr.read().strip())
        return json.loads(line)

    def start(self):
        """Returns when every connection has sent its first requests."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._read()

    def finish(self):
        return self._read()

    def run(self):
        self.start()
        return self.finish()

    def close(self):
        """Ends it: what it has open is closed when this returns."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Setup:
    """What is compared, and where it runs."""

    def __init__(self, arguments, directory):
        self.fairlead_program = arguments.fairlead
        self.floor_program = arguments.floor
        self.relay_floor_program = arguments.relay_floor
        self.load = arguments.load
        self.directory = directory
        self.rounds = arguments.rounds or (7 if arguments.quick else 25)
        self.seconds = arguments.seconds or (0.3 if arguments.quick else 0.4)
        self.control = not arguments.quick  # a second floor
        cpus = sorted(os.sched_getaffinity(0))
        self.load_cpu = cpus[0] if len(cpus) > 1 else None
        self.server_cpu = cpus[1] if len(cpus) > 1 else None

    def floor(self, name="floor", beside_load=False, wrapper=()):
        cpu = self.load_cpu if beside_load else self.server_cpu
        return Server(name, [*wrapper, self.floor_program], cpu)

    def relay_floor(self, upstream):
        return Server("floor", [self.relay_floor_program, upstream],
                      self.server_cpu)

    def fairlead(self, upstream=None, mode="request", wrapper=()):
        """The command service, or a listener in `mode` for `upstream`."""
        listener = {"name": "commands", "listen": ["127.0.0.1:0"],
                    "mode": "command"}
        config = {"workers": 1, "listeners": [listener]}
        if upstream is not None:
            listener.update(name="gateway", mode=mode, upstream="floor")
            config["upstreams"] = [{"name": "floor", "servers": [upstream]}]
            if mode == "request":
                config["upstreams"][0]["pool"] = {"min_size": 10,
                                                  "max_size": 10}
        path = os.path.join(self.directory, f"{listener['name']}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        return Server(
            "fairlead",
            [*wrapper, self.fairlead_program, "run", "--config", path],
            self.server_cpu, ready="service ready")

    def haproxy(self, upstream):
        """HAProxy on one thread, with a listening socket that we opened: so
        it needs no port of its own choice."""
        path = os.path.join(self.directory, "haproxy.cfg")
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            with open(path, "w", encoding="utf-8") as file:
                file.write(
                    "global\n nbthread 1\n maxconn 4000\n"
                    "defaults\n mode tcp\n timeout connect 5s\n"
                    " timeout client 5m\n timeout server 5m\n"
                    f"listen gateway\n bind fd@{listener.fileno()}\n"
                    f" server floor {upstream}\n")
            return Server("haproxy", ["haproxy", "-db", "-q", "-f", path],
                          self.server_cpu, fds=(listener.fileno(),),
                          address="127.0.0.1:%d" % listener.getsockname()[1])

    @staticmethod
    def has_nginx():
        return (shutil.which("nginx") is not None
                and os.path.exists(NGINX_STREAM))

    def nginx(self, upstream):
        """nginx's stream module in one process. It takes no socket from us,
        so it listens on a port that was free a moment ago."""
        path = os.path.join(self.directory, "nginx.conf")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"load_module {NGINX_STREAM};\n"
                "daemon off;\nmaster_process off;\n"
                f"pid {self.directory}/nginx.pid;\nerror_log stderr;\n"
                "events { worker_connections 4096; }\n"
                f"stream {{ server {{ listen {address} backlog=4096;"
                f" tcp_nodelay on; proxy_pass {upstream}; }} }}\n")
        server = Server("nginx", ["nginx", "-e", "stderr", "-p",
                                  self.directory, "-c", path],
                        self.server_cpu, address=address)
        await_listening(server)
        return server

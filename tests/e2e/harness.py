"""What the end-to-end tests share: the program as a process, line clients,
and a line server whose behaviour a test writes."""

import atexit
import collections
import ctypes
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SLOW = float(os.environ.get("FAIRLEAD_SLOW", "1"))

REPORT = re.compile(
    r"(ERROR|WARNING): (Address|Leak|Thread|Memory|UndefinedBehavior)"
    r"Sanitizer|runtime error:|Assertion .* failed"
)

WINE = "/usr/lib/wine/wine64"

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST
ESTABLISHED = 1  # tcpi_state, Linux include/net/tcp_states.h


# Control sockets: the path of one has 107 bytes at most.
RUNTIME = tempfile.mkdtemp(prefix="fl-")
atexit.register(shutil.rmtree, RUNTIME, ignore_errors=True)


def program_path():
    root = Path(__file__).resolve().parents[2]
    name = os.environ.get("FAIRLEAD", "build/native/fairlead")
    return root / name  # an absolute name replaces root


def on_windows():
    """Whether the program is the one for Windows, which Wine runs."""
    return "FAIRLEAD_WINE" in os.environ


def defaults():
    """What configurations have unless they say otherwise. Wine takes seconds
    to list the sockets of a machine that has thousands."""
    return {"states": {"interval": "0s"}} if on_windows() else {}


def stop_signal():
    """What asks the program to stop: Wine makes Ctrl-C of SIGINT, and nothing
    of SIGTERM."""
    return signal.SIGINT if on_windows() else signal.SIGTERM


def stop_word():
    """What the log calls it."""
    return "Ctrl-C" if on_windows() else "SIGTERM"


def no_such_file():
    """How the program says that, to begin with."""
    return "ERROR_FILE_NOT_FOUND" if on_windows() else "no such file"


def control_place(name):
    """A value of control.path that is this process's own."""
    if on_windows():
        return rf"\\.\pipe\{os.path.basename(RUNTIME)}-{name}"
    return f"{RUNTIME}/{name}"


def plain_names(text):
    """Text with the names of files as they are here: what Windows opens by a
    full name of Wine's, it shows by that."""
    if not on_windows():
        return text
    return re.sub(r"Z:(\\[^\s:]*)",
                  lambda found: found[1].replace("\\", "/"), text)


def sanitizer():
    """Which sanitizer the program was built with: "address", "thread", ""."""
    code = program_path().read_bytes()
    if b"__asan_init" in code:
        return "address"
    return "thread" if b"__tsan_init" in code else ""


def environment():
    """The environment of the program: sanitizers report by their own status
    and keep little freed memory, so that memory checks mean something."""
    values = dict(os.environ)
    values["RUNTIME_DIRECTORY"] = RUNTIME
    for name, more in (
        ("ASAN_OPTIONS", "exitcode=99:quarantine_size_mb=4"),
        ("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1"),
        ("TSAN_OPTIONS", "exitcode=98"),
    ):
        values[name] = ":".join(filter(None, (values.get(name), more)))
    return values


def assert_no_report(text):
    found = REPORT.search(text)
    assert not found, text[max(0, found.start() - 500):][:8000]


def config_bytes(config):
    if isinstance(config, bytes):
        return config
    if isinstance(config, str):
        return config.encode()
    return json.dumps(config, indent=2).encode()


def wait_until(condition, what, timeout=10.0):
    """Waits for a condition that nothing announces. Returns its value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.005)


# linux/ptrace.h
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # waitpid(2): threads, too


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.ptrace(*map(ctypes.c_long, (request, thread, 0, 0)))
    assert done == 0, os.strerror(ctypes.get_errno())


def waits_in_loop(task):
    """Whether the thread of that folder in /proc waits for events."""
    return (task / "wchan").read_text() in ("ep_poll", "do_epoll_wait")


def main_waits(pid):
    """Whether the process's main thread has done what it was asked to."""
    return waits_in_loop(Path(f"/proc/{pid}/task/{pid}"))


def waiting_worker(pid):
    """A thread of the process that waits in a loop of its own; or None."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        named = (task / "comm").read_text() == "fairlead\n"
        if waits_in_loop(task) and named and int(task.name) != pid:
            return int(task.name)
    return None


def stick(pid):
    """Stops the thread of one worker, as if it hung. Returns the thread's
    number: the process ends only when that was waited for (WALL), too."""
    thread = wait_until(lambda: waiting_worker(pid), "a worker in its loop")
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    return thread


def unstick(thread):
    ptrace(PTRACE_DETACH, thread)


def free_port():
    """A loopback address and port that is free and stays so in practice: the
    address is this process's own, and the port is not an ephemeral one."""
    pid = os.getpid()
    host = f"127.{100 + pid // 65536 % 100}.{pid // 256 % 256}.{pid % 256}"
    for _ in range(1000):
        port = random.randrange(10000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return host, port
    raise AssertionError("no free port")


def read_all(sock):
    """What comes until the stream ends."""
    data = b""
    while True:
        more = sock.recv(1 << 16)
        if not more:
            return data
        data += more


def pipe_peer(place):
    """A socket at whose other end a named pipe of Wine's is. Only Wine's
    programs reach that: one of them carries the bytes, and ends when the
    program that serves the pipe closes it."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20 * SLOW)
    builds = Path(os.environ["FAIRLEAD_WINE"]).parents[1]
    helper = builds / "mingw/fl-pipe.exe"  # only that one has the tests
    process = subprocess.Popen([WINE, helper, place], stdin=theirs,
                               stdout=theirs, stderr=subprocess.PIPE)
    theirs.close()
    with process.stderr as said:
        assert said.readline().strip() == b"open"
    return ours


def at(address):
    """(host, port) as config.json writes it."""
    return f"{address[0]}:{address[1]}"


def command_listener(name="commands", listen="127.0.0.1:0", **more):
    return {"name": name, "listen": [listen], "mode": "command", **more}


def request_listener(name="gateway", upstream="u", listen="127.0.0.1:0",
                     **more):
    return {"name": name, "listen": [listen], "mode": "request",
            "upstream": upstream, **more}


def relay_listener(name="relay", upstream="u", listen="127.0.0.1:0", **more):
    return {"name": name, "listen": [listen], "mode": "relay",
            "upstream": upstream, **more}


def relay_config(*servers, listener=None, **more):
    """One relay listener "relay" over one upstream "u"."""
    return {
        "listeners": [relay_listener(**(listener or {}))],
        "upstreams": [upstream(*servers, **more)],
    }


def upstream(*servers, name="u", **more):
    """An upstream over servers: LineServers, (host, port) or text."""
    texts = [
        at(server.address) if isinstance(server, LineServer)
        else server if isinstance(server, str) else at(server)
        for server in servers
    ]
    return {"name": name, "servers": texts, **more}


def gateway_config(*servers, listener=None, **more):
    """One request listener "gateway" over one upstream "u"."""
    return {
        "listeners": [request_listener(**(listener or {}))],
        "upstreams": [upstream(*servers, **more)],
    }


def assert_balanced(totals):
    """After a clean end each client was closed once, and each request had one
    outcome."""
    def every(name):
        return sum(
            value for key, value in totals.items()
            if key == name or key.startswith(name + "{")
        )

    assert every("clients_opened") == every("clients_closed"), totals
    assert totals["requests"] == (
        totals["replies"] + totals["requests_sent"] + every("requests_failed")
        + totals["requests_abandoned"]
    ), totals
    assert totals["upstream_connects"] == every("upstream_closed"), totals


class Fairlead:
    """The program as a process. Options of the constructor:

    level     log.level, unless the configuration states one
    nofile    the limit on descriptors it is started with
    wait      whether start() waits for "service ready"
    through   a command that runs it, and becomes it (exec)
    environ   more of its environment
    inherits  descriptors that it is started with, too
    """

    def __init__(self, program, config, folder, *, level="info", nofile=None,
                 wait=True, through=(), environ=None, inherits=()):
        self.program = program
        self.path = Path(folder) / "config.json"
        self.level = level
        self.write(config)
        self.nofile = nofile
        self.wait = wait
        self.through = through
        self.environ = environ or {}
        self.inherits = inherits
        self.log = []
        self.status = None
        self._changed = threading.Condition()
        self._ended = False

    def write(self, config):
        """Puts a configuration in its file, as one change."""
        if isinstance(config, dict):
            config = {"log": {"level": self.level}, **defaults(), **config}
        new = self.path.with_suffix(".new")
        new.write_bytes(config_bytes(config))
        new.replace(self.path)

    def start(self):
        def limit():
            if self.nofile is not None:
                resource.setrlimit(
                    resource.RLIMIT_NOFILE, (self.nofile, self.nofile)
                )

        self.process = subprocess.Popen(
            [*map(str, self.through), str(self.program), "run", "--config",
             str(self.path)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**environment(), **self.environ},
            pass_fds=tuple(self.inherits),
            preexec_fn=limit,
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if self.wait:
            self.wait_log(r" service ready", timeout=20)
        return self

    def _read(self):
        with self.process.stderr as pipe:
            for line in pipe:
                with self._changed:
                    self.log.append(
                        line.decode(errors="replace").rstrip("\r\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def text(self):
        with self._changed:
            return "\n".join(self.log)

    def grep(self, pattern):
        """The log lines so far in which the pattern is found."""
        with self._changed:
            return [line for line in self.log if re.search(pattern, line)]

    def wait_log(self, pattern, count=1, timeout=10.0):
        """Waits for `count` matching log lines; returns the last match."""
        end = time.monotonic() + timeout * SLOW
        with self._changed:
            seen, found = 0, []
            while True:
                while seen < len(self.log):
                    match = re.search(pattern, self.log[seen])
                    seen += 1
                    if match:
                        found.append(match)
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                tail = "\n".join(self.log[-40:])
                assert not self._ended, f"ended without {pattern!r}:\n{tail}"
                assert left > 0, f"not logged: {pattern!r}:\n{tail}"
                self._changed.wait(left)

    def addresses(self, name):
        """Where a listener listens, as (host, port), in order."""
        pattern = rf" listener {re.escape(name)}: listening on (\S+):(\d+)"
        found = [re.search(pattern, line) for line in self.grep(pattern)]
        assert found, f"listener {name} is not in the log:\n{self.text()}"
        return [(match[1].strip("[]"), int(match[2])) for match in found]

    def address(self, name):
        return self.addresses(name)[0]

    def control(self):
        """The path of its control socket."""
        return self.wait_log(r" service control: listening on (\S+)")[1]

    def peer(self):
        """A peer of its control socket that has connected: a socket."""
        if on_windows():
            return pipe_peer(self.control())
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(20 * SLOW)
        peer.connect(self.control())
        return peer

    def ask(self, line):
        """Sends one line to the control socket; returns the JSON answer."""
        with self.peer() as peer:
            peer.sendall(line.encode("latin-1") + b"\n")
            return json.loads(read_all(peer))

    def _command(self, *words):
        """What a command about this program prints."""
        return subprocess.run(
            [str(self.program), *words, "--control", self.control()],
            stdin=subprocess.DEVNULL, capture_output=True,
            timeout=20 * SLOW, env=environment()).stdout

    def state(self, connections=False):
        """What `fairlead status --json` shows."""
        return self.ask("connections" if connections else "status")

    def answers(self):
        """Whether this very program is behind its control socket. The number
        of a process of Wine's is not the system's."""
        state = self.state()
        return state["config_file"] == str(self.path) and (
            on_windows() or state["pid"] == self.pid)

    def kill(self, number=None):
        """Sends a signal; that which asks it to stop if none is named. On
        Windows the command does what SIGHUP does."""
        if on_windows() and number == signal.SIGHUP:
            threading.Thread(
                target=self._command, args=("reload",), daemon=True).start()
        else:
            self.process.send_signal(number or stop_signal())

    def join(self, timeout=40.0):
        """Waits for its end and checks its log; returns the exit status as a
        shell shows it."""
        try:
            code = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            tail = self.text()[-4000:]
            raise AssertionError(f"does not end:\n{tail}") from None
        self._reader.join(10 * SLOW)
        self.status = code if code >= 0 else 128 - code
        assert_no_report(self.text())
        if self.status == 0:
            assert_balanced(self.totals())
        return self.status

    def stop(self, number=None, timeout=40.0):
        """Stops it and joins it; returns (status, totals)."""
        self.kill(number)
        self.join(timeout)
        return self.status, self.totals()

    def totals(self):
        """The counters it logged at its end; what is not there is 0."""
        counters = collections.Counter()
        for line in self.grep(r" service totals:"):
            for item in line.split(" service totals:", 1)[1].split():
                name, _, value = item.rpartition("=")
                counters[name] += int(value)
        return counters

    def finish(self):
        """Stops it if no test did, and asserts a clean end."""
        if self.status is not None:
            return
        alive = self.process.poll() is None
        if alive:
            self.kill()
        status = self.join()
        tail = self.text()[-4000:]
        assert alive, f"ended by itself, exit {status}:\n{tail}"
        assert status == 0, f"exit {status}:\n{tail}"

    def cpu(self):
        """CPU seconds used so far, user and system."""
        text = Path(f"/proc/{self.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stopped(self):
        """Whether SIGSTOP has taken effect on every thread."""
        tasks = Path(f"/proc/{self.pid}/task")
        return all(
            (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
            for task in tasks.iterdir()
        )

    def rss(self):
        """Resident bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class LineClient:
    """A client that speaks lines. Every wait has a limit."""

    def __init__(self, address, timeout=15.0, receive_buffer=None,
                 source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout * SLOW)
        if receive_buffer is not None:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer
            )
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = bytearray()

    def fileno(self):
        return self.socket.fileno()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next line without its LF; None at the end of the stream.
        A reset is ConnectionResetError, silence is TimeoutError."""
        while True:
            line, found, rest = self._input.partition(b"\n")
            if found:
                self._input = rest
                return bytes(line)
            if not self._more():
                return None

    def lines(self, count):
        """That many lines, in one list; shorter at the end of the stream."""
        while self._input.count(b"\n") < count and self._more():
            pass
        parts = bytes(self._input).split(b"\n", count)
        self._input = bytearray(parts.pop())
        return parts

    def _more(self):
        data = self.socket.recv(1 << 16)
        self._input += data
        return bool(data)

    def rest(self):
        """All that comes until the end of the stream."""
        while self._more():
            pass
        data, self._input = bytes(self._input), bytearray()
        return data

    def ask(self, text):
        self.send(text + b"\n")
        return self.line()

    def quiet(self):
        """Whether nothing was received that nobody took yet."""
        if self._input:
            return False
        try:
            self.socket.setblocking(False)
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(15 * SLOW)

    def shutdown(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Peer:
    """The server's end of one connection, for the behaviour of a test."""

    def __init__(self, server, sock, number):
        self.server = server
        self.socket = sock
        self.number = number  # 0 for the first connection accepted
        self._input = bytearray()

    def lines(self):
        """Yields requests without their LF until the stream ends."""
        while True:
            line, found, rest = self._input.partition(b"\n")
            if not found:
                data = self.socket.recv(1 << 16)
                if not data:
                    return
                self._input += data
                continue
            self._input = rest
            self.server.count(self, bytes(line))
            yield bytes(line)

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def wait(self, seconds):
        """Waits, but not past the end of the server."""
        self.server.stopping.wait(seconds * SLOW)

    def established(self):
        try:
            info = self.socket.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 8
            )
        except OSError:
            return False
        return info[0] == ESTABLISHED


def answer(peer):
    """The friendly behaviour: each line is answered by "re " and itself."""
    for line in peer.lines():
        peer.send(b"re " + line + b"\n")


class LineServer:
    """A server on a free loopback port; every connection runs
    behaviour(peer) in its own thread and is closed when that returns."""

    def __init__(self, behaviour=answer, address=("127.0.0.1", 0)):
        self.behaviour = behaviour
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.peers = set()  # whose behaviour has not returned
        self.accepted = 0
        self.peak = 0  # most connections established at once
        self.requests = []  # (peer number, line), in order of arrival
        self.faults = []  # what behaviours raised and should not have
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(1024)
        self.address = self.socket.getsockname()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                peer = Peer(self, sock, self.accepted)
                self.accepted += 1
                self.peers.add(peer)
                # The state tells what the thread of a connection that was
                # just closed by the other side has not noticed yet.
                self.peak = max(self.peak, self._established())
            threading.Thread(
                target=self._serve, args=(peer,), daemon=True
            ).start()

    def _serve(self, peer):
        try:
            self.behaviour(peer)
        except OSError:
            pass  # reset by the other side, or closed by stop()
        except Exception as fault:  # shown by the test, not lost
            self.faults.append(fault)
        finally:
            with self.lock:
                self.peers.discard(peer)
            peer.socket.close()

    def _established(self):
        return sum(peer.established() for peer in self.peers)

    def count(self, peer, line):
        with self.lock:
            self.requests.append((peer.number, line))

    def open(self):
        """Connections established now."""
        with self.lock:
            return self._established()

    def received(self):
        """The requests so far, without their connections."""
        with self.lock:
            return [line for _, line in self.requests]

    def refuse(self):
        """Refuses new connections from now on."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        except OSError:
            pass
        self._thread.join(10 * SLOW)
        self.socket.close()

    def stop(self):
        """Refuses new connections and ends the ones there are."""
        self.stopping.set()
        self.refuse()
        with self.lock:
            peers = list(self.peers)
        for peer in peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        assert not self.faults, self.faults

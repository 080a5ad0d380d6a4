#!/usr/bin/python3
"""Compares Fairlead with a bare epoll loop, on this machine, in one run.

See README.md beside this file for what the figures mean. Exit status: 0 when
every goal is met, 1 when a median misses one, 2 when nothing could be measured.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time

from programs import PATIENCE, Load, Setup, Unmeasurable, progress

RATIO_GOAL = 1.25  # CPU of fairlead / CPU of the floor, pipeline 1
MEMORY_GOAL = 1024  # bytes of user memory per idle command client
MEMORY_AIM = 640
IDLE_CLIENTS = 4000

# name, connections, pipeline, goal for the ratio
COMMAND_CASES = [
    ("command-50", 50, 1, RATIO_GOAL),
    ("command-1000", 1000, 1, RATIO_GOAL),
    ("command-50-pipeline-100", 50, 100, None),
]
REQUEST_CASE = "request-50"
RELAY_CASE = "relay-50"
MEMORY_CASE = "memory"
CASES = [case[0] for case in COMMAND_CASES] + [
    REQUEST_CASE, RELAY_CASE, MEMORY_CASE]


class Samples:
    """The rounds of one server in one case."""

    def __init__(self, server, load):
        self.server = server
        self.load = load
        self.cpu = []  # CPU seconds per million requests = µs per request
        self.busy = []
        self.runs = []
        self.ticks = server.ticks()
        self.user_share = None

    def measure(self):
        before = self.server.cpu_ns()
        result = self.load.run()
        spent = self.server.cpu_ns() - before
        self.cpu.append(spent / result["requests"] / 1000)
        self.busy.append(spent / 1e9 / result["seconds"])
        self.runs.append(result)

    def finish(self):
        user, system = (after - before for after, before
                        in zip(self.server.ticks(), self.ticks))
        self.user_share = user / max(1, user + system)

    def median(self, key):
        return statistics.median(run[key] for run in self.runs)

    def report(self, base):
        ratios = [own / other for own, other in zip(self.cpu, base.cpu)]
        low, _, high = statistics.quantiles(ratios, n=4)
        cpu = statistics.median(self.cpu)
        return {
            "cpu_seconds_per_million": round(cpu, 4),
            "user_seconds_per_million": round(cpu * self.user_share, 4),
            "ratio": round(statistics.median(ratios), 4),
            "ratio_quartiles": [round(low, 4), round(high, 4)],
            "requests_per_second": round(self.median("requests_per_second")),
            "p50_us": self.median("p50_us"),
            "p99_us": self.median("p99_us"),
            "busy": round(statistics.median(self.busy), 3),
        }


def alternate(setup, servers, connections, pipeline, request="ping"):
    """Measures all servers in turn, round by round, the order turned round
    each time so that drift falls on all alike. The first server is the base
    of the ratios. Returns {name: report}."""
    amount = ("--duration", str(setup.seconds))
    with contextlib.ExitStack() as stack:
        samples = [
            Samples(server, stack.enter_context(
                Load(setup, server.address, connections, pipeline, request,
                     amount)))
            for server in servers]
        for number in range(setup.rounds):
            for sample in samples[::1 if number % 2 == 0 else -1]:
                sample.measure()
            progress(f"  round {number + 1:2} of {setup.rounds}, "
                     "CPU s per million: " + ", ".join(
                         f"{sample.server.name} {sample.cpu[-1]:.3f}"
                         for sample in samples))
        for sample in samples:
            sample.finish()
    return {sample.server.name: sample.report(samples[0])
            for sample in samples}


def command_case(setup, connections, pipeline):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(setup.floor())]
        if setup.control:
            servers.append(stack.enter_context(setup.floor("control")))
        servers.append(stack.enter_context(setup.fairlead()))
        return alternate(setup, servers, connections, pipeline)


def request_case(setup):
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(setup.floor("origin", beside_load=True))
        servers = [stack.enter_context(setup.floor()),
                   stack.enter_context(setup.fairlead(origin.address))]
        if shutil.which("haproxy"):
            servers.append(stack.enter_context(setup.haproxy(origin.address)))
        return alternate(setup, servers, 50, 1, "echo")


def relay_case(setup):
    """Relays in front of one floor, a connection to it per client."""
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(setup.floor("origin", beside_load=True))
        servers = [stack.enter_context(setup.relay_floor(origin.address)),
                   stack.enter_context(setup.fairlead(origin.address,
                                                      "relay"))]
        if shutil.which("haproxy"):
            servers.append(stack.enter_context(setup.haproxy(origin.address)))
        if setup.has_nginx():
            servers.append(stack.enter_context(setup.nginx(origin.address)))
        return alternate(setup, servers, 50, 1, "echo")


def await_alone(server):
    """Returns when the server has closed every client but the one asking."""
    host, port = server.address.split(":")
    give_up = time.monotonic() + PATIENCE
    with socket.create_connection((host, int(port)), PATIENCE) as asking:
        replies = asking.makefile("r")
        while time.monotonic() < give_up:
            asking.sendall(b"STATUS\n")
            if replies.readline() == "Connected clients: 1\n":
                return
    raise Unmeasurable(f"{server.name} keeps clients that have left")


def memory_of(setup, server):
    """User memory per idle client: after the first and after a second crowd
    of IDLE_CLIENTS, both compared with the server before the first. They say
    nothing now, but all asked at once before: the server was stopped until
    every request was there, so the burst is the same on every machine."""
    await_alone(server)
    before = server.private_bytes()
    report = {"before_bytes": before}
    for crowd in ("first", "second"):
        with Load(setup, server.address, IDLE_CLIENTS,
                  amount=("--requests", str(IDLE_CLIENTS))) as load:
            with server.paused():
                load.start()
            load.finish()
            grown = server.private_bytes() - before
        await_alone(server)
        report[f"{crowd}_bytes_per_client"] = round(grown / IDLE_CLIENTS, 1)
        progress(f"  {server.name}, {crowd} {IDLE_CLIENTS} clients: "
                 f"{grown / IDLE_CLIENTS:.0f} bytes each")
    report["left_behind_bytes"] = server.private_bytes() - before
    return report


def memory_case(setup):
    with setup.floor() as floor, setup.fairlead() as fairlead:
        return {"floor": memory_of(setup, floor),
                "fairlead": memory_of(setup, fairlead)}


def instructions_total(setup, start, connections, pipeline, requests):
    """All user instructions of a server that answered that many requests."""
    path = os.path.join(setup.directory, "callgrind.out")
    wrapper = ["valgrind", "-q", "--tool=callgrind",
               f"--callgrind-out-file={path}"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with start(wrapper=wrapper) as server:
        with Load(setup, server.address, connections, pipeline, "ping",
                  ("--requests", str(requests))) as load:
            load.run()
    with open(path, encoding="ascii", errors="replace") as profile:
        for line in profile:
            if line.startswith(("totals:", "summary:")):
                return int(line.split()[1])
    raise Unmeasurable("callgrind wrote no totals")


def count_instructions(setup):
    """User instructions per request: two runs that differ in nothing but the
    number of requests, so that start and stop cancel out."""
    if shutil.which("valgrind") is None:
        raise Unmeasurable("--instructions needs valgrind")
    report = {}
    for connections, pipeline in ((1, 1), (50, 1), (50, 100)):
        few, many = 2000 * pipeline, 12000 * pipeline
        few, many = min(few, 20000), min(many, 120000)
        row = {}
        for name, start in (("floor", setup.floor),
                            ("fairlead", setup.fairlead)):
            small, large = (instructions_total(setup, start, connections,
                                               pipeline, requests)
                            for requests in (few, many))
            row[name] = round((large - small) / (many - few), 1)
        row["ratio"] = round(row["fairlead"] / row["floor"], 3)
        report[f"command-{connections}-pipeline-{pipeline}"] = row
        progress(f"  {connections} connections, pipeline {pipeline}: {row}")
    return report


def goals_of(report):
    """[(what, found, limit)], as the medians say."""
    goals = []
    for name, _, _, limit in COMMAND_CASES:
        if limit is not None and name in report:
            goals.append((f"{name}: CPU fairlead/floor",
                          report[name]["fairlead"]["ratio"], limit))
    if MEMORY_CASE in report:
        memory = report[MEMORY_CASE]["fairlead"]
        goals.append((f"memory: bytes per idle client of {IDLE_CLIENTS}",
                      max(memory["first_bytes_per_client"],
                          memory["second_bytes_per_client"]), MEMORY_GOAL))
    return goals


def print_cpu_table(name, rows):
    print(f"\n{name}\n  {'':9} CPU s/million  (user)  ratio (middle half)"
          f"   requests/s    p50 µs    p99 µs  busy")
    for program, row in rows.items():
        low, high = row["ratio_quartiles"]
        print(f"  {program:9} {row['cpu_seconds_per_million']:13.3f}"
              f" {row['user_seconds_per_million']:7.3f}"
              f"  {row['ratio']:5.3f} ({low:.3f}-{high:.3f})"
              f" {row['requests_per_second']:12,}"
              f" {row['p50_us']:9.1f} {row['p99_us']:9.1f}"
              f" {row['busy']:5.0%}")


def print_tables(report):
    for name in CASES:
        if name in report and name != MEMORY_CASE:
            print_cpu_table(name, report[name])
    for program, row in report.get(MEMORY_CASE, {}).items():
        print(f"\nmemory of {program}: {row['before_bytes'] // 1024} KiB"
              f" before, then per idle client"
              f" {row['first_bytes_per_client']} bytes, second time"
              f" {row['second_bytes_per_client']}"
              + (f" (aim {MEMORY_AIM})" if program == "fairlead" else ""))
    if "instructions" in report:
        print("\nuser instructions per request"
              "                 floor  fairlead  ratio")
        for name, row in report["instructions"].items():
            print(f"  {name:40} {row['floor']:8.1f} {row['fairlead']:9.1f}"
                  f" {row['ratio']:6.3f}")
    print()
    for goal in report["goals"]:
        print(f"{'PASS' if goal['met'] else 'FAIL'}  {goal['what']}:"
              f" {goal['found']} (at most {goal['limit']})")


def measure(setup, arguments):
    report = {"rounds": setup.rounds, "seconds_per_round": setup.seconds,
              "cpus": {"server": setup.server_cpu, "load": setup.load_cpu}}
    if setup.load_cpu is None:
        progress("one CPU only: load and server share it, read the ratios only")
    if arguments.instructions:
        progress("instructions per request (callgrind)")
        report["instructions"] = count_instructions(setup)
    wanted = arguments.cases or ([] if arguments.instructions else CASES)
    for name, connections, pipeline, _ in COMMAND_CASES:
        if name in wanted:
            progress(f"{name}: {connections} connections, pipeline {pipeline}")
            report[name] = command_case(setup, connections, pipeline)
    if REQUEST_CASE in wanted:
        progress(f"{REQUEST_CASE}: 50 clients over a pool of 10")
        report[REQUEST_CASE] = request_case(setup)
    if RELAY_CASE in wanted:
        progress(f"{RELAY_CASE}: 50 clients, raw bytes")
        report[RELAY_CASE] = relay_case(setup)
    if MEMORY_CASE in wanted:
        progress(f"{MEMORY_CASE}: {IDLE_CLIENTS} idle clients, twice")
        report[MEMORY_CASE] = memory_case(setup)
    report["goals"] = [
        {"what": what, "found": found, "limit": limit, "met": found <= limit}
        for what, found, limit in goals_of(report)]
    return report


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Compares Fairlead with a bare epoll loop in one run.")
    parser.add_argument("--fairlead", required=True, help="the program")
    parser.add_argument("--floor", required=True, help="the program fl-floor")
    parser.add_argument("--relay-floor", required=True,
                        help="the program fl-relay-floor")
    parser.add_argument("--load", required=True, help="the program fl-load")
    parser.add_argument("--quick", action="store_true",
                        help="fewer, shorter rounds and no control")
    parser.add_argument("--rounds", type=int, help="rounds per case, from 2")
    parser.add_argument("--seconds", type=float, help="of load per round")
    parser.add_argument("--cases", type=lambda text: text.split(","),
                        help="only these, with commas: " + ",".join(CASES))
    parser.add_argument("--instructions", action="store_true",
                        help="count user instructions per request with "
                        "valgrind, instead of the cases")
    parser.add_argument("--json", action="store_true",
                        help="print one JSON document instead of tables")
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 2:
        parser.error("--rounds: a median wants at least 2")
    for name in arguments.cases or []:
        if name not in CASES:
            parser.error(f"--cases: {name} is none of " + ", ".join(CASES))
    return arguments


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="fl-bench-") as directory:
        try:
            report = measure(Setup(arguments, directory), arguments)
        except Unmeasurable as error:
            progress(f"bench: {error}")
            return 2
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print_tables(report)
    return 0 if all(goal["met"] for goal in report["goals"]) else 1


if __name__ == "__main__":
    sys.exit(main())

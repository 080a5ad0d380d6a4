"""The tests that are left out where Wine runs the program for Windows, each
with the reason. What is named is the beginning of a test's id without its
folder: a file, or a test in it."""

import re

POSIX = "what POSIX systems have: "
PLACE = POSIX + "a socket file, bytes sent to it, signals"
PROC = POSIX + "/proc, for memory and descriptors"
TERM = "SIGTERM, which Wine does not deliver"
WINE = "Wine: "
LONG = "for time: other tests use the same code of this system"

LEFT_OUT = {
    "test_daemon.py": POSIX + "daemons, pidfiles, users",
    "test_manual.py": POSIX + "manual pages, completion of shells",
    "test_notify.py": POSIX + "systemd",
    "test_names.py": POSIX + "a hosts file and a resolver of the test's own",
    "test_sockets.py": POSIX + "namespaces, socket options, their values",
    "test_keepalive.py": POSIX + "namespaces, packet filters",
    "test_states.py": POSIX + "the kernel's view of sockets",
    "test_limits.py": POSIX + "limits on descriptors",
    "test_log.py": POSIX + "syslog, the journal, pipes that take nothing",
    "test_postgresql.py": LONG,
    "test_ping.py": LONG,
    "test_threads.py": LONG,
    "test_buffers.py": LONG,
    "test_timeouts.py": LONG,
    "test_updown.py": LONG,
    "test_include.py": LONG,
    "test_admin.py": LONG,
    "test_upstream_faults.py": LONG,
    "test_access.py": LONG,
    "test_access_log.py": LONG,
    "test_balance.py": LONG,
    "test_cli.py": LONG,
    "test_connection_life.py": LONG,
    "test_framings.py": LONG,
    "test_modbus.py": LONG,
    "test_on_connect.py": LONG,
    "test_stop.py::test_what_was_not_read_yet": TERM,
    "test_acts.py::test_drain_delay": TERM,
    "test_acts.py::test_the_stop_follows_drain_delay": TERM,
    "test_control.py::test_a_signal_behind_stop": TERM,
    "test_control.py::test_status_says_how_long": TERM,
    "test_listener_states.py::test_while_it_stops": TERM,
    "test_control.py::test_status_prints_tables":
        WINE + "lists the sockets of a machine for seconds",
    "test_relay.py::test_iperf": LONG,
    "test_reload.py::test_a_thousand_reloads_under_load": LONG,
    "test_reload.py::test_a_storm_of_signals": LONG,
    "test_relay.py::test_a_stopped_reader_costs_no_memory": PROC,
    "test_reload.py::test_max_buffered": PROC,
    "test_reload.py::test_a_bad_file_changes_nothing": PLACE,
    "test_reload.py::test_a_signal_during_the_stop": PLACE,
    "test_reload.py::test_the_command_says_what_is_wrong": PLACE,
    "test_reload.py::test_commands_at_the_same_time": PLACE,
    "test_reload.py::test_the_command_during_a_stop": PLACE,
    "test_reload.py::test_generation_and_hash_are_shown": PLACE,
    "test_reload.py::test_a_comment_changes_the_hash_only": PLACE,
    "test_connect.py::test_prompt_history": POSIX + "libedit's keys",
    "test_connect.py::test_what_comes_while_somebody_types":
        POSIX + "libedit's keys",
    "test_connect.py::test_control_c": POSIX + "libedit's keys",
    "test_connect.py::test_raw_sends_much": LONG,
    "test_control.py::test_a_file_that_is_no_socket": PLACE,
    "test_control.py::test_a_group_may_use_it": PLACE,
    "test_control.py::test_a_living_one": PLACE,
    "test_control.py::test_a_peer_that_does_not_read": PLACE,
    "test_control.py::test_a_request_may_come_in_pieces": PLACE,
    "test_control.py::test_an_unknown_group": PLACE,
    "test_control.py::test_it_is_where_the_configuration_says": PLACE,
    "test_control.py::test_only_its_user": PLACE,
    "test_control.py::test_peers_that_say_nothing": PLACE,
    "test_control.py::test_two_with_one_file": PLACE,
    "test_control.py::test_what_a_dead_process": PLACE,
    "test_control.py::test_what_it_does_not_understand": PLACE,
    "test_control.py::test_without_a_place": PLACE,
    "test_start.py::test_privileged_port": POSIX + "privileged ports",
    "test_relay.py::test_a_reset_right_behind_bytes":
        WINE + "bytes before a reset are lost",
    "test_session.py::test_a_reply_that_is_too_long":
        WINE + "bytes before a reset are lost",
}

# A parameter that names the signal.
SIGTERM = re.compile(r"\[(TERM|INT-TERM)")


def left_out(test):
    """The reason for which a test is left out, or None. `test` is its id."""
    name = test.rsplit("/", 1)[-1]
    if SIGTERM.search(name):
        return TERM
    for beginning, reason in LEFT_OUT.items():
        if name.startswith(beginning):
            return reason
    return None

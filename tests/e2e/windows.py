"""The tests that are left out where Wine runs the program for Windows, each
with the reason. What is named is the beginning of a test's id without its
folder: a file, or a test in it."""

import re

POSIX = "what POSIX systems have: "
LIMITS = POSIX + "limits on descriptors, their count"
SIGNALS = POSIX + "signals"
GROUPS = POSIX + "a socket file, its mode, groups"
TERM = "SIGTERM, which Wine does not deliver"
WINE = "Wine: "

LEFT_OUT = {
    "test_daemon.py": POSIX + "daemons, pidfiles, users",
    "test_manual.py": POSIX + "manual pages, completion of shells",
    "test_notify.py": POSIX + "systemd",
    "test_sockets.py": POSIX + "socket options, their values",
    "test_states.py": POSIX + "the kernel's view of sockets",
    "test_limits.py::test_descriptors_used_up": LIMITS,
    "test_limits.py::test_the_reserve_is_for_upstreams": LIMITS,
    "test_limits.py::test_a_thousand_silent_clients": LIMITS,
    "test_log.py::test_a_full_disk": POSIX + "/dev/full",
    "test_log.py::test_priorities_for_the_journal": POSIX + "the journal",
    "test_log.py::test_a_file_is_appended_to_and_opened_again": SIGNALS,
    "test_log.py::test_a_directory_that_is_gone": SIGNALS,
    "test_log.py::test_a_reader_that_stops": POSIX + "SIGSTOP, its pipes",
    "test_access_log.py::test_rotation_loses_no_request": SIGNALS,
    "test_reload.py::test_a_signal_during_the_stop": SIGNALS,
    "test_stop.py::test_what_was_not_read_yet": TERM,
    "test_start.py::test_privileged_port": POSIX + "privileged ports",
    "test_control.py::test_only_its_user": GROUPS,
    "test_control.py::test_a_group_may_use_it": GROUPS,
    "test_control.py::test_an_unknown_group": GROUPS,
    "test_control.py::test_a_file_that_is_no_socket": GROUPS,
    "test_connect.py::test_prompt_history": POSIX + "libedit's keys",
    "test_connect.py::test_what_comes_while_somebody_types":
        POSIX + "libedit's keys",
    "test_connect.py::test_control_c": POSIX + "libedit's keys",
    "test_include.py::test_one_name_for_a_file": TERM,
    "test_syslog.py": POSIX + "syslog",
    "test_include.py::test_one_name_for_a_file": TERM,
    "test_watch.py": POSIX + "terminals that a test can read",
    "test_connect.py::test_binary_replies":
        WINE + "keys are lost while its console is set up",
    "test_connect.py::test_a_reply_that_does_not_come":
        WINE + "keys are lost while its console is set up",
    "test_admin.py::test_metrics_are_documented":
        WINE + "round trips are not told",
    "test_timeouts.py::test_a_slow_reader_is_not_closed":
        WINE + "what a peer took is not told",
    "test_relay.py::test_a_reset_of_the_client":
        WINE + "a reset is seen as an end at times",
    "test_stop.py::test_a_client_that_resets":
        WINE + "a reset is seen as an end at times",
    "test_relay.py::test_a_reset_right_behind":
        WINE + "bytes before a reset are lost",
    "test_session.py::test_a_reply_that_is_too_long":
        WINE + "bytes before a reset are lost",
}

# A parameter that names the signal.
SIGTERM = re.compile(r"\[(TERM|INT-TERM)")


def left_out(test):
    """The reason for which a test is left out, or None. `test` is its id."""
    file, _, rest = test.partition("::")  # a parameter may have a slash
    name = file.rsplit("/", 1)[-1] + "::" + rest
    if SIGTERM.search(name):
        return TERM
    for beginning, reason in LEFT_OUT.items():
        if name.startswith(beginning):
            return reason
    return None

"""The command service as its clients see it."""

import re

import pytest

from harness import command_listener, wait_until


@pytest.fixture
def service(fairlead):
    return fairlead({"workers": 2, "listeners": [command_listener()]})


def status(client):
    line = client.ask(b"STATUS").decode()
    match = re.fullmatch(r"Connected clients: (\d+)", line)
    assert match, line
    return int(match[1])


def test_ping_echo_and_status(service, connect):
    client = connect(service.address("commands"))
    client.send(b"PING\nhello\nSTATUS\n")
    assert client.lines(3) == [b"PONG", b"Echo: hello", b"Connected clients: 1"]


@pytest.mark.parametrize(
    "line, reply",
    [
        (b"PING\r", b"PONG"),
        (b" \t PING \t ", b"PONG"),
        (b"  two words \r", b"Echo: two words"),
        (b"ping", b"Echo: ping"),
        (b"PINGS", b"Echo: PINGS"),
        (b"PING PING", b"Echo: PING PING"),
        (b"a\tb", b"Echo: a\tb"),
        ("grüße".encode(), "Echo: grüße".encode()),
        (b"\xff\xfe", b"Echo: \xff\xfe"),
        (b"x" * 60000, b"Echo: " + b"x" * 60000),
    ],
)
def test_one_line_in_one_line_out(service, connect, line, reply):
    client = connect(service.address("commands"))
    assert client.ask(line) == reply
    assert client.ask(b"PING") == b"PONG"
    assert client.quiet()


@pytest.mark.parametrize("line", [b"", b"\r", b"  \t "])
def test_an_empty_line_is_a_line(service, connect, line):
    client = connect(service.address("commands"))
    assert client.ask(line).rstrip() == b"Echo:"
    assert client.ask(b"PING") == b"PONG"


@pytest.mark.parametrize("byte", [0, 1, 8, 27, 127])
def test_control_bytes_get_an_error_and_hurt_nobody(service, connect, byte):
    client = connect(service.address("commands"))
    client.send(b"a" + bytes([byte]) + b"b\nPING\n")
    assert client.lines(2) == [b"ERROR not_text", b"PONG"]
    assert connect(service.address("commands")).ask(b"PING") == b"PONG"


def test_pipelined_batch_keeps_its_order(service, connect):
    client = connect(service.address("commands"))
    words = [b"%d" % i for i in range(10000)]
    client.send(b"".join(word + b"\n" for word in words))
    assert client.lines(len(words)) == [b"Echo: " + word for word in words]
    client.close()
    _, totals = service.stop()
    assert totals["requests"] == totals["replies"] == 10000
    assert totals["clients_opened"] == 1
    assert totals["clients_closed{peer_closed}"] == 1


def test_input_byte_by_byte(service, connect):
    client = connect(service.address("commands"))
    for byte in b"PING\nhello there\r\nSTATUS\n":
        client.send(bytes([byte]))
    assert client.lines(3) == [
        b"PONG", b"Echo: hello there", b"Connected clients: 1",
    ]


def test_half_close_still_gets_its_replies(service, connect):
    client = connect(service.address("commands"))
    client.send(b"".join(b"line %d\n" % i for i in range(20000)))
    client.shutdown()
    replies = client.rest().splitlines()
    assert replies == [b"Echo: line %d" % i for i in range(20000)]


def test_an_unterminated_last_line_is_dropped(service, connect):
    client = connect(service.address("commands"))
    client.send(b"PING\nPING")
    client.shutdown()
    assert client.rest() == b"PONG\n"


def test_status_counts_over_all_workers(fairlead, connect):
    service = fairlead({"workers": 4, "listeners": [command_listener()]})
    address = service.address("commands")
    first = connect(address)
    crowd = [connect(address) for _ in range(199)]
    for client in crowd:  # so each was accepted
        assert client.ask(b"PING") == b"PONG"
    assert status(first) == 200
    assert {status(client) for client in crowd} == {200}
    for client in crowd[:150]:
        client.close()
    wait_until(lambda: status(first) == 50, "150 clients are gone")
    for client in crowd[150:]:
        client.reset()
    wait_until(lambda: status(first) == 1, "all others are gone")


def test_listeners_count_their_own_clients(fairlead, connect):
    service = fairlead(
        {
            "listeners": [
                command_listener("one"),
                command_listener("two", workers=1),
            ]
        }
    )
    one = [connect(service.address("one")) for _ in range(3)]
    two = connect(service.address("two"))
    for client in one:
        assert client.ask(b"PING") == b"PONG"
    assert status(two) == 1
    assert status(one[0]) == 3


def test_a_listener_on_several_addresses(fairlead, connect):
    listener = command_listener()
    listener["listen"] = ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"]
    service = fairlead({"listeners": [listener]})
    places = service.addresses("commands")
    assert [host for host, _ in places] == ["127.0.0.1", "127.0.0.2", "::1"]
    clients = [connect(place) for place in places]
    for client in clients:
        assert client.ask(b"PING") == b"PONG"
    assert status(clients[0]) == 3

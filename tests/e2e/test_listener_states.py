"""What status and the metrics say of listeners that listen no more."""

import signal
import urllib.request

from harness import (
    command_listener, gateway_config, relay_config, stop_signal, stop_word,
    wait_until,
)


def shown(instance):
    return {one["name"]: one["state"]
            for one in instance.state()["listeners"]}


def states(instance):
    """By name, as status has them; the metrics have to agree where nothing
    changes meanwhile."""
    pages = instance.wait_log(r"admin.listen: listening on (\S+)")[1]
    found = None
    while found != shown(instance):
        found = shown(instance)
        with urllib.request.urlopen(f"http://{pages}/metrics") as page:
            text = page.read().decode()
    for name, state in found.items():
        for other in ("open", "closed", "opening", "closing"):
            line = (f'fairlead_listener_state{{listener="{name}",'
                    f'state="{other}"}} {int(state == other)}')
            assert line in text.splitlines(), line
    return found


def test_while_it_stops(fairlead, line_server, connect):
    """They are open in drain_delay; then one with a client is closing, one
    without is closed."""
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    config = gateway_config(server)
    config["listeners"].append(command_listener())
    instance = fairlead({
        **config, "drain_delay": "300ms", "shutdown_timeout": "1h",
        "admin": {"listen": "127.0.0.1:0"}})
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    assert states(instance) == {"gateway": "open", "commands": "open"}
    instance.kill()
    instance.wait_log(r"not ready any more")
    instance.wait_log(f"service stopping: {stop_word()}")
    assert states(instance) == {"gateway": "closing", "commands": "closed"}
    instance.kill()
    assert instance.join() == 128 + stop_signal()


def test_after_a_reload_has_taken_it_out(fairlead, line_server, connect):
    """As long as a client is left."""
    config = relay_config(line_server())
    config["listeners"].append(command_listener())
    config["admin"] = {"listen": "127.0.0.1:0"}
    instance = fairlead(config)
    client = connect(instance.address("relay"))
    assert client.ask(b"x") == b"re x"
    assert states(instance) == {"relay": "open", "commands": "open"}
    del config["listeners"][0], config["upstreams"]
    instance.write(config)
    instance.kill(signal.SIGHUP)
    instance.wait_log(r'listener "relay" is gone')
    assert states(instance) == {"commands": "open", "relay": "closing"}
    client.close()
    wait_until(lambda: states(instance) == {"commands": "open"}, "it is gone")

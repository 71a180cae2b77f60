"""process.py COMMAND...: flyd as a process, from its command line to its end."""

import json
import os
import re
import signal
import socket
import stat
import subprocess

from server import PASSWORD, Server, run_tests


def call(command, *flags, environment=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FLYD")}
    clean.update(environment or {})
    return subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60, env=clean)


def it_says_what_it_is(command, place):
    assert re.match(r"flyd \(FlyDB\) \d+\.\d+\.\d+\n$", call(command, "--version").stdout)
    help_text = call(command, "--help").stdout
    assert "--pg-port=PORT" in help_text and "Exit codes" in help_text
    assert call(command, "--help", "--config=/nowhere").returncode == 0


def wrong_configurations_are_refused_with_code_2(command, place):
    for flags, words in ((["--pg-prot=1"], "Perhaps you meant --pg-port."),
                         (["--pg-port=x"], "is no value of pg_port"),
                         (["--config=/nowhere/flyd.toml"], "could not open"),
                         ([], "where are the databases?")):
        result = call(command, *flags)
        assert result.returncode == 2 and words in result.stderr, (flags, result)


def each_value_tells_where_it_came_from(command, place):
    path = os.path.join(place, "flyd.toml")
    with open(path, "w") as file:
        file.write("text_port = 1\nbinary_port = 2\n[tls]\nmin_version = '1.2'\n")
    text = call(command, "-c", path, "--pg-port=3", "--print-config",
                environment={"FLYD_BINARY_PORT": "4", "FLYD_WHATEVER": "x"})
    lines = {line.split(" = ")[0]: line for line in text.stdout.splitlines()}
    assert re.search(r"= 1 +# .*flyd.toml, line 1$", lines["text_port"]), lines
    assert re.search(r"= 4 +# FLYD_BINARY_PORT$", lines["binary_port"]), lines
    assert re.search(r"= 3 +# --pg-port$", lines["pg_port"]), lines
    assert re.search(r'= "1.2" +# .*flyd.toml, line 4$', lines["tls_min_version"]), lines
    assert re.search(r'= "full" +# default$', lines["durability"]), lines
    assert "warning: environment variable FLYD_WHATEVER is no setting" in text.stderr


def a_first_start_makes_what_it_needs(command, place):
    server = Server(command, place, password=None).start()
    assert stat.S_IMODE(os.stat(server.data).st_mode) == 0o700
    shown = re.search(r'password of user "admin" is  (\w{24})  ', server.log())
    assert shown, server.log()
    assert os.path.isdir(os.path.join(server.data, "default"))
    ready = json.load(open(server.ready))
    assert set(ready) == {"text", "binary", "pg", "resp", "http", "pid"}
    assert ready["resp"] is None and ready["http"] is None
    assert server.stop() == 0
    assert "msg=stopped" in server.log()
    before = server.log()
    server.start()
    assert server.stop() == 0
    assert "password of user" not in server.log()[len(before):]


def a_given_password_is_not_shown(command, place):
    server = Server(command, place).start()
    assert server.stop() == 0
    assert "password of user" not in server.log()
    assert PASSWORD not in server.log()


def a_weak_password_is_refused(command, place):
    result = call(command, "-D", os.path.join(place, "data"),
                  environment={"FLYD_ADMIN_PASSWORD": "x"})
    assert result.returncode == 1 and "FLYD_ADMIN_PASSWORD" in result.stderr, result


def only_one_server_has_a_directory(command, place):
    server = Server(command, place).start()
    second = call(command, "-D", server.data, "--pg-port=off", "--text-port=off",
                  "--binary-port=off")
    assert second.returncode == 3, second
    assert f"is in use by process {server.ports['pid']}" in second.stderr, second
    server.kill()
    assert server.start().stop() == 0


def a_directory_that_others_may_read_is_refused(command, place):
    data = os.path.join(place, "data")
    os.mkdir(data)
    os.chmod(data, 0o750)
    result = call(command, "-D", data)
    assert result.returncode == 1 and "has mode 0750: others may use it" in result.stderr, result
    assert "chmod 0700" in result.stderr, result


def the_log_is_logfmt_or_json(command, place):
    server = Server(command, place, "--log-format=json").start()
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert {"time", "level", "msg"} <= set(lines[0])
    assert [line for line in lines if line["msg"] == "ready"], lines


def a_log_that_was_moved_is_opened_again(command, place):
    path = os.path.join(place, "flyd.log")
    server = Server(command, place, f"--log-file={path}").start()
    os.rename(path, path + ".1")
    server.send(signal.SIGUSR1)
    while not os.path.exists(path) or "log opened" not in open(path).read():
        assert server.process.poll() is None
    assert "msg=ready" in open(path + ".1").read()
    assert server.stop() == 0
    assert "msg=stopped" in open(path).read()


def a_hangup_reads_the_configuration_again(command, place):
    path = os.path.join(place, "flyd.toml")
    with open(path, "w") as file:
        file.write("log_level = 'info'\n")
    server = Server(command, place, f"--config={path}").start()
    with open(path, "w") as file:
        file.write("log_level = 'debug'\npage_size = '16KiB'\n")
    server.send(signal.SIGHUP)
    server.wait_for('msg="configuration read again"')
    log = server.log()
    assert 'level=info msg="setting changed" setting=log_level' in log, log
    assert 'level=warning msg="setting changes with the next start" setting=page_size' in log, log
    with open(path, "w") as file:
        file.write("log_level = 'loud'\n")
    server.send(signal.SIGHUP)
    server.wait_for("could not take the new configuration")
    assert "line 1" in server.log()
    assert server.stop(signal.SIGINT) == 0


def the_service_manager_is_told(command, place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(place, "notify")
        manager.bind(path)
        manager.settimeout(60)
        server = Server(command, place, environment={"NOTIFY_SOCKET": path,
                                                     "WATCHDOG_USEC": "100000"}).start()
        assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"WATCHDOG=1"
        assert server.stop() == 0
        said = b""
        while said != b"STOPPING=1":
            said = manager.recv(100)


def protocols_can_be_switched_off(command, place):
    server = Server(command, place, "--text-port=off", "--listen=127.0.0.1,::1").start()
    assert server.ports["text"] is None
    for address in ("127.0.0.1", "::1"):
        for port in (server.ports["pg"], server.ports["binary"]):
            socket.create_connection((address, port), timeout=10).close()
    assert server.stop() == 0


def a_protocol_that_is_not_there_is_a_warning(command, place):
    server = Server(command, place, "--resp-port=0", "--http-port", "0").start()
    assert server.ports["resp"] is None and server.ports["http"] is None
    assert server.stop() == 0
    for setting in ("resp_port", "http_port"):
        assert f"setting={setting}" in server.log(), server.log()


def a_second_signal_does_not_wait_for_transactions(command, place):
    server = Server(command, place).start()
    client = subprocess.Popen(["psql", "-XAtq", server.url()], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    client.stdin.write("BEGIN; SELECT 1;\n")
    client.stdin.flush()
    assert client.stdout.readline() == "1\n"
    server.send(signal.SIGTERM)
    server.wait_for("msg=stopping")
    assert server.process.poll() is None
    server.send(signal.SIGTERM)
    assert server.process.wait(30) == 0
    client.communicate()


def slow_statements_and_clients_are_logged(command, place):
    config = os.path.join(place, "flyd.toml")
    with open(config, "w") as file:
        file.write("log_connections = true\nlog_slow = '1500ms'\n")
    server = Server(command, place, f"--config={config}").start()
    server.psql("SELECT 'quick';\nSELECT pg_sleep(1.6);\n"
                "CREATE ROLE x PASSWORD 'Open-sesame-1';")
    server.wait_for("disconnected: user \\\"admin\\\" from 127.0.0.1:")
    log = server.log()
    assert "connected: user \\\"admin\\\" from 127.0.0.1:" in log, log
    assert re.search(r"slow statement: \d+\.\d{3} ms, user .*admin.*: SELECT pg_sleep", log), log
    assert "quick" not in log, log
    with open(config, "w") as file:
        file.write("log_slow = '0ms'\n")
    server.send(signal.SIGHUP)
    server.wait_for("configuration read again")
    server.psql("SELECT 'after'; ALTER ROLE x PASSWORD 'Open-sesame-2';")
    server.wait_for("SELECT 'after'")
    server.wait_for("ALTER ROLE x ")
    assert "sesame" not in server.log(), server.log()
    assert log.count('"connected:') == 1 == server.log().count('"connected:'), server.log()
    assert server.stop() == 0


def inspecting_tells_of_the_server(command, place):
    server = Server(command, place).start()
    facts = dict(line.split("|") for line in server.psql("INSPECT SERVER").splitlines())
    assert facts["pid"] == str(server.ports["pid"]) and facts["server"].startswith("flyd "), facts
    assert facts["port_pg"] == str(server.ports["pg"]) and facts["tls"] == "off", facts
    status = dict(line.split("|") for line in server.psql("INSPECT STATUS").splitlines())
    assert status["clients"] == "1" and status["logins"] == "2", status
    assert int(status["connections"]) >= 1 and int(status["uptime_s"]) >= 0, status
    assert server.stop() == 0


def it_keeps_nothing_in_memory(command, place):
    server = Server(command, place, "--storage-engine=memory").start()
    assert server.stop() == 0
    assert not os.path.exists(server.data)


run_tests([value for value in list(globals().values())
           if callable(value) and getattr(value, "__module__", "") == "__main__"
           and value is not call], __doc__)

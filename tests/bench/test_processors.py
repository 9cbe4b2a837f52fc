"""What children use is counted: while they live, when they have ended, and not twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from bench.measuring.clocks import HostClock
from bench.measuring.processors import children, of_children, used_by

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
WORKS = """
import sys, time
for line in sys.stdin:
    end = time.process_time() + float(line)
    while time.process_time() < end:
        pass
    print("done", flush=True)
"""
"""A child that uses as many seconds of the processor as each line says."""
WORK = 0.01


class Child:
    """A process that works when it is told to; `call` waits for it."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [*command, sys.executable, "-c", WORKS], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.tell(0.0)
        self.wait()

    def tell(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def wait(self):
        assert self.process.stdout.readline() == "done\n"

    def call(self, seconds=WORK):
        self.tell(seconds)
        self.wait()
        return {}

    def end(self):
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        self.process.wait()


@pytest.fixture
def child():
    found = Child()
    yield found
    found.end()


def test_what_a_child_does_is_counted(child):
    assert WORK <= used_by(child.call) < 2 * WORK


def test_what_a_child_of_a_child_does_is_counted():
    child = Child("sh", "-c", '"$@"; true', "sh")  # the shell waits for it
    try:
        assert len(children()) >= 2
        assert WORK <= used_by(child.call) < 2 * WORK
    finally:
        child.end()


def test_a_child_that_starts_and_ends_meanwhile_is_counted_once():
    def work():
        child = Child()
        child.call(0.1)
        child.end()

    starts = used_by(
        lambda: subprocess.run([sys.executable, "-c", WORKS], stdin=subprocess.DEVNULL)
    )
    assert 0.1 <= used_by(work) < 0.2 + 2 * starts


@pytest.mark.parametrize("waited", [False, True])
def test_a_child_that_ends_is_counted_from_then_on_alone(child, waited):
    """What it used before is no part of it, whether somebody has waited for its end or not."""
    child.call(0.2)

    def work():
        child.tell(WORK)
        if waited:
            child.end()
        else:
            child.process.stdin.close()
            os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)

    assert WORK <= used_by(work) < 0.1


def test_children_of_threads_are_found():
    found = []

    def start():
        process = subprocess.Popen(["sleep", "10"])
        found.append((process.pid in children(), process))
        process.kill()
        process.wait()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert found[0][0] and found[0][1].pid not in children()


DAEMON = """
import os, sys, time
from bench.measuring.processors import adopt, children, used_by

adopt()
ask, told = os.pipe(), os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(told[1], b".")
        os.read(ask[0], 1)
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        os.write(told[1], b".")
        time.sleep(60)
    os._exit(0)
os.wait()
os.read(told[0], 1)

def work():
    os.write(ask[1], b".")
    os.read(told[0], 1)

print(len(children()), used_by(work))
os.kill(children()[0], 9)
"""


def test_a_daemon_is_counted(hand):
    command = [sys.executable, "-c", DAEMON]
    done = subprocess.run(command, cwd=hand.root, capture_output=True, text=True, check=True)
    count, used = done.stdout.split()
    assert int(count) == 1 and 0.05 <= float(used) < 0.1


def test_without_proc_and_without_children_there_are_none(tmp_path):
    assert children(tmp_path) == ()
    assert of_children((2**22 + 1,)) == of_children(())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_shares_of_a_clock_have_what_children_do(child, asynchronous):
    """The call that waits for a child is not taken for one that something else keeps waiting."""
    clock = HostClock(child.call, lambda out: None, asynchronous=asynchronous, number=2)
    used = used_by(lambda: clock.sample(1))
    tries = len(clock.shares)
    assert used >= tries * WORK * (2 + 2 + 4 if asynchronous else 2 + 2)
    clock.known = children()
    busy = clock._timed(3, shown=True).busy
    assert 3 * WORK <= busy < 4 * WORK
    assert all(0 < share < 1.2 for share in clock.shares)


def test_two_children_at_a_time_are_two_processors():
    pair = Child(), Child()

    def call():
        for child in pair:
            child.tell(WORK)
        for child in pair:
            child.wait()
        return {}

    try:
        clock = HostClock(call, lambda out: None)
        clock.known = children()
        busy = clock._timed(2, shown=True).busy
        assert 4 * WORK <= busy < 5 * WORK
    finally:
        for child in pair:
            child.end()

from __future__ import annotations

import io

import pytest

from mixexp.simulation import _progress
from mixexp.simulation._progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def test_time_left_is_weighted_by_cost(clock):
    with Progress("s", 3, 1000.0, enabled=False) as progress:
        assert progress.seconds_left() is None
        clock[0] += 8
        progress.advance(800.0, failed=False)
        assert progress.seconds_left() == pytest.approx(2.0)
        clock[0] += 1
        progress.advance(100.0, failed=False)
        assert progress.seconds_left() == pytest.approx(1.0)


def test_time_left_respects_the_limit(clock):
    with Progress("s", 3, 1000.0, time_limit=12.0, enabled=False) as progress:
        clock[0] += 10
        progress.advance(100.0, failed=False)
        assert progress.seconds_left() == pytest.approx(2.0)


def test_a_log_gets_a_line_about_every_ten_seconds(clock):
    log = io.StringIO()
    with Progress("s", 100, 100.0, stream=log) as progress:
        for _ in range(50):
            clock[0] += 0.5
            progress.advance(1.0, failed=False)
    lines = log.getvalue().splitlines()
    assert len(lines) == 1 + 2 + 1
    assert lines[1] == "s: 20/100 tasks, 20 % of the work, 0:10 elapsed, 0:40 left, 0 failed"


def test_a_terminal_gets_a_bar():
    screen = Terminal()
    with Progress("s", 2, 11.0, stream=screen) as progress:
        progress.advance(10.0, failed=True)
        progress.advance(1.0, failed=False)
    last = screen.getvalue().split("\r")[-1]
    assert "100%|" in last and "2/2 tasks" in last and "left, 1 failed" in last


def test_nothing_is_printed_when_switched_off(clock):
    log = io.StringIO()
    with Progress("s", 1, 1.0, enabled=False, stream=log) as progress:
        clock[0] += 60
        progress.advance(1.0, failed=False)
    assert log.getvalue() == ""

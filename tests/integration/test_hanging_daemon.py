"""A daemon that hangs: whoever asks it is not kept waiting for ever."""

import signal


def test_a_daemon_that_hangs_is_not_waited_for(fleet):
    service = fleet.serve()
    service.signal(signal.SIGSTOP)
    try:
        assert "timed out" in service.refused("health")
        assert "timed out" in service.refused("health", "--url", service.issuer)
    finally:
        service.signal(signal.SIGCONT)
    service.cli("health")

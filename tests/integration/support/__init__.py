"""What the integration tests share: a tokend process, HTTP on bare sockets, tokens taken apart and forged."""

"""What the integration tests share: a tokend process, HTTP on bare sockets, tokens by hand."""

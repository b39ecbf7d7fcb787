"""HTTP/1.1 on real sockets: heads, slow clients, proxies, the hot path."""

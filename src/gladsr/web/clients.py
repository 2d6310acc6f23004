"""Telling clients apart by their addresses."""

import ipaddress


def client_of(address: str) -> str:
    """Return the client that an address belongs to.

    An IPv4-mapped IPv6 address is its IPv4 client. Of other IPv6 addresses it is the /64 network,
    which is usually assigned to one client.

    Example:
        >>> client_of("203.0.113.7"), client_of("::ffff:203.0.113.7")
        ('203.0.113.7', '203.0.113.7')
        >>> client_of("2001:db8::1:2:3:4")
        '2001:db8::/64'
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can reach a host name or address.

    Example:
        >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example")]
        [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

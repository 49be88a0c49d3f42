"""Network addresses, as far as rules go by them."""

import ipaddress


def network_of(address: str) -> str:
    """Sums an IPv6 address up to its /64: one household or host owns all of it.

    Args:
        address: of either family, as text.

    Returns:
        The network; an IPv4 address as it is, and whatever is no address, too.
    """
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))

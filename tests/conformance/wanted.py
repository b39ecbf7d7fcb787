"""An application that does not want everybody: its rule, as `originals/own_rules.mjs` has it."""

from authward.callbacks import Refused, UserInfo

_ACTIONS = {"later": "sign-in", "linker": "link-account"}


async def only_wanted(info: UserInfo) -> Refused | None:
    """Refuse by the address, and say how somebody came, and what the provider called them."""
    address = str(info.user["email"])
    if address.startswith("broken"):
        raise ValueError
    if address.startswith("silent"):
        return Refused("silent")
    is_refused = address.startswith("refused") or info.user["name"] in {"Anonymous", "Refused"}
    late = any(address.startswith(n) and info.action == a for n, a in _ACTIONS.items())
    if not is_refused and not late:
        return None
    return Refused("not_wanted", " ".join(_said(info)))


def _said(info: UserInfo) -> list[str]:
    known = [info.action, "by", info.method]
    if info.provider_id is None:
        return known
    name, verified = info.profile.get("name"), str(info.user["emailVerified"]).lower()
    return [*known, "at", info.provider_id, "for", str(name), verified]

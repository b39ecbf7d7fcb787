"""What is asked of each provider, and what of its answer lets a request pass."""

from collections.abc import Mapping
from typing import Any

from authward.plugins.captcha.options import CaptchaOptions, SiteVerify

_DEFAULT_MIN_SCORE = 0.5


def question(options: CaptchaOptions, response: str, address: str) -> SiteVerify:
    """Return what the provider is asked of a solved captcha, and of who sends it."""
    fields = {"secret": options.secret_key or "", "response": response}
    if options.site_key:
        fields["sitekey"] = options.site_key
    fields["remoteIp" if options.provider == "captchafox" else "remoteip"] = address
    return SiteVerify(options.url, fields, as_json=options.provider == "cloudflare-turnstile")


def is_solved(options: CaptchaOptions, answer: Any) -> bool:
    """Whether the provider says that a person has solved it, here and for this."""
    if not isinstance(answer, Mapping) or answer.get("success") is not True:
        return False
    if options.provider == "google-recaptcha" and _is_below(options, answer.get("score")):
        return False
    action, hostnames = options.expected_action, options.allowed_hostnames
    if action and answer.get("action") != action:
        return False
    return not hostnames or answer.get("hostname") in hostnames


def _is_below(options: CaptchaOptions, score: Any) -> bool:
    """Only version 3 has a score."""
    if not isinstance(score, int | float):
        return False
    least = _DEFAULT_MIN_SCORE if options.min_score is None else options.min_score
    return not score >= least

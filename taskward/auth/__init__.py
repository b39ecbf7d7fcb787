"""A Better Auth server for any FastAPI app.

auth = BetterAuth(BetterAuthOptions(secret=..., base_url="http://localhost:8000"), pool)
auth.install(app)

@app.get("/me")
async def me(user_id: CurrentUser): ...
"""

from taskward.auth.current_user import CurrentUser
from taskward.auth.hooks import ChangeEmailLetter, HookUser, Letter, PasswordReset
from taskward.auth.options import BetterAuthOptions
from taskward.auth.server import BetterAuth

__all__ = [
    "BetterAuth",
    "BetterAuthOptions",
    "ChangeEmailLetter",
    "CurrentUser",
    "HookUser",
    "Letter",
    "PasswordReset",
]
